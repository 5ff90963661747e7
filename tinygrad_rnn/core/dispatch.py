"""What a call of a function means on Tensors, by the tables of `primitive`; and what NumPy's errors are here."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_rnn.core.methods import DuckArray, value
from tinygrad_rnn.core.tables import (
    COMPOSITE,
    CONSTANT,
    FORM,
    REFUSED,
    VJP,
    Function,
    Together,
    check_call,
    no_derivative,
)
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    AxisError,
    DTypeError,
    LinAlgError,
    RangeError,
    ShapeError,
    TinygradError,
    UnsupportedError,
)
from tinygrad_rnn.guards.boundary import name_of, package_of
from tinygrad_rnn.guards.fingerprints import FIXED
from tinygrad_rnn.guards.operands import refuse_strange


def apply(
    record: Callable[..., Any], fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """What `fun` means on Tensors: `record` a primitive, open a composite, or compute a constant.

    Raises UnsupportedError or NoDerivativeError for everything else, so that no gradient is lost silently.
    """
    if fun in FORM:
        check_call(fun, args, kwargs)
    try:
        for name, a in (*enumerate(args), *kwargs.items()):
            if type(a) not in FIXED and type(a) is not np.ndarray and not isinstance(a, DuckArray):
                refuse_strange(a, f"argument {name} of {name_of(fun)}")
        if fun in COMPOSITE:
            y = COMPOSITE[fun](*args, **kwargs)
            if y is not NotImplemented:
                return y
        if fun in VJP:
            if kwargs and any(isinstance(v, DuckArray) for v in kwargs.values()):
                args, kwargs = _by_position(fun, args, kwargs)
            y, rules = record(fun, args, kwargs or None), VJP[fun]
            if type(rules) is not Together:
                for i in getattr(
                    y, "argnums", ()
                ):  # what `scan` traces has none: it asks for rules later
                    if rules[i] is None:
                        raise no_derivative(fun, i)
            return y
        if fun in CONSTANT:
            return fun(*map(value, args), **{k: value(v) for k, v in kwargs.items()})
    except EXPLAINED as error:
        if ours := explained(fun, args, error):
            raise ours from error
        raise
    if fun in REFUSED:
        raise UnsupportedError(f"{name_of(fun)} {REFUSED[fun]}")
    wanting = [i for i, a in enumerate(args) if _wants_gradient(a)]
    if wanting:
        raise no_derivative(fun, wanting[0])
    raise UnsupportedError(
        f"{name_of(fun)} is not known on Tensors. Add defvjp({name_of(fun)}, ...), or pass x.data."
    )


_KINDS: tuple[
    tuple[type[Exception], type[TinygradError]], ...
] = (  # what NumPy raises, and what that is here
    (np.linalg.LinAlgError, LinAlgError),
    (np.exceptions.AxisError, AxisError),
    (IndexError, RangeError),
    (ValueError, ShapeError),
    (TypeError, ArgumentTypeError),
    (OverflowError, RangeError),
)
EXPLAINED = (ValueError, TypeError, IndexError, OverflowError)


def explained(fun: Function, args: tuple[Any, ...], error: Exception) -> TinygradError | None:
    """An error of NumPy's as one of this package, with the operands named; None for one that is of this package."""
    if isinstance(error, TinygradError):
        if error.raw is None:
            return None
        error = error.raw
    if package_of(type(error)) not in ("builtins", "numpy"):  # of a primitive of the user's
        return None
    if isinstance(error.__cause__, TinygradError):  # of a Tensor, behind what NumPy makes of it
        return error.__cause__
    arrays = [a for a in args if isinstance(a, (DuckArray, np.ndarray))]
    operands = [
        f"{getattr(a, 'name', None) or 'a Tensor'} {a.shape}"
        if isinstance(a, DuckArray)
        else f"an array {a.shape}"
        for a in arrays
    ]
    told = (
        f"{name_of(fun)} of {' and '.join(operands) or 'these arguments'}: {_in_words(str(error))}"
    )
    if isinstance(error, TypeError) and any(value(a).dtype.kind not in "biuf" for a in arrays):
        return DTypeError(f"{told}. A Tensor goes with real numbers: bool, integer or floating.")
    return next(ours for theirs, ours in _KINDS if isinstance(error, theirs))(told)


def _in_words(message: str) -> str:
    """What NumPy says, without the signatures of generalised ufuncs."""
    if sizes := re.search(r"gufunc signature.*\(size (\d+) is different from (\d+)\)", message):
        return f"an axis of {sizes[2]} entries meets one of {sizes[1]}"
    if axes := re.search(r"operand (\d+) .*\(has (\d+), gufunc core .* requires (\d+)\)", message):
        return f"operand {axes[1]} has {axes[2]} axes and needs {axes[3]} at least"
    return message


def _wants_gradient(a: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return any(map(_wants_gradient, a))
    return isinstance(a, DuckArray) and bool(a.requires_grad)


def _by_position(
    fun: Function, args: Any, kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Tensors given by keyword, as in np.sum(a=x), moved to their positions; others, as in where=mask, as values."""
    kwargs = {n: v if _wants_gradient(v) else value(v) for n, v in kwargs.items()}
    try:
        signature = inspect.signature(fun)
        given = signature.bind(*args, **kwargs).arguments
    except (ValueError, TypeError) as error:
        raise UnsupportedError(f"{name_of(fun)}: pass Tensors by position ({error}).") from error
    places = {name: i for i, name in enumerate(signature.parameters)}
    names = list(given)
    last = max(
        [i for i, name in enumerate(names) if isinstance(given[name], DuckArray)], default=-1
    )
    if last >= 0 and places[names[last]] != last:  # what stands before it is not given
        raise no_derivative(fun, places[names[last]])
    return tuple(given[n] for n in names[: last + 1]), {n: given[n] for n in names[last + 1 :]}
