"""Which columns of a table were asked for: by name, or by number from 1."""

from collections.abc import Sequence
from operator import index
from typing import Any, TypeAlias

import numpy as np

from tinygrad_rnn.errors import ArgumentTypeError, DataError, UsageError

Columns: TypeAlias = str | int | Sequence[str | int]
_MOST = 12  # columns told in one sentence
_DIGITS = 100  # of the number of a column


def columns_of(given: Any) -> list[str | int] | None:
    """What was asked for, as a list.  Raises ArgumentTypeError, or UsageError for an empty list."""
    if given is None:
        return None
    one = isinstance(given, (str, bytes, bytearray, memoryview))  # bytes as a list would be numbers
    try:
        items = [given] if one else list(given)
    except TypeError:
        items = [given]
    try:
        found = [item if isinstance(item, str) else _number(item) for item in items]
    except TypeError:
        raise ArgumentTypeError(
            f"column is {given!r:.60}; it is a name, a number from 1, or a list of these."
        ) from None
    if not found:
        raise UsageError("column is an empty list. Leave it out for all columns of numbers.")
    return found


def indices(
    columns: list[str | int], names: list[str], width: int, where: str, also: str = ""
) -> list[int]:
    """Where the columns are that were asked for.

    Raises DataError for one that is not there, or is asked for twice.
    """
    found = [_index(column, names, width, where, also) for column in columns]
    for n, j in enumerate(found):
        if j in found[:n]:
            raise DataError(f"{where}: column {j + 1} is asked for twice. Leave one out.")
    return found


def _index(column: str | int, names: list[str], width: int, where: str, also: str) -> int:
    wanted = one_line(column) if isinstance(column, str) else ""
    same = [j for j, name in enumerate(names) if wanted and name == wanted]
    if wanted and wanted == also and width - 1 not in same:
        same.append(width - 1)
    if len(same) > 1:
        numbers = " and ".join(str(j + 1) for j in same)
        raise DataError(f"{where}: columns {numbers} are called {column!r}. Choose by the number.")
    if same:
        return same[0]
    number = _number_in(column) if isinstance(column, str) else column
    if 1 <= number <= width:
        return number - 1
    known = listed(names) if names else "numbers only"
    raise DataError(f"{where} has no column {_told(column)}: it has {width} ({known}).")


def _number_in(column: str) -> int:
    """The number that a text is, or 0; one with too many digits for Python is 0, too."""
    return int(column) if column.isdecimal() and len(column) <= _DIGITS else 0


def _told(column: str | int) -> str:
    if isinstance(column, int) and abs(column) >= 10**_DIGITS:
        return f"of a number with more than {_DIGITS} digits"
    if isinstance(column, str) and column.isdecimal() and len(column) > _DIGITS:
        return f"{column[:20]}... ({len(column)} digits)"
    return f"{column!r}"


def _number(item: Any) -> int:
    if isinstance(item, (bool, np.bool_)):
        raise TypeError
    return index(item)


def one_line(name: str) -> str:
    """A name without ends of lines and runs of spaces."""
    return " ".join(name.split())


def listed(what: Sequence[str]) -> str:
    """The first of them, and how many there are more."""
    rest = len(what) - _MOST
    return ", ".join(what[:_MOST]) + (f" and {rest} more" if rest > 0 else "")
