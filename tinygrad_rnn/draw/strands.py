"""The lines of the map: the term of each loss, hop by hop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tinygrad_rnn.draw.palette import DIRECT, far
from tinygrad_rnn.flow import GradientFlow, lengths


@dataclass(frozen=True)
class Strand:
    """One line of the map: the term of one loss, or the sum of the terms of the steps left out."""

    ks: tuple[int, ...]
    norms: dict[int, float]  # j -> norm of the term at h_j
    color: str


def strands(flow: GradientFlow, t: int, columns: Sequence[int]) -> Iterator[Strand]:
    """Direct first, then near to far; the terms of the columns left out are summed into one, as vectors."""
    shown = [k for k in columns if k >= t]
    hidden = [k for k in range(t, len(flow) + 1) if k not in shown]
    norms = flow.norms()
    for k in shown:
        if hidden and k > hidden[-1]:
            sums = flow.summed(hidden)
            hops = {j: float(lengths(sums[j - 1])) for j in shown if j < hidden[0]}
            yield Strand(tuple(hidden), hops, far((hidden[0] + hidden[-1]) // 2, t, len(flow)))
            hidden = []
        color = DIRECT if k == t else far(k, t, len(flow))
        yield Strand((k,), {j: float(norms[k - 1, j - 1]) for j in shown if j <= k}, color)
