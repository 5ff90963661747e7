"""Where the user's code calls the package: an argument that goes wrong inside is an error of ours.

`@public` stands on a function, `@public_class` on a class for all its public methods.  An error
that arises in code of the user's that the package calls, such as a cell or a loss, passes as it is.
"""

import functools
import inspect
import os
import re
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from tinygrad_rnn._typing import Args, Function, Kwargs
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    AxisError,
    LinAlgError,
    RangeError,
    TinygradError,
    UsageError,
)

F = TypeVar("F", bound=Function)
C = TypeVar("C", bound=type)

_KINDS: tuple[tuple[type[Exception], type[TinygradError]], ...] = (
    (np.linalg.LinAlgError, LinAlgError),
    (np.exceptions.AxisError, AxisError),
    (TypeError, ArgumentTypeError),
    (AttributeError, ArgumentTypeError),
    (LookupError, RangeError),
    (ValueError, UsageError),
    (RecursionError, UsageError),
    (ArithmeticError, RangeError),
)
CAUGHT: tuple[type[Exception], ...] = (*(theirs for theirs, _ in _KINDS), TinygradError)
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LIBRARIES = (_PACKAGE + os.sep, os.path.dirname(os.path.abspath(np.__file__)) + os.sep)
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
# Code that these make or that was compiled.
_MADE = ("<scan>", "<__array_function__", "<frozen ", "<string>", "numpy/", "numpy\\")


def public(fun: F) -> F:
    """The function, whose arguments are to blame for what goes wrong in it."""

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return fun(*args, **kwargs)
        except CAUGHT as error:
            ours = blamed(fun, args, kwargs, error)
            if ours is None:
                raise
            raise ours from error

    return call  # type: ignore[return-value]


def public_class(cls: C) -> C:
    """The class, with every method that a user calls made `public`."""
    for name, member in list(vars(cls).items()):
        if inspect.isfunction(member) and (
            name in ("__init__", "__call__") or not name.startswith("_")
        ):
            setattr(cls, name, public(member))
    return cls


def _inside(traceback: TracebackType | None) -> bool:
    """Did all of it happen in this package, in NumPy and in the standard library?"""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        standard = file.startswith(_STANDARD) and "site-packages" not in file[len(_STANDARD) :]
        if not (standard or file.startswith(_LIBRARIES) or file.startswith(_MADE)):
            return False
        traceback = traceback.tb_next
    return True


def blamed(fun: Function, args: Args, kwargs: Kwargs, error: Exception) -> TinygradError | None:
    """The error to raise instead of one that arose in a call.

    None if that is the user's, or of this package already.
    """
    raw = getattr(error, "raw", None)  # of a function within: the user has called the outermost
    if (isinstance(error, TinygradError) and raw is None) or not _inside(error.__traceback__):
        return None
    name = getattr(fun, "__qualname__", repr(fun))
    if args and "." in name and "<locals>" not in name:
        name = f"{type(args[0]).__name__}.{name.rpartition('.')[2]}"
    name = re.sub(r"\.__(init|call)__$", "", name)
    told: Exception = raw or error
    try:
        given = inspect.signature(fun).bind(*args, **kwargs).arguments
        listed = ", ".join(f"{k}: {_kind(v)}" for k, v in given.items() if k != "self")
        what = f"{name} cannot take {listed or 'these arguments'}"
    except TypeError as wrong:  # too many, too few, or of an unknown name
        what, told = f"{name} takes {_signature(fun)}", wrong
    ours = kind_of(told)(f"{what}: {str(told).rstrip('.')}. help({name}) says what it takes.")
    ours.raw = told
    return ours


def kind_of(error: Exception, of_value: type[TinygradError] = UsageError) -> type[TinygradError]:
    """Which of our errors one of Python's or NumPy's is here; `of_value` for a plain ValueError."""
    kind = next(ours for theirs, ours in _KINDS if isinstance(error, theirs))
    return of_value if kind is UsageError and isinstance(error, ValueError) else kind


def _signature(fun: Function) -> str:
    names = [p for p in inspect.signature(fun).parameters if p != "self"]
    return ", ".join(names) or "no arguments"


def _kind(x: object) -> str:
    if hasattr(x, "dtype") and hasattr(x, "shape"):
        return f"{type(x).__name__} {x.shape} of {x.dtype}"
    short = isinstance(x, (bool, int, float, str, type(None))) and len(repr(x)) < 40
    return repr(x) if short else type(x).__name__


def package_of(fun: Function) -> str:
    """Where a function comes from: `numpy`, `tinygrad_rnn`, another."""
    if isinstance(fun, np.ufunc):  # which says it from NumPy 2.2 on only
        return "numpy"
    return str(getattr(fun, "__module__", "")).split(".")[0]


def name_of(fun: Function) -> str:
    """`np.tanh`, `np.linalg.norm` for NumPy's own functions, the plain name for all others."""
    module, name = getattr(fun, "__module__", None) or "", getattr(fun, "__name__", repr(fun))
    if isinstance(fun, np.ufunc):
        return f"np.{name}" if getattr(np, name, None) is fun else name
    return f"np{module.removeprefix('numpy')}.{name}" if module.split(".")[0] == "numpy" else name


def label(x: Any) -> str:
    """A Tensor in an error: `Tensor W_hh of shape (3, 3)`."""
    return f"Tensor {x.name or 'without a name'} of shape {x.shape}"
