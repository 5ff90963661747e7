"""The main job: a small RNN learns to predict a real series, one entry ahead.

It is unrolled on the tape, all windows at once, so that any cell that runs can be trained.
"""

from typing import Any

import numpy as np
from tqdm import tqdm

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.mode import no_grad
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn import Readout
from tinygrad_rnn.nn.unroll import unroll
from tinygrad_rnn.optim import SGD
from tinygrad_rnn.training.update import update


def windows(series: Array, steps: int) -> tuple[Array, Array]:
    """All windows of a series and what follows each entry: xs and targets, (steps, B, I) each."""
    last = len(series) - 1
    if not 1 <= steps <= last:
        raise RangeError(
            f"steps is {steps}; with {last + 1} entries in the series it must lie in 1..{last}."
        )
    index = np.arange(steps)[:, None] + np.arange(len(series) - steps)
    return series[index], series[index + 1]


def train(
    cell: Any, readout: Readout, xs: Array, targets: Array, epochs: int, rate: float
) -> list[float]:
    """Gradient descent, (4), on the loss of the next entry; returns the mean loss of each epoch.

    xs, targets: (T, B, I).  Raises UsageError if the loss stops being finite.
    """
    optimizer = SGD([*parameters_of(cell), *readout.parameters()], lr=rate)
    entries = xs.shape[0] * xs.shape[1]
    losses: list[float] = []
    with (
        np.errstate(over="ignore", invalid="ignore"),  # found out, and told, by the loss
        tqdm(range(1, epochs + 1), desc="training", unit="epoch") as bar,
    ):
        for epoch in bar:
            run = unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets)
            after = f"after {epoch} epochs. Lower the learning rate (--lr)."
            loss, _ = update(optimizer, run.loss / entries, after)
            losses.append(loss)
            bar.set_postfix(loss=number(loss, 4), refresh=False)
    return losses


def parameters_of(cell: Any) -> list[Tensor]:
    """The parameters of a Module; of any other cell, its Tensors that require a gradient."""
    if hasattr(cell, "parameters"):
        return list(cell.parameters())
    found = (x for x in vars(cell).values() if isinstance(x, Tensor) and x.requires_grad)
    return [x for x in dict.fromkeys(found) if x.fun is None]  # leaves, each once


def prediction_error(cell: Any, readout: Readout, xs: Array, targets: Array) -> tuple[float, float]:
    """Root mean square error of the prediction, and of predicting that nothing changes.

    Raises UsageError if the last step of the descent left a prediction that is not finite.
    """
    with no_grad(), np.errstate(over="ignore", invalid="ignore"):
        outputs = unroll(cell, xs, readout=readout).outputs
        y = np.stack([y.data for y in outputs])
        ours = float(np.sqrt(np.mean((y - targets) ** 2)))
    if not np.isfinite(ours):
        raise UsageError(
            f"the prediction error is {ours} after the last epoch. Lower the learning rate (--lr)."
        )
    return ours, float(np.sqrt(np.mean((xs - targets) ** 2)))
