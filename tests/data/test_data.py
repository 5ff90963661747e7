"""Series from files: what is read, and the words for everything that cannot be."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn import data
from tinygrad_rnn.data import load_series, load_text, one_hot, standardised, sunspots
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DataError,
    DTypeError,
    MissingFileError,
    RangeError,
    TinygradError,
    UsageError,
)


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# -- sunspots --------------------------------------------------------------------------------------


def test_sunspots():
    years, numbers = sunspots()
    assert_array_equal(years, np.arange(1700, 2009))
    assert years.shape == numbers.shape == (309,)
    by_year = dict(zip(years, numbers, strict=True))
    assert (by_year[1700], by_year[2008], by_year[1957]) == (5, 2.9, 190.2)
    assert max(by_year, key=by_year.get) == 1957
    assert years.dtype.kind == "i"


# -- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a.CSV", "1,2\n3,4", [[1, 2], [3, 4]]),
        ("a.csv", "year,value\n1700,5\n1701,-11.5e0\n", [[1700, 5], [1701, -11.5]]),
        ("a.csv", "# source: me\n\na # unit\n1 # first\n\n2\n#end\n", [[1], [2]]),
        ("a.csv", "\ufeffa,b\n1,2\n", [[1, 2]]),
        ("a.csv", "\ufeff1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a.csv", '"1"," 2 "\r\n"3",4\r\n', [[1, 2], [3, 4]]),
        ("a.csv", "5\n", [[5]]),
        ("a.csv", "1\n2\n3", [[1], [2], [3]]),
        ("a.txt", "  1 2\n3\t 4 \n", [[1, 2], [3, 4]]),
        ("a.txt", "x y\n1 2\n", [[1, 2]]),
    ],
)
def test_text(tmp_path, name, content, expected):
    series = load_series(write(tmp_path, name, content))
    assert_array_equal(series, expected)
    assert series.dtype == float


@pytest.mark.parametrize(
    ("column", "expected"),
    [("b", [2, 5]), ("2", [2, 5]), ("1", [1, 4]), ("c", [3, 6]), ("ü 1", [1, 4])],
)
def test_one_column_by_name_or_number(tmp_path, column, expected):
    path = write(tmp_path, "a.csv", "ü 1,b,c\n1,2,3\n4,5,6\n")
    assert_array_equal(load_series(path, column), np.reshape(expected, (2, 1)))


def test_only_the_chosen_column_must_be_numeric(tmp_path):
    path = write(tmp_path, "a.csv", "day,flow\nMon,1\nTue,2\n")
    assert_array_equal(load_series(path, "flow"), [[1], [2]])


def test_a_name_that_is_a_number_goes_before_the_number(tmp_path):
    assert_array_equal(load_series(write(tmp_path, "a.csv", "a,b\n1,2\n3,4\n"), "2"), [[2], [4]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int32, np.uint8, ">f8"])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3)])
def test_npy(tmp_path, shape, dtype):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    series = load_series(tmp_path / "a.npy")
    assert_array_equal(series, array.reshape(4, -1).astype(float))
    assert series.dtype == np.dtype(float)


def test_a_column_of_npy(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    assert_array_equal(load_series(tmp_path / "a.npy", "3"), [[2], [5]])


# -- what is found, or given -----------------------------------------------------------------------

SERIES = [[1.5, -2.0], [30.25, 4e5]]
FOUND = {
    "semicolons": "a;b\n1.5;-2\n30.25;4e5\n",
    "tabs": "a\tb\n1.5\t-2\n30.25\t4e5\n",
    "semicolons and decimal commas": "a;b\n1,5;-2\n30,25;4e5\n",
    "tabs and decimal commas": "a\tb\n1,5\t-2\n30,25\t4e5\n",
    "decimal commas without a header": "1,5;-2\n30,25;4e5\n",
    "quoted decimal commas": 'a,b\n"1,5","-2"\n"30,25","4e5"\n',
    "quotes with anything in them": '"level, # of\ncars; all","say ""b"""\n1.5,-2\n30.25,4e5\n',
    "words with separators": '"x;1",a,b\n"y,2;3",1.5,-2\n"z\n# 1",30.25,4e5\n',
    "dates": "day,a,b\n2020-01-31,1.5,-2\n2020-02-01,30.25,4e5\n",
    "German dates": "Tag;a;b\n31.01.2020;1,5;-2\n01.02.2020;30,25;4e5\n",
    "times without a header": "10:00,1.5,-2\n11:00,30.25,4e5\n",
    "a header of numbers": "0,1\n1.5,-2\n30.25,4e5\n",
    "an index and a header of numbers": ",0,1\n0,1.5,-2\n1,30.25,4e5\n",
    "an index without a name": ",a,b\n7,1.5,-2\n9,30.25,4e5\n",
    "an empty corner above words and years": ",2019,2020\nAruba,1.5,-2\nBenin,30.25,4e5\n",
    (
        "dates under a name and a header of numbers"
    ): "date,0,1\n2020-01-31,1.5,-2\n2020-02-01,30.25,4e5\n",
    "comments": "# 1,2\n  # 3,4\na,b # unit #\n1.5,-2 # first, in May\n\n30.25,4e5\n#5,6\n",
    "# in words and behind them": "a\tx, #\tb\n1.5\tKöln; Süd, #3\t-2\n30.25\tC# # d\t4e5\n",
    "# as a cell": "a,id,b\n1.5, #1, -2\n30.25, #2, 4e5\n",
    "Macintosh": "a,b\r1.5,-2\r30.25,4e5\r",
    "Windows": "\ufeffa,b\r\n1.5,-2\r\n30.25,4e5\r\n",
    "a spreadsheet's first line": "sep=;\r\na;b\r\n1,5;-2\r\n30,25;4e5\r\n",
    "a trailing separator": "a,b,\n1.5,-2,\n30.25,4e5,\n",
    "a trailing separator below": "a,b\n1.5,-2,\n30.25,4e5,\n",
    "a trailing separator above": "a,b,\n1.5,-2\n30.25,4e5\n",
    "empty rows at the end": "a;b\n1.5;-2\n30.25;4e5\n;\n;\n",
    "an empty column": "a,x,b\n1.5,,-2\n30.25,,4e5\n",
    "an empty cell in the header": "a,\n1.5,-2\n30.25,4e5\n",
    "two columns of one name": "a,a\n1.5,-2\n30.25,4e5\n",
    "signs and points": "a,b\n+1.5,-2.\n30.25,+.4E+6\n",
    "names without letters": "%,°\n1.5,-2\n30.25,4e5\n",
    "lines of white space": " \t\na,b\n  \n1.5,-2\n\t\n30.25,4e5\n \t \n",
    "lines of white space between tabs": " \na\tb\n   \n1.5\t-2\n\t\t\t\n30.25\t4e5\n  \n",
}


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND)
def test_what_others_write(tmp_path, text):
    assert_array_equal(load_series(write(tmp_path, "a.csv", text)), SERIES)
    assert_array_equal(
        load_series(write(tmp_path, "a.csv.gz", gzip.compress(text.encode()))), SERIES
    )
    assert_array_equal(load_series(write(tmp_path, "a.tsv", text)), SERIES)


@pytest.mark.parametrize(
    "text",
    [
        "a b\n1.5 -2\n30.25 4e5\n",
        "  a\t b \n1,5\t-2\n30,25   4e5",
        '"a b" "c # d"\n1.5 -2 # x\n30.25 4e5\n',
        "2020-01-31 10:00 1.5 -2\n2020-01-31 11:00 30.25 4e5\n",
        "       a      b\n0    1.5   -2.0\n1  30.25    4e5\n",  # as pandas prints it
        "      0      1\n0    1.5   -2.0\n1  30.25    4e5\n",
        "a, b\n1.5, -2\n30.25, 4e5\n",
        "first one\tb\n1.5\t-2\n30.25\t4e5\n",
    ],
)
def test_white_space(tmp_path, text):
    assert_array_equal(load_series(write(tmp_path, "a.txt", text)), SERIES)
    assert_array_equal(
        load_series(write(tmp_path, "a.txt.gz", gzip.compress(text.encode()))), SERIES
    )


@pytest.mark.parametrize("suffix", ["csv", "txt"])
@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("sensor #1,sensor #2\n20,31\n21,32\n", {}, [[20, 31], [21, 32]]),
        ("sensor #1,sensor #2\n20,31\n21,32\n", {"header": True}, [[20, 31], [21, 32]]),
        ("sensor #1,sensor #2\n20,31\n21,32\n", {"column": "sensor #2"}, [[31], [32]]),
        ("sensor #1,time\n20,31\n21,32\n", {"separator": ","}, [[20, 31], [21, 32]]),
        ("sensor #1,time\n20,31\n21,32\n", {"decimal": ","}, [[20.31], [21.32]]),
        ("Wert # in m, gemessen\n1,5\n2\n", {}, [[1.5], [2]]),
        ("Wert # in m\n1,5\n2,25\n", {}, [[1.5], [2.25]]),
        ("a,count #\n1,2\n", {"column": "count #"}, [[2]]),
        ("a,count #\n1,2\n", {"column": "count"}, [[2]]),
        ("a,b # unit of b\n1,2\n", {"column": "b"}, [[2]]),
    ],
)
def test_hashes_in_names(tmp_path, suffix, text, given, expected):
    assert_array_equal(load_series(write(tmp_path, f"a.{suffix}", text), **given), expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "sensor #1,time\n20,31\n21,32\n",
            "may have two columns, or one with decimal commas. Say which: separator=",
        ),
        (
            "Wert # in m, roh\n1,5\n2,5\n",
            "may have two columns, or one with decimal commas. Say which: separator=",
        ),
        (
            "a b #2\n1 2 3\n4 5 6\n",
            "line 1: '#2' may be a comment, or belong to a name; names are fewer than col",
        ),
        ("t #1 t #2\n1 2\n4 5\n", "line 1: '#1 t #2' may be a comment, or belong to a name;"),
    ],
)
def test_a_hash_that_may_belong_to_a_name_is_asked_for(tmp_path, text, words):
    with pytest.raises(DataError, match=re.escape(words)):
        load_series(write(tmp_path, "a.txt", text))


def test_columns_of_one_name_with_a_hash(tmp_path):
    path = write(tmp_path, "a.csv", "count #,count #\n1,2\n")
    with pytest.raises(
        DataError, match=r"columns 1 and 2 are called 'count #'\. Choose by the number"
    ):
        load_series(path, "count #")
    with pytest.raises(DataError, match=r"has no column 'x': it has 2 \(count #, count #\)"):
        load_series(path, "x")


@pytest.mark.parametrize(
    ("name", "separator", "named"),
    [("a.csv", ",", True), ("a.txt", ",", False), ("a.csv", "\t", False), ("a.txt", " ", True)],
)
def test_lines_longer_than_an_entry_may_be(tmp_path, name, separator, named):
    numbers = np.arange(60_000.0).reshape(3, 20_000) + 0.25
    lines = [map(str, row) for row in numbers.tolist()]
    if named:
        lines.insert(0, (f"name{j}" for j in range(20_000)))
    path = write(tmp_path, name, "\n".join(map(separator.join, lines)))
    assert_array_equal(load_series(path), numbers)


def test_a_row_of_tabs_alone_is_missing_entries_and_no_blank_line(tmp_path):
    with pytest.raises(
        DataError, match=re.escape("line 3: '' is not a number (column 'a'). Fill it")
    ):
        load_series(write(tmp_path, "a.tsv", "a\tb\n1\t2\n\t\n3\t4\n"))


def test_a_long_comment(tmp_path):
    path = write(tmp_path, "a.csv", f"x,n\nu,1\n#{'c' * 200_000}\nv,2\n")
    assert_array_equal(load_series(path), [[1], [2]])


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize(
    ("sep", "decimal"), [(",", "."), (";", ","), ("\t", "."), ("\t", ","), (",", ",")]
)
@pytest.mark.parametrize("names", [None, ["x", "y"], ["a,b", 'say "c"\n;'], [0, 5], [2019.5, "y"]])
def test_what_pandas_writes(tmp_path, index, sep, decimal, names):
    frame = pandas.DataFrame(np.array(SERIES), columns=names)
    path = tmp_path / "a.csv"
    frame.to_csv(path, index=index, sep=sep, decimal=decimal)
    if names == [0, 5] and not index:  # nothing tells them from a time step
        assert_array_equal(load_series(path, header=True), SERIES)
    else:
        assert_array_equal(load_series(path), SERIES)
    frame.index = pandas.date_range("2020-01-01", periods=2, name="when")
    frame.to_csv(path, sep=sep, decimal=decimal)
    assert_array_equal(load_series(path), SERIES)


def test_one_column_with_decimal_commas(tmp_path):
    path = write(tmp_path, "a.csv", "Wert\n1,5\n2\n30,25\n")
    assert_array_equal(load_series(path), [[1.5], [2], [30.25]])
    path = write(tmp_path, "a.csv", "1,5\n2,25\n")
    assert_array_equal(load_series(path), [[1, 5], [2, 25]])
    assert_array_equal(load_series(path, decimal=","), [[1.5], [2.25]])


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("a|b\n1|2\n", {"separator": "|"}, [[1, 2]]),
        ("a b\n1 \t2\n", {"separator": "space"}, [[1, 2]]),
        ("a\tb;c\n1\t2\n", {"separator": "tab"}, [[1, 2]]),
        ("a\tb;c\n1\t2\n", {"separator": "\\t"}, [[1, 2]]),
        ("1,2;3\n", {"separator": "semicolon", "decimal": ","}, [[1.2, 3]]),
        ("a;b\n1,234;5\n", {"decimal": ","}, [[1.234, 5]]),
        ("1.5;2\n", {"decimal": "."}, [[1.5, 2]]),
        ("2020,01\n2020,02\n", {"separator": ","}, [[2020, 1], [2020, 2]]),
        ("2020,01\n2020,02\n", {"decimal": ","}, [[2020.01], [2020.02]]),
        ("level, m\n1,5\n", {"decimal": ","}, [[1.5]]),
        ('x;1\n"#3";4\n# y;5\n', {"separator": ";"}, [[1], [4]]),
        ("2;1\n#3;4\n5;6\n", {"separator": ";"}, [[2, 1], [5, 6]]),
        ("0,1\n2,3\n", {"header": False}, [[0, 1], [2, 3]]),
        ("0\n2\n", {"header": False}, [[0], [2]]),
        ("0\n2\n", {"header": True}, [[2]]),
        ("2019,2020\n1,2\n", {"header": True, "column": "2020"}, [[2]]),
        ("a,b,c\n1,2,3\n", {"column": ["c", 1]}, [[3, 1]]),
        ("a,b,c\n1,2,3\n", {"column": np.array([2, 3])}, [[2, 3]]),
        ("a,b,c\n1,2,3\n", {"column": np.int64(3)}, [[3]]),
        ("2,1\n3,4\n", {"column": 2, "header": True}, [[4]]),
        ("2,1\n3,4\n", {"column": "2", "header": True}, [[3]]),
        (",a\n7,1\n", {"column": [1, "a"]}, [[7, 1]]),
        ('"two\nlines",b\n1,2\n', {"column": "two  lines"}, [[1]]),
    ],
)
def test_what_is_given_is_taken(tmp_path, text, given, expected):
    assert_array_equal(load_series(write(tmp_path, "a.csv", text), **given), expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "0\n10\n20\n",
            (
                "line 1: 0 may be a header, as pandas writes it, or the first time "
                "step. Say which: header="
            ),
        ),
        (
            "x;1\n#3;4\ny;5\n",
            "line 2: '#3' may begin a comment, or be an entry. Put a space behind the # of a comm",
        ),
        (
            "1,5\n2,05\n",
            (
                "may have two columns, or one with decimal commas. Say which: "
                "separator=',' or decimal=','"
            ),
        ),
        ("-0,5\n2,5\n", "may have two columns, or one with decimal commas."),
        ("2,5\n1,5e-05\n", "may have two columns, or one with decimal commas."),
        ("0,1\n1,2\n2,4\n", "line 1: 0, 1 may be a header, as pandas writes it, or"),
        (
            "a;b\n1,234;5\n2,345;6\n",
            "line 2: '1,234' is not a number with a decimal point (column 'a'). Give the sign",
        ),
        ("a;b\n1.234,5;5\n", "line 2: '1.234,5' is not a number with a decimal point (column 'a')"),
        ("a;b\n1,5;2.5\n", "line 2: '1,5' is not a number with a decimal point (column 'a')"),
        ("a;b\n1.234;1,5\n", "line 2: '1.234' is not a number with a decimal comma (column 'a')"),
        ("a,b\n1_000,2\n", "line 2: '1_000' is not a number with a decimal point"),
        ("a,b\n1 000,2\n", "line 2: '1 000' is not a number with a decimal point"),
        ("a,b\n12%,2\n13%,3\n", "line 2: '12%' is not a number with a decimal point (column 'a')"),
    ],
)
def test_what_may_be_one_thing_or_the_other_is_asked(tmp_path, text, words):
    with pytest.raises(DataError, match=re.escape(words)):
        load_series(write(tmp_path, "a.csv", text))


def test_what_was_decided_is_told(tmp_path):
    def told(text, **given):
        sentences = []
        load_series(write(tmp_path, "a.csv", text), tell=sentences.append, **given)
        return [sentence.removeprefix(str(tmp_path / "a.csv")) for sentence in sentences]

    assert told("a,b\n1,2\n") == []
    assert told("0,1\n5,2\n") == [
        ", line 1: 0, 1 is taken as a header, as pandas writes it; --no-header takes it as data"
    ]
    assert told("day;x;n\nMon;;1,5\nTue;;2\n") == [
        ": the decimal sign is a comma",
        ": left out column 'day' (no numbers), column 'x' (empty)",
    ]
    assert told(",a\n0,1\n1,5\n") == [": left out column 1 (an index)"]
    assert told("a,b\n1,2\n,\n,\n") == [": left out all rows from line 3, which are empty"]
    assert told("day,n\nMon,1\n", column="n") == []
    assert told("x" + ",a" * 20 + "\n1" + ",w" * 20 + "\n")[0].endswith(
        "column 13 (no numbers) and 8 more"
    )


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (
            {"column": True},
            ArgumentTypeError,
            "column is True; it is a name, a number from 1, or a list of these.",
        ),
        ({"column": 1.0}, ArgumentTypeError, "column is 1.0;"),
        ({"column": [None]}, ArgumentTypeError, "column is [None];"),
        (
            {"column": b"a"},
            ArgumentTypeError,
            "column is b'a'; it is a name, a number from 1, or a list of these.",
        ),
        ({"column": bytearray(b"\1")}, ArgumentTypeError, "column is bytearray(b'\\x01');"),
        ({"column": memoryview(b"\1")}, ArgumentTypeError, "column is <memory at"),
        ({"column": [b"a"]}, ArgumentTypeError, "column is [b'a'];"),
        (
            {"column": "1" * 5000},
            DataError,
            "has no column 11111111111111111111... (5000 digits): it has 3 (a, b, b).",
        ),
        (
            {"column": 10**5000},
            DataError,
            "has no column of a number with more than 100 digits: it has 3 (a, b, b).",
        ),
        (
            {"column": -(10**5000)},
            DataError,
            "has no column of a number with more than 100 digits: it has 3",
        ),
        ({"column": []}, UsageError, "column is an empty list."),
        ({"column": ["a", 1]}, DataError, "column 1 is asked for twice."),
        ({"column": ["x", "a"]}, DataError, "has no column 'x': it has 3 (a, b, b)."),
        ({"column": "b"}, DataError, "columns 2 and 3 are called 'b'. Choose by the number."),
        (
            {"separator": ""},
            UsageError,
            "separator is ''; it is a character, or comma, semicolon, tab, space.",
        ),
        ({"separator": ".."}, UsageError, "separator is '..'"),
        ({"separator": "5"}, UsageError, "separator is '5'"),
        ({"separator": 3}, UsageError, "separator is 3"),
        ({"decimal": ";"}, UsageError, "decimal is ';'; it is '.' or ','."),
        ({"header": "yes"}, ArgumentTypeError, "header is 'yes'; it is True, False or None."),
        (
            {"header": False},
            DataError,
            "line 1: 'a' is not a number (column 1). Say that the row holds names",
        ),
        (
            {"separator": ";"},
            DataError,
            "has no column of numbers; there is column 'a,b,b' (no numbers).",
        ),
    ],
)
def test_what_cannot_be_given(tmp_path, given, kind, words):
    with pytest.raises(kind, match=re.escape(words)):
        load_series(write(tmp_path, "a.csv", "a,b,b\n1,2,3\n4,5,6\n"), **given)


@pytest.mark.parametrize("option", [{"separator": ";"}, {"decimal": "."}, {"header": False}])
def test_an_array_has_no_separator(tmp_path, option):
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(UsageError, match=r"a\.npy is an array\. Leave it out\."):
        load_series(tmp_path / "a.npy", **option)


def test_home_in_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path, "a.csv", "1\n2\n")
    write(tmp_path, "a.txt", "abc")
    assert_array_equal(load_series("~/a.csv"), [[1], [2]])
    assert load_text(Path("~/a.txt")) == "abc"
    for path in ("~nobody-of-this-name/a.csv", "~/b.csv"):
        with pytest.raises(MissingFileError, match=r"^cannot read ~.*\.csv: "):
            load_series(path)


def test_a_small_file_that_would_fill_the_memory(tmp_path):
    with gzip.open(tmp_path / "a.csv.gz", "wb", compresslevel=1) as file:
        for _ in range(300):
            file.write(b"0\n" * 500_000)
    assert (tmp_path / "a.csv.gz").stat().st_size < 2**21
    with pytest.raises(
        DataError, match=r"cannot be unpacked: its [\d,]+ bytes would become [\d,]+ or more"
    ):
        load_series(tmp_path / "a.csv.gz")


def test_paths_may_be_strings(tmp_path):
    assert_array_equal(load_series(str(write(tmp_path, "a.csv", "1\n"))), [[1]])


# -- what is not -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "is empty."),
        ("a.csv", "\n# only a comment\n\n", "is empty."),
        ("a.csv", "year,value\n", "has a row of names but no numbers."),
        ("a.csv", "1,2\n\n# c\n3\n", "line 4: 1 entries where 2 are expected."),
        (
            "a.csv",
            'a,"b\n"\n1,2\n\n"3\n",4\n5\n',
            "line 7: 1 entries where 2 are expected. Say what separates them",
        ),
        ("a.csv", "a,b\n1,2\n3,4,5\n", "line 3: 3 entries where 2 are expected."),
        (
            "a.csv",
            "a,b\n1,2\n3,x y\n",
            "line 3: 'x y' is not a number (column 'b'). Remove it, or choose a numeric",
        ),
        (
            "a.csv",
            "1,2\n3,\n",
            "line 2: '' is not a number (column 2). Fill it, remove the row, or choose other",
        ),
        ("a.csv", "1,2\n3,NA\n", "line 2: 'NA' is not a number (column 2). Fill it"),
        ("a.csv", "a,b\n1,2\n,\n3,4\n", "line 3: '' is not a number (column 'a'). Fill it"),
        ("a.csv", "1,2\n#N/A,3\n", "line 2: '#N/A' is not a number (column 1). Fill it"),
        ("a.csv", "1\n#REF!\n3\n", "line 2: '#REF!' is not a number (column 1). Fill it"),
        ("a.csv", 'x\n""\n1\n', "line 2: '' is not a number (column 'x'). Fill it"),
        ("a.csv", "a,a\n1,2\n3,x\n", "line 3: 'x' is not a number (column 2). Remove it"),
        (
            "a.csv",
            "1,2 3\n4,5\n",
            "line 1: '2 3' is not a number (column 2). Say that the row holds names (header=True",
        ),
        (
            "a.csv",
            "1|2\n3|4\n",
            "has no column of numbers; there is column 1 (no numbers). Say what separates cells",
        ),
        ("a.csv", "1,2\n3\0,4\n", "holds NUL characters: it is no text, or UTF-16. Save UTF-8."),
        ("a.csv", "1,2\n".encode("utf-16-le"), "holds NUL characters: it is no text, or UTF-16."),
        (
            "a.csv",
            "1,2\nnan,4\n",
            "time step 2 holds NaN or infinity. Remove or fill such entries (line 2, column 1)",
        ),
        (
            "a.csv",
            "a\n\n1\n-Infinity\n",
            "time step 2 holds NaN or infinity. Remove or fill such entries (line 4, ",
        ),
        ("a.csv", "1\n2\n-inf\n", "time step 3 holds NaN or infinity"),
        ("a.csv", "1e999\n", "time step 1 holds NaN or infinity"),
        ("a.txt", "1 2\n3\n", "line 2: 1 entries where 2 are expected."),
        (
            "a.csv",
            b"\xff\xfe1\x00,\x002\x00",
            "is not UTF-8 text (invalid start byte at byte 0). Save it as UTF-8; it is UTF-16.",
        ),
        (
            "a.csv",
            "temp\n°".encode("latin-1"),
            "is not UTF-8 text (invalid start byte at byte 5). Save it as UTF-8; line 2 ",
        ),
        ("a.csv.gz", b"\x1f\x8b\x08\0 cut off", "cannot be unpacked: "),
        (
            "a.csv",
            "1" * 200_000,
            "is not comma separated text (field larger than field limit (131072)).",
        ),
        ("a.npy", b"", "is not a plain .npy array (EOF"),
        ("a.npy", b"1,2\n3,4\n", "is not a plain .npy array ("),
        (
            "a.npy",
            b"PK\x03\x04 an npz, or not",
            "is not a plain .npy array (the magic string is not correct",
        ),
        ("a.npy", b"\x93NUMPY\x01\x00v\x00{'descr'", "is not a plain .npy array (EOF"),
    ],
)
def test_bad_files(tmp_path, name, content, words):
    path = write(tmp_path, name, content)
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        load_series(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 3, 4)), "holds shape (2, 3, 4); a series is (T,) or (T, I) and not empty."),
        (np.float64(3.0), "holds shape (); a series is"),
        (np.zeros((0, 2)), "holds shape (0, 2); a series is"),
        (np.zeros((2, 0)), "holds shape (2, 0); a series is"),
        (np.array(["a", "b"]), "does not hold one array of real numbers."),
        (np.array([1j]), "does not hold one array of real numbers."),
        (np.array([True]), "does not hold one array of real numbers."),
        (
            np.array([("a", 1.0)], dtype=[("x", "U1"), ("y", float)]),
            "does not hold one array of real numbers.",
        ),
        (np.array([1.0, np.nan]), "time step 2 holds NaN or infinity"),
        (np.array([[1.0, 2.0], [np.inf, 1.0]]), "time step 2 holds NaN or infinity"),
    ],
)
def test_bad_arrays(tmp_path, array, words):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=re.escape(words)):
        load_series(tmp_path / "a.npy")


@pytest.mark.skipif(
    np.finfo(np.longdouble).max == np.finfo(float).max, reason="long doubles are doubles here"
)
@pytest.mark.filterwarnings("error")
def test_a_long_double_too_large_for_a_double(tmp_path):
    np.save(tmp_path / "a.npy", np.array(["1", "1e400"], np.longdouble))
    with pytest.raises(DataError, match="time step 2 holds NaN or infinity"):
        load_series(tmp_path / "a.npy")


class Trap:
    """Unpickling it would be seen."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def test_objects_are_refused_and_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Trap(), 1.0], dtype=object), allow_pickle=True)
    with pytest.raises(
        DataError, match=r"is not a plain \.npy array \(Object arrays cannot be loaded"
    ):
        load_series(tmp_path / "a.npy")


def test_an_archive_of_arrays_is_not_one_array(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with pytest.raises(DataError, match="is not a plain"):
        load_series((tmp_path / "a.npz").rename(tmp_path / "a.npy"))


def test_an_array_larger_than_memory(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    content = (
        (tmp_path / "a.npy").read_bytes().replace(b"(3,), }" + b" " * 15, b"(3000000000000000,), }")
    )
    with pytest.raises(DataError, match="is not a plain"):
        load_series(write(tmp_path, "a.npy", content))


@pytest.mark.parametrize("suffix", ["csv", "txt", "npy"])
def test_a_missing_file_and_a_folder(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(
        DataError, match=rf"^cannot read {re.escape(str(path))}: No such file or directory\.$"
    ):
        load_series(path)
    path.mkdir()
    with pytest.raises(DataError, match=rf"^cannot read {re.escape(str(path))}: "):
        load_series(path)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.xlsx", ".xlsx"), ("a", "(none)"), ("a.gz", "(none)"), ("csv", "(none)")],
)
def test_an_unknown_suffix(tmp_path, name, suffix):
    with pytest.raises(
        DataError,
        match=rf"the suffix {re.escape(suffix)} is not known\. Use \.csv, \.tsv, \.txt or",
    ):
        load_series(tmp_path / name)


@pytest.mark.parametrize("column", ["0", "3", "-1", "1.0", "A", "", "a,b", 0, 3, -1, 10**30])
def test_an_unknown_column(tmp_path, column):
    path = write(tmp_path, "a.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match=re.escape(f"has no column {column!r}: it has 2 (a, b).")):
        load_series(path, column)


def test_an_unknown_column_without_names(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 2)))
    for path in (write(tmp_path, "a.csv", "1,2\n"), tmp_path / "a.npy"):
        with pytest.raises(DataError, match=r"has no column 'x': it has 2 \(numbers only\)\."):
            load_series(path, "x")


# -- standardised ----------------------------------------------------------------------------------


def test_standardised_columns_have_mean_zero_and_deviation_one():
    series = np.random.default_rng(0).normal([3.0, -100.0], [0.01, 7.0], (50, 2))
    z = standardised(series)
    assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    assert_allclose(z.std(axis=0), 1)
    assert_allclose(z * series.std(axis=0) + series.mean(axis=0), series)


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1])  # the mean of 309 times 0.1 is not 0.1
def test_a_constant_column_is_named(value):
    series = np.stack([np.arange(309.0), np.full(309, value)], axis=1)
    with pytest.raises(
        DataError, match=r"^column 2 of the data is constant: there is nothing to learn\.$"
    ):
        standardised(series)


@pytest.mark.parametrize("scale", [1e-290, 1e-200, 1e200, 1e308])
def test_the_scale_does_not_matter(scale):
    series = np.array([[1.0], [-0.5], [0.25]])
    assert_allclose(standardised(series * scale), standardised(series), atol=1e-12)


@pytest.mark.parametrize(
    ("series", "kind", "words"),
    [
        (np.zeros((0, 2)), DataError, "is empty, or an entry is not finite"),
        ([1.0, np.nan], DataError, "is empty, or an entry is not finite"),
        (3.0, DataError, "is empty"),
        (["a"], DTypeError, "the series has dtype <U1; it must hold real numbers"),
        ([1j, 2], DTypeError, "the series has dtype complex128; it must hold real numbers"),
    ],
)
def test_what_cannot_be_standardised(series, kind, words):
    with pytest.raises(kind, match=words):
        standardised(series)


# -- one_hot ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_unit_vectors(dtype):
    found = one_hot(np.array([[2, 0], [1, 2]], dtype), 3, np.float32)
    assert_array_equal(found, np.eye(3)[[[2, 0], [1, 2]]])
    assert found.dtype == np.float32
    assert one_hot(1, 2).tolist() == [0, 1]
    assert one_hot([], 4).shape == (0, 4)


@pytest.mark.parametrize(
    ("args", "kind", "words"),
    [
        (([-1], 3), RangeError, "symbols run from -1 to -1; with size 3 they must lie in 0..2."),
        (([0, 5], 3), RangeError, "symbols run from 0 to 5;"),
        (([1.0], 3), DTypeError, "symbols have dtype float64; they are integers in 0..2."),
        (([True, False], 3), DTypeError, "symbols have dtype bool"),
        ((["a"], 3), DTypeError, "the array symbols has dtype <U1"),
        (([1], 0), RangeError, "size is 0; it must be at least 1."),
        (([1], 2, complex), DTypeError, "dtype is complex128; data is real numbers."),
        (([1], 2, "floaty"), DTypeError, "'floaty' is no dtype."),
    ],
)
def test_what_is_no_symbol(args, kind, words):
    with pytest.raises(kind, match=re.escape(words)):
        one_hot(*args)


def test_one_entry_is_constant():
    with pytest.raises(DataError, match="column 1 of the data is constant"):
        standardised(np.ones((1, 1)))


# -- arguments of another kind ---------------------------------------------------------------------

WRONG = [None, 3, -1, 1.5, float("nan"), b"x", [1, 2], {"a": 1}, np.ones((2, 2)), np.array([1j]),
         np.array([None]),
         object(), 10**30, (1, 2), pandas.Series([1, 2])]  # fmt: skip
CALLS = {
    "load_series": (["a.csv"], {}),
    "load_text": (["a.txt"], {}),
    "Vocabulary": (["ab"], {}),
    "one_hot": ([[1], 3], {"dtype": float}),
    "standardised": ([np.arange(4.0)], {}),
    "columns": ([np.arange(8), 2], {}),
    "segments": ([np.arange(8), 2], {}),
    "adding_problem": ([20, 3], {"rng": 0, "variant": "halves", "dtype": float}),
    "copy_memory": ([5, 3], {"rng": 0, "dtype": float}),
    "copy_memory_baseline": ([5], {}),
    "temporal_order": ([20, 3], {"rng": 0, "dtype": float}),
    "temporal_order_1997": ([3], {"rng": 0, "relevant": 2, "dtype": float}),
    "temporal_xor": ([3], {"rng": 0, "dtype": float}),
    "embedded_reber": ([3], {"rng": 0}),
    "reber_successors": (["BTBTXSETE"], {}),
    "encode_reber": ([["BTBTXSETE"]], {"dtype": float}),
    "letter_sequence": ([3], {"rng": 0}),
    "letter_vectors": (["ba"], {"dtype": float}),
    "influence_balancing": ([5, 2], {"dtype": float}),
    "NGram": ([[0, 1], 2, 2], {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_arguments_of_another_kind_get_errors_of_this_package(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    args, kwargs = CALLS[name]
    refused = 0
    for value in WRONG:
        tried = [([*args[:i], value, *args[i + 1 :]], kwargs) for i in range(len(args))]
        for given, named in [*tried, *((args, {**kwargs, key: value}) for key in kwargs)]:
            try:
                getattr(data, name)(*given, **named)
            except TinygradError:
                refused += 1
    assert refused >= len(WRONG) // 2


@pytest.mark.parametrize("value", WRONG)
def test_a_vocabulary_takes_texts_and_numbers_of_symbols(value):
    vocabulary = data.Vocabulary("ab")
    with pytest.raises(ArgumentTypeError, match="the text is a text, not "):
        vocabulary.encode(value)
    with pytest.raises((DTypeError, DataError), match=r"^indices "):
        vocabulary.decode(value)
