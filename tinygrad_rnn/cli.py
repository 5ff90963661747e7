"""The command `tinygrad-rnn`: draw (the default) and check."""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence

import numpy as np

import tinygrad_rnn
from tinygrad_rnn import main_job
from tinygrad_rnn.data import load_series, standardised, sunspots
from tinygrad_rnn.draw import require_format
from tinygrad_rnn.errors import RangeError, TinygradError
from tinygrad_rnn.files import prepare_folder
from tinygrad_rnn.flow import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import Readout
from tinygrad_rnn.unroll import unroll

_COMMANDS = ("draw", "check")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for a check that fails, 2 for bad input."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or (given[0] not in _COMMANDS and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "draw")
    options = _parser().parse_args(given)
    try:
        return int(options.run(options))
    except TinygradError as error:
        print(f"tinygrad-rnn: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinygrad-rnn: stopped; no picture was half-written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tinygrad-rnn",
        description="Train a small RNN on a real series and see where its gradients come from (draw, the default), "
        "or check every equation by hand-written NumPy against the library (check).",
    )
    parser.add_argument("--version", action="version", version=f"tinygrad-rnn {tinygrad_rnn.__version__}")
    commands = parser.add_subparsers(required=True, metavar="{draw,check}")
    draw = commands.add_parser("draw", help="train, unroll, backpropagate, draw", formatter_class=_Formatter)
    draw.add_argument("--cell", default="rnn", metavar="CELL", help="rnn, lstm, gru, or module:Class for your own")
    draw.add_argument("--data", metavar="FILE", help="a .csv, .npy or .txt series instead of the sunspot numbers")
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
    check = commands.add_parser("check", help="every equation by hand against the library")
    check.set_defaults(run=_check)
    return parser


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


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
    flow = gradient_flow(run.losses, run.states)
    print("\n" + main_job.table(run, options.t, flow) + "\n")
    for path in main_job.pictures(run, options.t, flow, folder, options.format):
        print(f"wrote {path}")
    drawn_by = "Graphviz" if shutil.which("dot") else "the built-in SVG writer"
    print(f"drawn by {drawn_by}; {time.perf_counter() - start:.1f} s")
    return 0


def _series(options: argparse.Namespace) -> tuple[np.ndarray, str]:
    if options.data is None:
        return sunspots()[1][:, None], "yearly sunspot numbers 1700 to 2008"
    return load_series(options.data, options.column), str(options.data)


def _check(options: argparse.Namespace) -> int:
    from tinygrad_rnn.equations import run_checks  # here: the pictures do not need it

    checks = run_checks()
    print(f"{'equation':<26}{'what is compared':<74}{'difference':>11}  result")
    for check in checks:
        verdict = "FAIL" if not check.passed else "pass: the text is wrong" if check.kind == "differs" else "pass"
        print(f"{check.equation:<26}{check.compared:<74}{check.difference:>11.1e}  {verdict}")
    failed = sum(not check.passed for check in checks)
    print(f"{len(checks)} checks, {failed} failed")
    return 1 if failed else 0
