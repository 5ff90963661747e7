"""What NumPy says of operands that do not fit, as an error of ours that names them."""

import re

import numpy as np

from tinygrad_rnn._typing import Args, Function
from tinygrad_rnn.errors import DTypeError, ShapeError, TinygradError
from tinygrad_rnn.guards.boundary import kind_of, name_of, package_of

EXPLAINED = (ValueError, TypeError, IndexError, OverflowError)  # what `explained` is asked about


def explained(fun: Function, args: Args, error: Exception) -> TinygradError | None:
    """An error of NumPy's as one of ours, with the operands named; None if it is ours already."""
    if isinstance(error, TinygradError):
        if error.raw is None:
            return None
        error = error.raw
    if package_of(type(error)) not in ("builtins", "numpy"):  # of a primitive of the user's
        return None
    if isinstance(error.__cause__, TinygradError):  # of a Tensor, behind what NumPy makes of it
        return error.__cause__
    arrays = [a for a in args if isinstance(a, np.ndarray) or hasattr(a, "requires_grad")]
    operands = " and ".join(
        f"{'an array' if isinstance(a, np.ndarray) else a.name or 'a Tensor'} {a.shape}"
        for a in arrays
    )
    told = f"{name_of(fun)} of {operands or 'these arguments'}: {_in_words(str(error))}"
    if isinstance(error, TypeError) and any(a.dtype.kind not in "biuf" for a in arrays):
        return DTypeError(f"{told}. A Tensor goes with real numbers: bool, integer or floating.")
    return kind_of(error, of_value=ShapeError)(told)


def _in_words(message: str) -> str:
    """What NumPy says, without the signatures of generalised ufuncs."""
    if sizes := re.search(r"gufunc signature.*\(size (\d+) is different from (\d+)\)", message):
        return f"an axis of {sizes[2]} entries meets one of {sizes[1]}"
    if axes := re.search(r"operand (\d+) .*\(has (\d+), gufunc core .* requires (\d+)\)", message):
        return f"operand {axes[1]} has {axes[2]} axes and needs {axes[3]} at least"
    return message
