"""Check derivatives against central differences, to first and second order: for authors of ops and cells."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.differentiate import grad
from tinygrad_rnn.duckarray import value
from tinygrad_rnn.errors import DTypeError, GradientError
from tinygrad_rnn.tensor import Tensor

Array = Any


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    *,
    rng: int | np.random.Generator = 0,
    step: float = 1e-5,
    rtol: float = 1e-6,
    atol: float = 1e-7,
) -> None:
    """Raise GradientError unless the derivatives of f at args agree with central differences.

    f      a function of arrays that returns one Tensor of any shape
    args   its arguments: floating arrays of float64 are differentiated, everything else is passed on
    order  2 checks the derivative of the derivative too, and so on

    The output is weighted by a random array, so one scalar stands for all its entries.  The error says
    which argument, which entry, and both numbers.
    """
    rng = np.random.default_rng(rng)
    args = [value(a) for a in args]
    variables = [i for i, a in enumerate(args) if _differentiable(a, i)]
    if not variables:
        raise GradientError("check_grads found no argument that is a float64 array. Pass floats.")
    y = f(*[Tensor(a, requires_grad=i in variables) if i in variables else a for i, a in enumerate(args)])
    _check(_weighted(f, rng.standard_normal(y.shape)), args, variables, order, 1, rng, step, rtol, atol)


def _differentiable(a: Any, argnum: int) -> bool:
    if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.dtype != np.float64:
        raise DTypeError(f"argument {argnum} has dtype {a.dtype}; finite differences need float64.")
    return isinstance(a, float) or (isinstance(a, np.ndarray) and a.dtype == np.float64)


def _weighted(f: Callable[..., Any], weights: Array) -> Callable[..., Any]:
    return lambda *args: np.sum(f(*args) * weights)


def _check(
    f: Callable[..., Any],
    args: list[Any],
    variables: list[int],
    order: int,
    level: int,
    rng: np.random.Generator,
    step: float,
    rtol: float,
    atol: float,
) -> None:
    gradients = [value(g) for g in grad(f, tuple(variables))(*args)]  # Tensors if f closes over parameters
    for argnum, gradient in zip(variables, gradients, strict=True):
        numeric = _central_difference(f, args, argnum, step)
        close = np.isclose(gradient, numeric, rtol=rtol * 10**level, atol=atol * 10**level)
        if not np.all(close):
            entry = tuple(int(i) for i in np.argwhere(~close)[0]) if np.ndim(close) else ()
            raise GradientError(
                f"derivative of order {level} with respect to argument {argnum}, entry {entry}: "
                f"by the rules {np.asarray(gradient)[entry]:.10g}, "
                f"by central differences {np.asarray(numeric)[entry]:.10g}."
            )
    if level == order:
        return
    for argnum, gradient in zip(variables, gradients, strict=True):
        directional = _weighted(_one_gradient(f, argnum), rng.standard_normal(np.shape(gradient)))
        _check(directional, args, variables, order, level + 1, rng, step, rtol, atol)


def _one_gradient(f: Callable[..., Any], argnum: int) -> Callable[..., Any]:
    return lambda *args: grad(f, argnum)(*args)


def _central_difference(f: Callable[..., Any], args: list[Any], argnum: int, step: float) -> Array:
    x = np.array(args[argnum], dtype=np.float64)
    slope = np.zeros(x.shape)
    for entry in np.ndindex(x.shape):
        ends = []
        for sign in (+1.0, -1.0):
            moved = x.copy()
            moved[entry] += sign * step
            ends.append(float(value(f(*[moved if i == argnum else a for i, a in enumerate(args)]))))
        slope[entry] = (ends[0] - ends[1]) / (2 * step)
    return slope
