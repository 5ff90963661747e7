"""A cell made into programs: traced once, transposed, scheduled, emitted, and kept for the next call."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tinygrad_rnn.core.methods import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.scan.closure import Closure
from tinygrad_rnn.scan.emit import Code, emit
from tinygrad_rnn.scan.schedule import Schedule, schedule
from tinygrad_rnn.scan.simplify import simplify
from tinygrad_rnn.scan.trace import Signature, Step, topological, trace
from tinygrad_rnn.scan.traced import Traced
from tinygrad_rnn.scan.transpose import Transposed, transpose

Array = Any
_LENGTHS_KEPT = 8  # of each program: workspaces for that many T


class Program:
    """A schedule, its code, and workspaces: buffers bound for some T, each in use by one call at a time."""

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
        for length in list(self._idle)[:-_LENGTHS_KEPT]:
            self._idle.pop(length, None)


class Workspace:
    """Buffers of one program for T steps, and `run`, which fills them."""

    def __init__(self, program: Program, T: int):
        self.T, self.run = T, program.code.bind(T)
        self._steps: dict[int, tuple[Array, list[Array]]] = {}

    def steps(
        self, i: int, series: Array, make: Callable[[Array, bool], list[Array]]
    ) -> list[Array]:
        """The steps of kept series i, from the last to the first; made once if the series lies in a buffer."""
        known = self._steps.get(i)
        if known is None or known[0] is not series:
            self._steps[i] = known = (series, make(series, True))
        return known[1]


class Plan:
    """What `scan` knows of one cell for one kind of input."""

    def __init__(
        self,
        cell: Callable[[Any, Any], Any],
        signature: Signature,
        wanted_x: list[bool],
        wanted_state: list[bool],
    ):
        self.closure = Closure(cell)
        self.signature, self.wanted_x, self.wanted_state = signature, wanted_x, wanted_state
        self.step = _simplified(trace(cell, signature))
        self.promoted = tuple((v.shape, v.dtype) for v in self.step.next_state) != signature.state
        order = topological([*self.step.next_state, *self.step.outputs])
        self.parameters = [v for v in order if v.fun is None and v.wanted]
        self.keys = [
            *map(id, self.parameters),
            *(("x", i) for i in range(len(wanted_x))),
            *(("state", i) for i in range(len(wanted_state))),
        ]  # of what `scan` is recorded to depend on
        self.rows = rows_of(self.step)
        self.wanted = any(wanted_x) or any(wanted_state) or bool(self.parameters)
        self.keep: list[Traced] = []
        self._backward: dict[tuple[bool, ...], Backward] = {}
        if self.wanted:
            full = transposed(self.step, [True] * len(self.step.outputs), wanted_x, wanted_state)
            self.keep = _read(full)
            self._full: Transposed | None = full  # until it is asked for
        self.forward = self._forward()
        self.leaves = self.forward.schedule.leaves
        self._sources = [v.origin for v in self.leaves]
        self._tensors = [v.origin for v in self.leaves if isinstance(v.origin, Tensor)]
        self._trained = [t._requires_grad for t in self._tensors]
        self._kinds = [(v.shape, v.dtype) for v in self.leaves]

    def _forward(self) -> Program:
        step = self.step
        values = simplify(
            [*step.next_state, *step.outputs], step.leaves, saved=self.keep, gates=True
        )
        next_state, series = values[: len(step.state)], values[len(step.state) :]
        planned = schedule(list(zip(step.state, next_state, strict=True)), series)
        outputs, keep = series[: len(step.outputs)], series[len(step.outputs) :]
        return Program(planned, emit(replace(planned, series=outputs), keep))

    def fits(
        self, cell: Any, closure: list[Closure], wanted_x: list[bool], wanted_state: list[bool]
    ) -> bool:
        """Whether cell and gradients are as they were; `reach` is filled if the cell has to be searched."""
        if wanted_x != self.wanted_x or wanted_state != self.wanted_state:
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
        return [
            source._data if type(source) is Tensor else value(source) for source in self._sources
        ]

    def backward(self, given: tuple[bool, ...]) -> "Backward":
        """The backward program where these outputs have a cotangent."""
        if given not in self._backward:
            full, self._full = (self._full, None) if all(given) else (None, self._full)
            t = full or transposed(self.step, given, self.wanted_x, self.wanted_state)
            self._backward[given] = Backward(self, t)
        return self._backward[given]


class Backward:
    """The program that goes back through time, and which of its inputs and results is what."""

    def __init__(self, plan: Plan, t: Transposed):
        carries = [(t.g_state[i], t.previous[i]) for i in t.g_state]
        self.parts = list(t.g_state)  # numbers of the parts of the state that carry a cotangent
        self.x = list(t.g_x)
        self.keys = [
            *t.parameters,
            *(("x", i) for i in self.x),
            *(("state", i) for i in self.parts),
        ]
        planned = schedule(carries, list(t.g_x.values()), list(t.parameters.values()), reverse=True)
        self.program = Program(planned, emit(planned))
        kept = {id(v): i for i, v in enumerate(plan.keep)}
        of_leaf = {id(leaf): kept[value] for value, leaf in t.saved.items() if value in kept}
        places = {id(v): i for i, v in enumerate(plan.leaves)}
        self.leaves = [(places.get(id(v)), v.origin) for v in planned.leaves]
        self.inputs = [  # for each timed input: number of the kept series, or of the output
            ("kept", of_leaf[id(v)]) if v.origin.role == "saved" else ("g", v.origin.number)
            for v in planned.timed
        ]


def rows_of(step: Step) -> int:
    """How many rows a step works on."""
    return max((v.shape[0] if len(v.shape) > 1 else 1 for v in step.state), default=1)


def _simplified(step: Step) -> Step:
    new = iter(simplify([*step.next_state, *step.outputs], step.leaves))
    return replace(
        step,
        next_state=[next(new) for _ in step.next_state],
        outputs=[next(new) for _ in step.outputs],
    )


def transposed(
    step: Step, given: Sequence[bool], wanted_x: Sequence[bool], wanted_state: Sequence[bool]
) -> Transposed:
    """The backward step, simplified."""
    t = transpose(step, given, wanted_x, wanted_state)
    groups = (t.previous, t.g_x, t.parameters)
    new = iter(simplify([v for group in groups for v in group.values()], step.leaves, linear=True))
    previous, g_x, parameters = ({key: next(new) for key in group} for group in groups)
    return replace(t, previous=previous, g_x=g_x, parameters=parameters)


def _read(t: Transposed) -> list[Traced]:
    """The forward values that the backward pass reads."""
    reached = {
        id(v) for v in topological([*t.previous.values(), *t.g_x.values(), *t.parameters.values()])
    }
    return [v for v in t.read if id(t.saved[id(v)]) in reached]
