"""`tinygrad-rnn train`: a model of a text, a series or a classic task, saved and resumed."""

import argparse
import shlex
import sys
import time
from dataclasses import fields, replace
from typing import Any

from tinygrad_rnn.cli.options import Commands, add, add_command, add_pictures, add_reading
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
    """The command and its options; saved ones have no default, to see which were given."""
    d = Settings()
    train = add_command(commands, "train", "train on a text, a series or a classic task", _train)
    what = f"sunspots; a task: {', '.join(TASKS)}; without it the help topics of Python"
    add(train, "--data", str, "WHAT", f"a text file; a .csv, .tsv or .npy series; {what}")
    add_reading(train)
    for option, known, what, usual in (
        ("--cell", CELLS, "which cell", d.cell),
        ("--optimizer", OPTIMIZERS, "how weights follow gradients", d.optimizer),
    ):
        train.add_argument(option, choices=list(known), help=f"{what} (default: {usual})")
    window = "steps through which the gradient flows; the length of a task"
    for option, kind, value, what, default in (
        ("--hidden", int, "H", "size of each layer's state", d.hidden),
        ("--layers", int, "N", "cells one above another", d.layers),
        ("--window", int, "T", window, "50 for text, 20 for series"),
        ("--batch", int, "B", "sequences side by side", "32, 4 for series"),
        ("--lr", float, "RATE", "learning rate", d.lr),
        ("--clip", float, "NORM", "norm to which a gradient is clipped, inf for none",
         number(d.clip)),
        ("--validation", float, "SHARE", "share of the data, its end, that is not trained on",
         d.validation),
        ("--seed", int, "N", "seed of weights and tasks", d.seed),
    ):  # fmt: skip
        add(train, option, kind, value, f"{what} (default: {default})")
    length = train.add_mutually_exclusive_group()
    what = "passes through the data, those of a resumed run included"
    add(length, "--epochs", int, "N", f"{what} (default: 5 for text, 300 for series)")
    add(length, "--updates", int, "N", "updates instead of epochs (default: 2000 for tasks)")
    add(train, "--checkpoint", "run.npz", "FILE", "where the run is saved")
    train.add_argument("--resume", action="store_true", help="resume the run of the checkpoint")
    add_pictures(train)


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
    about = f"{s.cell.upper()}, {s.layers} x {s.hidden}, {size:,} parameters"
    updates = f"updates {run.n + 1:,} to {run.total:,}"
    print(f"{about}; {updates}, {problem.batch} sequences of {problem.steps}", flush=True)
    if not run.train(path):
        again = ["tinygrad-rnn", "train", "--resume", "--checkpoint", options.checkpoint]
        for name, usual in (("out", "pictures"), ("format", "svg")):
            if (value := getattr(options, name)) != usual:
                again += [f"--{name}", value]
        stopped = f"stopped after {run.n} of {run.total} updates; resume with"
        print(f"tinygrad-rnn: {stopped}\n  {shlex.join(again)}", file=sys.stderr)
        return 130
    _, training, validation = run.history[-1]
    compared = ""
    if problem.baseline:
        what, measure = problem.baseline
        compared = f"; {what}: {number(measure, 4)}"
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
        way = "Resume it with --resume, or give another --checkpoint."
        raise UsageError(f"{shown(path)} is there already. {way}")
    return run


def _resumed(path: str, given: dict[str, Any], options: argparse.Namespace) -> Run:
    settings, parts = read_run(path)
    for name, value in given.items():
        if name != "data" and value != (saved := getattr(settings, name)):
            raise UsageError(
                f"--{name} is {told(value)}, but {shown(path)} was trained with {told(saved)}. "
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
                    f"--epochs is {n}, but the sequences of a task are always new. Use --updates."
                )
            return int(n if name == "updates" else n * (problem.per_epoch or 1))
    return before or problem.default * (problem.per_epoch or 1)
