"""Rules for gates, the slices of one product.

Slices of several rows would be strided, so one product for each gate is quicker.  Slices of a
single row lie in one piece, so its gates are computed together:

    i, f, g, o = split(z);  sigmoid(i), tanh(g), ...  ->  y = a * tanh(s * z) + b, and its slices

because sigmoid(z) = tanh(z / 2) / 2 + 1/2.  Sums of neighbouring slices are first made one sum.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tinygrad_rnn._typing import Array, Shape
from tinygrad_rnn.core.structural import getitem
from tinygrad_rnn.rules.nonlinear import sigmoid
from tinygrad_rnn.scan.operations import gate
from tinygrad_rnn.scan.rewrite import Rewriter, late, rewrites
from tinygrad_rnn.scan.trace import topological
from tinygrad_rnn.scan.traced import LOOP, ONCE, Operand, Traced, record


class Gates(NamedTuple):
    """Slices of one row z, and what each goes through: y = factor * tanh(scale * z) + shift."""

    z: Traced
    scale: Array
    factor: Array
    shift: Array


def span(key: Operand, shape: Shape) -> tuple[int, int] | None:
    """Start and stop of a key that is a slice of the last axis and takes all of the others."""
    if not isinstance(key, tuple) or not key or not isinstance(key[-1], slice):
        return None
    others = [k for k in key[:-1] if k is not Ellipsis]
    if any(not isinstance(k, slice) or k != slice(None) for k in others):
        return None
    if len(others) != len(shape) - 1 and len(others) == len(key) - 1:
        return None
    start, stop, step = key[-1].indices(shape[-1])
    return (start, stop) if step == 1 and stop > start else None


def is_slice(v: Operand) -> bool:
    """Whether v is a slice of one row."""
    if not isinstance(v, Traced) or v.fun is not getitem or not _is_row(v.args[0]):
        return False
    return span(v.args[1], v.args[0].shape) is not None


def _is_row(a: Traced) -> bool:
    return bool(a.shape) and a.size == a.shape[-1]


def _gates(order: Sequence[Traced], users: dict[int, list[Traced]]) -> dict[int, Gates]:
    """By id of z: rows all of whose uses are slices that go through tanh or, as gates, sigmoid."""
    found = {}
    for z in order:
        slices = users.get(id(z), ())
        if z.phase != LOOP or z.dtype.kind != "f" or len(slices) < 2:
            continue
        reads = [(v, u) for v in slices for u in users.get(id(v), ())]
        if all(map(is_slice, slices)) and all(
            u.fun is np.tanh or (u.fun is sigmoid and is_gate(u, users)) for _, u in reads
        ):
            scale, shift = np.ones(z.shape[-1], z.dtype), np.zeros(z.shape[-1], z.dtype)
            spans = [(*(span(v.args[1], z.shape) or (0, 0)), u.fun) for v, u in reads]
            for start, stop, fun in spans:
                if fun is sigmoid:
                    scale[start:stop] = shift[start:stop] = 0.5
            spans.sort(key=lambda piece: piece[:2])
            apart = all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))
            if apart or len({fun for _, _, fun in spans}) == 1:  # no entry goes through both
                found[id(z)] = Gates(z, scale, scale, shift)
    return found


def is_gate(v: Traced, users: dict[int, list[Traced]]) -> bool:
    """Whether v is only read by products, or as 1 - v: an error of 1e-8 far out does no harm."""
    reads = users.get(id(v), ())
    return bool(reads) and all(
        u.fun is np.multiply or (u.fun is np.subtract and type(u.args[0]) in (int, float))
        for u in reads
    )


def with_merged_sums(results: Sequence[Traced]) -> list[Traced]:
    """Sums a[i:j] + b[i:j] of the same two rows over neighbouring slices: slices of one sum."""
    order = topological(results)
    unions = _unions(order)
    new: dict[int, Traced] = {}
    made: dict[tuple[int, int, int], Traced] = {}
    for v in order:
        args = tuple(new[id(a)] if isinstance(a, Traced) else a for a in v.args)
        if id(v) in unions:
            first, last = unions[id(v)]
            rows = [a.args[0] for a in args]
            union = (..., slice(first, last))
            whole = record(np.add, tuple(record(getitem, (row, union)) for row in rows))
            whole = made.setdefault((id(rows[0]), id(rows[1]), first), whole)
            start, stop = span(v.args[0].args[1], v.args[0].args[0].shape) or (0, 0)
            new[id(v)] = record(getitem, (whole, (..., slice(start - first, stop - first))))
        elif all(a is b for a, b in zip(args, v.args, strict=True)):
            new[id(v)] = v
        else:
            new[id(v)] = Traced(*v.kind, v.phase, v.fun, args, v.kwargs)
    return [new[id(v)] for v in results]


def _unions(order: Iterable[Traced]) -> dict[int, tuple[int, int]]:
    """By id of such a sum: where the union of the slices starts and stops."""
    groups: dict[tuple[int, int], list[tuple[int, int, Traced]]] = {}
    for v in order:
        if v.fun is np.add and v.phase == LOOP and all(map(is_slice, v.args)):
            a, b = v.args
            first, second = (span(x.args[1], x.args[0].shape) for x in (a, b))
            if a.dtype == b.dtype and first == second and first is not None:
                rows = id(a.args[0]), id(b.args[0])
                groups.setdefault(rows, []).append((*first, v))
    found = {}
    for pieces in groups.values():
        pieces.sort(key=lambda piece: piece[:2])
        edges = [pieces[0][0], *(stop for _, stop, _ in pieces)]
        if len(pieces) > 1 and [start for start, _, _ in pieces] == edges[:-1]:
            found.update({id(v): (edges[0], edges[-1]) for _, _, v in pieces})
    return found


@rewrites(sigmoid, by_use=True)
def _sigmoid(s: Rewriter, v: Traced) -> Traced | None:
    """A gate by tanh; see `is_gate` and `operations.gate`."""
    (a,) = v.args
    if not s.gates or not late(a) or not is_gate(s.now, s.users):
        return None
    if (of_row := _gate(s, v)) is not None:
        return of_row
    half = _scaled(s, a, 0.5)
    return s.make(gate, s.make(np.multiply, a, 0.5) if half is None else half)


@rewrites(np.tanh, by_use=True)
def _gate(s: Rewriter, v: Traced) -> Traced | None:
    """v as a slice of all gates, if it is one of several gates of one row."""
    if not s.gates:
        return None
    old = s.now.args[0]
    if "gates" not in s.notes:
        s.notes["gates"] = _gates(s.order, s.users)
    if not is_slice(old) or id(old.args[0]) not in s.notes["gates"]:
        return None
    z, scale, factor, shift = s.notes["gates"][id(old.args[0])]
    if (y := s.notes.get(id(z))) is None:
        row = s.new[id(z)]
        scaled = _scaled(s, row, scale) if np.any(scale != 1) else row
        y = s.make(np.tanh, s.make(np.multiply, row, scale) if scaled is None else scaled)
        if np.any(scale != 1):
            y = s.make(np.add, s.make(np.multiply, y, factor), shift)
        s.notes[id(z)] = y
    return s.make(getitem, y, old.args[1])


def _scaled(s: Rewriter, a: Operand, k: float | Array) -> Operand:
    """k * a, with k multiplied into the weights of late and early terms alike."""
    if not isinstance(a, Traced):
        return a * k
    if a.fun is np.matmul and a.args[1].phase == ONCE:
        return s.make(np.matmul, a.args[0], s.make(np.multiply, a.args[1], k))
    if a.fun is np.add:
        terms = [_scaled(s, b, k) for b in a.args]
        return None if any(term is None for term in terms) else s.make(np.add, *terms)
    return None if late(a) else s.make(np.multiply, a, k)


@rewrites(getitem, by_use=True)
def _getitem(s: Rewriter, v: Traced) -> Traced | None:
    """A slice of the last axis, taken of the operands instead, if nothing but slices is read."""
    a, key = v.args
    if span(key, a.shape) is None or _is_row(a):
        return None  # slices of a row lie in one piece, and one product for all is quicker
    old = s.now.args[0]
    if not all(u.fun is getitem and span(u.args[1], old.shape) for u in s.users[id(old)]):
        return None
    return _sliced(s, a, key)


def _sliced(s: Rewriter, a: Traced, key: Operand) -> Traced:
    last = (..., slice(*(span(key, a.shape) or (0, 0))))
    if a.fun in (np.add, np.subtract, np.multiply):
        whole = [np.ndim(b) == 0 or b.shape[-1] == 1 != a.shape[-1] for b in a.args]
        operands = zip(a.args, whole, strict=True)
        return s.make(a.fun, *(b if keep else _sliced(s, b, last) for b, keep in operands))
    if a.fun is np.matmul and a.args[1].ndim == 2 and a.args[1].phase == ONCE:
        product = a.args[0], s.make(getitem, a.args[1], last)
        return s.make(np.matmul, *product)
    return s.make(getitem, a, last)
