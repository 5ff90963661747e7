"""Functions that only the programs of `scan` contain, and what scan must know of others."""

import numpy as np

from tinygrad_rnn._typing import Array, Function, Shape
from tinygrad_rnn.core.structural import getitem, scatter
from tinygrad_rnn.core.tables import defvjp, primitive
from tinygrad_rnn.rules import nonlinear
from tinygrad_rnn.rules.piecewise import checked, clip


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
def pick(x: Array, *key: Array) -> Array:
    """x[key] for indices that are traced: they are operands here."""
    return x[key]


@primitive
def scatter_at(g: Array, shape: Shape, *key: Array) -> Array:
    """Zeros of this shape to which g is added at [key]: the transpose of `pick`."""
    return scatter(g, key, shape)


defvjp(pick, lambda g, y, x, *key: scatter_at(g, x.shape, *key))


def pick_each(x: Array, *key: Array, ndim: int) -> Array:
    """`pick` at every t, x: (T, ...); arrays in the key have axes T and ndim more, or no T."""
    picked: Array = x[(_each(len(x), ndim), *key)]
    return picked


def scatter_at_each(g: Array, shape: Shape, *key: Array, ndim: int) -> Array:
    """`scatter_at` at every t: g: (T, ...); shape is (T, ...); the key as in `pick_each`."""
    return scatter(g, (_each(len(g), ndim), *key), shape)


def _each(T: int, ndim: int) -> Array:
    return np.arange(T).reshape(T, *[1] * ndim)


def total_scattered(g: Array, shape: Shape, *key: Array) -> Array:
    """sum_t of `scatter_at`; shape is that of one step."""
    return scatter(g, key, shape)


def contract(a: Array, b: Array) -> Array:
    """sum_t a_t^T b_t for a: (T, ..., K), b: (T, ..., N): one product of tall matrices, (K, N)."""
    product: Array = a.reshape((-1, a.shape[-1])).T @ b.reshape((-1, b.shape[-1]))
    return product


def total_of_rows(a: Array) -> Array:
    """The sum over all axes but the last, (T, ..., N) -> (N,), by a product, which is quicker."""
    rows = a.reshape((-1, a.shape[-1]))
    found: Array = np.ones(len(rows), a.dtype).dot(rows)
    return found


def total(a: Array) -> Array:
    """sum_t a_t for a: (T, ...)."""
    found: Array = np.add.reduce(a, axis=0)
    return found


# Functions that return their operand.
AS_GIVEN: set[Function] = {detached, checked}

# Every entry of the result depends on one entry of each operand; broadcasting does the rest.
ELEMENTWISE: set[Function] = AS_GIVEN | {
    *(np.where, gate, clip, nonlinear.sigmoid, nonlinear.relu),
    *(nonlinear.softplus, nonlinear.weighted),
}

# Views of one operand, if they are views at all: no work in a loop.
VIEWS: set[Function] = {
    *(getitem, detached, np.reshape, np.transpose, np.swapaxes),
    *(np.expand_dims, np.squeeze, np.broadcast_to),
}


def is_ufunc(fun: Function | None) -> bool:
    """Whether `fun` is a ufunc that works entry by entry and gives one array: it takes an `out`."""
    return isinstance(fun, np.ufunc) and fun.signature is None and fun.nout == 1


def is_elementwise(fun: Function | None) -> bool:
    """Whether `fun` works entry by entry."""
    return fun in ELEMENTWISE or is_ufunc(fun)
