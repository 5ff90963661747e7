"""The buffers of a program and the lines that fill them, while they are being written."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.scan.names import Names
from tinygrad_rnn.scan.operations import VIEWS
from tinygrad_rnn.scan.schedule import Schedule
from tinygrad_rnn.scan.trace import users
from tinygrad_rnn.scan.traced import ONCE, Traced


class Segment:
    """What `bind` makes once for T steps, and what `run` does with it.

    A series is an array of a value at all steps, with the axis T in front.
    """

    def __init__(self, schedule: Schedule, keep: Sequence[Traced], names: Names):
        self.schedule, self.names = schedule, names
        self.bind: list[str] = []
        self.run: list[str] = []
        self.series: dict[int, str] = {}  # by id of a value
        self.fixed: set[str] = set()  # names that `bind` makes
        self.like: dict[
            int, Any
        ] = {}  # by id: an array laid out in memory as its series is; absent: in C order
        self.owned: dict[
            int, str
        ] = {}  # by id: the buffer it lies in and may give away when it is done with
        self.assigned: dict[int, str] = {}  # by id: the series it is to be written to
        self._free: dict[object, list[str]] = {}
        operations = [*schedule.before, *schedule.loop, *schedule.after]
        self.users = users(operations)
        self.place = {id(v): i for i, v in enumerate(operations)}
        self.in_loop = {id(v) for v in schedule.loop}
        self.outside = {
            id(v) for v in (*keep, *schedule.series)
        }  # ids of values that are read after `run`
        self._lasting = self.outside | self.in_loop | {id(a) for v in schedule.loop for a in v.args}

    def timed(self, a: object) -> bool:
        """Whether a is a value that has a series."""
        return isinstance(a, Traced) and (a.phase != ONCE or id(a) in self.in_loop)

    def line(self, made_of: Iterable[str], text: str, name: str = "") -> None:
        """A line of `bind` if everything in it is made there, else of `run`."""
        if all(part in self.fixed for part in made_of):
            self.bind.append(text)
            self.fixed.add(name)
        else:
            self.run.append(text)

    def buffer(self, v: Traced, length: str = "T", plain: str = "") -> str:
        """The name of a new buffer for v: (length, *shape), or for one step if length is empty."""
        name = self.names.fresh(plain) if plain else self.names.of(v)
        shape = [length] * bool(length) + [str(n) for n in v.shape]
        self.bind.append(
            f"{name} = {self.names.function(np.empty)}({self.tuple(shape)}, {self.names.object(v.dtype, v.dtype.name)})"
        )
        self.fixed.add(name)
        return name

    @staticmethod
    def tuple(items: Iterable[str]) -> str:
        """A tuple as source."""
        inside = ", ".join(items)
        return f"({inside},)" if inside else "()"

    def own(self, v: Traced) -> str:
        """A buffer for the series of v, perhaps one that is free."""
        if id(v) in self.assigned:
            self.series[id(v)] = self.assigned[id(v)]
            return self.assigned[id(v)]
        spare = self._free.get((v.shape, v.dtype))
        self.owned[id(v)] = self.series[id(v)] = name = spare.pop() if spare else self.buffer(v)
        return name

    def inherit(self, v: Traced) -> str:
        """A buffer for the series of v: that of an operand which is read by v for the last time, if there is one."""
        for a in v.args if id(v) not in self.assigned else ():
            if self._ends(a, v) and (a.shape, a.dtype) == (v.shape, v.dtype):
                self.owned[id(v)] = self.series[id(v)] = name = self.owned.pop(id(a))
                return name
        return self.own(v)

    def release(self, done: Traced) -> None:
        """Free the buffers of operands that were read for the last time."""
        for a in done.args:
            if self._ends(a, done):
                self._free.setdefault((a.shape, a.dtype), []).append(self.owned.pop(id(a)))

    def _ends(self, a: object, at: Traced) -> bool:
        if not isinstance(a, Traced) or id(a) not in self.owned or id(a) in self._lasting:
            return False
        users = self.users[id(a)]
        return all(self.place[id(u)] <= self.place[id(at)] and u.fun not in VIEWS for u in users)
