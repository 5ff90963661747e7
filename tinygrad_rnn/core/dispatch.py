"""What a call of a function means on Tensors, by the tables."""

import inspect
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Args, Function, Kwargs
from tinygrad_rnn.core.calls import FORM, check_call, no_derivative
from tinygrad_rnn.core.operators import DuckArray, value
from tinygrad_rnn.core.tables import COMPOSITE, CONSTANT, REFUSED, VJP, Together
from tinygrad_rnn.errors import UnsupportedError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.guards.explained import EXPLAINED, explained
from tinygrad_rnn.guards.fingerprints import FIXED
from tinygrad_rnn.guards.operands import refuse_strange


def apply(record: Function, fun: Function, args: Args, kwargs: Kwargs) -> Any:
    """What `fun` means on Tensors: `record` a primitive, open a composite, compute a constant.

    Raises UnsupportedError or NoDerivativeError for everything else, so that no gradient is lost.
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
            if not isinstance(rules, Together):
                for i in getattr(y, "argnums", ()):  # a traced value asks for its rules later
                    if rules[i] is None:
                        raise no_derivative(fun, i)
            return y
        if fun in CONSTANT:
            return fun(*map(value, args), **{k: value(v) for k, v in kwargs.items()})
    except EXPLAINED as error:
        if ours := explained(fun, args, error):
            raise ours from error
        raise
    name = name_of(fun)
    if fun in REFUSED:
        raise UnsupportedError(f"{name} {REFUSED[fun]}")
    for i, a in enumerate(args):
        if _wants_gradient(a):
            raise no_derivative(fun, i)
    raise UnsupportedError(
        f"{name} is not known on Tensors. Add defvjp({name}, ...), or pass x.data."
    )


def _wants_gradient(a: object) -> bool:
    if isinstance(a, (list, tuple)):
        return any(map(_wants_gradient, a))
    return isinstance(a, DuckArray) and bool(a.requires_grad)


def _by_position(fun: Function, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    """Tensors given by name, as np.sum(a=x), by position; others, as where=mask, as values."""
    kwargs = {n: v if _wants_gradient(v) else value(v) for n, v in kwargs.items()}
    try:
        signature = inspect.signature(fun)
        given = signature.bind(*args, **kwargs).arguments
    except (ValueError, TypeError) as error:
        raise UnsupportedError(f"{name_of(fun)}: pass Tensors by position ({error}).") from error
    position = {name: i for i, name in enumerate(signature.parameters)}
    names = list(given)
    last = max((i for i, n in enumerate(names) if isinstance(given[n], DuckArray)), default=-1)
    if last >= 0 and position[names[last]] != last:  # one that stands before it is not given
        raise no_derivative(fun, position[names[last]])
    return tuple(given[n] for n in names[: last + 1]), {n: given[n] for n in names[last + 1 :]}
