"""One call of `scan`: its arrays, its segments of time, forward and backward."""

from collections.abc import Hashable, Sequence

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.scan.loop import steps_of
from tinygrad_rnn.scan.plan import Plan, Workspace

_ROWS = 2048  # a segment's arrays should stay in the processor's cache


class Call:
    """Forward and backward passes of a plan over given arrays.

    Time is cut into segments, each with buffers of its own, which the backward pass reads.  With
    `every`, a number of steps, only the state at the start of each segment is stored, and the
    backward pass computes the segment again.  If nothing is recorded, nothing is stored.
    """

    def __init__(
        self,
        plan: Plan,
        leaves: Sequence[Array],
        xs: Sequence[Array],
        h0: Sequence[Array],
        every: int | None,
        recorded: bool,
    ):
        self.plan, self.leaves, self.xs = plan, leaves, xs
        self.T = len(xs[0])
        self.again, self.recorded = every is not None, recorded
        self.segments = _cut(self.T, every or _length(plan, self.T))
        self.starts: list[list[Array]] = []
        self.workspaces: list[Workspace] = []
        self.saved: list[tuple[Array, ...]] = []
        self.outputs, self.state = self._forward(h0)

    def _forward(self, h0: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        program = self.plan.forward
        self.prepared = program.code.prepare(*self.leaves)
        outputs = [np.empty((self.T, *v.shape), v.dtype) for v in self.plan.step.outputs]
        state: Sequence[Array] = h0
        for start, stop in self.segments:
            workspace = program.take(stop - start)
            if self.again and self.recorded:
                self.starts.append(list(map(np.array, state)))
            series, state, saved = self._segment(workspace, start, stop, state)
            for whole, piece in zip(outputs, series, strict=True):
                whole[start:stop] = piece
            if self.again or not self.recorded:
                state = list(map(np.array, state))
                program.give_back(workspace)
            else:
                self.workspaces.append(workspace)
                self.saved.append(saved)
        return outputs, list(map(np.array, state))

    def _segment(
        self, workspace: Workspace, start: int, stop: int, state: Sequence[Array]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...], tuple[Array, ...]]:
        program = self.plan.forward
        timed = [self.xs[i][start:stop] for i in program.inputs]
        steps = [steps_of(timed[i], False) for i in program.code.stepped]
        series, _, last, saved = workspace.run(*self.prepared, *timed, *steps, *state)
        return series, last, saved

    def backward(
        self, g_outputs: Sequence[Array | None], g_state: Sequence[Array | None]
    ) -> dict[Hashable, Array]:
        """Cotangents by ("x", i), ("state", i), and id of a parameter's leaf.

        None given stands for zeros.
        """
        plan = self.plan
        back = plan.backward(tuple(g is not None for g in g_outputs))
        program = back.program
        leaves = [value(origin) if i is None else self.leaves[i] for i, origin in back.leaves]
        prepared = program.code.prepare(*leaves)
        cotangents = {
            i: np.zeros_like(self.outputs[i]) if (g := g_outputs[i]) is None else g
            for role, i in back.inputs
            if role == "g"
        }
        g_xs = [np.empty_like(self.xs[i]) for i in back.x]
        state: Sequence[Array] = [
            np.zeros(*plan.step.state[i].kind) if (g := g_state[i]) is None else g
            for i in back.parts
        ]
        sums: tuple[Array, ...] = ()
        for k in reversed(range(len(self.segments))):
            start, stop = self.segments[k]
            forward = self._again(k) if self.again else self.workspaces[k]
            saved = self.saved[0] if self.again else self.saved[k]
            workspace = program.take(stop - start)
            timed = [
                saved[i] if role == "saved" else cotangents[i][start:stop]
                for role, i in back.inputs
            ]
            steps = [
                forward.steps(back.inputs[i][1], timed[i], steps_of)
                if back.inputs[i][0] == "saved"
                else steps_of(timed[i], True)
                for i in program.code.stepped
            ]
            series, found, state, _ = workspace.run(*prepared, *timed, *steps, *state)
            for whole, piece in zip(g_xs, series, strict=True):
                whole[start:stop] = piece
            sums = tuple(map(np.add, sums, found, sums)) if sums else found
            state = list(map(np.array, state))
            program.give_back(workspace)
            if self.again:
                plan.forward.give_back(forward)
        results = program.code.finish(*prepared, *sums)
        return dict(zip(back.keys, (*results, *g_xs, *state), strict=True))

    def _again(self, k: int) -> Workspace:
        start, stop = self.segments[k]
        workspace = self.plan.forward.take(stop - start)
        self.saved = [self._segment(workspace, start, stop, self.starts[k])[2]]
        return workspace

    def __del__(self) -> None:
        for workspace in getattr(self, "workspaces", ()):
            self.plan.forward.give_back(workspace)


def _cut(T: int, length: int) -> list[tuple[int, int]]:
    return [(start, min(start + length, T)) for start in range(0, T, length)]


def _length(plan: Plan, T: int) -> int:
    """Steps per segment: equal shares of T, of about _ROWS rows."""
    segments = max(1, round(T * plan.rows / _ROWS))
    return max(1, -(-T // segments))
