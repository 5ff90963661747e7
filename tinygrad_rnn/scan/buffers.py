"""Where the values of the loop lie: as few arrays as possible are touched in a step.

A value that is wanted after the loop lies in its series, others in an array for one step.  An operand that ends where
a result begins gives its place to the result: another value of the step, or what was computed before the loop.
"""

import numpy as np

from tinygrad_rnn.rules.joining import concatenate
from tinygrad_rnn.rules.nonlinear import relu, softplus
from tinygrad_rnn.scan.operations import VIEWS, gate, is_ufunc
from tinygrad_rnn.scan.segment import Segment
from tinygrad_rnn.scan.traced import BEFORE, Traced


class Buffers:
    """Decides, before anything is written, and gives out buffers once the operations before the loop are written."""

    def __init__(self, segment: Segment, needed: set[int]):
        self.segment = segment
        self.needed = needed  # ids of values whose series is wanted after the loop
        self.home: dict[int, Traced] = {}  # by id: the value in whose place it lies
        self.parts: dict[
            int, tuple[Traced, int, int]
        ] = {}  # by id: the concatenation it lies in, and where
        self._early: dict[
            int, Traced
        ] = {}  # by id: what is computed before the loop in the place of its series
        self._results = {id(after) for _, after in segment.schedule.carries}
        self._spare: dict[tuple[object, object], list[str]] = {}
        self._decide()

    def _decide(self) -> None:
        """From the last operation to the first."""
        for v in reversed(self.segment.schedule.loop):
            if v.fun in VIEWS and id(v) not in self._results:
                continue
            owner = self.home.get(id(v), v)
            if v.fun is concatenate and v.kwargs.get("axis", 0) in (-1, v.ndim - 1):
                self._put_together(v)
            elif not in_place(v):
                continue
            elif (early := self._computed_before(v)) is not None and self._may_take(owner):
                self._early[id(owner)] = early
                if id(owner) in self._results:
                    self.segment.assigned[id(early)] = self.segment.series[id(owner)]
            elif (a := self._ending(v)) is not None and (
                id(owner) not in self.parts or in_place(a)
            ):
                self.home[id(a)] = owner

    def settle(self) -> None:
        """Give every value that is wanted after the loop its series."""
        segment = self.segment
        for v in reversed(segment.schedule.loop):  # a whole before its parts
            if id(v) not in self.needed or id(v) in self._results or v.fun in VIEWS:
                continue
            early = self._early.get(id(v))
            if id(v) in self.parts:
                self._part_of_series(v)
            else:
                segment.series[id(v)] = (
                    segment.buffer(v) if early is None else segment.owned.pop(id(early))
                )

    def _part_of_series(self, v: Traced) -> None:
        """The series of a concatenation which is itself a part of another."""
        segment, (whole, start, stop) = self.segment, self.parts[id(v)]
        of = segment.series[id(whole)]
        segment.series[id(v)] = name = segment.names.of(v)
        segment.line([of], f"{name} = {of}[..., {start}:{stop}]", name)
        base = segment.like.get(id(whole))
        base = np.empty((2, *whole.shape), whole.dtype) if base is None else base
        segment.like[id(v)] = base[..., start:stop]

    def single(self, v: Traced) -> str:
        """An array for one step of v; `done` says when others may have it."""
        spare = self._spare.get((v.shape, v.dtype))
        return (
            spare.pop() if spare else self.segment.buffer(v, "", f"{self.segment.names.of(v)}_now")
        )

    def done(self, v: Traced, name: str) -> None:
        """Nothing reads this array again in the same step."""
        self._spare.setdefault((v.shape, v.dtype), []).append(name)

    def _may_take(self, owner: Traced) -> bool:
        return (
            id(owner) in self.needed
            and id(owner) not in self._early
            and id(owner) not in self.parts
        )

    def _computed_before(self, v: Traced) -> Traced | None:
        """An operand of v, like it in shape and dtype, that lies in a buffer of its own and is read by v only."""
        for a in v.args:
            if (
                isinstance(a, Traced)
                and a.phase == BEFORE
                and (is_ufunc(a.fun) or a.fun is np.matmul)
                and (a.shape, a.dtype) == (v.shape, v.dtype)
                and len(self.segment.users[id(a)]) == 1
                and id(a) not in self.segment.outside
            ):
                return a
        return None

    def _put_together(self, v: Traced) -> None:
        """Pieces that nothing else reads are written where they belong."""
        start = 0
        for a in v.args:
            stop = start + a.shape[-1]
            if id(a) in self.segment.in_loop and a.dtype == v.dtype and self._only_in(a, v):
                self.parts[id(a)] = (v, start, stop)
            start = stop

    def _only_in(self, a: Traced, v: Traced) -> bool:
        """Whether a may lie in a concatenation v: nothing else in the loop reads it; after it, v must be there too."""
        if is_ufunc(a.fun):
            return len(self.segment.users[id(a)]) == 1 and id(a) not in self.needed
        alone = [u for u in self.segment.users[id(a)] if id(u) in self.segment.in_loop] == [v]
        lasts = id(a) not in self.needed or (id(v) in self.needed and id(v) not in self._results)
        return a.fun is concatenate and id(a) not in self._results and alone and lasts

    def _ending(self, v: Traced) -> Traced | None:
        """An operand of v, made in the loop, like it in shape and dtype, that nothing else reads."""
        for a in v.args:
            if (
                isinstance(a, Traced)
                and id(a) in self.segment.in_loop
                and id(a) not in self.needed
                and a.fun not in VIEWS
                and (a.shape, a.dtype) == (v.shape, v.dtype)
                and all(u is v for u in self.segment.users[id(a)])
            ):
                return a
        return None


def in_place(v: Traced) -> bool:
    """Whether v may be written where one of its operands lies."""
    return is_ufunc(v.fun) or v.fun in (gate, relu, softplus)
