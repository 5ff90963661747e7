"""All terms of (3.1) at once, by matrices: what makes a thousand steps as easy as ten.

Where each state depends on the one before and on no other, the terms of every later loss are
carried down one step by one product with the Jacobian, (3.3), instead of one walk each.  Where that
is not so, the walks run side by side.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.errors import GradientError, ShapeError
from tinygrad_rnn.flow.jacobian import apart, check_rows, generic, units, zeros
from tinygrad_rnn.flow.listed import Arrivals, Listed, Visit
from tinygrad_rnn.flow.vectors import flat, joined


class Link(NamedTuple):
    """One step as matrices: row i is what a unit cotangent of entry i of s_t becomes."""

    jacobian: Array | None  # what arrives at s_(t-1): J_t; None: there is no state before
    complete: Array | None  # the complete cotangent of s_t; None: the same


def chain(listed: Listed) -> list[Link] | None:
    """The link of every state, or None where matrices are not right, or not worth their walks.

    They are right where each state depends on the last one only, rows of a batch on themselves.
    """
    T = len(listed)
    links: list[Link] = []
    try:
        if zeros(listed, T - 1).shape[-1] > T / 2:
            return None
        for t in range(T - 1, -1, -1):
            with np.errstate(over="ignore", invalid="ignore"):  # no term need be that large
                link = _link(listed, t)
            if link is None:
                return None
            links.append(link)
    except (GradientError, ShapeError):
        return None
    return links[::-1]


def _link(listed: Listed, t: int) -> Link | None:
    before = listed.tensors[t - 1] if t else ()
    if t:
        check_rows(listed, t, t - 1)
    steps = [listed.step(t, unit) for unit in units(listed, t)]
    if any(not set(below) <= set(before) for _, below in steps) or len(set(before)) < len(before):
        return None
    jacobian = complete = None
    if t:
        empty = dict(zip(before, listed.zeros(t - 1), strict=True))
        rows = [joined([(empty | below)[x] for x in before]) for _, below in steps]
        jacobian = np.stack(rows, axis=-2)
        if not np.all(np.isfinite(jacobian)):
            return None  # a term may be finite all the same
    if len(listed.tensors[t]) > 1:
        complete = np.stack([joined(visit.complete) for visit, _ in steps], axis=-2)
        if not np.all(np.isfinite(complete)) or _rows_mix(listed, t, complete):
            return None
    return Link(jacobian, complete)


def _rows_mix(listed: Listed, t: int, complete: Array) -> bool:
    """Whether rows of a batch depend on each other inside the state."""
    plain = generic(listed, t)
    expected = joined(listed.step(t, apart(listed, t, plain))[0].complete)
    found = (plain[..., None, :] @ complete)[..., 0, :]
    return not np.allclose(found, expected, rtol=1e-4, atol=1e-6 * np.max(np.abs(expected)))


def by_matrices(
    listed: Listed, direct: Mapping[int, Arrivals], links: list[Link]
) -> Iterator[tuple[int, Array]]:
    """For t = T .. 1: (t, terms), where row k - t is term(k, t) as one vector."""
    rows = zeros(listed, len(listed) - 1)[..., None, :][..., :0, :]  # (..., how many, n)
    for t in range(len(listed) - 1, -1, -1):
        own = joined(direct[t] or listed.zeros(t))
        rows = np.concatenate([own[..., None, :], rows], axis=-2)
        jacobian, complete = links[t]
        whole = rows if complete is None else rows @ complete
        yield t + 1, flat(apart(listed, t, np.moveaxis(whole, -2, 0)), lead=1)
        if jacobian is not None:
            rows = rows @ jacobian


def side_by_side(listed: Listed, direct: Mapping[int, Arrivals]) -> Iterator[tuple[int, Array]]:
    """The same by one walk for each loss."""
    walks: list[Iterator[Visit]] = []
    for t in range(len(listed) - 1, -1, -1):
        walks.insert(0, listed.walk({t: direct[t]}))
        yield t + 1, np.stack([flat(next(walk).complete) for walk in walks])
