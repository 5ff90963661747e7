"""Gates of a single row are computed together: of one row, the slices of a product lie in one piece.

    i, f, g, o = split(z);  sigmoid(i), tanh(g), ...   ->   y = a * tanh(s * z) + b, and slices of it

because sigmoid(z) = tanh(z / 2) / 2 + 1/2.  Sums of neighbouring slices are first made one sum.  For more rows the
slices would be strided, and one product for each gate is quicker (see `simplify`).
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.rules.indexing import getitem
from tinygrad_rnn.rules.nonlinear import sigmoid
from tinygrad_rnn.scan.trace import topological
from tinygrad_rnn.scan.traced import CARRIED, Traced, record


class Gates(NamedTuple):
    """Slices of one row z, and the function each goes through: y = factor * tanh(scale * z) + shift."""

    z: Traced
    scale: Any
    factor: Any
    shift: Any


def span(key: Any, shape: tuple[int, ...]) -> tuple[int, int] | None:
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


def is_slice(v: Any, one_row: bool = True) -> bool:
    """Whether v is a slice of the last axis of a late value, of one row if so wanted."""
    if not isinstance(v, Traced) or v.fun is not getitem or span(v.args[1], v.args[0].shape) is None:
        return False
    return not one_row or v.args[0].size == v.args[0].shape[-1]


def gates(order: Sequence[Traced], users: dict[int, list[Traced]]) -> dict[int, Gates]:
    """By id of z: rows all of whose uses are slices that go through tanh or, as gates, sigmoid."""
    found = {}
    for z in order:
        slices = users.get(id(z), ())
        if z.level != CARRIED or z.dtype.kind != "f" or len(slices) < 2 or not all(map(is_slice, slices)):
            continue
        reads = [(v, u) for v in slices for u in users.get(id(v), ())]
        if all(u.fun is np.tanh or (u.fun is sigmoid and is_gate(u, users)) for _, u in reads):
            scale, shift = np.ones(z.shape[-1], z.dtype), np.zeros(z.shape[-1], z.dtype)
            for v, u in reads:
                if u.fun is sigmoid:
                    piece = slice(*(span(v.args[1], z.shape) or ()))
                    scale[piece] = shift[piece] = 0.5
            kinds = {u.fun for _, u in reads}
            if len(kinds) > 1 and any(len(users[id(v)]) > 1 for v in slices):
                continue  # one slice might go through both
            found[id(z)] = Gates(z, scale, scale, shift)
    return found


def is_gate(v: Traced, users: dict[int, list[Traced]]) -> bool:
    """Whether only products of v, or of 1 - v, are taken: then 1e-8 of error far out do no harm."""
    reads = users.get(id(v), ())
    return bool(reads) and all(
        u.fun is np.multiply or (u.fun is np.subtract and type(u.args[0]) in (int, float)) for u in reads
    )


def with_merged_sums(results: Sequence[Traced]) -> list[Traced]:
    """Sums a[i:j] + b[i:j] of the same two rows over neighbouring slices, made slices of one sum."""
    order = topological(results)
    unions = _unions(order)
    new: dict[int, Traced] = {}
    made: dict[tuple[int, int, int], Traced] = {}
    for v in order:
        args = tuple(new[id(a)] if isinstance(a, Traced) else a for a in v.args)
        if id(v) in unions:
            first, last = unions[id(v)]
            union = (..., slice(first, last))
            whole = record(np.add, tuple(record(getitem, (a.args[0], union)) for a in args))
            start, stop = span(v.args[0].args[1], v.args[0].args[0].shape) or (0, 0)
            sums = made.setdefault((id(args[0].args[0]), id(args[1].args[0]), first), whole)
            new[id(v)] = record(getitem, (sums, (..., slice(start - first, stop - first))))
        elif all(a is b for a, b in zip(args, v.args, strict=True)):
            new[id(v)] = v
        else:
            new[id(v)] = Traced(v.shape, v.dtype, v.level, v.fun, args, v.kwargs)
    return [new[id(v)] for v in results]


def _unions(order: Iterable[Traced]) -> dict[int, tuple[int, int]]:
    """By id of such a sum: where the union of the slices starts and stops."""
    groups: dict[tuple[int, int], list[tuple[int, int, Traced]]] = {}
    for v in order:
        if v.fun is np.add and v.level == CARRIED and all(map(is_slice, v.args)) and v.args[0].dtype == v.args[1].dtype:
            spans = [span(a.args[1], a.args[0].shape) for a in v.args]
            if spans[0] == spans[1] and spans[0] is not None:
                groups.setdefault((id(v.args[0].args[0]), id(v.args[1].args[0])), []).append((*spans[0], v))
    found = {}
    for pieces in groups.values():
        pieces.sort(key=lambda piece: piece[:2])
        edges = [pieces[0][0], *(stop for _, stop, _ in pieces)]
        if len(pieces) > 1 and [start for start, _, _ in pieces] == edges[:-1]:
            found.update({id(v): (edges[0], edges[-1]) for _, _, v in pieces})
    return found
