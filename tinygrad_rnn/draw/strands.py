"""The lines of the map: the term of each loss, hop by hop; of the pictures and of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tinygrad_rnn.draw.palette import DIRECT, INDIRECT, blend, distance
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.flow.vectors import lengths


class Way(NamedTuple):
    """Where one line of the map goes: from the loss of step k, or of k to last, to h_end."""

    k: int
    last: int  # k, or the last of the steps without a column, whose terms are summed
    end: int
    shade: float | None  # of an indirect term: 0 near t, 1 far from it


def ways(support: Support, T: int, t: int, columns: Sequence[int]) -> list[Way]:
    """Direct first, then near to far; the terms of the columns left out share one line."""
    earliest = support.earliest
    found = [
        Way(k, k, max(t, earliest[k]), None if k == t else distance(k, t, T))
        for k in columns
        if k >= t and k in earliest
    ]
    if hidden := _hidden(support, T, t, columns):
        first, last, end = hidden[0], hidden[-1], max(t, min(earliest[k] for k in hidden))
        if any(end <= j < first for j in columns):
            found.append(Way(first, last, end, distance((first + last) // 2, t, T)))
    return sorted(found)


def _hidden(support: Support, T: int, t: int, columns: Sequence[int]) -> list[int]:
    """The steps after t that send a term and have no column."""
    shown = set(columns)
    return [k for k in range(t, T + 1) if k in support.earliest and k not in shown]


@dataclass(frozen=True)
class Strand:
    """One line of the map: the term of one step, or the sum of the terms of the steps left out.

    norms   j -> norm of the term at h_j, as far back as it gets
    summed  whether it belongs to steps left out
    """

    ks: tuple[int, ...]
    norms: dict[int, float]
    color: str
    summed: bool = False


def strands(flow: GradientFlow, support: Support, t: int, columns: Sequence[int]) -> list[Strand]:
    """The ways with their norms; the terms of the columns left out are summed as vectors."""
    T, norms, found = len(flow), flow.norms(), []
    for k, _, end, shade in ways(support, T, t, columns):
        hops = [j for j in columns if end <= j <= k]
        color = DIRECT if shade is None else blend(INDIRECT, shade)
        if k in columns:
            found.append(Strand((k,), {j: float(norms[k - 1, j - 1]) for j in hops}, color))
            continue
        hidden = tuple(_hidden(support, T, t, columns))
        sums = flow.summed(hidden)
        sizes = {j: float(lengths(sums[j - 1])) for j in hops}
        found.append(Strand(hidden, sizes, color, summed=True))
    return found
