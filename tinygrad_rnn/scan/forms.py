"""How a function of one time step is applied to all steps at once: the table of batched forms.

A value known for all of time has its step axes behind an axis T.  Counting axes from the end keeps
a function right, so a form only says which arguments name axes, shapes or keys.  A function that is
not here is applied step by step: slower, never wrong.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tinygrad_rnn._typing import Args, Function, Kwargs
from tinygrad_rnn.core.structural import astype, getitem, scatter
from tinygrad_rnn.rules import nonlinear
from tinygrad_rnn.rules.joining import concatenate, stack
from tinygrad_rnn.scan.operations import (
    is_elementwise,
    pick,
    pick_each,
    scatter_at,
    scatter_at_each,
)
from tinygrad_rnn.scan.traced import Operand, Traced

Bulk: TypeAlias = tuple[Function, Args, Kwargs]  # a call on arrays with an axis T in front
Timed: TypeAlias = Callable[[Operand], bool]  # whether an operand has an axis T

# Functions over axes, by the axis they take if none is named; None means all of them.
_OVER_AXES: dict[Function, int | None] = {
    **dict.fromkeys((np.sum, np.mean, np.max, np.min, nonlinear.logsumexp)),
    **dict.fromkeys((nonlinear.softmax, nonlinear.log_softmax), -1),
}


class TimeAxis:
    """Stands for the length T in the arguments of a batched form: a plan does not depend on T."""

    def __repr__(self) -> str:
        return "T"


T = TimeAxis()


class Aligned:
    """An operand with axes of length 1 put in behind T, so that it broadcasts as at one step."""

    def __init__(self, operand: Traced, ndim: int):
        self.operand, self.shape = operand, (T, *(1,) * (ndim - operand.ndim), *operand.shape)


def in_bulk(v: Traced, timed: Timed) -> Bulk | None:
    """The call that gives v for all t at once; None if that is not known."""
    fun, args, kwargs = v.fun, v.args, v.kwargs
    if is_elementwise(fun):
        return fun, _aligned(args, v.ndim, timed), kwargs
    if fun is np.matmul:
        return _product(v, timed)
    if fun in (pick, scatter_at):
        return _chosen(v, timed)
    if fun in (concatenate, stack):
        axis = {"axis": _from_end(kwargs.get("axis", 0), v.ndim)}
        return (fun, args, axis) if all(map(timed, args)) else None
    if not timed(args[0]) or any(map(timed, args[1:])):
        return None
    if fun in _OVER_AXES:
        if len(args) > 2 or kwargs.keys() - {"axis", "keepdims"}:
            return None
        axes = kwargs.get("axis", args[1] if len(args) > 1 else _OVER_AXES[fun])
        axes = tuple(range(args[0].ndim)) if axes is None else axes
        return fun, args[:1], {**kwargs, "axis": _from_end(axes, args[0].ndim)}
    if fun in (np.reshape, np.squeeze, np.expand_dims):
        return np.reshape, (args[0], (T, *v.shape)), {}
    return _moved(v, args)


def _aligned(args: Args, ndim: int, timed: Timed) -> Args:
    return tuple(Aligned(a, ndim) if timed(a) and a.ndim < ndim else a for a in args)


def _moved(v: Traced, args: Args) -> Bulk | None:
    """Functions that move entries about."""
    fun, x = v.fun, args[0]
    if fun is np.transpose:
        axes = v.kwargs.get("axes", args[1] if len(args) > 1 else None)
        axes = range(x.ndim)[::-1] if axes is None else axes
        return fun, (x, (0, *(a % x.ndim + 1 for a in axes))), {}
    if fun is np.swapaxes:
        return fun, (x, *(_from_end(a, x.ndim) for a in args[1:])), {}
    if fun is np.broadcast_to:
        return fun, (Aligned(x, v.ndim), (T, *v.shape)), {}
    if fun is astype:
        return fun, args, {}
    if fun in (getitem, scatter) and _stays_behind(args[1]):
        key = (slice(None), *(args[1] if isinstance(args[1], tuple) else (args[1],)))
        return fun, (x, key, *((T, *shape) for shape in args[2:])), {}
    return None


def _chosen(v: Traced, timed: Timed) -> Bulk | None:
    x, *others = v.args
    if (aligned := indices_in_bulk(v, timed)) is None:
        return None
    key, ndim = aligned
    if v.fun is pick:
        return (pick_each, (x, *key), {"ndim": ndim}) if timed(x) else (pick, (x, *key), {})
    return (scatter_at_each, (x, (T, *others[0]), *key), {"ndim": ndim}) if timed(x) else None


def indices_in_bulk(v: Traced, timed: Timed) -> tuple[Args, int] | None:
    """The key of a `pick` or `scatter_at` over all t, and how many axes it has at one step.

    None unless every entry of the key is an index.
    """
    key = v.args[1:] if v.fun is pick else v.args[2:]
    if any(k is None or isinstance(k, (slice, type(...))) for k in key):
        return None
    ndim = max(map(np.ndim, key))
    return _aligned(key, ndim, timed), ndim


def _product(v: Traced, timed: Timed) -> Bulk | None:
    a, b = v.args
    if a.ndim > 1 and b.ndim > 1:
        return v.fun, _aligned(v.args, max(a.ndim, b.ndim), timed), {}
    # x_t (I,) against one matrix, or rows against one vector
    return (v.fun, v.args, {}) if timed(a) and not timed(b) and b.ndim < 3 else None


def _from_end(axes: Operand, ndim: int) -> int | tuple[int, ...]:
    if isinstance(axes, (tuple, list)):
        return tuple(a % ndim - ndim for a in axes)
    return int(axes % ndim - ndim)


def _stays_behind(key: Operand) -> bool:
    """Whether an axis put in front of x stays in front of x[key]: no arrays lie apart in it."""
    entries = key if isinstance(key, tuple) else (key,)
    if not any(isinstance(k, (list, np.ndarray)) for k in entries):
        plain = (int, np.integer, slice, type(None), type(...))
        return all(isinstance(k, plain) for k in entries)
    indices = (list, np.ndarray, int, np.integer)
    advanced = [i for i, k in enumerate(entries) if isinstance(k, indices)]
    return advanced == list(range(advanced[0], advanced[-1] + 1))
