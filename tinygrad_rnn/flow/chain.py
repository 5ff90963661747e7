"""All terms of (3.1) at once, by matrices: what makes a thousand steps as easy as ten.

Where each state depends on the one before and on no other, the terms of every later loss are carried down one step
by one product with the Jacobian, (3.3), instead of one walk each.  Where that is not so, the walks run side by side.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.core.operators import value
from tinygrad_rnn.errors import GradientError, ShapeError
from tinygrad_rnn.flow.listed import Arrivals, Listed

Array = Any


class Link(NamedTuple):
    """One step as matrices: row i is what a unit cotangent of entry i of s_t becomes; batch axes first."""

    jacobian: Array  # what arrives at s_(t-1): J_t
    complete: Array | None  # the complete cotangent of s_t; None: the same


def chain(listed: Listed) -> list[Link] | None:
    """Link t - 2 for t = T .. 2, or None if states depend on other states than the last, or rows on each other.

    None as well where the matrices would cost more walks than they save.
    """
    T = len(listed.tensors)
    links: list[Link] = []
    try:
        if listed.joint(T).shape[-1] > T / 2:
            return None
        for t in range(T, 1, -1):
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # of unit vectors: no term need be that large
                link = _link(listed, t)
            if link is None:
                return None
            links.append(link)
    except (GradientError, ShapeError):
        return None
    return links[::-1]


def _link(listed: Listed, t: int) -> Link | None:
    listed.check_jacobian(t, t - 1)
    like, before = listed.joint(t), listed.tensors[t - 2]
    below, own = [], []
    for unit in np.eye(like.shape[-1], dtype=like.dtype):
        whole, arrived = listed.step(t - 1, listed.apart(t, np.broadcast_to(unit, like.shape)))
        if not set(arrived) <= set(before) or len(set(before)) < len(before):
            return None
        below.append(_joined([arrived.get(x, np.zeros_like(value(x))) for x in before]))
        own.append(_joined(whole))
    jacobian, complete = np.stack(below, axis=-2), np.stack(own, axis=-2)
    if not (np.all(np.isfinite(jacobian)) and np.all(np.isfinite(complete))):
        return None  # a term may be finite all the same
    if len(listed.tensors[t - 1]) == 1:
        return Link(jacobian, None)
    generic = np.cos(np.arange(like.size)).astype(like.dtype).reshape(like.shape)
    found = _joined(listed.step(t - 1, listed.apart(t, generic))[0])
    if not np.allclose(
        (generic[..., None, :] @ complete)[..., 0, :],
        found,
        rtol=1e-4,
        atol=1e-6 * np.max(np.abs(found)),
    ):
        return None  # rows of a batch mix inside the state
    return Link(jacobian, complete)


def by_matrices(
    listed: Listed, direct: Mapping[int, Arrivals], links: list[Link]
) -> Iterator[tuple[int, Array]]:
    """For t = T .. 1: (t, terms), where row k - t is term(k, t) as one vector."""
    rows = listed.joint(len(listed.tensors))[..., None, :][..., :0, :]  # (..., how many, n)
    for t in range(len(listed.tensors), 0, -1):
        own = _joined(direct[t - 1] or listed.zeros(t - 1))
        rows = np.concatenate([own[..., None, :], rows], axis=-2)
        link = links[t - 2] if t > 1 else _first(listed)
        complete = rows if link.complete is None else rows @ link.complete
        yield t, _flat(listed.apart(t, np.moveaxis(complete, -2, 0)))
        if t > 1:
            rows = rows @ link.jacobian


def side_by_side(listed: Listed, direct: Mapping[int, Arrivals]) -> Iterator[tuple[int, Array]]:
    """The same by one walk for each loss."""
    walks: list[Any] = []
    for t in range(len(listed.tensors), 0, -1):
        walks.insert(0, listed.walk({t - 1: direct[t - 1]}))
        terms = [next(walk)[2] for walk in walks]
        yield t, _flat([np.stack(part) for part in zip(*terms, strict=True)])


def _first(listed: Listed) -> Link:
    """The complete cotangent of s_1, below which nothing is carried."""
    like = listed.joint(1)
    if len(listed.tensors[0]) == 1:
        return Link(None, None)
    units = np.eye(like.shape[-1], dtype=like.dtype)
    own = [
        _joined(listed.step(0, listed.apart(1, np.broadcast_to(unit, like.shape)))[0])
        for unit in units
    ]
    return Link(None, np.stack(own, axis=-2))


def _joined(parts: Arrivals) -> Array:
    return np.concatenate([np.atleast_1d(part) for part in parts], axis=-1)


def _flat(parts: Arrivals) -> Array:
    """(how many, n): each row's parts end to end."""
    return np.concatenate([np.reshape(part, (len(part), -1)) for part in parts], axis=-1)
