"""Rules of algebra that move work out of the loop; see `simplify`."""

from functools import partial

import numpy as np

from tinygrad_rnn._typing import Args, Function
from tinygrad_rnn.core.structural import astype, scatter
from tinygrad_rnn.rules.joining import concatenate
from tinygrad_rnn.scan.gates import span
from tinygrad_rnn.scan.rewrite import Rewriter, late, rewrites
from tinygrad_rnn.scan.traced import END, ONCE, Operand, Traced


@rewrites(np.add)
def _add(s: Rewriter, v: Traced) -> Traced | None:
    a, b = v.args
    add, fold = partial(s.make, np.add), partial(s.fold, np.add)
    if (plain := _narrow(v)) is not None:
        return add(*plain)
    if not late(a) and not late(b):
        return _joined(s, v) if v.phase == END else None
    if not late(a):
        return add(b, a)
    a_splits, b_splits = _is_late_early(a, np.add), _is_late_early(b, np.add)
    if not late(b):
        return add(a.args[0], fold(a.args[1], b)) if a_splits else None
    if (same := _common_core(s, np.add, a, b)) is not None:
        return same
    if (joined := _joined(s, v)) is not None:
        return joined
    if a_splits and b_splits:
        return add(add(a.args[0], b.args[0]), fold(a.args[1], b.args[1]))
    if a_splits:
        return add(add(a.args[0], b), a.args[1])
    if b_splits:
        return add(add(a, b.args[0]), b.args[1])
    blend = _blended(s, a, b)
    return _blended(s, b, a) if blend is None else blend


def _narrow(v: Traced) -> Args | None:
    """Operands without broadcast_to, where the operation itself broadcasts as far."""
    plain = tuple(a.args[0] if late(a) and a.fun is np.broadcast_to else a for a in v.args)
    changed = any(a is not b for a, b in zip(plain, v.args, strict=True))
    return plain if changed and np.broadcast_shapes(*map(np.shape, plain)) == v.shape else None


@rewrites(np.reshape)
def _reshape(s: Rewriter, v: Traced) -> Traced | None:
    return v.args[0] if v.args[0].shape == v.shape else None


def _is_late_early(a: Operand, fun: Function) -> bool:
    return late(a) and a.fun is fun and late(a.args[0]) and not late(a.args[1])


def _blended(s: Rewriter, a: Traced, b: Traced) -> Traced | None:
    """(1 - z) * n + z * h  ->  n + z * (h - n)."""
    if a.fun is not np.multiply or b.fun is not np.multiply:
        return None
    for rest, n in (a.args, a.args[::-1]):
        if late(rest) and rest.fun is np.subtract and _is_number(rest.args[0], 1):
            for z, h in (b.args, b.args[::-1]):
                if z is rest.args[1] and np.shape(n) == np.shape(h) == z.shape:
                    return s.make(np.add, s.make(np.multiply, z, s.fold(np.subtract, h, n)), n)
    return None


def _core_and_factor(a: Traced) -> tuple[Traced, Operand]:
    return (a.args[0], a.args[1]) if _is_late_early(a, np.multiply) else (a, None)


def _common_core(s: Rewriter, fun: Function, a: Traced, b: Traced) -> Traced | None:
    """core * p + core * q  ->  core * (p + q)."""
    (core, p), (other, q) = _core_and_factor(a), _core_and_factor(b)
    if core is not other or core.dtype.kind != "f" or (p is None and q is None):
        return None
    return s.make(np.multiply, core, s.fold(fun, 1.0 if p is None else p, 1.0 if q is None else q))


def _joined(s: Rewriter, v: Traced) -> Traced | None:
    """Pieces written side by side into zeros and added: one array put together from them."""
    pieces: list[tuple[int, int, Traced]] = []
    stack = list(v.args)
    while stack:
        a = stack.pop()
        if not isinstance(a, Traced):
            return None
        if a.fun is np.add and a.shape == v.shape:
            stack += a.args
        elif a.fun is scatter and (piece := span(a.args[1], v.shape)) is not None:
            pieces.append((*piece, a.args[0]))
        else:
            return None
    pieces.sort(key=lambda piece: piece[:2])
    edges = [0, *(stop for _, stop, _ in pieces)]
    if [start for start, _, _ in pieces] != edges[:-1] or edges[-1] != v.shape[-1]:
        return None
    return s.make(concatenate, *(piece for _, _, piece in pieces), axis=-1)


@rewrites(np.subtract)
def _subtract(s: Rewriter, v: Traced) -> Traced | None:
    a, b = v.args
    if late(a) and late(b):
        of_a = b.fun is np.mean and b.args[0] is a
        centred = _centred(s, a) if of_a and b.kwargs == {"axis": -1, "keepdims": True} else None
        return _common_core(s, np.subtract, a, b) if centred is None else centred
    if late(a) and isinstance(b, Traced):
        return s.make(np.add, a, s.make(np.negative, b))
    return None


def _centred(s: Rewriter, a: Operand) -> Traced | None:
    """a - mean(a) over the last axis of a = h U + x W: U and W are centred, before the loop."""
    if not isinstance(a, Traced) or not a.ndim:
        return None
    if a.fun is np.matmul and a.args[1].phase == ONCE and a.args[1].ndim == 2:
        return s.make(np.matmul, a.args[0], _centred(s, a.args[1]))
    if a.fun is np.add and all(np.shape(b)[-1:] == a.shape[-1:] for b in a.args):
        terms = [_centred(s, b) for b in a.args]
        return None if any(term is None for term in terms) else s.make(np.add, *terms)
    return None if late(a) else s.make(np.subtract, a, s.make(np.mean, a, axis=-1, keepdims=True))


@rewrites(np.multiply)
def _multiply(s: Rewriter, v: Traced) -> Traced | None:
    a, b = v.args
    if (plain := _narrow(v)) is not None:
        return s.make(np.multiply, *plain)
    if a is b and late(a) and not s.linear:
        return s.make(np.square, a)
    if late(b) and not late(a):
        return s.make(np.multiply, b, a)
    if late(a) and not late(b):
        if _is_late_early(a, np.multiply):
            return s.make(np.multiply, a.args[0], s.fold(np.multiply, a.args[1], b))
        if a.fun is np.negative:
            return s.make(np.multiply, a.args[0], _negated(s, b))
    return None


@rewrites(np.negative)
def _negative(s: Rewriter, v: Traced) -> Traced | None:
    (a,) = v.args
    if _is_late_early(a, np.multiply):
        return s.make(np.multiply, a.args[0], _negated(s, a.args[1]))
    return None


def _negated(s: Rewriter, a: Operand) -> Operand:
    return s.make(np.negative, a) if isinstance(a, Traced) else -a


@rewrites(np.divide)
def _divide(s: Rewriter, v: Traced) -> Traced | None:
    a, b = v.args
    if late(a) and not late(b) and v.dtype.kind == "f":
        if not isinstance(b, Traced):
            return s.make(np.multiply, a, 1.0 / b) if b else None
        return s.make(np.multiply, a, s.make(np.reciprocal, b)) if b.dtype == v.dtype else None
    return None


@rewrites(np.power)
def _power(s: Rewriter, v: Traced) -> Traced | None:
    a, b = v.args
    if type(b) in (int, float) and b in (1, 2, 0.5) and v.dtype.kind == "f":
        return a if b == 1 else s.make({2: np.square, 0.5: np.sqrt}[b], a)
    return None


@rewrites(np.where)
def _where(s: Rewriter, v: Traced) -> Traced | None:
    """where(early, core, 0) -> core * mask."""
    if not s.linear or len(v.args) != 3 or not isinstance(v.args[0], Traced) or late(v.args[0]):
        return None
    condition, a, b = v.args
    for core, other in ((a, b), (b, a)):
        if late(core) and _is_number(other, 0) and core.dtype == v.dtype and v.dtype.kind == "f":
            mask = s.make(astype, condition, v.dtype)
            return s.make(np.multiply, core, mask if core is a else s.make(np.subtract, 1.0, mask))
    return None


def _is_number(a: Operand, number: int) -> bool:
    return type(a) in (int, float) and a == number
