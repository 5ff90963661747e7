"""Series from files: what is read, and the words for everything that cannot be."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn.data import load_series, standardised, sunspots
from tinygrad_rnn.errors import DataError


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# -- sunspots -----------------------------------------------------------------------------------------


def test_sunspots():
    years, numbers = sunspots()
    assert_array_equal(years, np.arange(1700, 2009))
    assert years.shape == numbers.shape == (309,)
    by_year = dict(zip(years, numbers, strict=True))
    assert (by_year[1700], by_year[2008], by_year[1957]) == (5, 2.9, 190.2)
    assert max(by_year, key=by_year.get) == 1957
    assert years.dtype.kind == "i"


# -- what is read -------------------------------------------------------------------------------------


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
    ("column", "expected"), [("b", [2, 5]), ("2", [2, 5]), ("1", [1, 4]), ("c", [3, 6]), ("ü 1", [1, 4])]
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


def test_paths_may_be_strings(tmp_path):
    assert_array_equal(load_series(str(write(tmp_path, "a.csv", "1\n"))), [[1]])


# -- what is not --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "is empty."),
        ("a.csv", "\n# only a comment\n\n", "is empty."),
        ("a.csv", "year,value\n", "has a row of names but no numbers."),
        ("a.csv", "1,2\n\n# c\n3\n", "line 4: 1 entries where 2 are expected."),
        ("a.csv", "a,b\n1,2\n3,4,5\n", "line 3: 3 entries where 2 are expected."),
        ("a.csv", "a,b\n1,2\n3,x y\n", "line 3: 'x y' is not a number (column 'b'). Remove it, or choose a numeric"),
        ("a.csv", "1,2\n3,\n", "line 2: '' is not a number. Remove it"),
        ("a.csv", "1;2\n3;4\n", "'3;4' is not a number (column '1;2')"),
        ("a.csv", "1,2\nnan,4\n", "time step 2 holds NaN or infinity. Remove or fill such entries."),
        ("a.csv", "1\n2\n-inf\n", "time step 3 holds NaN or infinity"),
        ("a.csv", "1e999\n", "time step 1 holds NaN or infinity"),
        ("a.txt", "1 2\n3\n", "line 2: 1 entries where 2 are expected."),
        ("a.csv", b"\xff\xfe1\x00,\x002\x00", "is not UTF-8 text (invalid start byte at byte 0)."),
        ("a.csv", "temp\n°".encode("latin-1"), "is not UTF-8 text (invalid start byte at byte 5)."),
        ("a.csv", "1" * 200_000, "is not comma separated text (field larger than field limit (131072))."),
        ("a.npy", b"", "is not a plain .npy array (EOF"),
        ("a.npy", b"1,2\n3,4\n", "is not a plain .npy array ("),
        ("a.npy", b"PK\x03\x04 an npz, or not", "is not a plain .npy array (the magic string is not correct"),
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
        (np.array([("a", 1.0)], dtype=[("x", "U1"), ("y", float)]), "does not hold one array of real numbers."),
        (np.array([1.0, np.nan]), "time step 2 holds NaN or infinity"),
        (np.array([[1.0, 2.0], [np.inf, 1.0]]), "time step 2 holds NaN or infinity"),
    ],
)
def test_bad_arrays(tmp_path, array, words):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=re.escape(words)):
        load_series(tmp_path / "a.npy")


class Trap:
    """Unpickling it would be seen."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def test_objects_are_refused_and_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Trap(), 1.0], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"is not a plain \.npy array \(Object arrays cannot be loaded"):
        load_series(tmp_path / "a.npy")


def test_an_archive_of_arrays_is_not_one_array(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with pytest.raises(DataError, match="is not a plain"):
        load_series((tmp_path / "a.npz").rename(tmp_path / "a.npy"))


def test_an_array_larger_than_memory(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    content = (tmp_path / "a.npy").read_bytes().replace(b"(3,), }" + b" " * 15, b"(3000000000000000,), }")
    with pytest.raises(DataError, match="is not a plain"):
        load_series(write(tmp_path, "a.npy", content))


@pytest.mark.parametrize("suffix", ["csv", "txt", "npy"])
def test_a_missing_file_and_a_folder(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(DataError, match=rf"^cannot read {re.escape(str(path))}: No such file or directory\.$"):
        load_series(path)
    path.mkdir()
    with pytest.raises(DataError, match=rf"^cannot read {re.escape(str(path))}: "):
        load_series(path)


@pytest.mark.parametrize(("name", "suffix"), [("a.xlsx", ".xlsx"), ("a", "(none)"), ("a.csv.gz", ".gz")])
def test_an_unknown_suffix(tmp_path, name, suffix):
    with pytest.raises(DataError, match=rf"the suffix {re.escape(suffix)} is not known\. Use \.csv, \.txt or \.npy\."):
        load_series(tmp_path / name)


@pytest.mark.parametrize("column", ["0", "3", "-1", "1.0", "A", "", "a,b"])
def test_an_unknown_column(tmp_path, column):
    path = write(tmp_path, "a.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match=re.escape(f"has no column {column!r}: it has 2 (a, b).")):
        load_series(path, column)


def test_an_unknown_column_without_names(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 2)))
    for path in (write(tmp_path, "a.csv", "1,2\n"), tmp_path / "a.npy"):
        with pytest.raises(DataError, match=r"has no column 'x': it has 2 \(numbers only\)\."):
            load_series(path, "x")


# -- standardised -------------------------------------------------------------------------------------


def test_standardised_columns_have_mean_zero_and_deviation_one():
    series = np.random.default_rng(0).normal([3.0, -100.0], [0.01, 7.0], (50, 2))
    z = standardised(series)
    assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    assert_allclose(z.std(axis=0), 1)
    assert_allclose(z * series.std(axis=0) + series.mean(axis=0), series)


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1])  # the mean of 309 times 0.1 is not 0.1
def test_a_constant_column_is_named(value):
    series = np.stack([np.arange(309.0), np.full(309, value)], axis=1)
    with pytest.raises(DataError, match=r"^column 2 of the data is constant: there is nothing to learn\.$"):
        standardised(series)


def test_one_entry_is_constant():
    with pytest.raises(DataError, match="column 1 of the data is constant"):
        standardised(np.ones((1, 1)))
