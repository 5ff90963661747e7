"""The buffers of a program and the lines that fill them, while they are being written."""

from collections.abc import Iterable, Sequence

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.scan.kinds import Kind
from tinygrad_rnn.scan.names import Names
from tinygrad_rnn.scan.operations import VIEWS
from tinygrad_rnn.scan.schedule import Schedule
from tinygrad_rnn.scan.trace import users
from tinygrad_rnn.scan.traced import ONCE, Operand, Traced


class Segment:
    """What `bind` makes once for T steps, and what `run` does with it.

    A series is an array of a value at all steps, with the axis T in front.

    series    by id of a value: the name of its series
    fixed     names that `bind` makes
    like      by id: an array laid out in memory as its series is; absent: in C order
    owned     by id: the buffer it lies in and may give away when it is done with
    assigned  by id: the series it is to be written to
    outside   ids of values that are read after `run`
    """

    def __init__(self, schedule: Schedule, saved: Sequence[Traced], names: Names):
        self.schedule, self.names = schedule, names
        self.bind: list[str] = []
        self.run: list[str] = []
        self.series: dict[int, str] = {}
        self.fixed: set[str] = set()
        self.like: dict[int, Array] = {}
        self.owned: dict[int, str] = {}
        self.assigned: dict[int, str] = {}
        self._free: dict[Kind, list[str]] = {}
        operations = [*schedule.before, *schedule.loop, *schedule.after]
        self.users = users(operations)
        self._position = {id(v): i for i, v in enumerate(operations)}
        self.in_loop = {id(v) for v in schedule.loop}
        self.outside = {id(v) for v in (*saved, *schedule.series)}
        self._lasting = self.outside | self.in_loop | {id(a) for v in schedule.loop for a in v.args}

    def timed(self, a: Operand) -> bool:
        """Whether a is a value that has a series."""
        return isinstance(a, Traced) and (a.phase != ONCE or id(a) in self.in_loop)

    def line(self, made_of: Iterable[str], text: str, name: str = "") -> None:
        """A line of `bind` if everything in it is made there, else of `run`."""
        if self.fixed.issuperset(made_of):
            self.bind.append(text)
            self.fixed.add(name)
        else:
            self.run.append(text)

    def buffer(self, v: Traced, length: str = "T", plain: str = "") -> str:
        """The name of a new buffer for v: (length, *shape), or for one step if length is empty."""
        name = self.names.fresh(plain) if plain else self.names.of(v)
        shape = self.tuple([length] * bool(length) + [str(n) for n in v.shape])
        dtype = self.names.object(v.dtype, v.dtype.name)
        self.bind.append(f"{name} = {self.names.function(np.empty)}({shape}, {dtype})")
        self.fixed.add(name)
        return name

    @staticmethod
    def tuple(items: Iterable[str]) -> str:
        """A tuple as code."""
        inside = ", ".join(items)
        return f"({inside},)" if inside else "()"

    def own(self, v: Traced) -> str:
        """A buffer for the series of v, perhaps one that is free."""
        if id(v) in self.assigned:
            self.series[id(v)] = self.assigned[id(v)]
            return self.assigned[id(v)]
        spare = self._free.get(v.kind)
        self.owned[id(v)] = self.series[id(v)] = name = spare.pop() if spare else self.buffer(v)
        return name

    def inherit(self, v: Traced) -> str:
        """A buffer for the series of v: if v is the last to read an operand, the buffer of that."""
        for a in v.operands if id(v) not in self.assigned else ():
            if a.kind == v.kind and self._ends(a, v):
                self.owned[id(v)] = self.series[id(v)] = name = self.owned.pop(id(a))
                return name
        return self.own(v)

    def release(self, done: Traced) -> None:
        """Free the buffers of operands that were read for the last time."""
        for a in done.operands:
            if self._ends(a, done):
                self._free.setdefault(a.kind, []).append(self.owned.pop(id(a)))

    def _ends(self, a: Traced, at: Traced) -> bool:
        return id(a) in self.owned and id(a) not in self._lasting and self.read_last(a, at)

    def read_last(self, a: Traced, at: Traced) -> bool:
        """Whether nothing reads a, or a view of it, after the operation `at`."""
        users, position = self.users[id(a)], self._position
        return all(position[id(u)] <= position[id(at)] and u.fun not in VIEWS for u in users)
