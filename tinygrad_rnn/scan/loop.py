"""Code for the loop over time: what the next step waits for."""

from collections.abc import Callable

import numpy as np

from tinygrad_rnn._typing import Array, Shape
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.rules.joining import concatenate
from tinygrad_rnn.rules.nonlinear import relu, softplus
from tinygrad_rnn.scan.buffers import Buffers
from tinygrad_rnn.scan.bulk import series_of
from tinygrad_rnn.scan.operations import VIEWS, copied, gate, is_ufunc
from tinygrad_rnn.scan.segment import Segment
from tinygrad_rnn.scan.traced import BEFORE, Operand, Traced

_ZERO_SECOND = {relu: np.maximum, softplus: np.logaddexp}  # f(x) is the ufunc of x and 0


class Loop:
    """Writes the loop: each value lies in its series, in one array for every step, or is a view.

    steps    by id: the name of one step
    lists    by the name of one step: the name of the list of all steps
    stepped  numbers of the inputs that come as lists of steps
    like     by id: an array laid out as the value is, to find out what is a view
    singles  ids of values that own an array for one step
    spread   by id and shape: values known once, in the shape of a result
    """

    def __init__(self, segment: Segment, buffers: Buffers):
        self.segment, self.names, self.buffers = segment, segment.names, buffers
        self.steps: dict[int, str] = {}
        self.lists: dict[str, str] = {}
        self.stepped: list[int] = []
        self.like: dict[int, Array] = {}
        self.singles: set[int] = set()
        self.spread: dict[tuple[int, Shape], str] = {}

    def write(self) -> None:
        """Append the loop to the segment."""
        self.buffers.settle()
        body = []
        for v in self.segment.schedule.loop:
            if not self._as_view(v) and (line := self._line(v)):
                body.append("    " + line)
            self._release(v)
        if body:
            steps, lists = ", ".join(self.lists), ", ".join(self.lists.values())
            target = f"{steps}," if len(self.lists) == 1 else steps
            self.segment.run += [f"for {target} in zip({lists}):", *body]

    # -- names of single steps ---------------------------------------------------------------------

    def _target(self, v: Traced) -> str:
        """The name of the array that v is written to."""
        if id(v) in self.steps:
            return self.steps[id(v)]
        home = self.buffers.home.get(id(v), v)
        if home is not v:
            self.steps[id(v)] = name = self._target(home)
        elif id(v) in self.buffers.pieces:
            whole, start, stop = self.buffers.pieces[id(v)]
            name = self._view(v, self._target(whole), lambda a: f"{a}[..., {start}:{stop}]")
        elif id(v) in self.segment.series:
            name = self._step(v, self.segment.series[id(v)])
        else:
            self.steps[id(v)] = name = self.buffers.single(v)
            self.singles.add(id(v))
        self.like[id(v)] = np.empty(v.shape, v.dtype)
        return name

    def _release(self, done: Traced) -> None:
        """Give back arrays for one step that are read here for the last time."""
        for a in done.operands:
            if id(a) in self.singles and self.segment.read_last(a, done):
                self.singles.discard(id(a))
                self.buffers.done(a, self.steps[id(a)])

    def _step(self, v: Traced, series: str) -> str:
        """The name of one step of a series, by a list of views made beforehand."""
        steps = f"{series}_steps"
        if known := [name for name, of in self.lists.items() if of == steps]:
            self.steps[id(v)] = known[0]
            return known[0]
        name = self.steps[id(v)] = self.names.fresh(f"{self.names.of(v)}_t")
        call = f"{self.names.object(steps_of, 'steps_of')}({series}, {self._reverse})"
        self.segment.line([series], f"{steps} = {call}", steps)
        self.lists[name] = steps
        return name

    @property
    def _reverse(self) -> bool:
        return self.segment.schedule.reverse

    def operand(self, v: Traced, a: Operand) -> str:
        """How v names its operand a."""
        if not isinstance(a, Traced):
            return self.names.argument(v, a)
        if id(a) in self.steps:
            return self.steps[id(a)]
        if not self.segment.timed(a):
            spread = is_ufunc(v.fun) and a.shape not in ((), v.shape)
            return self._spread(v, a) if spread else self.names.of(a)
        if a.fun is None and a.phase == BEFORE:
            timed = self.segment.schedule.timed
            self.stepped.append(next(i for i, v in enumerate(timed) if v is a))
            self.steps[id(a)] = name = self.names.fresh(f"{self.names.of(a)}_t")
            self.lists[name] = f"{self.names.of(a)}_steps"
            return name
        self.like[id(a)] = np.empty(a.shape, a.dtype)
        return self._step(a, series_of(self.segment, a))

    def _spread(self, v: Traced, a: Traced) -> str:
        """a, which is known once, in the shape of v: ufuncs cost half if nothing is broadcast."""
        if (id(a), v.shape) not in self.spread:
            self.spread[id(a), v.shape] = name = self.names.fresh(f"{self.names.of(a)}_spread")
            copy = self.names.function(np.ascontiguousarray)
            whole = [self.names.of(a), self.names.literal(v.shape)]
            self.segment.run.append(f"{name} = {copy}({self.names.call(np.broadcast_to, whole)})")
        return self.spread[id(a), v.shape]

    # -- operations --------------------------------------------------------------------------------

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
        """Name v, a view of another name in the loop: one view, or one for each step."""
        if of in self.lists:
            name, steps_of_base = self.names.fresh(f"{self.names.of(v)}_t"), self.lists[of]
            self.lists[name] = steps = f"{name}_steps"
            views = f"{steps} = [{view('a')} for a in {steps_of_base}]"
            self.segment.line([steps_of_base], views, steps)
        else:
            name = self.names.fresh(f"{self.names.of(v)}_now")
            self.segment.line([of], f"{name} = {view(of)}", name)
        self.steps[id(v)] = name
        return name

    def _line(self, v: Traced) -> str:
        """The statements that compute one step of v; empty if its pieces lie there already."""
        given = [self.operand(v, a) for a in v.args]
        out, names = self._target(v), self.names
        if is_ufunc(v.fun):
            return names.into(v.fun, given, out)
        if v.fun is gate:
            half = names.object(np.asarray(0.5, v.dtype), "half", ("half", v.dtype))
            tanh, multiply, add = map(names.function, (np.tanh, np.multiply, np.add))
            halves = f"{multiply}({out}, {half}, {out}); {add}({out}, {half}, {out})"
            return f"{tanh}({given[0]}, {out}); {halves}"
        if v.fun in _ZERO_SECOND:
            zero = names.object(np.zeros((), v.dtype), "zero", ("zero", v.dtype))
            return names.into(_ZERO_SECOND[v.fun], [given[0], zero], out)
        if v.fun is np.where and len(given) == 3:
            copy = names.function(np.copyto)
            return f"{copy}({out}, {given[2]}); {copy}({out}, {given[1]}, where={given[0]})"
        if v.fun in (copied, astype):
            return f"{names.function(np.copyto)}({out}, {given[0]}, 'unsafe')"
        if v.fun is np.matmul and v.shape:
            a, b = v.args
            if a.ndim in (1, 2) and b.ndim == 2:
                return f"{given[0]}.dot({given[1]}, {out})"
            return names.call(v.fun, [*given, out])
        if v.fun in (np.sum, np.mean) and (line := self._sum(v, given[0], out)):
            return line
        if v.fun is concatenate:
            return self._concatenation(v, given, out)
        return f"{out}[...] = {names.call(v.fun, given, v.kwargs)}"

    def _sum(self, v: Traced, given: str, out: str) -> str:
        """A sum or a mean over axes by a quicker call; empty if there is none."""
        a, names = v.args[0], self.names
        if a.dtype != v.dtype or len(v.args) > 1 or not v.kwargs.keys() <= {"axis", "keepdims"}:
            return ""
        axis, keepdims = v.kwargs.get("axis"), v.kwargs.get("keepdims", False)
        over_rows = a.ndim == 2 and keepdims and axis in (-1, 1, (-1,), (1,))
        if over_rows and v.dtype.kind == "f":  # a product with a column of ones is quicker
            n = a.shape[-1]
            column = np.full((n, 1), 1 if v.fun is np.sum else 1 / n, v.dtype)
            return f"{given}.dot({names.object(column, 'column', (v.fun, n, v.dtype))}, {out})"
        if v.fun is np.mean:
            return ""
        add = names.object(np.add.reduce, "add_reduce")
        return f"{add}({given}, {names.literal(axis)}, None, {out}, {keepdims})"

    def _concatenation(self, v: Traced, given: list[str], out: str) -> str:
        """Copy the pieces that do not lie in the result already."""
        rest = [i for i, a in enumerate(v.args) if id(a) not in self.buffers.pieces]
        if len(rest) == len(given):
            call = self.names.function(np.concatenate)
            return f"{call}({self.segment.tuple(given)}, {v.kwargs.get('axis', 0)}, {out})"
        edges = np.cumsum([0, *(a.shape[-1] for a in v.args)])
        copy, pieces = self.names.function(np.copyto), [f"{edges[i]}:{edges[i + 1]}" for i in rest]
        return "; ".join(
            f"{copy}({out}[..., {piece}], {given[i]})"
            for i, piece in zip(rest, pieces, strict=True)
        )


def steps_of(series: Array, reverse: bool) -> list[Array]:
    """Views of the single steps, as arrays even if a step has no axes, in the order of the loop."""
    steps = list(series) if series.ndim > 1 else [series[t, ...] for t in range(len(series))]
    return steps[::-1] if reverse else steps
