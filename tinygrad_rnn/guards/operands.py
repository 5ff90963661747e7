"""The door: whatever holds numbers becomes an array of real numbers here, or is refused by name."""

import sys
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, DType
from tinygrad_rnn.errors import DataError, DTypeError, TinygradError

FLOAT64 = np.dtype(float)
FLOATS = frozenset(map(np.dtype, "efdg"))
_CODES = "?bBhHiIlLqQefdg"
REAL = frozenset(map(np.dtype, _CODES))  # in native byte order; others go by kind
NUMBERS: frozenset[type] = frozenset({bool, int, float, *(np.dtype(c).type for c in _CODES)})


def real_array(x: Any, what: str) -> Array:
    """x as a plain array, by position; no copy where it is one.

    Raises DTypeError, calling it `what`, for anything but real numbers (bool, integer, floating),
    and for np.matrix and masked arrays, whose operators mean other things; DataError for rows of
    different lengths.
    """
    if type(x) is np.ndarray and x.dtype in REAL:
        return x
    refuse_strange(x, what)
    try:
        array = np.asarray(x)
    except ValueError as error:
        if isinstance(error.__cause__, TinygradError):  # of a Tensor in a list; NumPy hides it
            raise error.__cause__ from None
        raise DataError(f"{what} is ragged: its rows differ in length.") from error
    kind = "" if isinstance(x, (np.ndarray, list, tuple)) else f", of type {type(x).__name__},"
    check_real(array.dtype, what + kind)
    return array


def check_real(dtype: DType, what: str) -> None:
    """Raise DTypeError unless the dtype is bool, integer or floating."""
    if dtype.kind not in "biuf":
        real = "Take x.real, x.imag or np.abs(x) of plain arrays"
        way = real if dtype.kind == "c" else "Convert it"
        raise DTypeError(
            f"{what} has dtype {dtype}; it must hold real numbers: bool, integer or floating. "
            f"{way} first."
        )


def refuse_strange(x: object, what: str) -> None:
    """Raise DTypeError for np.matrix and masked arrays, in lists too, and for complex numbers."""
    if isinstance(x, (list, tuple)):
        for item in x:
            if type(item) not in NUMBERS:
                refuse_strange(item, f"an entry of {what}")
    if isinstance(x, np.matrix):
        raise DTypeError(
            f"{what} is an np.matrix, which multiplies as matrices do where arrays multiply entry "
            "by entry. Pass np.asarray(x)."
        )
    if is_masked(x):
        raise DTypeError(
            f"{what} is a masked array, and its mask would be lost. Pass x.filled(0.0), and keep "
            "the mask for np.where."
        )
    if isinstance(x, (complex, np.complexfloating)):
        check_real(np.asarray(x).dtype, what)


def is_masked(x: object) -> bool:
    """Is it a masked array?  Without importing numpy.ma for it."""
    masked = sys.modules.get("numpy.ma")
    return masked is not None and isinstance(x, masked.MaskedArray)
