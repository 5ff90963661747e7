"""What a run leaves to look at: its learning curve, and how far its gradients reach, before training and after."""

from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn import draw
from tinygrad_rnn.training.model import Model
from tinygrad_rnn.training.problem import Problem
from tinygrad_rnn.training.run import Run, untrained
from tinygrad_rnn.unroll import Unrolled, unroll

Array = Any
_STEPS = 30  # at most, in a heat map


def pictures(run: Run, folder: Path, suffix: str) -> list[Path]:
    """learning_curve, gradients_before and gradients_after; returns their paths."""
    before = untrained(run.settings, run.problem)
    return [
        learning_curve(run).save(folder / f"learning_curve.{suffix}"),
        draw.heatmap(window(before, run.problem)).save(folder / f"gradients_before.{suffix}"),
        draw.heatmap(window(run.model, run.problem)).save(folder / f"gradients_after.{suffix}"),
    ]


def learning_curve(run: Run) -> draw.Figure:
    """The measure against updates, of training and validation, and the baseline."""
    n, training, validation = zip(*run.history, strict=True)
    lines = [draw.Curve("training", n, training), draw.Curve("validation", n, validation)]
    if run.problem.baseline:
        what, measure = run.problem.baseline
        lines.append(draw.Curve(what, [0, max(n[-1], 1)], [measure] * 2, dotted=True, color="#57606A"))
    s = run.settings
    return draw.curves(
        lines,
        title=f"{s.cell.upper()}, {s.layers} x {s.hidden}: {s.data}",
        x_label=f"updates, {run.problem.batch} sequences each",
        y_label=run.problem.measure,
        note=f"{s.optimizer}, rate {s.lr:g}, gradient clipped at {s.clip:g}",
    )


def window(model: Model, problem: Problem) -> Unrolled:
    """The first sequence of the validation, or its first steps, with every operation recorded."""
    batch = next(problem.validation())
    steps = len(batch.xs)
    if not problem.last:
        wanted = batch.targets[:, 0]  # -1 behind the end of a shorter sequence
        steps = min(_STEPS, int(np.sum(wanted >= 0)) if wanted.dtype.kind in "iu" else steps)
    xs, targets = batch.xs[:steps, 0], batch.targets[0] if problem.last else batch.targets[:steps, 0]
    counts = np.ones(steps, targets.dtype)
    if problem.last:
        counts[:-1] = 0
        targets = np.stack([targets] * steps)
    rows = np.concatenate([counts[:, None], targets.reshape(steps, -1)], axis=1)
    classes = rows.dtype.kind in "iu"

    def loss(y: Array, row: Array) -> Array:
        row = np.asarray(getattr(row, "data", row))
        return row[0].astype(y.dtype) * problem.loss(y, row[1] if classes else row[1:])

    return unroll(model.cell, xs, readout=model.readout, loss=loss, targets=rows)
