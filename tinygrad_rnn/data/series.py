"""Numeric series from files, checked entry by entry, so that an error names the line."""

import csv
import io
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn.errors import DataError

Array = Any


def sunspots() -> tuple[Array, Array]:
    """(years, yearly mean sunspot numbers), 1700 to 2008: (309,) each.

    Public domain, NOAA National Geophysical Data Center; the series that statsmodels ships.
    """
    table = _table(files("tinygrad_rnn.data").joinpath("sunspots.csv").read_text("utf-8"), "sunspots.csv", ",")[1]
    return table[:, 0].astype(int), table[:, 1]


def load_series(path: str | os.PathLike[str], column: str | None = None) -> Array:
    """A series (T, I) of floats from a .csv, .txt or .npy file; rows are time steps.

    .csv    comma separated; a first row that is not numeric names the columns; # starts a comment
    .txt    the same, separated by white space
    .npy    an array of shape (T,) or (T, I); pickled objects are refused
    column  use one column only: its name, or its number from 1

    Raises DataError, naming the file and the line, if it is missing, empty, ragged, not numeric or not finite.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".txt", ".npy"):
        raise DataError(f"{path}: the suffix {suffix or '(none)'} is not known. Use .csv, .txt or .npy.")
    names: list[str] = []
    try:
        if suffix == ".npy":
            series = _array(path)
        else:
            text = path.read_text("utf-8-sig")
            names, series = _table(text, str(path), "," if suffix == ".csv" else None, column)
            column = None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}).") from error
    except csv.Error as error:
        raise DataError(f"{path} is not comma separated text ({error}).") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error
    if column is not None:
        series = series[:, [_column(column, names, series.shape[1], str(path))]]
    if not np.all(np.isfinite(series)):
        row = int(np.argwhere(~np.isfinite(series))[0][0])
        raise DataError(f"{path}: time step {row + 1} holds NaN or infinity. Remove or fill such entries.")
    return series


def standardised(series: Array) -> Array:
    """Each column with mean 0 and standard deviation 1.  Raises DataError for a constant column."""
    constant = np.all(series == series[0], axis=0)  # a standard deviation would be 1e-17, not 0
    if np.any(constant):
        raise DataError(f"column {int(np.argmax(constant)) + 1} of the data is constant: there is nothing to learn.")
    return (series - series.mean(axis=0)) / series.std(axis=0)


def _array(path: Path) -> Array:
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)  # np.load would open .npz and pickles too
    except (ValueError, MemoryError) as error:
        raise DataError(f"{path} is not a plain .npy array ({error}).") from error
    if array.dtype.kind not in "iuf":
        raise DataError(f"{path} does not hold one array of real numbers.")
    if array.ndim not in (1, 2) or array.size == 0:
        raise DataError(f"{path} holds shape {array.shape}; a series is (T,) or (T, I) and not empty.")
    return array.reshape(len(array), -1).astype(float)


def _table(text: str, name: str, delimiter: str | None, column: str | None = None) -> tuple[list[str], Array]:
    """(column names, (T, I) array) of delimited text."""
    lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.split("#")[0].strip()]
    split = [(i, _cells(line.split("#")[0], delimiter)) for i, line in lines]
    if not split:
        raise DataError(f"{name} is empty.")
    names: list[str] = []
    if not any(_is_number(cell) for cell in split[0][1]):
        names = split.pop(0)[1]
    if not split:
        raise DataError(f"{name} has a row of names but no numbers.")
    width = len(names) or len(split[0][1])
    chosen = list(range(width)) if column is None else [_column(column, names, width, name)]
    rows = []
    for i, cells in split:
        if len(cells) != width:
            raise DataError(f"{name}, line {i}: {len(cells)} entries where {width} are expected.")
        for j in chosen:
            if not _is_number(cells[j]):
                raise DataError(
                    f"{name}, line {i}: {cells[j]!r} is not a number"
                    + (f" (column {names[j]!r})" if names else "")
                    + ". Remove it, or choose a numeric column."
                )
        rows.append([float(cells[j]) for j in chosen])
    return names, np.array(rows)


def _column(column: str, names: list[str], width: int, name: str) -> int:
    if column in names:
        return names.index(column)
    if column.isdecimal() and 1 <= int(column) <= width:
        return int(column) - 1
    known = ", ".join(names) if names else "numbers only"
    raise DataError(f"{name} has no column {column!r}: it has {width} ({known}).")


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
