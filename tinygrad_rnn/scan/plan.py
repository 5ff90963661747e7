"""The programs of a cell: it is traced once, transposed, scheduled, and emitted as code."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from tinygrad_rnn._typing import Array, Function
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.scan.closure import Closure
from tinygrad_rnn.scan.emit import Code, emit
from tinygrad_rnn.scan.schedule import Schedule, schedule
from tinygrad_rnn.scan.simplify import simplify
from tinygrad_rnn.scan.trace import Signature, Step, Wanted, topological, trace
from tinygrad_rnn.scan.traced import Traced
from tinygrad_rnn.scan.transpose import Transposed, transpose

_MOST_LENGTHS = 8  # of each program: workspaces for that many T


class Program:
    """A schedule, its code, and workspaces: buffers for T steps, each of one call at a time."""

    def __init__(self, planned: Schedule, code: Code):
        self.schedule, self.code = planned, code
        self.inputs = [v.origin.number for v in planned.timed]
        self._idle: dict[int, list[Workspace]] = {}

    def take(self, T: int) -> "Workspace":
        """Buffers for T steps that nobody else uses."""
        idle = self._idle.get(T)
        try:
            return idle.pop() if idle else Workspace(self, T)
        except IndexError:  # another thread was faster
            return Workspace(self, T)

    def give_back(self, workspace: "Workspace") -> None:
        """Let a later call use these buffers."""
        self._idle.setdefault(workspace.T, []).append(workspace)
        for length in list(self._idle)[:-_MOST_LENGTHS]:
            self._idle.pop(length, None)


class Workspace:
    """Buffers of one program for T steps, and `run`, which fills them."""

    def __init__(self, program: Program, T: int):
        self.T, self.run = T, program.code.bind(T)
        self._steps: dict[int, tuple[Array, list[Array]]] = {}

    def steps(
        self, i: int, series: Array, make: Callable[[Array, bool], list[Array]]
    ) -> list[Array]:
        """The steps of saved series i, last to first; made once if the series lies in a buffer."""
        known = self._steps.get(i)
        if known is None or known[0] is not series:
            self._steps[i] = known = (series, make(series, True))
        return known[1]


class Plan:
    """What `scan` knows of one cell for one kind of input."""

    def __init__(self, cell: Function, signature: Signature, wanted: Wanted):
        self.closure = Closure(cell)
        self.signature, self.wanted = signature, wanted
        self.step = _simplified(trace(cell, signature))
        self.promoted = tuple(v.kind for v in self.step.next_state) != signature.state
        order = topological([*self.step.next_state, *self.step.outputs])
        self.parameters = [v for v in order if v.fun is None and v.wanted]
        self.keys: list[Hashable] = [  # of what `scan` is recorded to depend on
            *map(id, self.parameters),
            *(("x", i) for i in range(len(wanted.x))),
            *(("state", i) for i in range(len(wanted.state))),
        ]
        self.rows = rows_of(self.step)
        self.differentiable = any(wanted.x) or any(wanted.state) or bool(self.parameters)
        self.saved: list[Traced] = []  # forward values that the backward pass reads
        self._backward: dict[tuple[bool, ...], Backward] = {}
        if self.differentiable:
            full = transposed(self.step, [True] * len(self.step.outputs), wanted)
            self.saved = _read(full)
            self._full: Transposed | None = full  # until `backward` takes it
        self.forward = self._forward()
        self.leaves = self.forward.schedule.leaves
        self._origins = [v.origin for v in self.leaves]
        self._tensors = [t for t in self._origins if isinstance(t, Tensor)]
        self._trained = [t._requires_grad for t in self._tensors]
        self._kinds = [v.kind for v in self.leaves]

    def _forward(self) -> Program:
        step, saved = self.step, self.saved
        results = [*step.next_state, *step.outputs]
        values = simplify(results, step.leaves, saved=saved, gates=True)
        next_state, series = values[: len(step.state)], values[len(step.state) :]
        planned = schedule(list(zip(step.state, next_state, strict=True)), series)
        outputs, saved = series[: len(step.outputs)], series[len(step.outputs) :]
        return Program(planned, emit(replace(planned, series=outputs), saved))

    def fits(self, cell: Function, closure: list[Closure], wanted: Wanted) -> bool:
        """Whether cell and gradients are as they were.

        `closure` is filled if the cell has to be searched.
        """
        if wanted != self.wanted:
            return False
        if self.closure.of(cell):
            same = self.closure.unchanged()
        else:
            closure[:] = closure or [Closure(cell)]
            same = self.closure.same(closure[0])
        return (
            same
            and [(a.shape, a.dtype) for a in self.values()] == self._kinds
            and [t._requires_grad for t in self._tensors] == self._trained
        )

    def values(self) -> list[Array]:
        """The arrays of the leaves as they are now."""
        return [x._data if type(x) is Tensor else value(x) for x in self._origins]

    def backward(self, given: tuple[bool, ...]) -> "Backward":
        """The backward program where these outputs have a cotangent."""
        if given not in self._backward:
            full, self._full = (self._full, None) if all(given) else (None, self._full)
            t = full or transposed(self.step, given, self.wanted)
            self._backward[given] = Backward(self, t)
        return self._backward[given]


class Backward:
    """The program that goes back through time, and which of its inputs and results is what.

    parts   numbers of the parts of the state that carry a cotangent
    leaves  for each leaf: its number in the plan, if any, and where it comes from
    inputs  for each timed input: ("saved", number of the series) or ("g", number of the output)
    """

    def __init__(self, plan: Plan, t: Transposed):
        self.parts, self.x = list(t.g_state), list(t.g_x)
        self.keys: list[Hashable] = [
            *t.parameters,
            *(("x", i) for i in self.x),
            *(("state", i) for i in self.parts),
        ]
        carries = [(t.g_state[i], t.previous[i]) for i in t.g_state]
        planned = schedule(carries, list(t.g_x.values()), list(t.parameters.values()), reverse=True)
        self.program = Program(planned, emit(planned))
        saved = {id(v): i for i, v in enumerate(plan.saved)}
        of_leaf = {id(leaf): saved[v] for v, leaf in t.saved.items() if v in saved}
        number = {id(v): i for i, v in enumerate(plan.leaves)}
        self.leaves = [(number.get(id(v)), v.origin) for v in planned.leaves]
        self.inputs = [
            ("saved", of_leaf[id(v)]) if v.origin.role == "saved" else ("g", v.origin.number)
            for v in planned.timed
        ]


def rows_of(step: Step) -> int:
    """How many rows a step works on."""
    return max((v.shape[0] if len(v.shape) > 1 else 1 for v in step.state), default=1)


def _simplified(step: Step) -> Step:
    new = simplify([*step.next_state, *step.outputs], step.leaves)
    n = len(step.next_state)
    return replace(step, next_state=new[:n], outputs=new[n:])


def transposed(step: Step, given: Sequence[bool], wanted: Wanted) -> Transposed:
    """The backward step, simplified."""
    t = transpose(step, given, wanted)
    groups = (t.previous, t.g_x, t.parameters)
    new = iter(simplify([v for group in groups for v in group.values()], step.leaves, linear=True))
    previous, g_x, parameters = ({key: next(new) for key in group} for group in groups)
    return replace(t, previous=previous, g_x=g_x, parameters=parameters)


def _read(t: Transposed) -> list[Traced]:
    """The forward values that the backward pass reads."""
    results = topological([*t.previous.values(), *t.g_x.values(), *t.parameters.values()])
    reached = set(map(id, results))
    return [v for v in t.read if id(t.saved[id(v)]) in reached]
