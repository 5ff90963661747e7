"""Source for the loop over time: what the next step waits for."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.rules.joining import concatenate
from tinygrad_rnn.rules.nonlinear import relu, softplus
from tinygrad_rnn.scan.buffers import Buffers
from tinygrad_rnn.scan.bulk import series_of
from tinygrad_rnn.scan.operations import VIEWS, copied, gate, is_ufunc
from tinygrad_rnn.scan.segment import Segment
from tinygrad_rnn.scan.traced import BEFORE, Traced

_ZERO_SECOND = {relu: np.maximum, softplus: np.logaddexp}  # f(x) is the ufunc of x and 0


class Loop:
    """Writes the loop of a segment: each value lies in its series, in one array used at every step, or is a view."""

    def __init__(self, segment: Segment, buffers: Buffers):
        self.segment, self.names, self.buffers = segment, segment.names, buffers
        self.loop = segment.schedule.loop
        self.steps: dict[int, str] = {}  # by id: the name of one step
        self.lists: dict[str, str] = {}  # name of one step -> name of the list of all steps
        self.stepped: list[int] = []  # numbers of the inputs that come as lists of steps
        self.like: dict[
            int, Any
        ] = {}  # by id: an array laid out as the value is, to find out what is a view
        self.singles: set[int] = set()  # ids of values that own an array for one step
        self.spread: dict[
            tuple[int, tuple[int, ...]], str
        ] = {}  # by id and shape: constants in the shape of a result
        self.body: list[str] = []

    def write(self) -> None:
        """Append the loop to the segment."""
        self.buffers.settle()
        for v in self.loop:
            if not self._as_view(v) and (line := self._line(v)):
                self.body.append(line)
            self._release(v)
        if self.body:
            steps, lists = ", ".join(self.lists), ", ".join(self.lists.values())
            target = f"{steps}," if len(self.lists) == 1 else steps
            self.segment.run.append(f"for {target} in zip({lists}):")
            self.segment.run += ["    " + line for line in self.body]

    # -- names of single steps -------------------------------------------------------------------------

    def _place(self, v: Traced) -> str:
        """The name of the array that v is written to."""
        if id(v) in self.steps:
            return self.steps[id(v)]
        home = self.buffers.home.get(id(v), v)
        if home is not v:
            self.steps[id(v)] = name = self._place(home)
        elif id(v) in self.buffers.parts:
            whole, start, stop = self.buffers.parts[id(v)]
            name = self._view(v, self._place(whole), lambda a: f"{a}[..., {start}:{stop}]")
        elif id(v) in self.segment.series:
            name = self._step(v, self.segment.series[id(v)])
        else:
            self.steps[id(v)] = name = self.buffers.single(v)
            self.singles.add(id(v))
        self.like[id(v)] = np.empty(v.shape, v.dtype)
        return name

    def _release(self, done: Traced) -> None:
        """Arrays for one step that are read here for the last time; those with views or guests are kept."""
        for a in done.args:
            if isinstance(a, Traced) and id(a) in self.singles:
                users = self.segment.users[id(a)]
                last = all(self.segment.place[id(u)] <= self.segment.place[id(done)] for u in users)
                if last and not any(u.fun in VIEWS for u in users):
                    self.singles.discard(id(a))
                    self.buffers.done(a, self.steps[id(a)])

    def _step(self, v: Traced, series: str) -> str:
        """The name of one step of a series, by a list of views made beforehand."""
        steps = f"{series}_steps"
        if known := [name for name, of in self.lists.items() if of == steps]:
            self.steps[id(v)] = known[0]
            return known[0]
        name = self.steps[id(v)] = self.names.fresh(f"{self.names.of(v)}_t")
        made = f"{steps} = {self.names.object(steps_of, 'steps_of')}({series}, {self.segment.schedule.reverse})"
        self.segment.line([series], made, steps)
        self.lists[name] = steps
        return name

    def operand(self, v: Traced, a: Any) -> str:
        """How v names its operand a."""
        if not isinstance(a, Traced):
            return self.names.argument(v, a)
        if id(a) in self.steps:
            return self.steps[id(a)]
        if not self.segment.timed(a):
            return (
                self._spread(v, a)
                if is_ufunc(v.fun) and a.shape not in ((), v.shape)
                else self.names.of(a)
            )
        if a.fun is None and a.phase == BEFORE:
            self.stepped.append(
                next(i for i, v in enumerate(self.segment.schedule.timed) if v is a)
            )
            self.steps[id(a)] = name = self.names.fresh(f"{self.names.of(a)}_t")
            self.lists[name] = f"{self.names.of(a)}_steps"
            return name
        self.like[id(a)] = np.empty(a.shape, a.dtype)
        return self._step(a, series_of(self.segment, a))

    def _spread(self, v: Traced, a: Traced) -> str:
        """A constant in the shape of v: ufuncs are twice as fast where nothing has to be broadcast."""
        if (id(a), v.shape) not in self.spread:
            self.spread[id(a), v.shape] = name = self.names.fresh(f"{self.names.of(a)}_spread")
            self.segment.run.append(
                f"{name} = {self.names.function(np.ascontiguousarray)}("
                f"{self.names.call(np.broadcast_to, [self.names.of(a), self.names.literal(v.shape)])})"
            )
        return self.spread[id(a), v.shape]

    # -- operations -----------------------------------------------------------------------------------

    def _as_view(self, v: Traced) -> bool:
        """Make v a view of its operand, if NumPy gives one: no work in the loop."""
        if v.fun not in VIEWS or any(v is after for _, after in self.segment.schedule.carries):
            return False
        base = v.args[0]
        of = self.operand(v, base)
        like = self.like.get(id(base))
        if like is None or any(isinstance(a, Traced) for a in v.args[1:]):
            return False
        view = v.fun(like, *v.args[1:], **v.kwargs)
        if not np.may_share_memory(view, like):
            return False
        self.like[id(v)] = view
        given = [self.names.literal(a) for a in v.args[1:]]
        self._view(v, of, lambda a: self.names.call(v.fun, [a, *given], v.kwargs))
        return True

    def _view(self, v: Traced, of: str, view: Callable[[str], str]) -> str:
        """Name v a view of what has another name in the loop: one view, or one for each step, made beforehand."""
        if of in self.lists:
            name, source = self.names.fresh(f"{self.names.of(v)}_t"), self.lists[of]
            self.lists[name] = steps = f"{name}_steps"
            self.segment.line([source], f"{steps} = [{view('a')} for a in {source}]", steps)
        else:
            name = self.names.fresh(f"{self.names.of(v)}_now")
            self.segment.line([of], f"{name} = {view(of)}", name)
        self.steps[id(v)] = name
        return name

    def _line(self, v: Traced) -> str:
        given = [self.operand(v, a) for a in v.args]
        out, names = self._place(v), self.names
        if is_ufunc(v.fun):
            return names.into(v.fun, given, out)
        if v.fun is np.matmul:
            a, b = v.args
            if a.ndim in (1, 2) and b.ndim == 2:
                return f"{given[0]}.dot({given[1]}, {out})"
            return (
                names.call(v.fun, [*given, out])
                if v.shape
                else f"{out}[...] = {names.call(v.fun, given)}"
            )
        if v.fun is gate:
            half = names.object(np.asarray(0.5, v.dtype), "half", ("half", v.dtype))
            tanh, multiply, add = map(names.function, (np.tanh, np.multiply, np.add))
            return f"{tanh}({given[0]}, {out}); {multiply}({out}, {half}, {out}); {add}({out}, {half}, {out})"
        if v.fun in _ZERO_SECOND:
            zero = names.object(np.zeros((), v.dtype), "zero", ("zero", v.dtype))
            return names.into(_ZERO_SECOND[v.fun], [given[0], zero], out)
        if v.fun is np.where and len(given) == 3:
            copy = names.function(np.copyto)
            return f"{copy}({out}, {given[2]}); {copy}({out}, {given[1]}, where={given[0]})"
        if v.fun in (copied, astype):
            return f"{names.function(np.copyto)}({out}, {given[0]}, 'unsafe')"
        plain = len(v.args) == 1 and v.kwargs.keys() <= {"axis", "keepdims"}
        if v.fun in (np.sum, np.mean) and v.args[0].dtype == v.dtype and plain:
            axis, keepdims = v.kwargs.get("axis"), v.kwargs.get("keepdims", False)
            if (
                v.args[0].ndim == 2
                and keepdims
                and axis in (-1, 1, (-1,), (1,))
                and v.dtype.kind == "f"
            ):
                n = v.args[0].shape[-1]  # a product with a column of ones is quicker
                column = np.full((n, 1), 1 if v.fun is np.sum else 1 / n, v.dtype)
                return (
                    f"{given[0]}.dot({names.object(column, 'column', (v.fun, n, v.dtype))}, {out})"
                )
        if v.fun is np.sum and v.args[0].dtype == v.dtype and plain:
            reduce = names.object(np.add.reduce, "add_reduce")
            return f"{reduce}({given[0]}, {names.literal(axis)}, None, {out}, {keepdims})"
        if v.fun is concatenate and any(id(a) in self.buffers.parts for a in v.args):
            edges = np.cumsum([0, *(a.shape[-1] for a in v.args)])
            rest = [i for i, a in enumerate(v.args) if id(a) not in self.buffers.parts]
            copy = names.function(np.copyto)
            return "; ".join(
                f"{copy}({out}[..., {edges[i]}:{edges[i + 1]}], {given[i]})" for i in rest
            )
        if v.fun is concatenate:
            axis = v.kwargs.get("axis", 0)
            return f"{names.function(np.concatenate)}({self.segment.tuple(given)}, {axis}, {out})"
        return f"{out}[...] = {names.call(v.fun, given, v.kwargs)}"


def steps_of(series: Any, reverse: bool) -> list[Any]:
    """Views of the single steps, as arrays even where a step has no axes, in the order of the loop."""
    steps = list(series) if series.ndim > 1 else [series[t, ...] for t in range(len(series))]
    return steps[::-1] if reverse else steps
