"""A table of numbers in a text: its header, its columns, and words for every cell that is wrong."""

import csv
import math
import re

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.data.chosen_columns import indices, listed, one_line
from tinygrad_rnn.data.delimited import (
    Row,
    above_dates,
    above_index,
    counts,
    counts_on,
    find_decimal,
    has_names,
    is_missing,
    is_number,
    is_word,
    like_a_number,
    rows,
)
from tinygrad_rnn.errors import DataError

_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


class Table:
    """Rows of one length.

    rows   without the header
    names  of the columns, or []
    also   another name of the last one, with or without the # behind it, or ""
    told   a sentence for each thing that was decided and may be otherwise

    Raises DataError, naming file and line; csv.Error for text that is not delimited.
    """

    def __init__(
        self, text: str, where: str, separator: str, decimal: str | None, header: bool | None
    ):
        self.where, self.told = where, list[str]()
        self.rows = list(rows(text, separator))
        if not self.rows:
            raise DataError(f"{where} is empty.")
        self.width = self._one_length(separator == " ")
        names = header if header is not None else self._begins_with_names()
        self.names, self.also = _names(self.rows.pop(0)) if names else ([], "")
        if not self.rows:
            raise DataError(f"{where} has a row of names but no numbers.")
        self._leave_out_empty_rows()
        self._check_comments(text, separator)
        self.decimal = decimal or find_decimal(self.rows)
        if decimal is None and self.decimal == ",":
            self.told.append(f"{where}: the decimal sign is a comma")

    def numbers(self, columns: list[str | int] | None) -> Array:
        """The columns, or all that hold numbers: (T, I)."""
        if columns is None:
            return self._array(self._numeric())
        return self._array(indices(columns, self.names, self.width, self.where, self.also))

    def _array(self, chosen: list[int]) -> Array:
        return np.array([self._column(j) for j in chosen]).T.copy()

    def _one_length(self, white_space: bool) -> int:
        """How many cells each row has; one that is empty behind them all is taken away."""
        first, below = self.rows[0].cells, {len(row.cells) for row in self.rows[1:]}
        if below == {len(first) - 1} and not first[-1]:
            first.pop()
        elif (
            white_space
            and below == {len(first) + 1}
            and (counts(first) or any(map(is_word, first)))
        ):
            self._check_header(self.rows[0])
            first.insert(0, "")  # above an index, as R and pandas print it
        width = len(first)
        for row in self.rows:
            if len(row.cells) == width + 1 and not row.cells[-1]:
                row.cells.pop()
            if (n := len(row.cells)) != width:
                raise DataError(
                    f"{self.where}, line {row.line}: {n} entries where {width} are expected. "
                    "Say what separates them (separator=, --separator), quote what has it inside, "
                    "or put # before what is no data."
                )
        if width > 1 and not any(row.cells[-1] for row in self.rows):
            for row in self.rows:
                row.cells.pop()
            return width - 1
        return width

    def _check_header(self, row: Row) -> None:
        """A # in it may belong to a name of the column that seems to have none."""
        if row.comment:
            raise DataError(
                f"{self.where}, line {row.line}: {row.comment!r:.60} may be a comment, or belong "
                "to a name; names are fewer than columns. Put quotes around a name with # in it, "
                "and a comment on its own line."
            )

    def _check_comments(self, text: str, separator: str) -> None:
        """Below words, #3 at the beginning of a full row is no comment for sure."""
        words = not any(like_a_number(row.cells[0]) for row in self.rows)
        for found in re.finditer(r"^#[^\s#].*", text, re.MULTILINE) if words else ():
            cells = _cells(found[0], separator)
            if len(cells) == self.width > 1 and any(map(like_a_number, map(str.strip, cells[1:]))):
                line = 1 + len(re.findall(r"\r\n?|\n", text[: found.start()]))
                raise DataError(
                    f"{self.where}, line {line}: {cells[0]!r} may begin a comment, or be an entry. "
                    "Put a space behind the # of a comment, or quotes around an entry."
                )

    def _begins_with_names(self) -> bool:
        line, first, _ = self.rows[0]
        if has_names(self.rows):
            return True
        above = above_dates(self.rows) or above_index(self.rows)
        if len(self.rows) == 1 or not (above or counts(first)):
            return False
        labels = f"{self.where}, line {line}: {listed([cell for cell in first if cell])}"
        if not above and counts_on(self.rows):
            raise DataError(
                f"{labels} may be a header, as pandas writes it, or the first time step. Say "
                "which: header=True or False (--header, --no-header)."
            )
        way = "--no-header takes it as data"
        self.told.append(f"{labels} is taken as a header, as pandas writes it; {way}")
        return True

    def _leave_out_empty_rows(self) -> None:
        """Those at the end, of which spreadsheets write many."""
        end = len(self.rows)
        while self.width > 1 and end > 1 and not any(self.rows[end - 1].cells):
            end -= 1
        if end < len(self.rows):
            line = self.rows[end].line
            self.told.append(f"{self.where}: left out all rows from line {line}, which are empty")
        del self.rows[end:]

    def _numeric(self) -> list[int]:
        """All columns with a number in them, but no index."""
        found, left_out = [], []
        for j in range(self.width):
            cells = {row.cells[j] for row in self.rows}
            if j == 0 and not self._name(j) and any(self.names):
                left_out.append(f"{self._called(j)} (an index)")
            elif any(map(like_a_number, cells)):
                found.append(j)
            else:
                left_out.append(f"{self._called(j)} ({'no numbers' if any(cells) else 'empty'})")
        if not found:
            raise DataError(
                f"{self.where} has no column of numbers; there is {listed(left_out)}. Say what "
                "separates cells (separator=, --separator), or choose a column (column=, --column)."
            )
        if left_out:
            self.told.append(f"{self.where}: left out {listed(left_out)}")
        return found

    def _column(self, j: int) -> list[float]:
        numbers = []
        for t, row in enumerate(self.rows, 1):
            cell = row.cells[j]
            x = float(cell.replace(",", ".")) if is_number(cell, self.decimal) else math.nan
            if not math.isfinite(x):
                raise self._no_number(t, row, j)
            numbers.append(x)
        return numbers

    def _no_number(self, t: int, row: Row, j: int) -> DataError:
        cell, place = row.cells[j], self._called(j)
        other = "or choose other columns (column=, --column)"
        if is_number(cell, self.decimal) or _NOT_FINITE.fullmatch(cell):
            return DataError(
                f"{self.where}: time step {t} holds NaN or infinity. Remove or fill such entries "
                f"(line {row.line}, {place}), {other}."
            )
        told = f"{self.where}, line {row.line}: {cell!r} is not a number"
        if like_a_number(cell):
            sign = "comma" if self.decimal == "," else "point"
            told += f" with a decimal {sign}"
            way = f"Give the sign (decimal=, --decimal), without groups of digits and %, {other}"
        elif is_missing(cell):
            way = f"Fill it, remove the row, {other}"
        elif t == 1 and not self.names:
            way = f"Say that the row holds names (header=True, --header), {other}"
        else:
            way = "Remove it, or choose a numeric column (column=, --column)"
        return DataError(f"{told} ({place}). {way}.")

    def _name(self, j: int) -> str:
        return self.names[j] if self.names else ""

    def _called(self, j: int) -> str:
        name = self._name(j)
        return f"column {name!r}" if name and self.names.count(name) == 1 else f"column {j + 1}"


def _names(header: Row) -> tuple[list[str], str]:
    """What the columns are called, and what else the last may be, if a # follows it."""
    names = [one_line(cell) for cell in header.cells]
    if not header.comment:
        return names, ""
    short, full = names[-1], one_line(f"{names[-1]} {header.comment}")
    alike = any("#" in name for name in names[:-1])
    return [*names[:-1], full if alike else short], short if alike else full


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    except csv.Error:  # longer than an entry may be
        return []
