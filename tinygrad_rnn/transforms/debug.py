"""`with debug():` remembers where each operation was made and reports the first thing that is wrong, at your line.

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
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn.core.mode import Mode
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import GradientError, NonFiniteError
from tinygrad_rnn.guards.boundary import name_of, public

Array = Any

_NOT_THE_USERS = (str(Path(__file__).parents[1]), str(Path(np.__file__).parent))


class _Made(NamedTuple):
    """Where an operation was made, and fingerprints of the arrays it keeps."""

    file: str
    line: int
    function: str
    prints: tuple[int, ...]


class Watch:
    """What `record` and the walk tell while the context is open; it takes the role of the recording mode."""

    def __init__(self) -> None:
        self._made: dict[int, _Made] = {}  # by serial

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
        for i, (array, before) in enumerate(zip((*y.primals, y._data), made.prints, strict=True)):
            if _fingerprint(array) != before:
                what = (
                    "its result" if i == len(y.primals) else f"its argument {i}{_named(y.args[i])}"
                )
                raise GradientError(
                    f"{name_of(y.fun or repr)} kept an array that was changed afterwards: {what}, {self._where(y)} "
                    "Gradients would be wrong. Assign a new array (x.data = ...) instead of writing into the old one."
                )

    def shared(self, y: Tensor, argnum: int, g: Array, share: Array) -> None:
        """A rule returned a share."""
        primal = y.primals[argnum]
        rule = f"the rule of {name_of(y.fun or repr)} for argument {argnum}{_named(y.args[argnum])}"
        shape, extra = np.shape(share), np.ndim(share) - primal.ndim
        if extra < 0 or any(
            n not in (1, m) for n, m in zip(primal.shape, shape[extra:], strict=True)
        ):
            raise GradientError(
                f"{rule} returned a share of shape {shape}; the argument has shape {primal.shape}; {self._where(y)}"
            )
        arrays = [p for p in (*y.primals, g) if isinstance(p, (np.ndarray, np.generic, Tensor))]
        floats = {p.dtype for p in arrays if p.dtype.kind == "f"}
        if floats == {primal.dtype} and getattr(share, "dtype", None) != primal.dtype:
            raise GradientError(
                f"{rule} returned dtype {getattr(share, 'dtype', type(share).__name__)}; everything it was given is "
                f"{primal.dtype}; {self._where(y)}"
            )
        if _finite(g) and not _finite(share):
            raise NonFiniteError(
                f"{rule} returned {_kind(share)} for a finite cotangent, {self._where(y)}"
            )

    def _where(self, y: Tensor) -> str:
        made = self._made.get(y.serial)
        if made is None:
            return "made before debug() was entered."
        source = linecache.getline(made.file, made.line).strip()
        return f"made at {made.file}:{made.line} in {made.function}" + (
            f": `{source}`." if source else "."
        )


@public
@contextmanager
def debug() -> Iterator[None]:
    """Check every operation, forward and backward, inside this context and thread; see the module.

    Raises NonFiniteError (a FloatingPointError) or GradientError at the first thing that is wrong, naming the
    operation and the line of your code that made it.  It costs several times the time.
    """
    with Mode(Watch()), np.errstate(all="ignore"):  # the report says more than the warning
        yield


def _users_frame() -> Any:
    """The innermost frame outside this package and NumPy; the outermost where there is none."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame = frame.f_back
    return frame


def _fingerprint(x: Any) -> int:
    if not isinstance(x, np.ndarray) or x.dtype.hasobject:
        return 0
    return zlib.crc32(np.ascontiguousarray(x).tobytes())


def _finite(x: Any) -> bool:
    array = value(x)
    if (
        not isinstance(array, (np.ndarray, np.generic, float))
        or np.asarray(array).dtype.kind != "f"
    ):
        return True
    return bool(np.all(np.isfinite(array)))


def _kind(x: Any) -> str:
    return "NaN" if np.any(np.isnan(value(x))) else "infinity"


def _named(x: Any) -> str:
    return f" ({x.name})" if isinstance(x, Tensor) and x.name else ""
