"""Arrays of other programs as NumPy's floats; none of those programs is imported."""

from functools import reduce
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.errors import DTypeError
from tinygrad_rnn.guards.numbers import number

_NAMED = ("bfloat16", "float")  # how ml_dtypes calls its floats, whose kind NumPy does not know


def widened(name: str, given: Any) -> Array:
    """A weight as an array of float64, in which every shorter float is exact, or of a longer dtype.

    given  an array of NumPy or ml_dtypes, a Tensor of PyTorch or of this package, lists of numbers

    Raises DTypeError, naming it, for what is no array of floats.
    """
    try:
        foreign = hasattr(given, "is_floating_point")
        array = np.asarray(_of_torch(given) if foreign else value(given))
    except Exception as error:  # of another library, or of ragged lists
        raise DTypeError(f"{name} is no array of floats: {error}") from error
    if isinstance(given, (np.ma.MaskedArray, np.matrix)):
        raise DTypeError(f"{name} is a {type(given).__name__}. Pass a plain array of floats.")
    if array.dtype.kind == "f":
        return array.astype(np.promote_types(array.dtype, np.float64))
    if array.dtype.names is None and array.dtype.name.startswith(_NAMED):
        return array.astype(np.float64)
    way = "Convert it first, by its scale if it was quantised."
    raise DTypeError(f"{name} has dtype {array.dtype}; weights are floats. {way}")


def summed(parts: dict[str, Array], dtype: DTypeLike) -> Array:
    """The sum, rounded once.  Raises DTypeError where finite numbers become infinite."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        total = reduce(np.add, parts.values()).astype(dtype)
    finite = np.all([np.isfinite(part) for part in parts.values()], axis=0)
    if np.any(lost := np.isinf(total) & finite):
        at = next(zip(*np.nonzero(lost), strict=True), ())
        numbers = " + ".join(number(part[at], 6) for part in parts.values())
        raise DTypeError(
            f"{' + '.join(parts)} is {numbers} somewhere, too large for {np.dtype(dtype)}. "
            "Make the module with a longer dtype."
        )
    return total


def _of_torch(tensor: Any) -> Array:
    """A Tensor of PyTorch, wherever it is and whether it requires a gradient or not."""
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and str(tensor.dtype) not in ("torch.float64", "torch.float32"):
        tensor = tensor.float()  # float16, bfloat16 and shorter ones are exact in float32
    array: Array = tensor.numpy()
    return array
