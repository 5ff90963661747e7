"""A run: updates, validation, and a checkpoint from which it is resumed bit for bit."""

import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.mode import no_grad
from tinygrad_rnn.errors import DataError, UsageError
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.io import checkpoint
from tinygrad_rnn.io.checkpoint import Saved
from tinygrad_rnn.io.files import shown
from tinygrad_rnn.training.interrupt import deferred_interrupt
from tinygrad_rnn.training.model import Model, make_model
from tinygrad_rnn.training.problem import Problem
from tinygrad_rnn.training.settings import OPTIMIZERS, Settings
from tinygrad_rnn.training.update import update

_BAR = "|{bar}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"  # fits into 80 columns
_SAVED_EVERY = 60.0  # seconds


class Run:
    """A model being trained by truncated BPTT: the state is carried on, the gradient is not.

    n        updates made so far
    total    updates wanted
    losses   of every update
    history  a row for each validation: [n, training, validation], in the problem's measure; the
             first before training
    """

    def __init__(self, settings: Settings, problem: Problem, total: int):
        self.settings, self.problem, self.total = settings, problem, total
        self.model = untrained(settings, problem)
        self.optimizer = OPTIMIZERS[settings.optimizer](self.model, lr=settings.lr)
        self.rng = np.random.default_rng((settings.seed, 2))
        self.n = 0
        self.state: tuple[Array, ...] | None = None
        self.losses: list[float] = []
        self.history: list[list[float]] = []
        per_epoch = problem.per_epoch or 100
        self.every = min(500, per_epoch * math.ceil(50 / per_epoch))

    def update(self) -> tuple[float, float]:
        """One step of the optimiser; returns the loss and the norm of its gradient before clipping.

        Raises UsageError if the loss is not finite; the model is as it was then.
        """
        batch = self.problem.training(self.n, self.rng)
        with np.errstate(over="ignore", invalid="ignore"):  # found out, and told, by the loss
            outputs, state = self.model(batch.xs, None if batch.fresh else _joined(self.state))
            loss = self.problem.loss(outputs, batch.targets)
            after = f"after {self.n} updates. Lower --lr, or --clip."
            value, norm = update(
                self.optimizer, loss, after, clipped=self.model, norm=self.settings.clip
            )
        self.state = tuple(
            np.array(part.data) for part in (state if isinstance(state, tuple) else (state,))
        )
        self.losses.append(value)
        self.n += 1
        return value, norm

    def validate(self) -> list[float]:
        """Measure the model on what it is not trained on; returns the new row of the history."""
        losses, state = [], None
        with no_grad(), np.errstate(over="ignore", invalid="ignore"):
            for batch in self.problem.validation():
                outputs, state = self.model(batch.xs, None if batch.fresh else state)
                losses.append(float(self.problem.loss(outputs, batch.targets).item()))
        held_out = float(np.mean(losses))
        if not math.isfinite(held_out):
            raise UsageError(
                f"the loss of validation is {held_out} after {self.n} updates. "
                "Lower --lr, or --clip."
            )
        recent = self.losses[int(self.history[-1][0]) :] if self.history else []
        trained = float(np.mean(recent)) if recent else held_out
        self.history.append(
            [self.n, self.problem.measured(trained), self.problem.measured(held_out)]
        )
        return self.history[-1]

    def train(self, path: str | os.PathLike[str]) -> bool:
        """Train up to `total`, with a bar; save at each validation, each minute and the end.

        False if Ctrl-C ended it early: after the update at hand, and saved.
        """
        if not self.history:
            self.validate()
        bar = tqdm(total=self.total, initial=self.n, bar_format=_BAR)
        due = time.monotonic() + _SAVED_EVERY
        with deferred_interrupt() as interrupted, bar:
            while self.n < self.total and not interrupted():
                loss, norm = self.update()
                if self.n % self.every == 0 or self.n == self.total:
                    self.validate()
                    due = 0.0
                if time.monotonic() >= due:
                    self.save(path)
                    due = time.monotonic() + _SAVED_EVERY
                measured = number(self.problem.measured(loss), 4)
                now = f"{self.problem.short} {measured}, gradient {number(norm, 2)}"
                told = f"{now}, validation {number(self.history[-1][2], 4)}"
                bar.set_postfix_str(told, refresh=False)
                bar.update()
            if self.n < self.total:
                self.save(path)
        return self.n >= self.total

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Everything that decides what comes next, as one file."""
        progress = {
            "settings": self.settings.saved(),
            "data": {
                "kind": self.problem.kind,
                "fingerprint": self.problem.fingerprint,
                **self.problem.saved(),
            },
            "sizes": [self.problem.inputs, self.problem.outputs],
            "n": self.n,
            "total": self.total,
            "state": self.state,
            "losses": np.array(self.losses, float),
            "history": self.history,
        }
        return checkpoint.save(
            path, model=self.model, optimizer=self.optimizer, rng=self.rng, progress=progress
        )

    def load(self, path: str | os.PathLike[str], parts: Saved) -> None:
        """Go on where the run of this checkpoint was; parts are those of `read_run`.

        Raises DataError if it was trained on other data, and what checkpoint.load raises.
        """
        where, saved = shown(path), parts["progress"]
        found, state = saved["data"]["fingerprint"], saved["state"]
        if found != self.problem.fingerprint:
            raise DataError(
                f"{where} was trained on other data ({found:.60}) than {self.settings.data} is now "
                f"({self.problem.fingerprint}). Give the same data, or start a new run."
            )
        if state is not None and len(state[0]) != self.problem.batch:
            saved_batch, batch = len(state[0]), self.problem.batch
            raise DataError(
                f"{where} holds a state of {saved_batch} sequences; the run has {batch}. The file "
                "was changed by others; start a new run."
            )
        checkpoint.restore(parts, path, model=self.model, optimizer=self.optimizer, rng=self.rng)
        self.n, self.losses, self.history = saved["n"], saved["losses"].tolist(), saved["history"]
        self.state = None if state is None else tuple(state)


def untrained(settings: Settings, problem: Problem) -> Model:
    """The model as its seed makes it."""
    return make_model(
        settings.cell,
        problem.inputs,
        settings.hidden,
        settings.layers,
        problem.outputs,
        last=problem.last,
        rng=settings.seed,
    )


def _joined(state: tuple[Array, ...] | None) -> Any:
    """A cell's state from its parts."""
    return state[0] if state is not None and len(state) == 1 else state
