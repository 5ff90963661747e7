"""A function evaluated at a point, ready to be differentiated there."""

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Args, Array, Function, Kwargs, Nested
from tinygrad_rnn.core.graph import ancestors, aside
from tinygrad_rnn.core.mode import current, grad_mode
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.structural import astype
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import flat, leaves, rebuild
from tinygrad_rnn.errors import ArgumentTypeError, DTypeError, ShapeError, UsageError
from tinygrad_rnn.guards.operands import real_array
from tinygrad_rnn.transforms.modes import backward, forward

Argnum: TypeAlias = int | tuple[int, ...]
Derivative: TypeAlias = Any  # array, Tensor or container of such: what f and its arguments decide
_INTEGER = (int, np.integer)


class Point:
    """f at a point, where new Tensors replace the variables: only paths through these count."""

    def __init__(
        self, f: Function, args: Sequence[Nested], kwargs: Kwargs, variables: list[Tensor]
    ):
        self.variables = variables
        with grad_mode(True):
            self.output: Nested = f(*args, **kwargs)
        wanted = set(variables)
        results = [t for t in flat(self.output) if isinstance(t, Tensor)]
        graph = ancestors(results, stop=wanted)
        # Does it depend on more: on a leaf beside the variables, or on what made a variable?
        self.beside = any(t.requires_grad and (t in wanted) is not (t.fun is None) for t in graph)
        self.skip = aside(graph, wanted) if self.beside else set()
        for x in variables:
            if x.fun is None:  # who differentiates the derivative does so by something else
                x.requires_grad = False

    def pull(self, seeds: dict[Tensor, Array]) -> list[Array]:
        """The share of each variable."""
        found = backward(seeds, self.variables, self._recorded(seeds.values()), self.skip)
        return _or_zeros(found, self.variables)

    def push(self, tangents: dict[Tensor, Array], ys: Sequence[Tensor]) -> list[Array]:
        """The tangent of each y."""
        return _or_zeros(forward(tangents, ys, self._recorded(tangents.values())), ys)

    def released(self, tree: Nested) -> Derivative:
        """Results as they are handed out: Tensors where they depend on more than the variables."""
        if self._recorded():
            return tree
        # Copies: a walk back may come later, and whoever gets a value may write to it.
        return rebuild(
            tree, [np.array(value(y)) if isinstance(y, Tensor) else y for y in flat(tree)]
        )

    def _recorded(self, given: Iterable[Array] = ()) -> bool:
        beside = self.beside or any(isinstance(g, Tensor) and g.requires_grad for g in given)
        return beside and bool(current())


def at_arguments(f: Function, argnum: Argnum, args: Args, kwargs: Kwargs) -> Point:
    """f at (*args, **kwargs), to be differentiated by some positional arguments.

    Raises UsageError if there is no such argument, DTypeError if it is not floating.
    """
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


def variable(x: object, where: str) -> Tensor:
    """A new Tensor of this value, which stands for it in f.  Raises DTypeError for integers."""
    if isinstance(x, Tensor) and x.requires_grad and current():
        return +x
    data = real_array(value(x), where)
    if data.dtype.kind != "f":
        raise DTypeError(
            f"{where} of dtype {data.dtype} cannot require a gradient: derivatives need a floating "
            "dtype. Pass floats, e.g. np.asarray(x, dtype=float), or bind what is not to be "
            "differentiated: lambda w: f(w, x)."
        )
    return Tensor(data, requires_grad=True)


def as_tensors(tree: Nested) -> list[Tensor]:
    """The leaves of a result; what does not depend on any Tensor is a constant."""
    return [leaf if isinstance(leaf, Tensor) else Tensor(leaf) for leaf in flat(tree)]


def is_floating(y: Tensor) -> bool:
    """Whether y can have a derivative."""
    return bool(y.dtype.kind == "f")


def check_floating(ys: Sequence[Tensor]) -> None:
    """Raise DTypeError if nothing among the results can have a derivative."""
    if ys and not any(map(is_floating, ys)):
        raise DTypeError(
            f"the function returned dtype {ys[0].dtype}: truth values and integers have no "
            "derivative. Return floats; of a comparison, a smooth function such as sigmoid has one."
        )


def fitting(c: object, x: Tensor, what: str) -> Array:
    """A tangent or cotangent in the shape and dtype of the Tensor it belongs to."""
    given: Any = c if isinstance(c, Tensor) else real_array(c, what)
    if given.shape != x.shape:
        raise ShapeError(
            f"{what} has shape {given.shape}; it needs the shape of what it belongs to, {x.shape}."
        )
    array: Array = given if given.dtype == x.dtype else astype(given, x.dtype)
    return array


def like_arguments(argnum: Argnum, args: Args, found: Iterable[Array]) -> Derivative:
    """What was found for the variables, in the structure of the arguments they stand in."""
    found = iter(found)
    each = tuple(rebuild(args[i], found) for i in _numbers(argnum))
    return each[0] if isinstance(argnum, _INTEGER) else each


def _numbers(argnum: Argnum) -> tuple[int, ...]:
    try:
        return (index(argnum),) if isinstance(argnum, _INTEGER) else tuple(map(index, argnum))
    except TypeError as error:
        raise ArgumentTypeError(
            f"argnum is {argnum!r:.60}; it is the position of an argument, an integer, or a tuple "
            "of them."
        ) from error


def _or_zeros(found: Sequence[Array | None], of: Sequence[Tensor]) -> list[Array]:
    return [np.zeros_like(value(x)) if c is None else c for c, x in zip(found, of, strict=True)]
