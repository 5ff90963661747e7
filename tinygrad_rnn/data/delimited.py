"""Delimited text as rows of cells: which separator, which decimal sign, which row is a header."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from typing import NamedTuple

_SAMPLE = 200  # rows that decide on the separator
_NUMBER = {
    decimal: re.compile(rf"[+-]?(?:[0-9]+{sign}?[0-9]*|{sign}[0-9]+)(?:[eE][+-]?[0-9]+)?")
    for decimal, sign in ((".", r"\."), (",", ","))
}
_GROUPS = r"([.,'’_ \u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*"
_GROUPED = re.compile(rf"[+-]?[1-9][0-9]?[0-9]?{_GROUPS}(?:[.,][0-9]*)?")
_MISSING = re.compile(
    r"|[+-]?(?:na|nan|n/a|null|none|inf|infinity)|[-?.]+|#[^\W\d][\w/]*[!?]?",  # #REF! for one
    re.IGNORECASE,
)
_COMMENT = re.compile(
    r"(?:^|(?<= ))#"  # but not what a spreadsheet writes for an error
    r"(?!(?:N/A|NV|(?:NULL|DIV/0|VALUE|REF|NUM|WERT|BEZUG|ZAHL)!|NAME\?)(?:\W|$))"
)


class Row(NamedTuple):
    """A row, the line of the file on which it begins, from 1, and the comment cut off that line."""

    line: int
    cells: list[str]
    comment: str = ""


def rows(text: str, separator: str) -> Iterator[Row]:
    """The rows without blank lines and comments; a space stands for any white space.

    A quoted cell may hold separators, ends of lines and #.  Raises csv.Error.
    """
    begins, width, comment = 0, 0, ""

    def lines() -> Iterator[str]:
        nonlocal begins, comment
        for number, line in enumerate(io.StringIO(text, newline=""), 1):
            if not begins:  # else a quoted cell goes on
                line, comment = _without_comment(line, separator)
                if _is_blank(line, separator, width):
                    continue
                begins = number
            yield line

    for cells in csv.reader(lines(), delimiter=separator, skipinitialspace=True):
        yield Row(begins, [cell.strip() for cell in cells], comment)
        begins, width = 0, width or len(cells)


def _is_blank(line: str, separator: str, width: int) -> bool:
    """Whether it is white space, but not the tabs of a full row whose cells are missing."""
    full = separator in line and line.count(separator) + 1 == width
    return not line.strip() and not full


def _without_comment(line: str, separator: str) -> tuple[str, str]:
    """The line up to the # of a comment, and the rest; a # within words belongs to them."""
    white = separator == " "
    if white:
        body = line.rstrip("\r\n")
        line = re.sub(r"\s", " ", body).strip() + line[len(body) :]
    for found in _COMMENT.finditer(line) if "#" in line else ():
        before, behind = line[: found.start()].rstrip(" "), line[found.end() :]
        if before.count('"') % 2 or (before.endswith(separator) and not white):
            continue
        cell = before.rpartition(separator)[2].strip(' "')
        if white or not before or like_a_number(cell) or separator not in behind:
            return before, line[found.start() :].strip()
    return line, ""


def is_number(cell: str, decimal: str) -> bool:
    """Whether the cell is a number with this decimal sign, its digits not grouped."""
    return _NUMBER[decimal].fullmatch(cell) is not None


def like_a_number(cell: str) -> bool:
    """Whether the cell is a number to somebody: either decimal sign, grouped digits, per cent."""
    cell = cell.removesuffix("%").rstrip()
    return any(form.fullmatch(cell) for form in (*_NUMBER.values(), _GROUPED))


def is_missing(cell: str) -> bool:
    """Whether the cell is empty, or says that there is no number."""
    return _MISSING.fullmatch(cell) is not None


def is_word(cell: str) -> bool:
    """Whether the cell can be a name: no number to anybody, no mark for a missing one, no date."""
    named = any(map(str.isalpha, cell)) or not _digits(cell)
    return named and not like_a_number(cell) and not is_missing(cell)


def find_separator(text: str, decimal: str | None, white_space: bool) -> str:
    """Semicolon, tab, comma or, if it may be, white space: what gives rows of one length.

    Where several do, semicolon or tab, for commas may be decimal signs, and then what gives the
    largest share of numbers; where none does, the same among uneven rows.
    """
    best, found = (False, False, -1.0), ";" if decimal == "," else ","
    for separator in (";", "\t", ",", " ")[: 3 + white_space]:
        sample = _sample(text, separator)
        cells = [cell for row in sample for cell in row.cells if cell]
        width = max((len(row.cells) for row in sample), default=1)
        if separator == ";" and width == 1 and _is_one_column(cells, decimal):
            return "," if decimal is None and _may_have_cut_names(text, sample) else separator
        if width == 1 or not cells or (separator == decimal == "," and '"' not in text):
            continue
        share = sum(map(like_a_number, cells)) / len(cells)
        even = share > 0 and _is_even(sample)
        rank = (even, separator in ";\t", share)
        if rank > best:
            best, found = rank, separator
    return found


def _sample(text: str, separator: str) -> list[Row]:
    """The first rows; none where a wrong separator leaves cells longer than csv takes."""
    try:
        return list(islice(rows(text, separator), _SAMPLE))
    except csv.Error:
        return []


def _is_even(sample: Sequence[Row]) -> bool:
    return len({len(row.cells) for row in sample}) == 1


def _is_one_column(cells: Sequence[str], decimal: str | None) -> bool:
    """Whether the lines are numbers with a decimal comma, below a name or where it is given."""
    named = bool(cells) and is_word(cells[0]) and "," not in cells[0]
    numbers = cells[named:] if named or decimal == "," else []
    told = any("," in cell for cell in numbers)
    return decimal != "." and told and all(is_number(cell, ",") for cell in numbers)


def _may_have_cut_names(text: str, sample: Sequence[Row]) -> bool:
    """Whether the # behind one name may belong to the first of several, separated by commas."""
    return "," in sample[0].comment and (
        _all_have_hashes(sample[0]) or _is_even(_sample(text, ","))
    )


def _all_have_hashes(first: Row) -> bool:
    """Whether each name has a #, so that none begins a comment: sensor #1,sensor #2."""
    return all("#" in name for name in f"{first.cells[-1]} {first.comment}".split(","))


def may_be_one_column(text: str, table: Sequence[Row], named: bool) -> bool:
    """Whether pairs of whole numbers may be one column of numbers with a decimal comma.

    They look like them, 1,05 or -0,5, or stand below what is one name if a # begins a comment.
    """
    pairs = [",".join(row.cells) for row in table]
    if not all(pair.count(",") == 1 and is_number(pair, ",") for pair in pairs):
        return False
    if named:
        first = _sample(text, ";")[:1]
        return any("," in row.comment and not _all_have_hashes(row) for row in first)
    return any(re.match(r"[+-]0,|.*,(?:0[0-9]|[0-9]{10}|[0-9]*[eE])", pair) for pair in pairs)


def find_decimal(table: Sequence[Row]) -> str:
    """A comma where some cell can be read only so, and no other only with a point; else a point."""
    cells = [cell for row in table for cell in row.cells if "," in cell or "." in cell]
    if any("," in cell and _only(cell, ",") for cell in cells):
        return "." if any("." in cell and _only(cell, ".") for cell in cells) else ","
    return "."


def _only(cell: str, decimal: str) -> bool:
    """Whether it is a number with this decimal sign, and none with groups of three digits."""
    return is_number(cell, decimal) and not _GROUPED.fullmatch(cell)


def counts(cells: Sequence[str]) -> bool:
    """Whether they are 0, 1, 2, ..."""
    return list(cells) == [str(i) for i in range(len(cells))]


def above_index(table: Sequence[Row]) -> bool:
    """Whether the first row has an empty cell above an index: 0, 1, 2, ..., dates or words."""
    index = [row.cells[0] for row in table[1:]]
    unlike = all(index) and not any(map(like_a_number, index))
    return table[0].cells[0] == "" and (counts(table[0].cells[1:]) or counts(index) or unlike)


def counts_on(table: Sequence[Row]) -> bool:
    """Whether below a header that counts a column goes on counting, so that it may be no header."""
    width = len(table[0].cells)
    if width == 1 or len(table) < 3:
        return width == 1
    columns = ([row.cells[j] for row in table] for j in range(width))
    numbers = [str(i) for i in range(width + len(table))]
    return any(column == numbers[j : j + len(table)] for j, column in enumerate(columns))


def has_names(table: Sequence[Row]) -> bool:
    """Whether the first row names the columns: words above numbers, above dates, or words alone."""
    first, below = table[0].cells, table[1:]
    for j, cell in enumerate(first):
        column = [row.cells[j] for row in below if not is_missing(row.cells[j])]
        if is_word(cell) and column and all(map(like_a_number, column)):
            return True
    return all(map(is_word, first[1:] if first[0] == "" and len(first) > 1 else first))


def above_dates(table: Sequence[Row]) -> bool:
    """Whether the first row is words and whole numbers, a word without digits above dates."""
    first, below = table[0].cells, table[1:]
    return all(is_word(cell) or cell.isdecimal() for cell in first) and any(
        is_word(cell) and not _digits(cell) and all(map(_begins_with_digit, below, repeat(j)))
        for j, cell in enumerate(first)
    )


def _begins_with_digit(row: Row, j: int) -> bool:
    return row.cells[j][:1].isdigit()


def _digits(cell: str) -> bool:
    return any(map(str.isdigit, cell))
