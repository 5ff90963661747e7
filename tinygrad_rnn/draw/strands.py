"""The lines of the map: the term of each loss, hop by hop."""

from collections.abc import Sequence
from dataclasses import dataclass

from tinygrad_rnn.draw.palette import DIRECT, far
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.flow.terms import GradientFlow, lengths


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
    """Direct first, then near to far; the terms of the columns left out are summed into one, as vectors."""
    T, norms, earliest = len(flow), flow.norms(), support.earliest
    found = []
    for k in (k for k in columns if k >= t and k in earliest):
        hops = {j: float(norms[k - 1, j - 1]) for j in columns if max(t, earliest[k]) <= j <= k}
        found.append(Strand((k,), hops, DIRECT if k == t else far(k, t, T)))
    hidden = tuple(k for k in range(t, T + 1) if k in earliest and k not in columns)
    if hidden:
        sums, last = flow.summed(hidden), max(t, min(earliest[k] for k in hidden))
        hops = {j: float(lengths(sums[j - 1])) for j in columns if last <= j < hidden[0]}
        if hops:
            color = far((hidden[0] + hidden[-1]) // 2, t, T)
            found.append(Strand(hidden, hops, color, summed=True))
    return sorted(found, key=lambda strand: strand.ks)
