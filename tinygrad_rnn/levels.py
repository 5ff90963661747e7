"""Carrying cotangents from one listed state to the next: the mechanism of gradient flow.

A *level* is one entry of a list of states: the Tensors of s_t, such as (h_t, c_t).  Level by level, latest first,
what arrives at a level is carried to the next listed Tensors below it, and no further:

    arrivals at s_t    cotangents along paths that have met no other listed Tensor since they left where they began
    one step           arrivals at s_t -> arrivals at lower levels, plus what reaches each parameter on the way

A sweep is a chain of such steps, and everything that gradient flow measures is a sum of sweeps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.backprop import ancestors, pullback
from tinygrad_rnn.errors import GradientError, ShapeError, UsageError
from tinygrad_rnn.tensor import Tensor, seed

Array = Any
Arrivals = list[Array]  # one array for each Tensor of a level


class Levels:
    """Listed states and losses on a graph; levels are counted from 0.

    parameters  {name: Tensor}: the leaves with requires_grad that the losses depend on, oldest first
    """

    def __init__(self, losses: Sequence[Tensor | None], tensors: Sequence[tuple[Tensor, ...]]):
        self.losses, self.tensors = losses, tensors
        self._home: dict[Tensor, tuple[int, int]] = {}  # listed Tensor -> (level, part) where it first appears
        for t, level in enumerate(tensors):
            for part, tensor in enumerate(level):
                self._home.setdefault(tensor, (t, part))
        self.parameters = self._find_parameters()
        self._parameter_set = frozenset(self.parameters.values())

    def direct(self) -> dict[int, Arrivals]:
        """What arrives at each level from all losses along paths that have met no listed Tensor before."""
        levels: dict[int, Arrivals] = {}
        for k in range(len(self.losses)):
            self._deposit(self._walk(self._loss_seed(k))[1], levels)
        return {t: levels.get(t) or self._zeros(t) for t in range(len(self.tensors))}

    def _find_parameters(self) -> dict[str, Tensor]:
        losses = [loss for loss in self.losses if loss is not None]
        if not losses:
            raise UsageError("every loss is None: there is nothing to differentiate.")
        if not any(loss.requires_grad for loss in losses):
            seed(losses[-1])  # raises, and says why
        found: dict[str, Tensor] = {}
        for tensor in ancestors(losses):
            if tensor.fun is None and tensor.requires_grad and tensor not in self._home:
                name = tensor.name or "parameter"
                same = sum(other.split("#")[0] == name for other in found)
                found[f"{name}#{same + 1}" if same else name] = tensor
        return found

    def _loss_seed(self, k: int) -> dict[Tensor, Array]:
        loss = self.losses[k]
        return {} if loss is None or not loss.requires_grad else {loss: seed(loss)}

    def _walk(
        self, seeds: dict[Tensor, Array], reached: dict[Tensor, Array] | None = None
    ) -> tuple[dict[Tensor, Array], dict[Tensor, Array]]:
        """Carry cotangents to the next listed Tensors; returns (complete ones of the seeds, what arrived).

        What comes to the parameters on the way is added to `reached`, if that is asked for.
        """
        own, arrived = {}, {}
        skip = self._parameter_set if reached is None else ()
        for tensor, g, _ in pullback(seeds, stop=self._home, skip=skip):
            if tensor in seeds:
                own[tensor] = g
            elif tensor in self._home:
                arrived[tensor] = g
            elif reached is not None and tensor.fun is None:
                reached[tensor] = reached[tensor] + g if tensor in reached else g
        return own, arrived

    def sweep(
        self,
        inject: Mapping[int, Arrivals],
        lowest: int = 0,
        reach: Sequence[dict[Tensor, Array]] | None = None,
    ) -> Iterator[tuple[int, Arrivals, Arrivals]]:
        """Inject arrivals at some levels and carry them down; yields (level, arrivals, complete cotangents).

        The two differ in a tuple (h, c) whose h is computed from c: what comes to c through h is not an arrival.
        With `reach`, what the step of level t brings to each parameter is added to reach[t].
        """
        pending: dict[int, Arrivals] = {}
        for t in range(max(inject), lowest - 1, -1):
            level, arrivals = self.tensors[t], pending.pop(t, None) or self._zeros(t)
            if t in inject:
                arrivals = [a + b for a, b in zip(arrivals, inject[t], strict=True)]
            if t == lowest and len(level) == 1 and reach is None:
                yield t, arrivals, arrivals  # nothing below is asked for
                return
            seeds = {x: a for x, a in zip(level, arrivals, strict=True) if self._home[x][0] == t}
            own, below = self._walk(seeds, None if reach is None else reach[t])
            for x, a in zip(level, arrivals, strict=True):
                if x not in seeds:  # passed on unchanged from an earlier step
                    own[x] = below[x] = below[x] + a if x in below else a
            yield t, arrivals, [own[x] for x in level]
            self._deposit(below, pending)

    def _deposit(self, arrived: Mapping[Tensor, Array], levels: dict[int, Arrivals]) -> None:
        for tensor, g in arrived.items():
            t, part = self._home[tensor]
            if t not in levels:
                levels[t] = self._zeros(t)
            levels[t][part] = levels[t][part] + g

    def gather(self, sweep: Iterable[Any], reach: Sequence[dict[Tensor, Array]]) -> None:
        """Run a sweep for what it adds to `reach`, and add what each loss sends to the parameters past all states."""
        for _ in sweep:
            pass
        for t, reached in enumerate(reach):
            self._walk(self._loss_seed(t), reached)

    # -- a level as one vector ------------------------------------------------------------------------

    def carried(self, k: int, t: int, joint: Array) -> Array:
        """A cotangent of s_k, as one vector, carried down to s_t; k and t count from 1 as in the equations."""
        widths = [np.atleast_1d(x.data).shape[-1] for x in self.tensors[k - 1]]
        pieces = np.split(joint, np.cumsum(widths)[:-1], axis=-1)
        at_k = [piece.reshape(x.shape) for piece, x in zip(pieces, self.tensors[k - 1], strict=True)]
        *_, (_, arrivals, _) = self.sweep({k - 1: at_k}, lowest=t - 1)
        return np.concatenate([np.atleast_1d(a) for a in arrivals], axis=-1)

    def joint_shape(self, k: int) -> tuple[int, ...]:
        """(..., n): the shape of s_k as one vector for each row of the batch."""
        shapes = [np.atleast_1d(x.data).shape for x in self.tensors[k - 1]]
        if any(shape[:-1] != shapes[0][:-1] for shape in shapes):
            raise ShapeError(f"the parts of state {k} have shapes {shapes}; a Jacobian needs equal batch axes.")
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def check_rows(self, k: int, t: int) -> None:
        """Raise GradientError if the first row of the batch at s_k depends on another row at s_t."""
        shape = self.joint_shape(k)
        first = np.zeros(shape)
        first[(0,) * (len(shape) - 1)] = 1.0
        if np.count_nonzero(self.carried(k, t, first).reshape(-1, shape[-1])[1:]):
            raise GradientError(
                f"the rows of a batch depend on each other between s_{t} and s_{k}, so one Jacobian for each row "
                "does not exist. Unroll with a batch of one."
            )

    def _zeros(self, t: int) -> Arrivals:
        return [np.zeros_like(x.data) for x in self.tensors[t]]
