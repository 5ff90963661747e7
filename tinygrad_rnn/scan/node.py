"""A scan on the tape: one Tensor for the whole run, and one for each of its results.

The run is recorded as an application of `scan` to the parameters, the inputs and the initial state.  Its cotangent
is not an array but `Cotangents`, one array for each result that is in use.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_rnn.backprop import pullback
from tinygrad_rnn.marks import FIXED
from tinygrad_rnn.mode import grad_mode
from tinygrad_rnn.primitive import defvjp, defvjp_variadic
from tinygrad_rnn.scan.run import Run
from tinygrad_rnn.tensor import Tensor

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


class Call:
    """What one call of `scan` was given, and its run."""

    def __init__(self, run: Run, replay: Any, leaf_ids: list[Any]):
        self.run, self.replay, self.leaf_ids = run, replay, leaf_ids


def scan(*operands: Array, call: Call) -> Array:
    """The token of a run: an empty stand-in that its results hang on."""
    return np.zeros(())


def result(token: Array, i: int, call: Call) -> Array:
    """Result number i of a run: its outputs, then the parts of its last state."""
    outputs = call.run.outputs
    return outputs[i] if i < len(outputs) else call.run.state[i - len(outputs)]


def _scan(argnums: Sequence[int], g: Cotangents, y: Array, *operands: Array, call: Call) -> list[Array]:
    found: dict[Any, Array] = {}
    if isinstance(g, Cotangents):  # check_grads tries every rule by itself, but the token is no number
        recorded = any(isinstance(c, Tensor) for c in g.by_result.values()) or isinstance(y, Tensor)
        found = _recorded(g, y, operands, call) if recorded else _computed(g, call)
    shares = [found.get(call.leaf_ids[i]) for i in argnums]
    return [np.zeros_like(operands[i]) if share is None else share for i, share in zip(argnums, shares, strict=True)]


def _computed(g: Cotangents, call: Call) -> dict[Any, Array]:
    n = len(call.run.outputs)
    outputs = [g.by_result.get(i) for i in range(n)]
    return call.run.backward(outputs, [g.by_result.get(n + i) for i in range(len(call.run.state))])


def _recorded(g: Cotangents, token: Tensor, operands: tuple[Tensor, ...], call: Call) -> dict[Any, Array]:
    """The same shares as recorded Tensors: from the unrolled tape of the same cell, up to the operands."""
    with grad_mode(True), _requiring(operands[i] for i in token.argnums):
        results = call.replay()
        seeds = {results[i]: c for i, c in g.by_result.items() if isinstance(results[i], Tensor)}
        found = {
            t: c
            for t, c, _ in pullback(seeds, stop={t for t in operands if isinstance(t, Tensor)}, differentiable=True)
        }
    return {k: found.get(t) for k, t in zip(call.leaf_ids, operands, strict=True) if isinstance(t, Tensor)}


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


FIXED.add(Call)
defvjp_variadic(scan, _scan)
defvjp(result, lambda g, y, token, i, call: Cotangents({i: g}, token.dtype))
