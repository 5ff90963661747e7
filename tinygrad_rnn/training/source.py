"""From what was asked for to a problem."""

from pathlib import Path

from tinygrad_rnn.data import load_series, load_text, python_topics, sunspots
from tinygrad_rnn.errors import DataError, UsageError
from tinygrad_rnn.training.problem import Problem
from tinygrad_rnn.training.settings import Settings
from tinygrad_rnn.training.stream import Series, Text
from tinygrad_rnn.training.tasks import TASKS, ClassicTask


def problem_of(s: Settings) -> Problem:
    """The problem that `s.data` names: a task, "text", "sunspots", or a file.

    .csv and .npy are series, anything else is text.  Raises DataError for a file that cannot be used, UsageError for a
    column where there is none.
    """
    if s.data in TASKS or s.data == "text" or Path(s.data).suffix.lower() not in ("", ".csv", ".npy"):
        if s.column is not None:
            raise UsageError(
                f"--column is {s.column!r}, but {s.data} has no columns. Leave it out, or give a .csv or .npy series."
            )
        if s.data in TASKS:
            return ClassicTask(s.data, s.window, s.batch, s.seed)
        text = python_topics() if s.data == "text" else load_text(s.data)
        about = "the help topics of this Python" if s.data == "text" else s.data
        return Text(text, about, s.window, s.batch, s.validation)
    if s.data == "sunspots":
        series, about = sunspots()[1][:, None], "yearly sunspot numbers 1700 to 2008"
    elif Path(s.data).suffix:
        series, about = load_series(s.data, s.column), s.data
    elif Path(s.data).is_file():
        return Text(load_text(s.data), s.data, s.window, s.batch, s.validation)
    else:
        raise DataError(
            f"there is no file {s.data} and no task of that name. Give a file, or one of text, sunspots, "
            f"{', '.join(TASKS)}."
        )
    return Series(series, about, s.window, s.batch, s.validation)
