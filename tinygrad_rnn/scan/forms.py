"""How a function of one time step is applied to all steps at once: the table of batched forms.

A value known for all of time has its step axes behind an axis T.  Counting axes from the end keeps a function right,
so a form only says which of its arguments name axes, shapes or keys.  A function that is not here is applied step by
step: slower, never wrong.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_rnn.core.structural import astype, getitem, scatter
from tinygrad_rnn.core.tables import Function, defvjp, primitive
from tinygrad_rnn.rules import nonlinear
from tinygrad_rnn.rules.checked import checked
from tinygrad_rnn.rules.joining import concatenate, stack
from tinygrad_rnn.rules.piecewise import clip

Array = Any


@primitive
def detached(x: Array) -> Array:
    """x as a constant: it has no rule, so no gradient flows through it."""
    return x


@primitive
def gate(a: Array) -> Array:
    """sigmoid(2 a) by tanh: exact to 1e-8, not relatively, which is all that a gate needs."""
    return 0.5 * np.tanh(a) + 0.5


def copied(x: Array) -> Array:
    """x in an array of its own."""
    return np.array(x)


@primitive
def pick(x: Array, *key: Any) -> Array:
    """x[key]: what x[key] is traced to where the key has parts without numbers, which are operands here."""
    return x[key]


@primitive
def place(g: Array, shape: tuple[int, ...], *key: Any) -> Array:
    """Zeros of this shape to which g is added at [key]: the transpose of `pick`."""
    return scatter(g, key, shape)


defvjp(pick, lambda g, y, x, *key: place(g, x.shape, *key))


def pick_each(x: Array, *key: Any, ndim: int) -> Array:
    """`pick` at every t: x: (T, ...); arrays in the key have an axis T and `ndim` axes, or none of the first."""
    return x[(_each(len(x), ndim), *key)]


def place_each(g: Array, shape: tuple[int, ...], *key: Any, ndim: int) -> Array:
    """`place` at every t: g: (T, ...); shape is (T, ...); the key as in `pick_each`."""
    return scatter(g, (_each(len(g), ndim), *key), shape)


def _each(T: int, ndim: int) -> Array:
    return np.arange(T).reshape(T, *[1] * ndim)


def total_placed(g: Array, shape: tuple[int, ...], *key: Any) -> Array:
    """sum_t of what is placed at each t, added up where it belongs: shape is that of one step."""
    return scatter(g, key, shape)


def contract(a: Array, b: Array) -> Array:
    """sum_t a_t^T b_t for a: (T, ..., K) and b: (T, ..., N): one product of tall matrices, (K, N)."""
    return a.reshape((-1, a.shape[-1])).T @ b.reshape((-1, b.shape[-1]))


def total_of_rows(a: Array) -> Array:
    """The sum over t and all other axes but the last: (T, ..., N) -> (N,), by a product, which is quicker."""
    rows = a.reshape((-1, a.shape[-1]))
    return np.ones(len(rows), a.dtype).dot(rows)


def total(a: Array) -> Array:
    """sum_t a_t for a: (T, ...)."""
    return np.add.reduce(a, axis=0)


# They give what they are given.
AS_GIVEN: set[Function] = {detached, checked}

# Every entry of the result depends on one entry of each operand; broadcasting does the rest.
ELEMENTWISE: set[Function] = {
    *AS_GIVEN,
    np.where,
    gate,
    clip,
    nonlinear.sigmoid,
    nonlinear.relu,
    nonlinear.softplus,
    nonlinear.weighted,
}

# Views of one operand, if they are views at all: no work in a loop.
VIEWS: set[Function] = {
    getitem,
    detached,
    np.reshape,
    np.transpose,
    np.swapaxes,
    np.expand_dims,
    np.squeeze,
    np.broadcast_to,
}

# Functions over axes, by the axis they take if none is named; None means all of them.
_OVER_AXES: dict[Function, Any] = {
    np.sum: None,
    np.mean: None,
    np.max: None,
    np.min: None,
    nonlinear.logsumexp: None,
    nonlinear.softmax: -1,
    nonlinear.log_softmax: -1,
}

Bulk = tuple[Function, tuple[Any, ...], dict[str, Any]]  # a call on arrays with an axis T in front


class TimeAxis:
    """Stands for the length T in the arguments of a batched form: a plan does not depend on T."""

    def __repr__(self) -> str:
        return "T"


T = TimeAxis()


class Aligned:
    """An operand given axes of length 1 behind T, so that it broadcasts against one of more axes."""

    def __init__(self, operand: Any, ndim: int):
        self.operand, self.shape = operand, (T, *(1,) * (ndim - operand.ndim), *operand.shape)


def is_ufunc(fun: Function | None) -> bool:
    """Whether `fun` is a NumPy ufunc that works entry by entry and gives one array: it takes an `out`."""
    return isinstance(fun, np.ufunc) and fun.signature is None and fun.nout == 1


def is_elementwise(fun: Function | None) -> bool:
    """Whether `fun` works entry by entry."""
    return fun in ELEMENTWISE or is_ufunc(fun)


def in_bulk(v: Any, timed: Callable[[Any], bool]) -> Bulk | None:
    """The call that gives v for all t at once; None if that is not known.

    timed(a): whether the operand a has an axis T.
    """
    fun, args, kwargs = v.fun, v.args, v.kwargs

    def aligned(ndim: int) -> tuple[Any, ...]:
        return tuple(Aligned(a, ndim) if timed(a) and a.ndim < ndim else a for a in args)

    if is_elementwise(fun):
        return fun, aligned(v.ndim), kwargs
    if fun is np.matmul:
        return _product(v, timed, aligned)
    if fun in (pick, place):
        return _chosen(v, timed)
    if fun in (concatenate, stack):
        if not all(map(timed, args)):
            return None
        return fun, args, {"axis": _from_end(kwargs.get("axis", 0), v.ndim)}
    if not timed(args[0]) or any(map(timed, args[1:])):
        return None
    if fun in _OVER_AXES:
        if len(args) > 2 or kwargs.keys() - {"axis", "keepdims"}:
            return None
        axis = kwargs.get("axis", args[1] if len(args) > 1 else _OVER_AXES[fun])
        axis = tuple(range(args[0].ndim)) if axis is None else axis
        return fun, args[:1], {**kwargs, "axis": _from_end(axis, args[0].ndim)}
    if fun in (np.reshape, np.squeeze, np.expand_dims):
        return np.reshape, (args[0], (T, *v.shape)), {}
    return _moved(v, args)


def _moved(v: Any, args: tuple[Any, ...]) -> Bulk | None:
    """Functions that move entries about."""
    fun, x = v.fun, args[0]
    if fun is np.transpose:
        axes = v.kwargs.get("axes", args[1] if len(args) > 1 else None)
        axes = range(x.ndim)[::-1] if axes is None else axes
        return fun, (x, (0, *(a % x.ndim + 1 for a in axes))), {}
    if fun is np.swapaxes:
        return fun, (x, *_from_end(args[1:], x.ndim)), {}
    if fun is np.broadcast_to:
        return fun, (Aligned(x, v.ndim), (T, *v.shape)), {}
    if fun is astype:
        return fun, args, {}
    if fun in (getitem, scatter) and _stays_behind(args[1]):
        key = (slice(None), *(args[1] if isinstance(args[1], tuple) else (args[1],)))
        return fun, (x, key, *((T, *shape) for shape in args[2:])), {}
    return None


def _chosen(v: Any, timed: Callable[[Any], bool]) -> Bulk | None:
    x, *others = v.args
    if (aligned := indices_in_bulk(v, timed)) is None:
        return None
    key, ndim = aligned
    if v.fun is pick:
        return (pick_each, (x, *key), {"ndim": ndim}) if timed(x) else (pick, (x, *key), {})
    return (place_each, (x, (T, *others[0]), *key), {"ndim": ndim}) if timed(x) else None


def indices_in_bulk(v: Any, timed: Callable[[Any], bool]) -> tuple[list[Any], int] | None:
    """The key of a `pick` or `place` over all t, and the axes of one step's; None unless all its parts are indices."""
    key = v.args[1:] if v.fun is pick else v.args[2:]
    if any(k is None or isinstance(k, (slice, type(...))) for k in key):
        return None
    ndim = max(map(np.ndim, key))
    return [Aligned(k, ndim) if timed(k) and k.ndim < ndim else k for k in key], ndim


def _product(
    v: Any, timed: Callable[[Any], bool], aligned: Callable[[int], tuple[Any, ...]]
) -> Bulk | None:
    a, b = v.args
    if a.ndim > 1 and b.ndim > 1:
        return v.fun, aligned(max(a.ndim, b.ndim)), {}
    if (
        timed(a) and not timed(b) and b.ndim < 3
    ):  # x_t (I,) against one matrix, or rows against one vector
        return v.fun, v.args, {}
    return None


def _from_end(axes: Any, ndim: int) -> Any:
    return (
        tuple(a % ndim - ndim for a in axes)
        if isinstance(axes, (tuple, list))
        else axes % ndim - ndim
    )


def _stays_behind(key: Any) -> bool:
    """Whether an index leaves an axis put in front of it in front: arrays in it must stand side by side."""
    parts = key if isinstance(key, tuple) else (key,)
    arrays = [i for i, k in enumerate(parts) if isinstance(k, (list, np.ndarray))]
    if not arrays:
        return all(
            k is None or k is Ellipsis or isinstance(k, (int, np.integer, slice)) for k in parts
        )
    advanced = [
        i for i, k in enumerate(parts) if isinstance(k, (list, np.ndarray, int, np.integer))
    ]
    return advanced == list(range(advanced[0], advanced[-1] + 1))
