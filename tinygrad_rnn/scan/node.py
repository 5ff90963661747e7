"""A scan on the tape: one Tensor for the whole run, and one for each of its results.

The run is recorded as an application of `scan` to the parameters, the inputs and the initial state.  Its cotangent
is not an array but `Cotangents`, one array for each result that is in use.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_rnn.core.backward import carefully, pullback
from tinygrad_rnn.core.methods import value
from tinygrad_rnn.core.mode import grad_mode
from tinygrad_rnn.core.tables import defvjp, defvjp_variadic
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.fingerprints import FIXED
from tinygrad_rnn.scan.call import Call

Array = Any


class Cotangents:
    """The cotangents of a run's results, by their number; it adds up as an array does."""

    shape: tuple[int, ...] = ()
    ndim = 0

    def __init__(self, by_result: dict[int, Array], dtype: Any):
        self.by_result, self.dtype = by_result, dtype

    def __add__(self, other: "Cotangents") -> "Cotangents":
        both = dict(self.by_result)
        for i, g in other.by_result.items():
            both[i] = both[i] + g if i in both else g
        return Cotangents(both, self.dtype)


class Record:
    """What one call of `scan` was given, and its run.

    operands  what it depends on
    argnums   which of them are Tensors that a gradient is wanted of
    replay    runs the same steps one by one on the tape and gives the results
    """

    def __init__(self, call: Call, replay: Any, leaf_ids: list[Any], operands: Sequence[Any]):
        self.call, self.replay, self.leaf_ids, self.operands = call, replay, leaf_ids, operands
        self.argnums: tuple[int, ...] = ()


def scan(*operands: Array, record: Record) -> Array:
    """The token of a run: an empty stand-in that its results hang on.  Recorded, but never called."""
    raise NotImplementedError


def result(token: Array, i: int, record: Record) -> Array:
    """Result number i of a run: its outputs, then the parts of its last state.  Recorded, but never called."""
    raise NotImplementedError


def _scan(
    argnums: Sequence[int], g: Cotangents, y: Array, *operands: Array, record: Record
) -> list[Array]:
    if not isinstance(
        g, Cotangents
    ):  # check_grads tries every rule by itself, but the token is no number
        found: dict[Any, Array] = {}
    elif isinstance(y, Tensor) or Tensor in map(type, g.by_result.values()):
        found = _recorded(g, record)
    else:
        found = _computed(g, record)
    shares = [found.get(record.leaf_ids[i]) for i in argnums]
    return [
        np.zeros_like(operands[i]) if share is None else share
        for i, share in zip(argnums, shares, strict=True)
    ]


def _carefully(
    argnums: Sequence[int], g: Cotangents, y: Array, *operands: Array, record: Record
) -> list[Array]:
    """The same for a careful walk: by one through the steps."""
    found = _recorded(g, record)
    shares = [found.get(record.leaf_ids[i]) for i in argnums]
    shares = shares if isinstance(y, Tensor) else [value(share) for share in shares]
    return [
        np.zeros_like(operands[i]) if share is None else share
        for i, share in zip(argnums, shares, strict=True)
    ]


def _computed(g: Cotangents, record: Record) -> dict[Any, Array]:
    n, m = len(record.call.outputs), len(record.call.state)
    given = [g.by_result.get(i) for i in range(n + m)]
    return record.call.backward(given[:n], given[n:])


def _recorded(g: Cotangents, record: Record) -> dict[Any, Array]:
    """The same shares as recorded Tensors: from the unrolled tape of the same cell, up to the operands."""
    operands = {record.operands[i] for i in record.argnums}
    with grad_mode(True), _requiring(operands):
        results = record.replay()
        seeds = {results[i]: c for i, c in g.by_result.items() if isinstance(results[i], Tensor)}
        found = carefully(
            seeds,
            lambda careful: {
                t: c
                for t, c, _ in pullback(seeds, stop=operands, differentiable=True, careful=careful)
                if t in operands
            },
            stop=operands,
        )
    return {record.leaf_ids[i]: found.get(record.operands[i]) for i in record.argnums}


@contextmanager
def _requiring(operands: Iterable[Tensor]) -> Iterator[None]:
    """What required a gradient when the run was recorded does so again: `grad` has made its variables constants."""
    constants = [t for t in operands if not t.requires_grad]
    for t in constants:
        t.requires_grad = True
    try:
        yield
    finally:
        for t in constants:
            t.requires_grad = False


FIXED.add(Record)
defvjp_variadic(scan, _scan, careful=_carefully)
defvjp(result, lambda g, y, token, i, record: Cotangents({i: g}, token.dtype))
