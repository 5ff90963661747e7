"""`tinygrad-rnn draw`: the main job, or the gradient paths of a model that was trained elsewhere."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn.cli.options import Commands, Formatter, add_reading, reading_of
from tinygrad_rnn.data import load_series, standardised, sunspots
from tinygrad_rnn.draw import require_format
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.io.files import prepare_folder, shown
from tinygrad_rnn.nn import Readout
from tinygrad_rnn.nn.unroll import Unrolled, unroll
from tinygrad_rnn.training import demo
from tinygrad_rnn.training.lookup import refuse_reading
from tinygrad_rnn.training.settings import check_range
from tinygrad_rnn.training.trained import trained_run

# what --weights leaves no room for
_TRAINING = {"cell": "rnn", "hidden": 8, "epochs": 1000, "lr": 0.3, "seed": 0}


def add_to(commands: Commands) -> None:
    """The command and its options."""
    draw = commands.add_parser(
        "draw", help="train, unroll, backpropagate, draw", formatter_class=Formatter
    )
    draw.add_argument("--cell", metavar="CELL", help="rnn, lstm, gru, or module:Class for your own "
                      "(default: rnn)")  # fmt: skip
    draw.add_argument("--data", metavar="FILE", help="a .csv, .tsv, .txt or .npy series, packed "
                      "by gzip or not, instead of the sunspot numbers")  # fmt: skip
    draw.add_argument("--weights", metavar="FILE", help="draw a trained model instead of training one: PyTorch's "
                      "weights as .safetensors or .npz, or a checkpoint of `train`")  # fmt: skip
    add_reading(draw)
    draw.add_argument("--steps", type=int, default=10, metavar="T", help="time steps to unroll")
    draw.add_argument(
        "--t", type=int, default=1, help="the hidden state h_t whose gradient is taken apart"
    )
    draw.add_argument("--hidden", type=int, metavar="H", help="size of the state (default: 8)")
    draw.add_argument("--epochs", type=int, help="steps of gradient descent (default: 1000)")
    draw.add_argument("--lr", type=float, help="learning rate (default: 0.3)")
    draw.add_argument("--seed", type=int, help="seed of the initial weights (default: 0)")
    draw.add_argument("--out", default="pictures", metavar="DIR", help="folder for the pictures")
    draw.add_argument(
        "--format", default="svg", choices=("svg", "png", "pdf"), help="png and pdf need Graphviz"
    )
    draw.set_defaults(run=_draw)


def _draw(options: argparse.Namespace) -> int:
    for name, usual in _TRAINING.items():
        if (value := getattr(options, name)) is None:
            setattr(options, name, usual)
        elif options.weights is not None:
            why = "the model of --weights is trained already"
            raise UsageError(f"--{name} is {value}, but {why}. Leave one of them out.")
    for name, lowest in (("hidden", 1), ("steps", 1), ("epochs", 0), ("seed", 0)):
        check_range(name, getattr(options, name), lowest)
    if not options.lr > 0 or not np.isfinite(options.lr):
        raise RangeError(f"--lr is {options.lr}; it must be positive.")
    if not 1 <= options.t <= options.steps:
        raise RangeError(
            f"--t is {options.t}; with --steps {options.steps} it must lie in 1..{options.steps}."
        )
    require_format(options.format)
    start = time.perf_counter()
    notes: list[str] = []
    reading = reading_of(options)
    if options.weights is not None:
        column = reading.pop("column", None)
        run, about = trained_run(
            options.weights,
            options.data,
            column,
            options.steps,
            tell=notes.append,
            **reading,
        )
        folder = prepare_folder(options.out)
        print(*notes, about, sep="\n")
        return _show(run, folder, options, start)
    series, source = _series(options.data, reading, notes.append)
    xs, targets = demo.windows(standardised(series), options.steps)
    rng = np.random.default_rng(options.seed)
    inputs = series.shape[1]
    cell = demo.make_cell(options.cell, inputs, options.hidden, rng)
    readout = Readout(options.hidden, inputs, rng=rng)
    folder = prepare_folder(options.out)
    print(*notes, sep="\n", end="\n" if notes else "")
    told = f"{source}: {len(series)} entries, {xs.shape[1]} windows of {options.steps} steps, predicting the next entry"
    print(told, flush=True)  # before the bar, which flushes too, and is half made if that fails
    losses = demo.train(cell, readout, xs, targets, options.epochs, options.lr)
    if losses:
        ours, naive = demo.prediction_error(cell, readout, xs, targets)
        print(
            f"mean loss {number(losses[0])} -> {number(losses[-1])}; error {number(ours)} "
            f"standard deviations, {number(naive)} for predicting no change"
        )
    window, wanted = xs[:, -1], targets[:, -1]  # the last, without a batch axis
    run = unroll(cell, window, readout=readout, loss=half_squared_error, targets=wanted)
    return _show(run, folder, options, start)


def _show(run: Unrolled, folder: Path, options: argparse.Namespace, start: float) -> int:
    """Print the table, write the pictures."""
    flow = gradient_flow(run.losses, run.states)
    print("\n" + demo.table(run, options.t, flow) + "\n")
    for path in demo.pictures(run, options.t, flow, folder, options.format):
        print(f"wrote {path}")
    drawn_by = "the built-in SVG writer" if options.format == "svg" else "Graphviz"
    print(f"drawn by {drawn_by}; {number(time.perf_counter() - start, 2)} s")
    return 0


def _series(
    data: str | None,
    reading: dict[str, Any],
    tell: Callable[[str], object],
) -> tuple[np.ndarray, str]:
    if data is not None:
        return load_series(data, tell=tell, **reading), shown(data)
    refuse_reading(reading, "there is no --data; the sunspot numbers are one column")
    return sunspots()[1][:, None], "yearly sunspot numbers 1700 to 2008"
