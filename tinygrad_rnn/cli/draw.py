"""`tinygrad-rnn draw`: the main job, or the gradient paths of a model that was trained elsewhere."""

import argparse
import time
from pathlib import Path

import numpy as np

from tinygrad_rnn import main_job
from tinygrad_rnn.cli.options import Commands, Formatter
from tinygrad_rnn.data import load_series, standardised, sunspots
from tinygrad_rnn.draw import require_format
from tinygrad_rnn.errors import RangeError
from tinygrad_rnn.files import prepare_folder
from tinygrad_rnn.flow import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import Readout
from tinygrad_rnn.training.trained import trained_run
from tinygrad_rnn.unroll import Unrolled, unroll


def add_to(commands: Commands) -> None:
    """The command and its options."""
    draw = commands.add_parser("draw", help="train, unroll, backpropagate, draw", formatter_class=Formatter)
    draw.add_argument("--cell", default="rnn", metavar="CELL", help="rnn, lstm, gru, or module:Class for your own")
    draw.add_argument("--data", metavar="FILE", help="a .csv, .npy or .txt series instead of the sunspot numbers")
    draw.add_argument("--weights", metavar="FILE", help="draw a trained model instead of training one: PyTorch's "
                      "weights as .safetensors or .npz, or a checkpoint of `train`")  # fmt: skip
    draw.add_argument("--column", metavar="NAME", help="one column of the file: its name, or its number from 1")
    draw.add_argument("--steps", type=int, default=10, metavar="T", help="time steps to unroll")
    draw.add_argument("--t", type=int, default=1, help="the hidden state h_t whose gradient is taken apart")
    draw.add_argument("--hidden", type=int, default=8, metavar="H", help="size of the hidden state")
    draw.add_argument("--epochs", type=int, default=1000, help="steps of gradient descent")
    draw.add_argument("--lr", type=float, default=0.3, help="learning rate")
    draw.add_argument("--seed", type=int, default=0, help="seed of the initial weights")
    draw.add_argument("--out", default="pictures", metavar="DIR", help="folder for the pictures")
    draw.add_argument("--format", default="svg", choices=("svg", "png", "pdf"), help="png and pdf need Graphviz")
    draw.set_defaults(run=_draw)


def _draw(options: argparse.Namespace) -> int:
    for name in ("hidden", "steps"):
        if getattr(options, name) < 1:
            raise RangeError(f"--{name} is {getattr(options, name)}; it must be at least 1.")
    if options.epochs < 0:
        raise RangeError(f"--epochs is {options.epochs}; it must be at least 0.")
    if options.seed < 0:
        raise RangeError(f"--seed is {options.seed}; it must be at least 0.")
    if not options.lr > 0 or not np.isfinite(options.lr):
        raise RangeError(f"--lr is {options.lr}; it must be positive.")
    if not 1 <= options.t <= options.steps:
        raise RangeError(f"--t is {options.t}; with --steps {options.steps} it must lie in 1..{options.steps}.")
    require_format(options.format)
    start = time.perf_counter()
    if options.weights is not None:
        run, about = trained_run(options.weights, options.data, options.column, options.steps)
        print(about)
        return _show(run, prepare_folder(options.out), options, start)
    series, source = _series(options)
    xs, targets = main_job.windows(standardised(series), options.steps)
    rng = np.random.default_rng(options.seed)
    inputs = series.shape[1]
    cell = main_job.make_cell(options.cell, inputs, options.hidden, rng)
    readout = Readout(options.hidden, inputs, rng=rng)
    folder = prepare_folder(options.out)
    print(f"{source}: {len(series)} entries, {xs.shape[1]} windows of {options.steps} steps, predicting the next entry")
    losses = main_job.train(cell, readout, xs, targets, options.epochs, options.lr)
    if losses:
        ours, naive = main_job.prediction_error(cell, readout, xs, targets)
        print(f"mean loss {losses[0]:.4f} -> {losses[-1]:.4f}; error {ours:.3f} standard deviations, "
              f"{naive:.3f} for predicting no change")  # fmt: skip
    window, wanted = xs[:, -1], targets[:, -1]  # the last, without a batch axis
    run = unroll(cell, window, readout=readout, loss=half_squared_error, targets=wanted)
    return _show(run, folder, options, start)


def _show(run: Unrolled, folder: Path, options: argparse.Namespace, start: float) -> int:
    """Print the table, write the pictures."""
    flow = gradient_flow(run.losses, run.states)
    print("\n" + main_job.table(run, options.t, flow) + "\n")
    for path in main_job.pictures(run, options.t, flow, folder, options.format):
        print(f"wrote {path}")
    drawn_by = "the built-in SVG writer" if options.format == "svg" else "Graphviz"
    print(f"drawn by {drawn_by}; {time.perf_counter() - start:.1f} s")
    return 0


def _series(options: argparse.Namespace) -> tuple[np.ndarray, str]:
    if options.data is None:
        return sunspots()[1][:, None], "yearly sunspot numbers 1700 to 2008"
    return load_series(options.data, options.column), str(options.data)
