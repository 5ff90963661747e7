"""A scan on the tape: one Tensor for the whole call, and one for each of its results.

The call is recorded as an application of `scan` to the parameters, the inputs and the initial
state.  Its cotangent is not an array but `Cotangents`, one array for each result that is in use.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from tinygrad_rnn._typing import Array, DType
from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.careful import Careful, carefully
from tinygrad_rnn.core.mode import grad_mode
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tables import defvjp, defvjp_variadic
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.fingerprints import FIXED
from tinygrad_rnn.scan.call import Call


class Cotangents:
    """The cotangents of a call's results, by their number; it adds up as an array does."""

    shape: tuple[int, ...] = ()
    ndim = 0

    def __init__(self, by_result: dict[int, Array], dtype: DType):
        self.by_result, self.dtype = by_result, dtype

    def __add__(self, other: "Cotangents") -> "Cotangents":
        both = dict(self.by_result)
        for i, g in other.by_result.items():
            both[i] = both[i] + g if i in both else g
        return Cotangents(both, self.dtype)


class Record:
    """What the tape remembers of one call of `scan`.

    operands  what it depends on
    keys      under which name `Call.backward` gives the cotangent of each operand
    argnums   which operands are Tensors that a gradient is wanted of
    replay    computes the same steps one by one on the tape and gives the results
    """

    def __init__(
        self,
        call: Call,
        replay: Callable[[], list[Tensor]],
        keys: Sequence[Hashable],
        operands: Sequence[Tensor | Array],
    ):
        self.call, self.replay, self.keys, self.operands = call, replay, keys, operands
        self.argnums: tuple[int, ...] = ()


def scan(*operands: Array, record: Record) -> Array:
    """The token of a call: an empty stand-in that its results hang on.  Recorded, never called."""
    raise NotImplementedError


def result(token: Array, i: int, record: Record) -> Array:
    """Result number i: the outputs, then the parts of the last state.  Recorded, never called."""
    raise NotImplementedError


def _shares(
    argnums: Sequence[int], g: Cotangents, y: Array | Tensor, *operands: Array, record: Record
) -> list[Array]:
    if not isinstance(g, Cotangents):  # check_grads tries every rule on its own
        found: Mapping[Hashable, Array | None] = {}
    elif isinstance(y, Tensor) or Tensor in map(type, g.by_result.values()):
        found = _recorded(g, record)
    else:
        n, m = len(record.call.outputs), len(record.call.state)
        given = [g.by_result.get(i) for i in range(n + m)]
        found = record.call.backward(given[:n], given[n:])
    return _filled(argnums, found, operands, record)


def _careful_shares(
    argnums: Sequence[int], g: Cotangents, y: Array | Tensor, *operands: Array, record: Record
) -> list[Array]:
    """The same shares for a careful walk, which goes step by step."""
    found = _recorded(g, record)
    if not isinstance(y, Tensor):
        found = {key: value(share) for key, share in found.items()}
    return _filled(argnums, found, operands, record)


def _filled(
    argnums: Sequence[int],
    found: Mapping[Hashable, Array | None],
    operands: Sequence[Array],
    record: Record,
) -> list[Array]:
    """The shares of these operands, zeros where nothing was found."""
    shares = [(operands[i], found.get(record.keys[i])) for i in argnums]
    return [np.zeros_like(x) if share is None else share for x, share in shares]


def _recorded(g: Cotangents, record: Record) -> dict[Hashable, Array | None]:
    """Shares as recorded Tensors: from the unrolled tape of the same cell, up to the operands."""
    asked = {i: t for i in record.argnums if isinstance(t := record.operands[i], Tensor)}
    operands = set(asked.values())
    with grad_mode(True), _requiring(operands):
        results = record.replay()
        seeds = {results[i]: c for i, c in g.by_result.items() if isinstance(results[i], Tensor)}

        def walk(careful: Careful | None) -> dict[Tensor, Array]:
            visits = pullback(seeds, stop=operands, differentiable=True, careful=careful)
            return {t: c for t, c, _ in visits if t in operands}

        found = carefully(seeds, walk, stop=operands)
    return {record.keys[i]: found.get(t) for i, t in asked.items()}


@contextmanager
def _requiring(operands: Iterable[Tensor]) -> Iterator[None]:
    """What required a gradient at the call does so again: `grad` made its variables constants."""
    constants = [t for t in operands if not t.requires_grad]
    for t in constants:
        t.requires_grad = True
    try:
        yield
    finally:
        for t in constants:
            t.requires_grad = False


FIXED.add(Record)
defvjp_variadic(scan, _shares, careful=_careful_shares)
defvjp(result, lambda g, y, token, i, record: Cotangents({i: g}, token.dtype))
