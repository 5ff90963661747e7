"""The project's exceptions.  Each one says what is wrong, why, and the way out.

Every class also derives from what NumPy or Python would have raised, so that `except ValueError` or
`except np.linalg.LinAlgError` keeps working.
"""

__all__ = [
    "ArgumentTypeError",
    "AxisError",
    "DTypeError",
    "DataError",
    "DivisionError",
    "DrawError",
    "GradientError",
    "GradientWarning",
    "LinAlgError",
    "MissingFileError",
    "NoDerivativeError",
    "NonFiniteError",
    "OutputError",
    "RangeError",
    "ShapeError",
    "TinygradError",
    "TraceError",
    "UnsupportedError",
    "UsageError",
]

import numpy as np


class TinygradError(Exception):
    """Base of every error this package raises on purpose."""

    # What Python or NumPy raised, where an argument of that kind had not been looked at.
    raw: Exception | None = None


class ShapeError(TinygradError, ValueError):
    """Operands whose shapes do not go together; the message names each operand and its shape."""


class AxisError(ShapeError, np.exceptions.AxisError):
    """An axis that an operand does not have."""

    def __init__(self, message: str):
        super().__init__(message)


class LinAlgError(TinygradError, np.linalg.LinAlgError):
    """A matrix for which a function is not defined: not square, singular, not positive definite."""


class DTypeError(TinygradError, TypeError):
    """A dtype that cannot carry what is asked of it, e.g. integers that require a gradient."""


class NoDerivativeError(TinygradError, TypeError):
    """A function, or one of its arguments, that has no derivative rule."""


class UnsupportedError(TinygradError, TypeError):
    """A NumPy feature that has no meaning on a recorded graph, e.g. `out=`."""


class TraceError(TinygradError, TypeError):
    """A cell that `scan` cannot trace: it branches on values, or its state changes shape."""


class GradientError(TinygradError, RuntimeError):
    """A backward pass that cannot be done: no graph, no seed, a wrong rule."""


class GradientWarning(UserWarning):
    """A gradient is asked for where none is kept."""


class NonFiniteError(TinygradError, FloatingPointError):
    """A NaN or an infinity, found under `debug()`."""


class DivisionError(TinygradError, ZeroDivisionError):
    """A mean with weights that sum to 0."""


class RangeError(TinygradError, IndexError):
    """An index, time step, window or count outside its range."""


class DataError(TinygradError, ValueError):
    """Input data that cannot be used: missing, empty, ragged, not numeric, not finite."""


class MissingFileError(DataError, FileNotFoundError):
    """A file that is not there."""

    __str__ = Exception.__str__  # OSError's would look for an error number


class DrawError(TinygradError, RuntimeError):
    """A picture that cannot be made, e.g. because Graphviz is not installed."""


class OutputError(TinygradError, OSError):
    """A file or folder that cannot be written."""


class UsageError(TinygradError, ValueError):
    """A call or a command line that does not say what to do."""


class ArgumentTypeError(UsageError, TypeError):
    """An argument of a type that a function cannot take, such as a text where a count is wanted."""


def __dir__() -> list[str]:
    return __all__
