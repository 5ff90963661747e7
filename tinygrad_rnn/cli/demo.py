"""`tinygrad-rnn demo`: the main job, from a series to the pictures of its gradient paths."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.cli.options import (
    Commands,
    add,
    add_command,
    add_pictures,
    add_reading,
    reading_of,
)
from tinygrad_rnn.data import load_series, standardised, sunspots
from tinygrad_rnn.draw import require_format
from tinygrad_rnn.errors import RangeError
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.io.files import prepare_folder, shown
from tinygrad_rnn.nn import Readout
from tinygrad_rnn.nn.unroll import Unrolled, unroll
from tinygrad_rnn.training import demo, gradients
from tinygrad_rnn.training.lookup import make_cell, refuse_reading
from tinygrad_rnn.training.settings import check_range

TRAINING: list[tuple[str, Any, str, str]] = [  # option, default, its value in the help, help
    ("--cell", "rnn", "CELL", "rnn, lstm, gru, or module:Class for your own"),
    ("--hidden", 8, "H", "size of the state"),
    ("--epochs", 1000, "N", "steps of gradient descent"),
    ("--lr", 0.3, "RATE", "learning rate"),
    ("--seed", 0, "N", "seed of the initial weights"),
]


def add_to(commands: Commands) -> None:
    """The command and its options."""
    what = "train a small RNN on sunspot numbers, or your series, and draw its gradients"
    parser = add_command(commands, "demo", what, train_and_show)
    add_unrolling(parser, "sunspot numbers")
    for row in TRAINING:
        add(parser, *row)


def add_unrolling(parser: argparse.ArgumentParser, usual: str) -> None:
    """What is unrolled, which state is looked at, and where the pictures go."""
    what = "a .csv, .tsv, .txt or .npy series, packed by gzip or not"
    add(parser, "--data", str, "FILE", f"{what} (default: {usual})")
    add_reading(parser)
    add(parser, "--steps", 10, "T", "time steps to unroll")
    add(parser, "--t", 1, "t", "the hidden state h_t whose gradient is taken apart")
    add_pictures(parser)


def check_unrolling(options: argparse.Namespace) -> None:
    """Raise RangeError for steps that cannot be, UsageError for a format that needs Graphviz."""
    check_range("steps", options.steps, 1)
    if not 1 <= options.t <= options.steps:
        steps = options.steps
        raise RangeError(f"--t is {options.t}; with --steps {steps} it must lie in 1..{steps}.")
    require_format(options.format)


def train_and_show(options: argparse.Namespace) -> int:
    """Train, unroll the last window, print the table, write the pictures."""
    start = time.perf_counter()
    for name, lowest in (("hidden", 1), ("epochs", 0), ("seed", 0)):
        check_range(name, getattr(options, name), lowest)
    if not 0 < options.lr < np.inf:
        raise RangeError(f"--lr is {options.lr}; it must be positive.")
    check_unrolling(options)
    notes: list[str] = []
    series, about = _series(options.data, reading_of(options), notes.append)
    xs, targets = demo.windows(standardised(series), options.steps)
    rng = np.random.default_rng(options.seed)
    inputs = series.shape[1]
    cell = make_cell(options.cell, inputs, options.hidden, rng)
    readout = Readout(options.hidden, inputs, rng=rng)
    folder = prepare_folder(options.out)
    for line in (
        *notes,
        f"{about}: {len(series)} entries, {xs.shape[1]} windows of {options.steps} steps, "
        "predicting the next entry",
    ):
        print(line, flush=True)  # before the bar, which flushes too, and is half made if that fails
    if losses := demo.train(cell, readout, xs, targets, options.epochs, options.lr):
        ours, naive = demo.prediction_error(cell, readout, xs, targets)
        print(
            f"mean loss {number(losses[0])} -> {number(losses[-1])}; error {number(ours)} "
            f"standard deviations, {number(naive)} for predicting no change"
        )
    window, wanted = xs[:, -1], targets[:, -1]  # the last, without a batch axis
    run = unroll(cell, window, readout=readout, loss=half_squared_error, targets=wanted)
    return show(run, folder, options, start)


def show(run: Unrolled, folder: Path, options: argparse.Namespace, start: float) -> int:
    """Print the table, write the pictures."""
    flow = gradient_flow(run.losses, run.states)
    print("\n" + gradients.table(run, options.t, flow) + "\n")
    for path in gradients.pictures(run, options.t, flow, folder, options.format):
        print(f"wrote {path}")
    drawn_by = "the built-in SVG writer" if options.format == "svg" else "Graphviz"
    print(f"drawn by {drawn_by}; {number(time.perf_counter() - start, 2)} s")
    return 0


def _series(
    data: str | None, reading: dict[str, Any], tell: Callable[[str], object]
) -> tuple[Array, str]:
    if data is not None:
        return load_series(data, tell=tell, **reading), shown(data)
    refuse_reading(reading, "there is no --data; the sunspot numbers are one column")
    return sunspots()[1][:, None], "yearly sunspot numbers 1700 to 2008"
