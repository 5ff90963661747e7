"""Derivatives of functions, as JAX names them.  Each is a function too, so derivatives of every order come by nesting.

Arguments and results may be containers: tuples, named tuples, lists, dicts, nested in any way, of arrays, Tensors and
floats.  A derivative has the structure of what it belongs to, and in each place its shape and dtype; None stays None.

A derivative is a Tensor where it depends on a Tensor that requires a gradient (an argument, or one that f closes
over), so it can be differentiated again; otherwise, and under `no_grad`, it is a plain array.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from operator import index
from typing import Any

import numpy as np

from tinygrad_rnn.backprop import ancestors, aside
from tinygrad_rnn.boundary import public
from tinygrad_rnn.containers import aligned, described, is_container, leaves, rebuild
from tinygrad_rnn.duckarray import value
from tinygrad_rnn.errors import ArgumentTypeError, DTypeError, GradientError, ShapeError, UsageError
from tinygrad_rnn.mode import current, grad_mode, stepwise
from tinygrad_rnn.operands import real_array
from tinygrad_rnn.rules.shape import astype
from tinygrad_rnn.sweep import backward, differentiate, forward
from tinygrad_rnn.tensor import Tensor

__all__ = ["differentiate", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Array = Any
Argnum = int | tuple[int, ...]
_INTEGER = (int, np.integer)


@public
def value_and_grad(f: Callable[..., Any], argnum: Argnum = 0, has_aux: bool = False) -> Callable[..., tuple[Any, Any]]:
    """`value_and_grad(f)(x)` is `(f(x), df/dx)`, with has_aux `((y, aux), df/dx)`; see `grad`."""

    @public
    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        at = _at_arguments(f, argnum, args, kwargs)
        y, aux = _pair(at.output) if has_aux else (at.output, None)
        if is_container(y) or np.size(value(y)) != 1:
            raise GradientError(
                f"grad needs a function that returns a scalar; this one returned {_kind(y)}. Reduce it, e.g. with "
                "np.sum; or return (y, aux) and say has_aux=True; or use jacobian or vjp."
            )
        (result,) = _as_tensors(y)
        _check_floating([result])
        gradients = _like_arguments(argnum, args, at.pull({result: np.ones(result.shape, result.dtype)}))
        y = at.released(result)
        return ((y, at.released(aux)) if has_aux else y), gradients

    return derivative


@public
def grad(f: Callable[..., Any], argnum: Argnum = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a scalar function with respect to one positional argument, or a tuple for several.

    With has_aux, f returns `(y, aux)`, and the result is `(dy/dx, aux)`: for what f computes beside its value, such
    as the last state of a network.

    Raises GradientError if f does not return a scalar, DTypeError if an argument or the result is not floating.
    """
    both = value_and_grad(f, argnum, has_aux)

    @public
    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        y, gradient = both(*args, **kwargs)
        return (gradient, y[1]) if has_aux else gradient

    return derivative


@public
def vjp(f: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """`(y, pull) = vjp(f, *args)`: the value, and the function g -> g dy/dx for a cotangent g of y's structure.

    `pull(g)` is a tuple with a share for each argument; it may be called again.  None in g stands for 0.

    Raises UsageError or ShapeError from `pull` if g does not have the structure and shapes of y.
    """
    argnums = tuple(range(len(args)))
    at = _at_arguments(f, argnums, args, {})
    ys = _as_tensors(at.output)
    _check_floating(ys)
    paths = [path for path, _ in leaves(at.output)]

    def pull(g: Any) -> tuple[Any, ...]:
        seeds: dict[Tensor, Array] = {}
        for y, path, c in zip(ys, paths, aligned(at.output, g, "the cotangent"), strict=True):
            if c is not None:
                _check_floating([y])
                c = _fitting(c, y, f"the cotangent{path}")
                seeds[y] = seeds[y] + c if y in seeds else c
        shares: tuple[Any, ...] = _like_arguments(argnums, args, at.pull(seeds))
        return shares

    return at.released(at.output), pull


@public
def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """`(f(*primals), dy)`, where dy = dy/dx . dx is what f changes by, to first order, along the tangents.

    primals, tangents: sequences of the same structure, one entry for each argument.  None as a tangent, or in one,
    stands for 0; what it belongs to is passed on as it is and may be anything.  A result of integers among others, such
    as a count, has the tangent None.

    Computed in one sweep forward, by the rules of `defjvp` where there are any.  Raises UsageError or ShapeError if
    the tangents do not fit.
    """
    if not (isinstance(primals, (list, tuple)) and isinstance(tangents, (list, tuple))):
        raise UsageError("jvp takes a tuple of primals and a tuple of tangents: for one argument jvp(f, (x,), (dx,)).")
    if len(primals) != len(tangents):
        raise UsageError(
            f"jvp got {len(primals)} primals and {len(tangents)} tangents; each primal needs one, or None."
        )
    given: list[Any] = []
    dxs: dict[Tensor, Array] = {}
    for i, (primal, tangent) in enumerate(zip(primals, tangents, strict=True)):
        what = f"the tangent of argument {i}"
        for (path, x), dx in zip(leaves(primal), aligned(primal, tangent, what), strict=True):
            given.append(x if dx is None else _variable(x, f"argument {i}{path}"))
            if dx is not None:
                dxs[given[-1]] = _fitting(dx, given[-1], what + path)
    token = stepwise.set(True)
    try:
        at = _At(f, rebuild(tuple(primals), given), {}, list(dxs))
    finally:
        stepwise.reset(token)
    ys = _as_tensors(at.output)
    _check_floating(ys)
    dys = [dy if _is_floating(y) else None for y, dy in zip(ys, at.push(dxs, ys), strict=True)]
    return at.released(at.output), rebuild(at.output, dys)


@public
def jacobian(f: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """`jacobian(f)(x)`: dy/dx, shape y.shape + x.shape, with respect to one positional argument, or several.

    For containers: the structure of y, and in each of its places that of x; None for integers.  Takes one walk back for
    each entry of y.
    """

    @public
    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        at = _at_arguments(f, argnum, args, kwargs)
        blocks: list[Any] = []
        ys = _as_tensors(at.output)
        _check_floating(ys)
        for y in ys:
            if not _is_floating(y):
                blocks.append(None)
                continue
            units = np.eye(y.size, dtype=y.dtype).reshape((y.size, *y.shape))
            rows = [at.pull({y: unit}) for unit in units]
            columns = [
                np.stack([row[i] for row in rows]).reshape(y.shape + x.shape)
                if rows
                else np.zeros(y.shape + x.shape, x.dtype)
                for i, x in enumerate(at.variables)
            ]
            blocks.append(_like_arguments(argnum, args, columns))
        return rebuild(at.output, blocks)

    return derivative


@public
def hessian(f: Callable[..., Any], argnum: Argnum = 0) -> Callable[..., Any]:
    """`hessian(f)(x)`: the second derivatives of a scalar function, shape x.shape + x.shape: `jacobian(grad(f))`."""
    return jacobian(grad(f, argnum), argnum)


@public
def hvp(f: Callable[..., Any], x: Any, v: Any) -> Any:
    """The Hessian of a scalar function of one argument times v, of x's structure, without forming the Hessian.

    For several arguments give f a tuple of them: `hvp(lambda args: f(*args), (a, b), (va, vb))`.
    """
    return vjp(grad(f), x)[1](v)[0]  # the Hessian is symmetric, so backward over backward will do


class _At:
    """f at a point, where new Tensors stand in the places of the variables: only paths through these count."""

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], variables: list[Tensor]):
        self.variables = variables
        with grad_mode(True):
            self.output = f(*args, **kwargs)
        wanted = set(variables)
        graph = ancestors([t for _, t in leaves(self.output) if isinstance(t, Tensor)], stop=wanted)
        # Does it depend on more: on a leaf beside the variables, or on what a variable was computed from?
        self.beside = any(t.requires_grad and (t in wanted) is not (t.fun is None) for t in graph)
        self.skip = aside(graph, wanted) if self.beside else set()
        for x in variables:
            if x.fun is None:  # from now on a constant: whoever differentiates the derivative does so by something else
                x.requires_grad = False

    def pull(self, seeds: dict[Tensor, Array]) -> list[Any]:
        """The share of each variable."""
        found = backward(seeds, self.variables, self._recorded(*seeds.values()), self.skip)
        return [np.zeros_like(value(x)) if g is None else g for x, g in zip(self.variables, found, strict=True)]

    def push(self, tangents: dict[Tensor, Array], ys: Sequence[Tensor]) -> list[Any]:
        """The tangent of each y."""
        found = forward(tangents, ys, self._recorded(*tangents.values()))
        return [np.zeros_like(value(y)) if dy is None else dy for y, dy in zip(ys, found, strict=True)]

    def released(self, tree: Any) -> Any:
        """Results as they are handed out: Tensors only where they depend on more than the variables."""
        if self._recorded():
            return tree
        # Copies: a walk back may come later, and whoever gets a value may write to it.
        return rebuild(tree, [np.array(value(y)) if isinstance(y, Tensor) else y for _, y in leaves(tree)])

    def _recorded(self, *given: Any) -> bool:
        beside = self.beside or any(isinstance(g, Tensor) and g.requires_grad for g in given)
        return beside and bool(current())


def _at_arguments(f: Callable[..., Any], argnum: Argnum, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _At:
    given = list(args)
    variables: list[Tensor] = []
    numbers = _numbers(argnum)
    for i in numbers:
        if not 0 <= i < len(args):
            raise UsageError(f"argnum {i} names no positional argument: {len(args)} were given.")
        if numbers.count(i) > 1:
            raise UsageError(f"argnum {argnum} names argument {i} twice.")
        new = [_variable(leaf, f"argument {i}{path}") for path, leaf in leaves(args[i])]
        given[i] = rebuild(args[i], new)
        variables += new
    return _At(f, given, kwargs, variables)


def _variable(x: Any, where: str) -> Any:
    if isinstance(x, Tensor) and x.requires_grad and current():
        return +x
    data = real_array(value(x), where)
    if data.dtype.kind != "f":
        what = f"dtype {data.dtype}"
        raise DTypeError(
            f"{where} of {what} cannot require a gradient: derivatives need a floating dtype. "
            "Pass floats, e.g. np.asarray(x, dtype=float), or bind what is not to be differentiated: lambda w: f(w, x)."
        )
    return Tensor(data, requires_grad=True)


def _as_tensors(tree: Any) -> list[Tensor]:
    """The leaves of a result; what does not depend on any Tensor is a constant."""
    return [leaf if isinstance(leaf, Tensor) else Tensor(leaf) for _, leaf in leaves(tree)]


def _is_floating(y: Tensor) -> bool:
    return bool(y.dtype.kind == "f")


def _check_floating(ys: Sequence[Tensor]) -> None:
    """Raise DTypeError if nothing among the results can have a derivative."""
    if ys and not any(map(_is_floating, ys)):
        raise DTypeError(
            f"the function returned dtype {ys[0].dtype}: truth values and integers have no derivative. Return floats; "
            "of a comparison, a smooth function such as sigmoid has one."
        )


def _fitting(c: Any, x: Tensor, what: str) -> Array:
    """A tangent or cotangent in the shape and dtype of the Tensor it belongs to."""
    c = c if isinstance(c, Tensor) else real_array(c, what)
    if c.shape != x.shape:
        raise ShapeError(f"{what} has shape {c.shape}; it needs the shape of what it belongs to, {x.shape}.")
    return c if c.dtype == x.dtype else astype(c, x.dtype)


def _like_arguments(argnum: Argnum, args: Sequence[Any], found: Iterable[Any]) -> Any:
    """What was found for the variables, one after another, in the structure of the arguments they stand in."""
    found = iter(found)
    each = tuple(rebuild(args[i], found) for i in _numbers(argnum))
    return each[0] if isinstance(argnum, _INTEGER) else each


def _numbers(argnum: Argnum) -> tuple[int, ...]:
    try:
        return (index(argnum),) if isinstance(argnum, _INTEGER) else tuple(map(index, argnum))
    except TypeError as error:
        raise ArgumentTypeError(
            f"argnum is {argnum!r:.60}; it is the position of an argument, an integer, or a tuple of them."
        ) from error


def _pair(output: Any) -> tuple[Any, Any]:
    if isinstance(output, tuple) and len(output) == 2:
        return output
    raise UsageError(f"with has_aux the function returns a pair (y, aux); this one returned {_kind(output)}.")


def _kind(output: Any) -> str:
    return described(output) if is_container(output) else f"shape {np.shape(output)}"
