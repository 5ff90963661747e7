"""Derivatives of functions, as JAX names them.  Each is a function too, so orders come by nesting.

Arguments and results may be containers: tuples, named tuples, lists, dicts, nested in any way, of
arrays, Tensors and floats.  A derivative has the structure of what it belongs to, and its shapes
and dtypes; None stays None.

A derivative is a Tensor where it depends on a Tensor that requires a gradient (an argument, or one
that f closes over), so it can be differentiated again; otherwise, and under `no_grad`, it is a
plain array.
"""

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec

import numpy as np

from tinygrad_rnn._typing import Array, Function, Nested
from tinygrad_rnn.core.mode import stepwise
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import aligned, described, is_container, leaves, rebuild
from tinygrad_rnn.errors import GradientError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.transforms.point import (
    Argnum,
    Derivative,
    Point,
    as_tensors,
    at_arguments,
    check_floating,
    fitting,
    is_floating,
    like_arguments,
    variable,
)

P = ParamSpec("P")


@public
def value_and_grad(
    f: Callable[P, object], argnum: Argnum = 0, has_aux: bool = False
) -> Callable[P, tuple[Derivative, Derivative]]:
    """`value_and_grad(f)(x)` is `(f(x), df/dx)`, with has_aux `((y, aux), df/dx)`; see `grad`."""

    @public
    @functools.wraps(f)
    def derivative(*args: P.args, **kwargs: P.kwargs) -> tuple[Derivative, Derivative]:
        at = at_arguments(f, argnum, args, kwargs)
        y, aux = _pair(at.output) if has_aux else (at.output, None)
        if is_container(y) or np.size(value(y)) != 1:
            raise GradientError(
                f"grad needs a function that returns a scalar; this one returned {_kind(y)}. "
                "Reduce it, e.g. with np.sum; or return (y, aux) and say has_aux=True; or use "
                "jacobian or vjp."
            )
        (result,) = as_tensors(y)
        check_floating([result])
        shares = at.pull({result: np.ones(result.shape, result.dtype)})
        y = at.released(result)
        return ((y, at.released(aux)) if has_aux else y), like_arguments(argnum, args, shares)

    return derivative


@public
def grad(
    f: Callable[P, object], argnum: Argnum = 0, has_aux: bool = False
) -> Callable[P, Derivative]:
    """The gradient of a scalar function by one positional argument, or a tuple for several.

    With has_aux, f returns `(y, aux)`, and the result is `(dy/dx, aux)`: for what f computes beside
    its value, such as the last state of a network.

    Raises GradientError if f does not return a scalar, DTypeError if an argument or the result is
    not floating.
    """
    both = value_and_grad(f, argnum, has_aux)

    @public
    @functools.wraps(f)
    def derivative(*args: P.args, **kwargs: P.kwargs) -> Derivative:
        y, gradient = both(*args, **kwargs)
        return (gradient, y[1]) if has_aux else gradient

    return derivative


@public
def vjp(
    f: Function, *args: Nested
) -> tuple[Derivative, Callable[[Nested], tuple[Derivative, ...]]]:
    """`(y, pull) = vjp(f, *args)`: the value, and g -> g dy/dx for a cotangent g of y's structure.

    `pull(g)` is a tuple with a share for each argument; it may be called again.  None in g stands
    for 0.

    Raises UsageError or ShapeError from `pull` if g does not have the structure and shapes of y.
    """
    argnums = tuple(range(len(args)))
    at = at_arguments(f, argnums, args, {})
    ys = as_tensors(at.output)
    check_floating(ys)
    paths = [path for path, _ in leaves(at.output)]

    def pull(g: Nested) -> tuple[Derivative, ...]:
        seeds: dict[Tensor, Array] = {}
        for y, path, c in zip(ys, paths, aligned(at.output, g, "the cotangent"), strict=True):
            if c is not None:
                check_floating([y])
                c = fitting(c, y, f"the cotangent{path}")
                seeds[y] = seeds[y] + c if y in seeds else c
        shares: tuple[Derivative, ...] = like_arguments(argnums, args, at.pull(seeds))
        return shares

    return at.released(at.output), pull


@public
def jvp(
    f: Function, primals: Sequence[Nested], tangents: Sequence[Nested]
) -> tuple[Derivative, Derivative]:
    """`(f(*primals), dy)`, where dy = dy/dx . dx is the change of f, to first order, along dx.

    primals, tangents  sequences of the same structure, one entry for each argument.  None as a
                       tangent, or in one, stands for 0; what it belongs to is passed on as it is
                       and may be anything

    A result of integers among others, such as a count, has the tangent None.  Computed in one walk
    forward, by the rules of `defjvp` where there are any.

    Raises UsageError or ShapeError if the tangents do not fit.
    """
    if not (isinstance(primals, (list, tuple)) and isinstance(tangents, (list, tuple))):
        raise UsageError(
            "jvp takes a tuple of primals and a tuple of tangents: for one argument "
            "jvp(f, (x,), (dx,))."
        )
    if len(primals) != len(tangents):
        raise UsageError(
            f"jvp got {len(primals)} primals and {len(tangents)} tangents; each primal needs one, "
            "or None."
        )
    given: list[Nested] = []
    dxs: dict[Tensor, Array] = {}
    for i, (primal, tangent) in enumerate(zip(primals, tangents, strict=True)):
        what = f"the tangent of argument {i}"
        for (path, x), dx in zip(leaves(primal), aligned(primal, tangent, what), strict=True):
            if dx is not None:
                x = variable(x, f"argument {i}{path}")
                dxs[x] = fitting(dx, x, what + path)
            given.append(x)
    token = stepwise.set(True)
    try:
        at = Point(f, rebuild(tuple(primals), given), {}, list(dxs))
    finally:
        stepwise.reset(token)
    ys = as_tensors(at.output)
    check_floating(ys)
    dys = [dy if is_floating(y) else None for y, dy in zip(ys, at.push(dxs, ys), strict=True)]
    return at.released(at.output), rebuild(at.output, dys)


@public
def jacobian(f: Callable[P, object], argnum: Argnum = 0) -> Callable[P, Derivative]:
    """`jacobian(f)(x)`: dy/dx, shape y.shape + x.shape, by one positional argument, or several.

    For containers: the structure of y, each leaf of which has that of x; None for integers.  Takes
    one walk back for each entry of y.
    """

    def block(at: Point, y: Tensor) -> list[Array]:
        units = np.eye(y.size, dtype=y.dtype).reshape((y.size, *y.shape))
        rows = [at.pull({y: unit}) for unit in units]
        return [
            np.stack(column).reshape(y.shape + x.shape)
            if (column := [row[i] for row in rows])
            else np.zeros(y.shape + x.shape, x.dtype)
            for i, x in enumerate(at.variables)
        ]

    @public
    @functools.wraps(f)
    def derivative(*args: P.args, **kwargs: P.kwargs) -> Derivative:
        at = at_arguments(f, argnum, args, kwargs)
        ys = as_tensors(at.output)
        check_floating(ys)
        blocks = [
            like_arguments(argnum, args, block(at, y)) if is_floating(y) else None for y in ys
        ]
        return rebuild(at.output, blocks)

    return derivative


@public
def hessian(f: Callable[P, object], argnum: Argnum = 0) -> Callable[P, Derivative]:
    """`hessian(f)(x)`: the second derivatives of a scalar function, shape x.shape + x.shape.

    It is `jacobian(grad(f))`.
    """
    return jacobian(grad(f, argnum), argnum)


@public
def hvp(f: Function, x: Nested, v: Nested) -> Derivative:
    """The Hessian of a scalar function times v, of x's structure, without forming the Hessian.

    For several arguments give f a tuple: `hvp(lambda args: f(*args), (a, b), (va, vb))`.
    """
    return vjp(grad(f), x)[1](v)[0]  # the Hessian is symmetric, so backward over backward will do


def _pair(output: Nested) -> tuple[Nested, Nested]:
    if isinstance(output, tuple) and len(output) == 2:
        return output
    raise UsageError(
        f"with has_aux the function returns a pair (y, aux); this one returned {_kind(output)}."
    )


def _kind(output: Derivative) -> str:
    return described(output) if is_container(output) else f"shape {np.shape(output)}"
