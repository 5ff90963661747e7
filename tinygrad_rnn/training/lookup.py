"""What a name on the command line stands for: a problem to learn, or a cell."""

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn.data import load_series, load_text, python_topics, sunspots
from tinygrad_rnn.data.series import is_series
from tinygrad_rnn.errors import MissingFileError, UsageError
from tinygrad_rnn.io.files import shown
from tinygrad_rnn.training.problem import Problem
from tinygrad_rnn.training.settings import CELLS, Settings
from tinygrad_rnn.training.stream import Series, Text
from tinygrad_rnn.training.tasks import TASKS, ClassicTask


def problem_of(s: Settings) -> Problem:
    """The problem that `s.data` names: a task, "text", "sunspots", or a file.

    .csv, .tsv and .npy, packed by gzip or not, are series, anything else is text.  Raises DataError
    for a file that cannot be used, UsageError for a column where there is none.
    """
    if is_series(s.data):
        notes: list[str] = []
        series = load_series(s.data, tell=notes.append, **s.reading)
        problem = Series(series, shown(s.data), s.window, s.batch, s.validation)
        problem.notes = notes
        return problem
    way = "Leave it out, or give a .csv, .tsv or .npy series"
    refuse_reading(s.reading, f"{shown(s.data)} has no columns. {way}")
    if s.data in TASKS:
        return ClassicTask(s.data, s.window, s.batch, s.seed)
    if s.data == "sunspots":
        years = "yearly sunspot numbers 1700 to 2008"
        return Series(sunspots()[1][:, None], years, s.window, s.batch, s.validation)
    if s.data == "text":
        about = "the help topics of this Python"
        return Text(python_topics(), about, s.window, s.batch, s.validation)
    try:
        text = load_text(s.data)
    except MissingFileError as error:
        if Path(s.data).suffix:
            raise
        raise MissingFileError(
            f"there is no file {shown(s.data)} and no task of that name. Give a file, or one of "
            f"text, sunspots, {', '.join(TASKS)}."
        ) from error
    return Text(text, shown(s.data), s.window, s.batch, s.validation)


def make_cell(name: str, inputs: int, hidden: int, rng: np.random.Generator) -> Any:
    """A built-in cell, or for `module:Class` what Class(inputs, hidden, rng=rng) gives.

    The module is looked for in the working folder, too.  Raises UsageError if there is none.
    """
    if name in CELLS:
        return CELLS[name](inputs, hidden, rng=rng)
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        known = ", ".join(CELLS)
        raise UsageError(f"no cell is called {name!r}. Use {known}, or module:Class for your own.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        made = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, TypeError) as error:  # TypeError: a dot comes first
        way = "It must be importable from this folder."
        raise UsageError(f"cannot import the cell {name!r}: {error}. {way}") from error
    try:
        return made(inputs, hidden, rng=rng)
    except TypeError as error:
        call = f"{attribute}(inputs, hidden, rng=generator)"
        raise UsageError(f"{name} must be callable as {call}: {error}.") from error


def refuse_reading(reading: Mapping[str, object], why: str) -> None:
    """Raise UsageError for an option on how to read a series, where there is none to read."""
    for name, value in reading.items():
        raise UsageError(f"--{name} is {told(value)}, but {why}.")


def told(value: object) -> str:
    """The value of an option, or the values of one that can be repeated."""
    return ", ".join(map(repr, value)) if isinstance(value, (list, tuple)) else str(value)
