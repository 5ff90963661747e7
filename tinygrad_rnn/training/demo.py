"""The main job: train a small RNN on a real series, unroll it, and see where its gradients come from."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tinygrad_rnn import draw
from tinygrad_rnn.core.mode import no_grad
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.draw.symbols import definition, joint_name, state_names
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.guards.numbers import number, percent
from tinygrad_rnn.nn import Readout
from tinygrad_rnn.nn.unroll import Unrolled, unroll
from tinygrad_rnn.training.settings import CELLS

Array = Any


def windows(series: Array, steps: int) -> tuple[Array, Array]:
    """All windows of a series and what follows each entry: xs and targets, (steps, B, I) each."""
    if not 1 <= steps < len(series):
        raise RangeError(
            f"steps is {steps}; with {len(series)} entries in the series it must lie in 1..{len(series) - 1}."
        )
    starts = np.arange(len(series) - steps)
    index = starts[None, :] + np.arange(steps)[:, None]
    return series[index], series[index + 1]


def make_cell(name: str, inputs: int, hidden: int, rng: np.random.Generator) -> Any:
    """A built-in cell by name, or `module:Class`, which is called as Class(inputs, hidden, rng=rng)."""
    if name in CELLS:
        return CELLS[name](inputs, hidden, rng=rng)
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise UsageError(
            f"no cell is called {name!r}. Use {', '.join(CELLS)}, or module:Class for your own."
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        made = getattr(importlib.import_module(module_name), attribute)
    except (
        ImportError,
        AttributeError,
        TypeError,
    ) as error:  # TypeError: a name that begins with a dot
        raise UsageError(
            f"cannot import the cell {name!r}: {error}. It must be importable from this folder."
        ) from error
    try:
        return made(inputs, hidden, rng=rng)
    except TypeError as error:
        raise UsageError(
            f"{name} must be callable as {attribute}(inputs, hidden, rng=generator): {error}."
        ) from error


def descend(parameters: list[Tensor], rate: float) -> None:
    """One step of plain gradient descent: theta <- theta - rate * dL/dtheta, (4)."""
    for p in parameters:
        if p.grad is not None:
            p.data = p.data - rate * p.grad  # rebound: graphs of the past keep their values
            p.grad = None


def train(
    cell: Any, readout: Readout, xs: Array, targets: Array, epochs: int, rate: float
) -> list[float]:
    """Gradient descent on one-step-ahead prediction; returns the mean loss for each epoch.

    xs, targets: (T, B, I).  Raises UsageError if the loss stops being finite.
    """
    parameters = [*parameters_of(cell), *readout.parameters()]
    scale = xs.shape[0] * xs.shape[1]
    losses: list[float] = []
    with (
        np.errstate(over="ignore", invalid="ignore"),  # found out, and told, by the loss
        tqdm(range(epochs), desc="training", unit="epoch", leave=True) as progress,
    ):
        for _ in progress:
            loss = (
                unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets).loss
                / scale
            )
            losses.append(loss.item())
            if not np.isfinite(losses[-1]):
                raise UsageError(
                    f"the loss is {losses[-1]} after {len(losses)} epochs. Lower the learning rate (--lr)."
                )
            loss.backward()
            descend(parameters, rate)
            progress.set_postfix(loss=number(losses[-1], 4), refresh=False)
    return losses


def parameters_of(cell: Any) -> list[Tensor]:
    """The parameters of a built-in cell, or every Tensor attribute of yours that requires a gradient."""
    if hasattr(cell, "parameters"):
        return list(cell.parameters())
    return [x for x in vars(cell).values() if isinstance(x, Tensor) and x.requires_grad]


def table(run: Unrolled, t: int, flow: GradientFlow) -> str:
    """Equation (3.1) at t as text: norm and share of every term."""
    names = state_names(run)
    name, meaning = joint_name(names), f", {definition(names)}" if len(names) > 1 else ""
    lines = [f"eq. (3.1) at t = {t}: dL/d{name}_{t} = direct + indirect{meaning}"]
    lines.append(f"{'term':<36}{'norm':>10}{'share':>10}")
    rows, support = flow.table(t, most=12), Support(flow)
    for row in rows:
        k = row.ks[0]
        if k not in support.senders:
            lines.append(f"direct   {support.why_not(k)}")
            continue
        head = f"dL_{k}/d{name}_{k}" if support.senders[k] == {k} else f"d+L/d{name}_{k}"
        if len(row.ks) > 1:
            what = f"{len(row.ks)} smaller terms, summed"
        elif k == t:
            what = f"direct   {head}"
        else:
            what = f"k = {k:<4} {head} . d{name}_{k}/d{name}_{t}"
        lines.append(f"{what:<36}{number(row.norm):>10}{percent(row.share):>10}")
    whole = 1.0 if rows[0].share == rows[0].share else rows[0].share
    what = f"sum      dL/d{name}_{t}"
    lines.append(f"{what:<36}{number(flow.total_norm(t)):>10}{percent(whole):>10}")
    lines.append("share: projection on the sum; shares add up to 100 %, norms do not")
    return "\n".join(lines)


def pictures(run: Unrolled, t: int, flow: GradientFlow, folder: Path, suffix: str) -> list[Path]:
    """The three pictures of one run, and the page to explore it; returns their paths."""
    made: dict[str, draw.Figure | draw.Page] = {
        f"paths_t{t}.{suffix}": draw.paths(run, t, flow),
        f"operations.{suffix}": draw.ops(run),
        f"heatmap.{suffix}": draw.heatmap(flow, t),
        "bptt.html": draw.page(run, t=t, flow=flow),
    }
    return [figure.save(folder / name) for name, figure in made.items()]


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
