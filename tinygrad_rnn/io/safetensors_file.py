"""Arrays by name in a `.safetensors` file, by the safetensors library, which is optional."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.errors import ArgumentTypeError, DataError, DTypeError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.io.files import read_whole, shown, write_whole

_DTYPES = {f"{kind.upper()}{8 * n}": f"<{kind}{n}" for kind in "iu" for n in (1, 2, 4, 8)} | {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "BF16": "<u2",  # the upper half of a float32
    "BOOL": "?",
}


@public
def load_safetensors(path: str | os.PathLike[str]) -> dict[str, Array]:
    """name -> array; bfloat16, which NumPy lacks, becomes float32, in which it is exact.

    Raises DataError, naming the array, for a file that cannot be read or holds another dtype;
    UsageError without the library.
    """
    _library()
    content, where = read_whole(path), shown(path)
    try:
        found = dict(import_module("safetensors").deserialize(content))
    except Exception as error:  # bytes of any kind can fail in any way
        why = f"{error}. It may be cut off."
        raise DataError(f"{where} cannot be read as safetensors: {why}") from error
    return {name: _array(f"{where}, {name}", view) for name, view in found.items()}


def _array(name: str, view: Mapping[str, Any]) -> Array:
    dtype = view["dtype"]
    if dtype not in _DTYPES:
        raise DataError(f"{name} has dtype {dtype}, which NumPy lacks. Save it as F32.")
    array = np.frombuffer(view["data"], _DTYPES[dtype]).reshape(view["shape"])
    if dtype == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(array.dtype.newbyteorder("="))


@public
def save_safetensors(path: str | os.PathLike[str], arrays: Mapping[str, Array]) -> Path:
    """Write name -> array, whole or not at all, and return the path.

    Raises OutputError if it cannot be written, DTypeError for what is no array of real numbers,
    UsageError without the library.
    """
    library = _library()
    if not isinstance(arrays, Mapping) or not all(isinstance(name, str) for name in arrays):
        raise ArgumentTypeError(f"arrays are given by name, {{name: array}}, not {arrays!r:.60}.")
    rows = {
        name: np.array(array, dtype=np.asarray(array).dtype.newbyteorder("="), order="C")
        for name, array in ((name, value(array)) for name, array in arrays.items())
    }
    for name, array in rows.items():
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise DTypeError(
                f"{name} has dtype {array.dtype}; safetensors holds real numbers of up to 64 bits."
            )
    return write_whole(path, library.save(rows))


def _library() -> Any:
    try:
        return import_module("safetensors.numpy")
    except ImportError as error:
        raise UsageError(
            "safetensors is not installed. pip install 'tinygrad_rnn[safetensors]'"
        ) from error
