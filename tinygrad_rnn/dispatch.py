"""What a call of a function means on Tensors, by the tables of `primitive`."""

import inspect
from collections.abc import Callable
from typing import Any

from tinygrad_rnn.duckarray import DuckArray, value
from tinygrad_rnn.errors import DTypeError, UnsupportedError
from tinygrad_rnn.primitive import COMPOSITE, CONSTANT, FORM, REFUSED, VJP, Function, check_call, name_of, no_derivative


def apply(record: Callable[..., Any], fun: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `fun` means on Tensors: `record` a primitive, open a composite, or compute a constant.

    Raises UnsupportedError or NoDerivativeError for everything else, so that no gradient is lost silently.
    """
    if fun in FORM:
        check_call(fun, args, kwargs)
    if fun in COMPOSITE:
        y = COMPOSITE[fun](*args, **kwargs)
        if y is not NotImplemented:
            return y
    if fun in VJP:
        if any(isinstance(v, DuckArray) for v in kwargs.values()):
            args, kwargs = _by_position(fun, args, kwargs)
        y = record(fun, args, kwargs or None)
        argnums = getattr(y, "argnums", ())  # what `scan` traces has none: it asks for rules later
        for i in argnums:
            if VJP[fun][i] is None:
                raise no_derivative(fun, i)
        if argnums and y.data.dtype.kind != "f" and args[argnums[0]].dtype.kind == "f":
            raise DTypeError(
                f"{name_of(fun)} gives dtype {y.dtype}, which has no derivatives, of a Tensor that requires a "
                "gradient. Give a floating dtype, or pass x.data."
            )
        return y
    if fun in CONSTANT:
        return fun(*map(value, args), **{k: value(v) for k, v in kwargs.items()})
    if fun in REFUSED:
        raise UnsupportedError(f"{name_of(fun)} {REFUSED[fun]}")
    wanting = [i for i, a in enumerate(args) if _wants_gradient(a)]
    if wanting:
        raise no_derivative(fun, wanting[0])
    raise UnsupportedError(f"{name_of(fun)} is not known on Tensors. Add defvjp({name_of(fun)}, ...), or pass x.data.")


def _wants_gradient(a: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return any(map(_wants_gradient, a))
    return isinstance(a, DuckArray) and bool(a.requires_grad)


def _by_position(fun: Function, args: Any, kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Tensors given by keyword, as in np.sum(a=x), moved to their positions."""
    try:
        given = inspect.signature(fun).bind(*args, **kwargs).arguments
        names = list(given)
        last = max(i for i, name in enumerate(names) if isinstance(given[name], DuckArray))
    except (ValueError, TypeError) as error:
        raise UnsupportedError(f"{name_of(fun)}: pass Tensors by position ({error}).") from error
    return tuple(given[n] for n in names[: last + 1]), {n: given[n] for n in names[last + 1 :]}
