"""Numeric series from files, checked entry by entry: an error names the line and the column."""

import csv
import os
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.data.chosen_columns import Columns, columns_of, indices
from tinygrad_rnn.data.delimited import find_separator, may_be_one_column
from tinygrad_rnn.data.table import Table
from tinygrad_rnn.data.text import decoded, unpacked
from tinygrad_rnn.errors import ArgumentTypeError, DataError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.guards.operands import real_array
from tinygrad_rnn.io.archive import array_of
from tinygrad_rnn.io.files import read_whole, shown, text_of

_SUFFIXES = (".csv", ".tsv", ".txt", ".npy")
_DECLARED = re.compile(r'"?sep=(.)"?[ \t]*(?=[\r\n])', re.IGNORECASE)  # by a spreadsheet
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "space": " "}


@public
def sunspots() -> tuple[Array, Array]:
    """(years, yearly mean sunspot numbers), 1700 to 2008: (309,) each.

    Public domain, NOAA National Geophysical Data Center; the series that statsmodels ships.
    """
    text = files("tinygrad_rnn.data").joinpath("sunspots.csv").read_text("utf-8")
    table = Table(text, "sunspots.csv", ",", ".", True).numbers(None)
    return table[:, 0].astype(int), table[:, 1]


@public
def load_series(
    path: str | os.PathLike[str],
    column: Columns | None = None,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    header: bool | None = None,
    tell: Callable[[str], object] | None = None,
) -> Array:
    """A series (T, I) of floats from a .csv, .tsv, .txt or .npy file; rows are time steps.

    .csv, .tsv, .txt  delimited text in UTF-8.  Quotes hold separators, ends of lines and #; a # at
                      the beginning of a line or behind a space starts a comment, unless it belongs
                      to a name; where it may be either, that is an error.  Blank lines, of white
                      space too, do not count
    .npy              an array of shape (T,) or (T, I); pickled objects are refused
    .csv.gz           any of these may be packed

    column     which ones, in this order: a name, a number from 1, or a list of these; a text that
               is no name is a number.  None: all that hold numbers.  Left out then are columns of
               dates or words, empty ones, and a first one without a name beside others with names,
               an index as pandas writes it
    separator  a character, or comma, semicolon, tab, space (any white space).  None: that of comma,
               semicolon, tab and, in .txt, white space, with which all rows have one length
    decimal    "." or ",".  None: a comma where a number can be read only so; 1,234 alone may be
               two different numbers and is an error
    header     whether the first row names the columns.  None: it does if it is not numbers, or
               counts 0, 1, 2, ... as pandas writes it; a single 0 may be either and is an error
    tell       called with a sentence for each thing that was decided and may be otherwise

    Numbers are 1, +1, -1.5 or 1e5, their digits not grouped.  An entry that is missing (empty, NA,
    nan) or infinite is an error, as is a row of another length.  Only an empty cell behind all
    others, and empty rows at the end of the file, are left out.

    Raises DataError, naming file, line and column, for a file that is missing (MissingFileError),
    empty, ragged, not numeric or not finite; UsageError for options that cannot be.
    """
    suffix, where, columns = _suffix(path), shown(path), columns_of(column)
    separator = _separator(separator, decimal)
    if header not in (None, True, False):
        raise ArgumentTypeError(f"header is {header!r:.60}; it is True, False or None.")
    content = unpacked(read_whole(path), where)
    if suffix == ".npy":
        for option, value in (("separator", separator), ("decimal", decimal), ("header", header)):
            if value is not None:
                raise UsageError(f"{option} is {value!r}, but {where} is an array. Leave it out.")
        return _array(content, where, columns)
    text = decoded(content, where)
    if "\0" in text:
        raise DataError(f"{where} holds NUL characters: it is no text, or UTF-16. Save UTF-8.")
    if declared := _DECLARED.match(text):
        separator, text = separator or declared[1], text[declared.end() :]
    try:
        found = separator or find_separator(text, decimal, suffix == ".txt")
        table = Table(text, where, found, decimal, header)
    except csv.Error as error:
        kind = next((name for name, sign in _SEPARATORS.items() if sign == separator), "comma")
        raise DataError(f"{where} is not {kind} separated text ({error}).") from error
    guessed = separator is decimal is None and found == ","
    if guessed and may_be_one_column(text, table.rows, bool(table.names)):
        raise DataError(
            f"{where} may have two columns, or one with decimal commas. Say which: separator=',' "
            "or decimal=',' (--separator, --decimal)."
        )
    series = table.numbers(columns)
    if tell is not None:
        for sentence in table.told:
            tell(sentence)
    return series


def is_series(path: str | os.PathLike[str]) -> bool:
    """Whether a name is surely that of a series; .txt may be a text as well."""
    return _ending(path) in (".csv", ".tsv", ".npy")


@public
def standardised(series: Array) -> Array:
    """Each column with mean 0 and standard deviation 1.

    Raises DataError for a constant column, no entry, or one that is not finite; DTypeError for what
    is not real numbers.
    """
    series = real_array(series, "the series")
    if not series.ndim or not series.size or not np.all(np.isfinite(series)):
        raise DataError("the series is empty, or an entry is not finite. Remove or fill those.")
    check_varies(series)
    series = series if series.dtype.kind == "f" else series.astype(float)
    _, exponent = np.frexp(np.max(np.abs(series), axis=0))
    scaled = np.ldexp(series, -exponent)  # exactly, so that squares neither overflow nor vanish
    result: Array = (scaled - scaled.mean(axis=0)) / scaled.std(axis=0)
    return result


def check_varies(series: Array) -> None:
    """Raise DataError for a column that is constant, whose deviation might be 1e-17."""
    constant = np.atleast_1d(np.all(series == series[0], axis=0))
    if np.any(constant):
        where = f"column {int(np.argmax(constant)) + 1} of the data"
        raise DataError(f"{where} is constant: there is nothing to learn.")


def _ending(path: str | os.PathLike[str]) -> str:
    """The suffix in small letters, that before .gz if it is this."""
    name = Path(text_of(path).lower())
    return Path(name.stem).suffix if name.suffix == ".gz" else name.suffix


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = _ending(path)
    if suffix not in _SUFFIXES:
        raise DataError(
            f"{shown(path)}: the suffix {suffix or '(none)'} is not known. "
            "Use .csv, .tsv, .txt or .npy, packed (.csv.gz) or not."
        )
    return suffix


def _separator(given: str | None, decimal: str | None) -> str | None:
    if decimal not in (None, ".", ","):
        raise UsageError(f"decimal is {decimal!r:.60}; it is '.' or ','.")
    if given is None:
        return None
    found = _SEPARATORS.get(given, given) if isinstance(given, str) else ""
    if len(found) != 1 or found.isalnum() or found in "\"'#+-.\r\n\0":
        names = ", ".join(name for name in _SEPARATORS if name.isalpha())
        raise UsageError(f"separator is {given!r:.60}; it is a character, or {names}.")
    return found


def _array(content: bytes, where: str, columns: list[str | int] | None) -> Array:
    try:
        array = array_of(content)
    except Exception as error:  # bytes of any kind can fail in any way
        raise DataError(f"{where} is not a plain .npy array ({error}).") from error
    if array.dtype.kind not in "iuf":
        raise DataError(f"{where} does not hold one array of real numbers.")
    if array.ndim not in (1, 2) or array.size == 0:
        shape = array.shape
        raise DataError(f"{where} holds shape {shape}; a series is (T,) or (T, I) and not empty.")
    with np.errstate(over="ignore"):  # of a long double; told below
        series = array.reshape(len(array), -1).astype(float)
    all_columns: list[str | int] = list(range(1, series.shape[1] + 1))
    chosen = indices(all_columns if columns is None else columns, [], series.shape[1], where)
    for t, j in np.argwhere(~np.isfinite(series[:, chosen]))[:1]:
        way = f"Remove or fill such entries (column {chosen[j] + 1})."
        raise DataError(f"{where}: time step {t + 1} holds NaN or infinity. {way}")
    return series[:, chosen]
