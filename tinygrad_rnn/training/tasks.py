"""The classic tasks as problems: new sequences for each update."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Function
from tinygrad_rnn.data import (
    adding_problem,
    copy_memory,
    copy_memory_baseline,
    embedded_reber,
    encode_reber,
    temporal_order,
    temporal_xor,
)
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss
from tinygrad_rnn.training.problem import Batch, Problem

_VALIDATION = 200  # sequences


def _reber(
    _: int, batch: int, *, rng: np.random.Generator, dtype: DTypeLike
) -> tuple[Array, Array]:
    return encode_reber(embedded_reber(batch, rng=rng), dtype)[:2]


def _xor(
    steps: int, batch: int, *, rng: np.random.Generator, dtype: DTypeLike
) -> tuple[Array, Array]:
    triples = -(-(steps + 1) // 3)
    stream = temporal_xor(triples * batch, rng=rng, dtype=dtype)
    bits = stream.reshape(batch, 3 * triples, 1).swapaxes(0, 1)
    return bits[:steps], bits[1 : steps + 1]


def _ignoring(outputs: Array, targets: Array) -> Array:
    return cross_entropy(outputs, targets, ignore_index=-1)


@dataclass(frozen=True)
class _Task:
    """draw(window, batch, rng=, dtype=) -> xs, targets; window: the default, 0 for no such."""

    about: str
    draw: Callable[..., tuple[Array, Array]]
    loss: Function
    inputs: int
    outputs: int
    last: bool
    window: int
    measure: str
    scale: float
    baseline: Callable[[int], tuple[str, float] | None]


_BITS = 1 / math.log(2)
TASKS: dict[str, _Task] = {
    "adding": _Task("the sum of two marked numbers", adding_problem, mse_loss, 2, 1, True, 50,
                    "mean squared error", 1.0, lambda T: ("always 1", 1 / 6)),
    "copy": _Task("ten symbols, to be written out after a wait", copy_memory, cross_entropy, 10, 10,
                  False, 10, "bits per step", _BITS,
                  lambda T: ("without memory", copy_memory_baseline(T) * _BITS)),
    "temporal-order": _Task("the order of two symbols of long ago", temporal_order, cross_entropy,
                            6, 4, True, 30, "bits per sequence", _BITS,
                            lambda T: ("guessing", 2.0)),
    "reber": _Task("strings of the embedded Reber grammar", _reber, _ignoring, 7, 7, False, 0,
                   "bits per symbol", _BITS, lambda T: None),
    "xor": _Task("every third bit is the exclusive or of the two before", _xor,
                 binary_cross_entropy_with_logits, 1, 1, False, 30, "bits per bit", _BITS,
                 lambda T: ("guessing", 1.0)),
}  # fmt: skip


class ClassicTask(Problem):
    """One of TASKS."""

    kind, default = "task", 2000

    def __init__(self, name: str, window: int, batch: int, seed: int):
        self.task = task = TASKS[name]
        if window and not task.window:
            raise UsageError(
                f"--window is {window}, but the sequences of {name} have lengths of their own. "
                "Leave it out."
            )
        self.window, self.batch = window or task.window, batch or 32
        self.inputs, self.outputs = task.inputs, task.outputs
        self.last, self.measure = task.last, task.measure
        self.loss, self.baseline = task.loss, task.baseline(self.window)
        self.unit = "squared error" if task.scale == 1 else "nats"
        self.about = f"{name}: {task.about}" + (f"; window {self.window}" if task.window else "")
        self.fingerprint = f"{name} {self.window}"
        self._held_out = held_out = Batch(
            *self._draw(_VALIDATION, np.random.default_rng((seed, 1))), True
        )
        self.steps = f"{len(held_out.xs)} steps" if task.window else "different lengths"

    def measured(self, loss: float) -> float:
        """Bits where it counts bits."""
        return loss * self.task.scale

    def training(self, n: int, rng: np.random.Generator) -> Batch:
        """New sequences."""
        return Batch(*self._draw(self.batch, rng), True)

    def validation(self) -> Iterator[Batch]:
        """One batch, drawn by a generator of its own."""
        return iter([self._held_out])

    def _draw(self, batch: int, rng: np.random.Generator) -> tuple[Array, Array]:
        return self.task.draw(self.window, batch, rng=rng, dtype=np.float32)
