"""`tinygrad-rnn train`: a model of a text, a series or a classic task, with a checkpoint from which it goes on."""

import argparse
import shlex
import sys
import time
from dataclasses import fields, replace
from typing import Any

from tinygrad_rnn.cli.options import Commands, Formatter, add_pictures, add_reading
from tinygrad_rnn.draw import require_format
from tinygrad_rnn.errors import DataError, UsageError
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.io.files import local, prepare_file, prepare_folder, shown
from tinygrad_rnn.training.lookup import problem_of, told
from tinygrad_rnn.training.problem import Problem
from tinygrad_rnn.training.report import pictures
from tinygrad_rnn.training.run import Run
from tinygrad_rnn.training.saved import read_run
from tinygrad_rnn.training.settings import CELLS, OPTIMIZERS, Settings, check_range
from tinygrad_rnn.training.tasks import TASKS

_SAVED = [field.name for field in fields(Settings)]  # the options that a checkpoint saves


def add_to(commands: Commands) -> None:
    """The command and its options; those that are kept have no default, to see which were given."""
    d = Settings()
    train = commands.add_parser(
        "train", help="train on a text, a series or a classic task", formatter_class=Formatter
    )
    train.add_argument("--data", metavar="WHAT", help="a text file; a .csv, .tsv or .npy series; "
                       f"sunspots; a task: {', '.join(TASKS)}; without it the help topics of "
                       "Python")  # fmt: skip
    add_reading(train)
    train.add_argument("--cell", choices=list(CELLS), help=f"which cell (default: {d.cell})")
    train.add_argument(
        "--hidden", type=int, metavar="H", help=f"size of each layer's state (default: {d.hidden})"
    )
    train.add_argument(
        "--layers", type=int, metavar="N", help=f"cells one above another (default: {d.layers})"
    )
    train.add_argument("--window", type=int, metavar="T", help="steps through which the gradient flows; the length "
                       "of a task (default: 50 for text, 20 for series)")  # fmt: skip
    train.add_argument(
        "--batch", type=int, metavar="B", help="sequences side by side (default: 32, 4 for series)"
    )
    train.add_argument("--lr", type=float, help=f"learning rate (default: {d.lr})")
    train.add_argument("--clip", type=float, metavar="NORM", help=f"norm to which a gradient is clipped, inf for none "
                       f"(default: {number(d.clip)})")  # fmt: skip
    train.add_argument("--optimizer", choices=list(OPTIMIZERS), help=f"how weights follow gradients (default: "
                       f"{d.optimizer})")  # fmt: skip
    train.add_argument("--validation", type=float, metavar="SHARE", help="share of the data, its end, that is not "
                       f"trained on (default: {d.validation})")  # fmt: skip
    train.add_argument("--seed", type=int, help=f"seed of weights and tasks (default: {d.seed})")
    length = train.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=int, metavar="N", help="passes through the data, those of a resumed run "
                        "included (default: 5 for text, 300 for series)")  # fmt: skip
    length.add_argument(
        "--updates",
        type=int,
        metavar="N",
        help="updates instead of epochs (default for tasks: 2000)",
    )
    train.add_argument(
        "--checkpoint", default="run.npz", metavar="FILE", help="where the run is kept"
    )
    train.add_argument("--resume", action="store_true", help="go on with the run of the checkpoint")
    add_pictures(train)
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    require_format(options.format)
    started = time.perf_counter()
    given = {name: getattr(options, name) for name in _SAVED if getattr(options, name) is not None}
    for name in ("window", "batch", "epochs", "updates"):
        if (value := getattr(options, name)) is not None:
            check_range(name, value, 1)
    if "column" in given:
        given["column"] = tuple(given["column"])
    path = options.checkpoint
    run = _resumed(path, given, options) if options.resume else _new(path, given, options)
    path = prepare_file(path)
    folder = prepare_folder(options.out)
    s, problem = run.settings, run.problem
    size = sum(p.size for p in run.model.parameters())
    print(*problem.notes, problem.about, sep="\n")
    print(f"{s.cell.upper()}, {s.layers} x {s.hidden}, {size:,} parameters; updates {run.n + 1:,} to {run.total:,}, "
          f"{problem.batch} sequences of {problem.steps}", flush=True)  # fmt: skip
    if not run.train(path):
        again = ["tinygrad-rnn", "train", "--resume", "--checkpoint", options.checkpoint]
        for name, usual in (("out", "pictures"), ("format", "svg")):
            again += (
                [f"--{name}", getattr(options, name)] if getattr(options, name) != usual else []
            )
        print(f"tinygrad-rnn: stopped after {run.n} of {run.total} updates; go on with\n  {shlex.join(again)}",
              file=sys.stderr)  # fmt: skip
        return 130
    _, training, validation = run.history[-1]
    compared = (
        f"; {problem.baseline[0]}: {number(problem.baseline[1], 4)}" if problem.baseline else ""
    )
    before, after, own = (number(x, 4) for x in (run.history[0][2], validation, training))
    print(f"{problem.measure}: {before} -> {after} in validation, {own} in training{compared}")
    for picture in pictures(run, folder, options.format):
        print(f"wrote {picture}")
    print(f"wrote {path}; {number(time.perf_counter() - started, 2)} s")
    return 0


def _new(path: str, given: dict[str, Any], options: argparse.Namespace) -> Run:
    settings = Settings(**given)
    problem = problem_of(settings)
    run = Run(settings, problem, _total(problem, options, None))
    prepare_file(path)
    if local(path).exists():  # said last: it is no news where something else is wrong
        try:
            read_run(path)
        except DataError as error:
            way = "It is no run: give another --checkpoint."
            raise UsageError(f"{shown(path)} is there already. {way}") from error
        way = "Go on with it by --resume, or give another --checkpoint."
        raise UsageError(f"{shown(path)} is there already. {way}")
    return run


def _resumed(path: str, given: dict[str, Any], options: argparse.Namespace) -> Run:
    settings, parts = read_run(path)
    for name, value in given.items():
        if name != "data" and value != (kept := getattr(settings, name)):
            raise UsageError(
                f"--{name} is {told(value)}, but {shown(path)} was trained with {told(kept)}. "
                "Leave it out, or start a new run with another --checkpoint."
            )
    settings = replace(
        settings, data=given.get("data", settings.data)
    )  # a moved file; the run compares the content
    problem = problem_of(settings)
    run = Run(settings, problem, _total(problem, options, parts["progress"]["total"]))
    run.load(path, parts)
    if run.n >= run.total:
        way = "Give a larger total: --epochs or --updates."
        raise UsageError(f"{shown(path)} has made its {run.n} updates. {way}")
    return run


def _total(problem: Problem, options: argparse.Namespace, before: int | None) -> int:
    """Updates in all."""
    for name in ("epochs", "updates"):
        if (n := getattr(options, name)) is not None:
            if name == "epochs" and problem.per_epoch is None:
                raise UsageError(
                    f"--epochs is {n}, but a task has always new sequences. Use --updates."
                )
            return int(n if name == "updates" else n * (problem.per_epoch or 1))
    return before or problem.default * (problem.per_epoch or 1)
