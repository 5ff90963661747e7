"""Derivatives of functions: `grad(f)` is a function too, so derivatives of every order come by nesting."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.backprop import ancestors, pullback
from tinygrad_rnn.duckarray import value
from tinygrad_rnn.errors import GradientError, UsageError
from tinygrad_rnn.mode import grad_mode, recording
from tinygrad_rnn.tensor import Tensor, seed

Array = Any
Argnum = int | tuple[int, ...]


def value_and_grad(f: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., tuple[Any, Any]]:
    """`value_and_grad(f)(x)` is `(f(x), df/dx)`; see `grad`."""
    argnums = (argnum,) if isinstance(argnum, int) else tuple(argnum)

    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        for i in argnums:
            if not 0 <= i < len(args):
                raise UsageError(f"argnum {i} names no positional argument: {len(args)} were given.")
        outer = recording.get()
        with grad_mode(True):
            # A fresh Tensor for each variable, so that only the paths through this argument count.
            variables = [_fresh(args[i]) if outer else _fresh(value(args[i])) for i in argnums]
            given = list(args)
            for i, variable in zip(argnums, variables, strict=True):
                given[i] = variable
            y = f(*given, **kwargs)
        if np.size(value(y)) != 1:
            raise GradientError(
                f"grad needs a function that returns a scalar; this one returned shape {np.shape(y)}. "
                "Reduce it, e.g. with np.sum."
            )
        if not isinstance(y, Tensor):  # a constant, such as the derivative of a linear function
            y = Tensor(y)
        leaves = {t for t in ancestors([y]) if t.fun is None and t.requires_grad}
        create_graph = outer and not leaves <= set(variables)
        found = differentiate(y, variables, create_graph=create_graph) if leaves else [None] * len(variables)
        gradients = tuple(np.zeros_like(v.data) if g is None else g for v, g in zip(variables, found, strict=True))
        return y if create_graph else y.data, gradients[0] if isinstance(argnum, int) else gradients

    return derivative


def _fresh(x: Any) -> Tensor:
    return +x if isinstance(x, Tensor) and x.requires_grad else Tensor(value(x), requires_grad=True)


def grad(f: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """The gradient of a scalar function with respect to one positional argument, or several.

    `grad(f)(x)` has x's shape and dtype.  It is a Tensor where it depends on a Tensor that requires a
    gradient (so `grad(grad(f))` is the second derivative), a plain array otherwise.

    Raises GradientError if f does not return a scalar Tensor.
    """
    both = value_and_grad(f, argnum)

    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return derivative


def differentiate(y: Tensor, xs: Sequence[Tensor], g: Any = None, create_graph: bool = False) -> list[Any]:
    """dy/dx for each x, weighted by the cotangent g of y; None where y does not depend on x.

    With create_graph the derivatives are recorded: Tensors where they depend on one, arrays where constant.
    """
    start = g if isinstance(g, Tensor) else seed(y, g)
    wanted = set(xs)
    with grad_mode(create_graph):
        found = {t: c for t, c, _ in pullback({y: start}, differentiable=create_graph) if t in wanted}
    # Cotangents may be views of each other or of g: whoever gets them may write to them.
    return [c if c is None or isinstance(c, Tensor) else np.array(c) for c in map(found.get, xs)]
