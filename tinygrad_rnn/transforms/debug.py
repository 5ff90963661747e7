"""`with debug():` remembers where each operation was made and reports what is wrong, at your line.

It stops at the first of these:

    a result that is NaN or infinite while its operands are not
    a share of the gradient that is NaN or infinite while what came in was not
    an array that was changed after an operation had recorded it
    a rule that returns a wrong shape or dtype

Outside the context nothing is remembered and nothing is checked.
"""

import linecache
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.mode import Mode
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import GradientError, NonFiniteError
from tinygrad_rnn.guards.boundary import name_of, public

_NOT_THE_USERS = (str(Path(__file__).parents[1]), str(Path(np.__file__).parent))


class _Made(NamedTuple):
    """Where an operation was made, and fingerprints of the arrays it keeps."""

    file: str
    line: int
    function: str
    prints: tuple[int, ...]


class Watch:
    """What `record` and the walks tell while the context is open, instead of a recording mode."""

    def __init__(self) -> None:
        self._made: dict[int, _Made] = {}  # by serial
        self._visited = 0

    def __repr__(self) -> str:
        made = f"{len(self._made)} operation{'s' * (len(self._made) != 1)}"
        return f"debug({made} recorded, {self._visited} visited by walks)"

    def recorded(self, y: Tensor) -> None:
        """An operation was recorded: remember its line, look at its value."""
        frame = _users_frame()
        code = frame.f_code
        prints = tuple(map(_fingerprint, (*y.primals, y._data)))
        self._made[y.serial] = _Made(code.co_filename, frame.f_lineno, code.co_name, prints)
        if not _finite(y._data) and all(map(_finite, y.primals)):
            names = ", ".join(a.name for a in y.args if isinstance(a, Tensor) and a.name)
            raise NonFiniteError(
                f"{name_of(y.fun or repr)} gave {_kind(y._data)} from finite operands"
                f"{f' ({names})' if names else ''}, {self._where(y)}"
            )

    def visited(self, y: Tensor) -> None:
        """The walk comes to an operation: its arrays must be as they were."""
        made = self._made.get(y.serial)
        if made is None:
            return
        self._visited += 1
        for i, (array, before) in enumerate(zip((*y.primals, y._data), made.prints, strict=True)):
            if _fingerprint(array) != before:
                operand = f"its argument {i}{_named(y.args[i])}" if i < len(y.primals) else ""
                raise GradientError(
                    f"{name_of(y.fun or repr)} kept an array that was changed afterwards: "
                    f"{operand or 'its result'}, {self._where(y)} Gradients would be wrong. Assign "
                    "a new array (x.data = ...) instead of writing into the old one."
                )

    def shared(self, y: Tensor, argnum: int, g: Array, share: Array) -> None:
        """A rule returned a share."""
        primal = y.primals[argnum]
        rule = f"the rule of {name_of(y.fun or repr)} for argument {argnum}{_named(y.args[argnum])}"
        shape, extra = np.shape(share), np.ndim(share) - primal.ndim
        fits = extra >= 0 and all(
            n in (1, m) for n, m in zip(primal.shape, shape[extra:], strict=True)
        )
        if not fits:
            raise GradientError(
                f"{rule} returned a share of shape {shape}; the argument has shape {primal.shape}; "
                f"{self._where(y)}"
            )
        arrays = [p for p in (*y.primals, g) if isinstance(p, (np.ndarray, np.generic, Tensor))]
        floats = {p.dtype for p in arrays if p.dtype.kind == "f"}
        if floats == {primal.dtype} and getattr(share, "dtype", None) != primal.dtype:
            raise GradientError(
                f"{rule} returned dtype {getattr(share, 'dtype', type(share).__name__)}; "
                f"everything it was given is {primal.dtype}; {self._where(y)}"
            )
        if _finite(g) and not _finite(share):
            raise NonFiniteError(
                f"{rule} returned {_kind(share)} for a finite cotangent, {self._where(y)}"
            )

    def _where(self, y: Tensor) -> str:
        made = self._made.get(y.serial)
        if made is None:
            return "made before debug() was entered."
        line = linecache.getline(made.file, made.line).strip()
        at = f"made at {made.file}:{made.line} in {made.function}"
        return f"{at}: `{line}`." if line else f"{at}."


@public
@contextmanager
def debug() -> Iterator[Watch]:
    """Check every operation, forward and backward, inside this context and thread; see the module.

    `with debug() as watch:` gives an object that shows how much was checked.

    Raises NonFiniteError (a FloatingPointError) or GradientError at the first thing that is wrong,
    naming the operation and the line of your code that made it.  It costs several times the time.
    """
    watch = Watch()
    with Mode(watch), np.errstate(all="ignore"):  # the report says more than the warning
        yield watch


def _users_frame() -> FrameType:
    """The innermost frame outside this package and NumPy; the outermost where there is none."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame = frame.f_back
    return frame


def _fingerprint(x: object) -> int:
    if not isinstance(x, np.ndarray) or x.dtype.hasobject:
        return 0
    return zlib.crc32(np.ascontiguousarray(x).tobytes())


def _finite(x: object) -> bool:
    array = value(x)
    number = isinstance(array, (np.ndarray, np.generic, float))
    return not number or np.asarray(array).dtype.kind != "f" or bool(np.all(np.isfinite(array)))


def _kind(x: object) -> str:
    return "NaN" if np.any(np.isnan(value(x))) else "infinity"


def _named(x: object) -> str:
    return f" ({x.name})" if isinstance(x, Tensor) and x.name else ""
