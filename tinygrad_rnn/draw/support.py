"""Which gradients there are: what each loss reaches, read from the graph and not from numbers.

A term of (3.1) that is 0 because its numbers are 0 is there; one that no path leads to is not, and
is not drawn.
"""

from collections.abc import Iterable

from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.nn.states import parts

At = tuple[int, int]  # part i of the state s_t as (t, i); t counts from 1


class Support:
    """What the losses of a gradient flow reach.

    losses    the steps that have one which requires a gradient
    senders   k -> the losses whose gradient enters at s_k: L_k, or later ones that read s_k itself.
              There is a term k only if there are any
    earliest  k -> how far back that gradient gets, for the same k
    """

    def __init__(self, flow: GradientFlow):
        self._times: dict[Tensor, dict[int, int]] = {}  # a Tensor may stand in several states
        for t, state in enumerate(flow.states, 1):
            for i, x in enumerate(parts(state)):
                self._times.setdefault(x, {}).setdefault(t, i)
        below: dict[At, list[At]] = {}
        first: dict[At, int] = {}
        for t, state in enumerate(flow.states, 1):
            for x in sorted(parts(state), key=lambda x: x.serial):
                at = t, self._times[x][t]
                passed_on = min(self._times[x]) < t
                below[at] = [self._at(x, t - 1)] if passed_on else self._met(x.args, t)
                first[at] = min([t, *(first.get(p, t) for p in below[at])])
        losses = {k: L for k, L in enumerate(flow.losses, 1) if L is not None and L.requires_grad}
        self.losses = set(losses)
        arrivals = {k: self._met([L], k) for k, L in losses.items()}
        self.senders: dict[int, set[int]] = {}
        self.earliest: dict[int, int] = {}
        for k, parts_met in arrivals.items():
            for t, i in parts_met:
                self.senders.setdefault(t, set()).add(k)
                self.earliest[t] = min(self.earliest.get(t, t), first[t, i])
        self._reached: set[At] = set()
        waiting = [p for parts_met in arrivals.values() for p in parts_met]
        while waiting:
            at = waiting.pop()
            if at not in self._reached:
                self._reached.add(at)
                waiting += below[at]
        self._states = {t for t, _ in self._reached}

    def reaches(self, k: int, t: int) -> bool:
        """Whether what enters at s_k gets back to s_t, or further."""
        return self.earliest.get(k, t + 1) <= t

    def why_not(self, k: int) -> str:
        """Why nothing enters at s_k."""
        return "its loss does not reach it" if k in self.losses else "no loss at this step"

    def state(self, t: int) -> bool:
        """Whether any loss reaches s_t."""
        return t in self._states

    def part(self, t: int, x: Tensor) -> bool:
        """Whether any loss reaches this part of s_t."""
        return (t, self._times[x][t]) in self._reached

    def _met(self, ends: Iterable[object], t: int) -> list[At]:
        """The parts of states up to s_t that come first on the ways back from some Tensors."""
        met = ancestors([x for x in ends if isinstance(x, Tensor)], stop=self._times)
        return [self._at(x, t) for x in met if x in self._times and x.requires_grad]

    def _at(self, x: Tensor, upto: int) -> At:
        """Where a Tensor stands last up to some time."""
        times = self._times[x]
        t = max((t for t in times if t <= upto), default=min(times))
        return t, times[t]
