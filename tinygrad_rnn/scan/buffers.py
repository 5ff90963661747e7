"""Where the values of the loop lie: as few arrays as possible are touched in a step.

A value that is wanted after the loop lies in its series, others in an array for one step.  An
operand that ends where a result begins gives its array to the result: another value of the step, or
what was computed before the loop.
"""

import numpy as np

from tinygrad_rnn.rules.joining import concatenate
from tinygrad_rnn.rules.nonlinear import relu, softplus
from tinygrad_rnn.scan.kinds import Kind
from tinygrad_rnn.scan.operations import VIEWS, gate, is_ufunc
from tinygrad_rnn.scan.segment import Segment
from tinygrad_rnn.scan.traced import BEFORE, Traced


class Buffers:
    """Decides where values lie before any code is written, then gives out the buffers.

    needed  ids of values whose series is wanted after the loop
    home    by id: the value in whose buffer it lies
    pieces  by id: the concatenation it lies in, and where
    """

    def __init__(self, segment: Segment, needed: set[int]):
        self.segment, self.needed = segment, needed
        self.home: dict[int, Traced] = {}
        self.pieces: dict[int, tuple[Traced, int, int]] = {}
        self._early: dict[int, Traced] = {}  # by id: what is computed in its series before the loop
        self._results = {id(after) for _, after in segment.schedule.carries}
        self._spare: dict[Kind, list[str]] = {}
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
                id(owner) not in self.pieces or in_place(a)
            ):
                self.home[id(a)] = owner

    def settle(self) -> None:
        """Give every value that is wanted after the loop its series."""
        segment = self.segment
        for v in reversed(segment.schedule.loop):  # a whole before its pieces
            if id(v) not in self.needed or id(v) in self._results or v.fun in VIEWS:
                continue
            if id(v) in self.pieces:
                self._piece_of_series(v)
            elif (early := self._early.get(id(v))) is None:
                segment.series[id(v)] = segment.buffer(v)
            else:
                segment.series[id(v)] = segment.owned.pop(id(early))

    def _piece_of_series(self, v: Traced) -> None:
        """The series of a concatenation which is itself a piece of another."""
        segment, (whole, start, stop) = self.segment, self.pieces[id(v)]
        of = segment.series[id(whole)]
        segment.series[id(v)] = name = segment.names.of(v)
        segment.line([of], f"{name} = {of}[..., {start}:{stop}]", name)
        base = segment.like.get(id(whole))
        base = np.empty((2, *whole.shape), whole.dtype) if base is None else base
        segment.like[id(v)] = base[..., start:stop]

    def single(self, v: Traced) -> str:
        """An array for one step of v; `done` says when others may have it."""
        if spare := self._spare.get(v.kind):
            return spare.pop()
        return self.segment.buffer(v, "", f"{self.segment.names.of(v)}_now")

    def done(self, v: Traced, name: str) -> None:
        """Nothing reads this array again in the same step."""
        self._spare.setdefault(v.kind, []).append(name)

    def _may_take(self, owner: Traced) -> bool:
        v = id(owner)
        return v in self.needed and v not in self._early and v not in self.pieces

    def _computed_before(self, v: Traced) -> Traced | None:
        """An operand of v's shape and dtype, in a buffer of its own, that nothing else reads."""
        for a in v.operands:
            buffered = a.phase == BEFORE and (is_ufunc(a.fun) or a.fun is np.matmul)
            alone = len(self.segment.users[id(a)]) == 1 and id(a) not in self.segment.outside
            if buffered and alone and a.kind == v.kind:
                return a
        return None

    def _put_together(self, v: Traced) -> None:
        """Pieces that nothing else reads are written where they belong."""
        start = 0
        for a in v.args:
            stop = start + a.shape[-1]
            if id(a) in self.segment.in_loop and a.dtype == v.dtype and self._only_in(a, v):
                self.pieces[id(a)] = (v, start, stop)
            start = stop

    def _only_in(self, a: Traced, v: Traced) -> bool:
        """Whether a may lie in a concatenation v.

        Nothing else in the loop may read it, and if it is read after the loop, v must last as well.
        """
        users = self.segment.users[id(a)]
        if is_ufunc(a.fun):
            return len(users) == 1 and id(a) not in self.needed
        alone = [u for u in users if id(u) in self.segment.in_loop] == [v]
        lasts = id(a) not in self.needed or (id(v) in self.needed and id(v) not in self._results)
        return a.fun is concatenate and id(a) not in self._results and alone and lasts

    def _ending(self, v: Traced) -> Traced | None:
        """An operand of v's shape and dtype, made in the loop, that nothing else reads."""
        for a in v.operands:
            own = id(a) in self.segment.in_loop and id(a) not in self.needed and a.fun not in VIEWS
            if own and a.kind == v.kind and all(u is v for u in self.segment.users[id(a)]):
                return a
        return None


def in_place(v: Traced) -> bool:
    """Whether v may be written where one of its operands lies."""
    return is_ufunc(v.fun) or v.fun in (gate, relu, softplus)
