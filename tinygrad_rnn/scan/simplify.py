"""The same step with less to do at each t: rules of algebra that move work out of the loop.

A value is *late* if it depends on the state (in the backward step: on the cotangent that comes back), *early* if it is
known for all of time.  Sums and products are regrouped so that early parts meet early parts, which are then computed
once for all t; a cotangent stays core * factor, so that the factors are made in bulk.

    (h U + x W) + b         ->  h U + (x W + b)
    (core * f1) * f2        ->  core * (f1 * f2)
    core * f1 + core * f2   ->  core * (f1 + f2)
    (h U)[:, a:b]           ->  h U[:, a:b]             one product for each gate: its result lies in one piece
    sigmoid(a)              ->  tanh(a/2)/2 + 1/2       for a gate; the first 1/2 goes into the weights
    (1 - z) * n + z * h     ->  n + z * (h - n)
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.rules.indexing import getitem, scatter
from tinygrad_rnn.rules.nonlinear import sigmoid
from tinygrad_rnn.rules.shape import astype, concatenate
from tinygrad_rnn.scan.forms import gate, is_ufunc
from tinygrad_rnn.scan.gates import Gates, gates, is_gate, is_slice, span, with_merged_sums
from tinygrad_rnn.scan.trace import topological
from tinygrad_rnn.scan.traced import CARRIED, CONSTANT, SUMMED, Leaves, Traced, record, tracing

Rewrite = Callable[["Simplifier", Traced], Any]  # the simpler value, or None


def simplify(results: Sequence[Traced], leaves: Leaves, linear: bool = False) -> list[Traced]:
    """The same values from fewer operations in the loop; leaves stay the same objects.

    linear: late values are cotangents, in which everything is linear, so that a choice of one or 0 is a product.
    """
    with tracing(leaves):
        results = with_merged_sums(results)
        order = topological(results)
        simplifier = Simplifier(order, linear)
        for v in order:
            simplifier.visit(v)
    return [simplifier.new[id(v)] for v in results]


def late(a: Any) -> bool:
    """Whether a waits for the state."""
    return isinstance(a, Traced) and a.level == CARRIED


class Simplifier:
    """Builds every value anew over simpler operands; equal operations become one."""

    def __init__(self, order: Sequence[Traced], linear: bool):
        self.linear = linear
        self.gates: dict[int, Gates] = {}
        self.activated: dict[int, Traced] = {}  # by id of the row of some gates: all of them
        self.now = order[0]  # the value that is made anew
        self.new: dict[int, Traced] = {}
        self.users: dict[int, list[Traced]] = {}  # of values as they were
        self._made: dict[Any, Traced] = {}
        for v in order:
            for a in v.args:
                if isinstance(a, Traced):
                    self.users.setdefault(id(a), []).append(v)
        self.gates = gates(order, self.users)

    def visit(self, v: Traced) -> None:
        """Make v anew."""
        if v.fun is None:
            self.new[id(v)] = v
            return
        args = tuple(self.new[id(a)] if isinstance(a, Traced) else a for a in v.args)
        self.now = v
        again = Traced(
            v.shape,
            v.dtype,
            max((a.level for a in args if isinstance(a, Traced)), default=v.level),
            v.fun,
            args,
            v.kwargs,
        )
        if v.level == SUMMED:
            again.level = SUMMED
        elif v.fun in _BY_USE and (simpler := _BY_USE[v.fun](self, again)) is not None:
            again = simpler
        self.new[id(v)] = self._simplest(again)

    def make(self, fun: Any, *args: Any, **kwargs: Any) -> Any:
        """`fun(*args)` in its simplest form."""
        if not any(isinstance(a, Traced) for a in args):
            return fun(*args, **kwargs)
        return self._simplest(record(fun, args, kwargs))

    def _simplest(self, v: Traced) -> Any:
        if v.fun in _REWRITES:
            simpler = _REWRITES[v.fun](self, v)
            if simpler is not None and (simpler.shape, simpler.dtype) == (v.shape, v.dtype):
                return simpler
        if v.fun is None or str(v.fun.__module__ if not is_ufunc(v.fun) else "numpy").split(".")[0] not in (
            "numpy",
            "tinygrad_rnn",
        ):
            return v  # it may draw random numbers
        key = v.fun, tuple(map(_key, v.args)), tuple((k, _key(a)) for k, a in v.kwargs.items())
        return self._made.setdefault(key, v)


def _key(a: Any) -> Any:
    if isinstance(a, (Traced, np.ndarray)):
        return id(a)
    if isinstance(a, (tuple, list)):
        return type(a), tuple(map(_key, a))
    return type(a), repr(a)


def _add(s: Simplifier, v: Traced) -> Any:
    a, b = v.args
    if not late(a) and not late(b):
        return _joined(s, v) if v.level == SUMMED else None
    if not late(a):
        return s.make(np.add, b, a)
    if not late(b):
        return s.make(np.add, a.args[0], s.make(np.add, a.args[1], b)) if _is_late_early(a, np.add) else None
    if (same := _common_core(s, np.add, a, b)) is not None:
        return same
    if (joined := _joined(s, v)) is not None:
        return joined
    if _is_late_early(a, np.add) and _is_late_early(b, np.add):
        return s.make(np.add, s.make(np.add, a.args[0], b.args[0]), s.make(np.add, a.args[1], b.args[1]))
    if _is_late_early(a, np.add):
        return s.make(np.add, s.make(np.add, a.args[0], b), a.args[1])
    if _is_late_early(b, np.add):
        return s.make(np.add, s.make(np.add, a, b.args[0]), b.args[1])
    blend = _blended(s, a, b)
    return _blended(s, b, a) if blend is None else blend


def _is_late_early(a: Any, fun: Any) -> bool:
    return late(a) and a.fun is fun and late(a.args[0]) and not late(a.args[1])


def _blended(s: Simplifier, a: Traced, b: Traced) -> Any:
    """(1 - z) * n + z * h  ->  n + z * (h - n)."""
    if a.fun is not np.multiply or b.fun is not np.multiply:
        return None
    for rest, n in (a.args, a.args[::-1]):
        if late(rest) and rest.fun is np.subtract and type(rest.args[0]) in (int, float) and rest.args[0] == 1:
            for z, h in (b.args, b.args[::-1]):
                if z is rest.args[1] and n.shape == h.shape == z.shape:
                    return s.make(np.add, s.make(np.multiply, z, s.make(np.subtract, h, n)), n)
    return None


def _core_and_factor(a: Traced) -> tuple[Traced, Any]:
    return (a.args[0], a.args[1]) if _is_late_early(a, np.multiply) else (a, None)


def _common_core(s: Simplifier, fun: Any, a: Traced, b: Traced) -> Any:
    """core * p + core * q  ->  core * (p + q)."""
    (core, p), (other, q) = _core_and_factor(a), _core_and_factor(b)
    if core is not other or core.dtype.kind != "f" or (p is None and q is None):
        return None
    return s.make(np.multiply, core, s.make(fun, 1.0 if p is None else p, 1.0 if q is None else q))


def _joined(s: Simplifier, v: Traced) -> Any:
    """Pieces written side by side into zeros and added: one array put together from them."""
    pieces: list[tuple[int, int, Traced]] = []
    stack = list(v.args)
    while stack:
        a = stack.pop()
        if isinstance(a, Traced) and a.fun is np.add and a.shape == v.shape:
            stack += a.args
        elif isinstance(a, Traced) and a.fun is scatter and (piece := span(a.args[1], v.shape)) is not None:
            pieces.append((*piece, a.args[0]))
        else:
            return None
    pieces.sort(key=lambda piece: piece[:2])
    edges = [0, *(stop for _, stop, _ in pieces)]
    if [start for start, _, _ in pieces] != edges[:-1] or edges[-1] != v.shape[-1]:
        return None
    return s.make(concatenate, *(piece for _, _, piece in pieces), axis=-1)


def _subtract(s: Simplifier, v: Traced) -> Any:
    a, b = v.args
    if late(a) and late(b):
        return _common_core(s, np.subtract, a, b)
    if late(a) and isinstance(b, Traced):
        return s.make(np.add, a, s.make(np.negative, b))
    return None


def _multiply(s: Simplifier, v: Traced) -> Any:
    a, b = v.args
    if a is b and late(a) and not s.linear:
        return s.make(np.square, a)
    if late(b) and not late(a):
        return s.make(np.multiply, b, a)
    if late(a) and not late(b):
        if _is_late_early(a, np.multiply):
            return s.make(np.multiply, a.args[0], s.make(np.multiply, a.args[1], b))
        if a.fun is concatenate and a.kwargs["axis"] == -1 and isinstance(b, Traced) and b.shape[-1:] == a.shape[-1:]:
            return _piecewise(s, a, b)
        if a.fun is np.negative:
            return s.make(np.multiply, a.args[0], s.make(np.negative, b) if isinstance(b, Traced) else -b)
    return None


def _piecewise(s: Simplifier, a: Traced, b: Traced) -> Any:
    """[p, q] * b  ->  [p * b0, q * b1], so that factors of p and q meet their parts of b."""
    pieces, start = [], 0
    for piece in a.args:
        stop = start + piece.shape[-1]
        pieces.append(s.make(np.multiply, piece, s.make(getitem, b, (..., slice(start, stop)))))
        start = stop
    return s.make(concatenate, *pieces, axis=-1)


def _negative(s: Simplifier, v: Traced) -> Any:
    (a,) = v.args
    if _is_late_early(a, np.multiply):
        f = a.args[1]
        return s.make(np.multiply, a.args[0], s.make(np.negative, f) if isinstance(f, Traced) else -f)
    return None


def _divide(s: Simplifier, v: Traced) -> Any:
    a, b = v.args
    if s.linear and late(a) and late(b) and (d := _guarded(a, b)) is not None:
        tiny = float(np.finfo(d.dtype).tiny)
        return s.make(np.multiply, a, s.make(np.reciprocal, s.make(np.where, s.make(np.equal, d, 0.0), tiny, d)))
    if late(a) and not late(b) and v.dtype.kind == "f":
        if not isinstance(b, Traced):
            return s.make(np.multiply, a, 1.0 / b) if b else None
        return s.make(np.multiply, a, s.make(np.reciprocal, b)) if b.dtype == v.dtype else None
    return None


def _guarded(g: Traced, b: Traced) -> Any:
    """The d of g / where((d == 0) & (g == 0), 1, d), by which rules make 0 of 0/0."""
    if b.fun is not np.where or not isinstance(b.args[0], Traced) or b.args[0].fun is not np.bitwise_and:
        return None
    (zero_d, zero_g), d = b.args[0].args, b.args[2]
    tests = [isinstance(t, Traced) and t.fun is np.equal and _is_zero(t.args[1]) for t in (zero_d, zero_g)]
    return d if all(tests) and zero_d.args[0] is d and zero_g.args[0] is g and not late(d) else None


def _sum(s: Simplifier, v: Traced) -> Any:
    a = v.args[0]
    if late(a) and a.fun is np.negative and v.level == CARRIED:
        return s.make(np.negative, s.make(np.sum, a.args[0], *v.args[1:], **v.kwargs))
    return None


def _power(s: Simplifier, v: Traced) -> Any:
    a, b = v.args
    if type(b) in (int, float) and b in (1, 2, 0.5) and v.dtype.kind == "f":
        return a if b == 1 else s.make({2: np.square, 0.5: np.sqrt}[b], a)
    return None


def _mean(s: Simplifier, v: Traced) -> Any:
    a = v.args[0]
    if not late(a) or a.dtype != v.dtype or v.dtype.kind != "f":
        return None
    return s.make(np.multiply, s.make(np.sum, *v.args, **v.kwargs), v.size / a.size)


def _sigmoid(s: Simplifier, v: Traced) -> Any:
    """By tanh, where only products, or 1 minus it, are taken of it: far out it is exact to 1e-8, not relatively."""
    (a,) = v.args
    if not late(a) or not is_gate(s.now, s.users):
        return None
    if (of_row := _gate(s, v)) is not None:
        return of_row
    half = _scaled(s, a, 0.5)
    return s.make(gate, s.make(np.multiply, a, 0.5) if half is None else half)


def _gate(s: Simplifier, v: Traced) -> Any:
    """The slice of all gates that v is, if v is one of several gates of one row."""
    old = s.now.args[0]
    if not is_slice(old) or id(old.args[0]) not in s.gates:
        return None
    z, scale, factor, shift = s.gates[id(old.args[0])]
    if (y := s.activated.get(id(z))) is None:
        row = s.new[id(z)]
        scaled = _scaled(s, row, scale) if np.any(scale != 1) else row
        y = s.make(np.tanh, s.make(np.multiply, row, scale) if scaled is None else scaled)
        if np.any(scale != 1):
            y = s.make(np.add, s.make(np.multiply, y, factor), shift)
        s.activated[id(z)] = y
    return s.make(getitem, y, old.args[1])


def _scaled(s: Simplifier, a: Any, k: Any) -> Any:
    """k * a with k taken up by weights, for early parts too, so that the cotangents of both stay the same."""
    if not isinstance(a, Traced):
        return a * k
    if late(a) and a.size == a.shape[-1]:  # one row is scaled more quickly than the weights
        return None
    if a.fun is np.matmul and a.args[1].level == CONSTANT:
        return s.make(np.matmul, a.args[0], s.make(np.multiply, a.args[1], k))
    if a.fun is np.add:
        parts = [_scaled(s, b, k) for b in a.args]
        return None if any(p is None for p in parts) else s.make(np.add, *parts)
    return None if late(a) else s.make(np.multiply, a, k)


def _getitem(s: Simplifier, v: Traced) -> Any:
    """A slice of the last axis, taken of the operands instead, if nothing but such slices is wanted."""
    a, key = v.args
    if span(key, a.shape) is None or a.size == a.shape[-1]:
        return None  # of one row, slices lie in one piece anyway, and one product for all gates is quicker
    old = s.now.args[0]
    if not all(u.fun is getitem and span(u.args[1], old.shape) for u in s.users[id(old)]):
        return None
    return _sliced(s, a, key)


def _sliced(s: Simplifier, a: Any, key: Any) -> Any:
    start, stop = span(key, a.shape) or (0, 0)
    last = (..., slice(start, stop))
    if a.fun in (np.add, np.subtract, np.multiply):
        parts = []
        for b in a.args:
            if not isinstance(b, Traced) or b.ndim == 0 or b.shape[-1] == 1 != a.shape[-1]:
                parts.append(b)
            else:
                parts.append(_sliced(s, b, last))
        return s.make(a.fun, *parts)
    if a.fun is np.matmul and a.args[1].ndim == 2 and a.args[1].level == CONSTANT:
        return s.make(np.matmul, a.args[0], s.make(getitem, a.args[1], last))
    return s.make(getitem, a, last)


def _where(s: Simplifier, v: Traced) -> Any:
    """where(early, core, 0) -> core * mask."""
    if not s.linear or len(v.args) != 3 or late(v.args[0]) or not isinstance(v.args[0], Traced):
        return None
    condition, a, b = v.args
    if late(a) and _is_zero(b) and a.dtype == v.dtype and a.dtype.kind == "f":
        return s.make(np.multiply, a, s.make(astype, condition, v.dtype))
    if late(b) and _is_zero(a) and b.dtype == v.dtype and b.dtype.kind == "f":
        mask = s.make(astype, condition, v.dtype)
        return s.make(np.multiply, b, s.make(np.subtract, 1.0, mask))
    return None


def _is_zero(a: Any) -> bool:
    return type(a) in (int, float) and a == 0


_REWRITES: dict[Any, Rewrite] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.negative: _negative,
    np.divide: _divide,
    np.power: _power,
    np.mean: _mean,
    np.sum: _sum,
    np.where: _where,
}
_BY_USE: dict[Any, Rewrite] = {
    sigmoid: _sigmoid,
    np.tanh: _gate,
    getitem: _getitem,
}  # these look at what reads the value
