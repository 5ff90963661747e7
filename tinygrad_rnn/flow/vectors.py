"""States as vectors: their parts end to end, norms, projections."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Array

# Of a state: one array, or a tuple with one for each part.  Any: most states are one array.
StateArrays: TypeAlias = Array | Any


def as_state(arrays: Sequence[Array]) -> StateArrays:
    """What is handed out for a state: new arrays, as a tuple where it has several parts."""
    copies = tuple(map(np.array, arrays))
    return copies if len(copies) > 1 else copies[0]


def flat(arrays: Sequence[Array], lead: int = 0) -> Array:
    """The parts end to end as one vector; the first `lead` axes stay."""
    return np.concatenate([np.reshape(a, (*a.shape[:lead], -1)) for a in arrays], axis=-1)


def joined(arrays: Sequence[Array]) -> Array:
    """(..., n): the parts end to end for each row of the batch."""
    return np.concatenate([np.atleast_1d(a) for a in arrays], axis=-1)


def lengths(rows: Array) -> Array:
    """Norms along the last axis, right also where a square would overflow."""
    unit = _largest(rows)
    with np.errstate(all="ignore"):
        return np.asarray(np.sqrt(np.sum((rows / unit[..., None]) ** 2, axis=-1)) * unit)


def projections(rows: Array, total: Array) -> Array:
    """The projection of each row on the total as a fraction of it: nan where the total is 0."""
    unit = _largest(total)[..., None]
    with np.errstate(all="ignore"):
        square = np.sum((total / unit) ** 2, axis=-1)
        along = np.sum(rows / unit * (total / unit), axis=-1)
        return np.asarray(along / np.where(square > 0, square, np.nan))


def _largest(rows: Array) -> Array:
    """The largest absolute entry along the last axis; 1 where that is 0 or not finite."""
    top = np.max(np.abs(rows), axis=-1, initial=0.0)
    return np.where((top > 0) & np.isfinite(top), top, 1.0)
