"""A function evaluated at a point, ready to be differentiated there."""

from collections.abc import Callable, Iterable, Sequence
from operator import index
from typing import Any

import numpy as np

from tinygrad_rnn.core.graph import ancestors, aside
from tinygrad_rnn.core.mode import current, grad_mode
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import described, is_container, leaves, rebuild
from tinygrad_rnn.errors import ArgumentTypeError, DTypeError, ShapeError, UsageError
from tinygrad_rnn.guards.operands import real_array
from tinygrad_rnn.transforms.modes import backward, forward

Array = Any
Argnum = int | tuple[int, ...]
_INTEGER = (int, np.integer)


class Point:
    """f at a point, where new Tensors replace the variables: only paths through these count."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        variables: list[Tensor],
    ):
        self.variables = variables
        with grad_mode(True):
            self.output = f(*args, **kwargs)
        wanted = set(variables)
        graph = ancestors([t for _, t in leaves(self.output) if isinstance(t, Tensor)], stop=wanted)
        # Does it depend on more: on a leaf beside the variables, or on what a variable was computed from?
        self.beside = any(t.requires_grad and (t in wanted) is not (t.fun is None) for t in graph)
        self.skip = aside(graph, wanted) if self.beside else set()
        for x in variables:
            if (
                x.fun is None
            ):  # from now on a constant: whoever differentiates the derivative does so by something else
                x.requires_grad = False

    def pull(self, seeds: dict[Tensor, Array]) -> list[Any]:
        """The share of each variable."""
        found = backward(seeds, self.variables, self._recorded(*seeds.values()), self.skip)
        return [
            np.zeros_like(value(x)) if g is None else g
            for x, g in zip(self.variables, found, strict=True)
        ]

    def push(self, tangents: dict[Tensor, Array], ys: Sequence[Tensor]) -> list[Any]:
        """The tangent of each y."""
        found = forward(tangents, ys, self._recorded(*tangents.values()))
        return [
            np.zeros_like(value(y)) if dy is None else dy for y, dy in zip(ys, found, strict=True)
        ]

    def released(self, tree: Any) -> Any:
        """Results as they are handed out: Tensors only where they depend on more than the variables."""
        if self._recorded():
            return tree
        # Copies: a walk back may come later, and whoever gets a value may write to it.
        return rebuild(
            tree, [np.array(value(y)) if isinstance(y, Tensor) else y for _, y in leaves(tree)]
        )

    def _recorded(self, *given: Any) -> bool:
        beside = self.beside or any(isinstance(g, Tensor) and g.requires_grad for g in given)
        return beside and bool(current())


def at_arguments(
    f: Callable[..., Any], argnum: Argnum, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Point:
    given = list(args)
    variables: list[Tensor] = []
    numbers = _numbers(argnum)
    for i in numbers:
        if not 0 <= i < len(args):
            raise UsageError(f"argnum {i} names no positional argument: {len(args)} were given.")
        if numbers.count(i) > 1:
            raise UsageError(f"argnum {argnum} names argument {i} twice.")
        new = [variable(leaf, f"argument {i}{path}") for path, leaf in leaves(args[i])]
        given[i] = rebuild(args[i], new)
        variables += new
    return Point(f, given, kwargs, variables)


def variable(x: Any, where: str) -> Any:
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


def as_tensors(tree: Any) -> list[Tensor]:
    """The leaves of a result; what does not depend on any Tensor is a constant."""
    return [leaf if isinstance(leaf, Tensor) else Tensor(leaf) for _, leaf in leaves(tree)]


def is_floating(y: Tensor) -> bool:
    return bool(y.dtype.kind == "f")


def check_floating(ys: Sequence[Tensor]) -> None:
    """Raise DTypeError if nothing among the results can have a derivative."""
    if ys and not any(map(is_floating, ys)):
        raise DTypeError(
            f"the function returned dtype {ys[0].dtype}: truth values and integers have no derivative. Return floats; "
            "of a comparison, a smooth function such as sigmoid has one."
        )


def fitting(c: Any, x: Tensor, what: str) -> Array:
    """A tangent or cotangent in the shape and dtype of the Tensor it belongs to."""
    c = c if isinstance(c, Tensor) else real_array(c, what)
    if c.shape != x.shape:
        raise ShapeError(
            f"{what} has shape {c.shape}; it needs the shape of what it belongs to, {x.shape}."
        )
    return c if c.dtype == x.dtype else astype(c, x.dtype)


def like_arguments(argnum: Argnum, args: Sequence[Any], found: Iterable[Any]) -> Any:
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


def pair(output: Any) -> tuple[Any, Any]:
    if isinstance(output, tuple) and len(output) == 2:
        return output
    raise UsageError(
        f"with has_aux the function returns a pair (y, aux); this one returned {kind_of(output)}."
    )


def kind_of(output: Any) -> str:
    return described(output) if is_container(output) else f"shape {np.shape(output)}"
