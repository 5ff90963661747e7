"""Arrays by name in a `.safetensors` file, through the safetensors library, an optional dependency."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn.errors import DataError, DTypeError, UsageError
from tinygrad_rnn.files import write_whole

Array = Any


def load_safetensors(path: str | os.PathLike[str]) -> dict[str, Array]:
    """name -> array.  Raises DataError for a file that cannot be read, UsageError without the library."""
    library = _library()
    try:
        arrays: dict[str, Array] = library.load(Path(path).read_bytes())
    except Exception as error:  # bytes of any kind can fail in any way; a dtype NumPy lacks is a KeyError
        raise DataError(
            f"{path} cannot be read as safetensors: {error!r}. It may be cut off, or hold a dtype that NumPy lacks, "
            "such as bfloat16."
        ) from error
    return arrays


def save_safetensors(path: str | os.PathLike[str], arrays: Mapping[str, Array]) -> Path:
    """Write name -> array, whole or not at all, and return the path.

    Raises OutputError if it cannot be written, DTypeError for what is no array of real numbers, UsageError without
    the library.
    """
    library = _library()
    rows = {
        name: np.array(array, dtype=np.asarray(array).dtype.newbyteorder("="), order="C")
        for name, array in arrays.items()
    }
    for name, array in rows.items():
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise DTypeError(f"{name} has dtype {array.dtype}; safetensors holds real numbers of up to 64 bits.")
    return write_whole(path, library.save(rows))


def _library() -> Any:
    try:
        return import_module("safetensors.numpy")
    except ImportError as error:
        raise UsageError("safetensors is not installed. pip install 'tinygrad_rnn[safetensors]'") from error
