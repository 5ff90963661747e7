"""The pictures of a run: its learning curve, and its gradients before and after training."""

from pathlib import Path

import numpy as np

from tinygrad_rnn import draw
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn.unroll import Unrolled, unroll
from tinygrad_rnn.training.model import Model
from tinygrad_rnn.training.problem import Problem
from tinygrad_rnn.training.run import Run, untrained

_POINTS = 100  # at most, of the curve of training: means of the losses between them
_STEPS = 30  # at most, in a heat map


def pictures(run: Run, folder: Path, suffix: str) -> list[Path]:
    """learning_curve and gradients; returns their paths."""
    return [
        learning_curve(run).save(folder / f"learning_curve.{suffix}"),
        gradients(run).save(folder / f"gradients.{suffix}"),
    ]


def gradients(run: Run) -> draw.Figure:
    """The terms of (3.1) with the weights before training and with those of now, on one scale."""
    problem, s = run.problem, run.settings
    if problem.per_epoch and run.n % problem.per_epoch == 0:
        count, what = run.n // problem.per_epoch, "epoch"
    else:
        count, what = run.n, "update"
    before, after = (window(model, problem) for model in (untrained(s, problem), run.model))
    states = run.model.cell.states
    about = f"{s.cell.upper()}, {s.layers} × {s.hidden}: {s.data}"
    return draw.heatmap(
        {"before training": before, f"after {count:,} {what}{'s' * (count > 1)}": after},
        unit=f"{problem.unit} per unit of {'h' if len(states) == 1 else 's'}",
        note=about,
    )


def learning_curve(run: Run) -> draw.Figure:
    """The measure against updates, of training and validation, and the baseline."""
    n, _, validation = zip(*run.history, strict=True)
    pieces = [piece for piece in np.array_split(run.losses, _POINTS) if len(piece)]
    ends = [float(end) for end in np.cumsum([len(piece) for piece in pieces])]
    lines = [
        draw.Curve("training", ends, [run.problem.measured(np.mean(piece)) for piece in pieces]),
        draw.Curve("validation", n, validation),
    ]
    if run.problem.baseline:
        what, measure = run.problem.baseline
        lines.append(
            draw.Curve(what, [0, max(n[-1], 1)], [measure] * 2, dotted=True, color="#57606A")
        )
    s = run.settings
    return draw.curves(
        lines,
        title=f"{s.cell.upper()}, {s.layers} × {s.hidden}: {s.data}",
        x_label=f"updates, {run.problem.batch} sequences each",
        y_label=run.problem.measure,
        note=f"{s.optimizer}, rate {number(s.lr)}, gradient clipped at {number(s.clip)}",
    )


def window(model: Model, problem: Problem) -> Unrolled:
    """The longest sequence of the validation, or its first steps, with every operation recorded."""
    batch = next(problem.validation())
    steps, b = len(batch.xs), 0
    if not problem.last:
        if batch.targets.ndim == 2:  # classes, and -1 behind the end of a shorter sequence
            lengths = np.sum(batch.targets >= 0, axis=0)
            b, steps = int(np.argmax(lengths)), int(np.max(lengths))
        steps = min(_STEPS, steps)
    xs, targets = (
        batch.xs[:steps, b],
        batch.targets[b] if problem.last else batch.targets[:steps, b],
    )
    if problem.last:
        targets = [None] * (steps - 1) + [targets]
    return unroll(model.cell, xs, readout=model.readout, loss=problem.loss, targets=targets)
