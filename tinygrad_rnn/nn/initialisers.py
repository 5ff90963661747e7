"""How weights start: each function draws one parameter.

A cell starts uniform in +-1/sqrt(H), PyTorch's way.  To start it otherwise, replace the parameter:
`cell.W_hh = orthogonal("W_hh", (H, 4 * H), rng, blocks=4)`.

Weights are (inputs, outputs), as in `x @ W`.  A gated cell has the weights of its gates side by
side in one array; `blocks` is their number, and each is drawn as a weight of its own.
rng is a seed or a Generator; a seed gives the same numbers, rounded, for every dtype.
"""

__all__ = [
    "eye",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "orthogonal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
]

import math
from collections.abc import Callable

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Seed, Shape
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.guards.arguments import generator
from tinygrad_rnn.guards.boundary import public


@public
def uniform(name: str, shape: Shape, bound: float, rng: Seed, dtype: DTypeLike = float) -> Tensor:
    """A parameter drawn evenly from -bound to bound.

    1/sqrt(H) is PyTorch's bound for recurrent weights.
    """
    return _parameter(name, generator(rng).uniform(-bound, bound, shape), dtype)


@public
def normal(name: str, shape: Shape, std: float, rng: Seed, dtype: DTypeLike = float) -> Tensor:
    """A parameter drawn from a normal distribution of mean 0 and standard deviation std."""
    return _parameter(name, std * generator(rng).standard_normal(shape), dtype)


@public
def xavier_uniform(
    name: str,
    shape: Shape,
    rng: Seed,
    dtype: DTypeLike = float,
    *,
    gain: float = 1.0,
    blocks: int = 1,
) -> Tensor:
    """Glorot's uniform start: variance gain² 2 / (inputs + outputs), for tanh and sigmoid.

    Raises ShapeError, as all below do, unless the shape is (inputs, blocks * outputs).
    Glorot and Bengio (2010), proceedings.mlr.press/v9/glorot10a, equation (16).
    """
    inputs, outputs = _sizes(name, shape, blocks)
    return uniform(name, shape, gain * math.sqrt(6 / (inputs + outputs)), rng, dtype)


@public
def xavier_normal(
    name: str,
    shape: Shape,
    rng: Seed,
    dtype: DTypeLike = float,
    *,
    gain: float = 1.0,
    blocks: int = 1,
) -> Tensor:
    """Glorot's start of the same variance, drawn from a normal distribution."""
    inputs, outputs = _sizes(name, shape, blocks)
    return normal(name, shape, gain * math.sqrt(2 / (inputs + outputs)), rng, dtype)


@public
def kaiming_uniform(name: str, shape: Shape, rng: Seed, dtype: DTypeLike = float) -> Tensor:
    """He's uniform start: variance 2 / inputs, for relu.

    He et al. (2015), arXiv:1502.01852, equation (10).
    """
    return uniform(name, shape, math.sqrt(6 / _sizes(name, shape, 1)[0]), rng, dtype)


@public
def kaiming_normal(name: str, shape: Shape, rng: Seed, dtype: DTypeLike = float) -> Tensor:
    """He's start of the same variance, drawn from a normal distribution."""
    return normal(name, shape, math.sqrt(2 / _sizes(name, shape, 1)[0]), rng, dtype)


@public
def orthogonal(
    name: str,
    shape: Shape,
    rng: Seed,
    dtype: DTypeLike = float,
    *,
    gain: float = 1.0,
    blocks: int = 1,
) -> Tensor:
    """gain times an orthogonal matrix, drawn evenly among all.

    W.T @ W = gain² I if inputs >= outputs, else W @ W.T = gain² I.
    Saxe et al. (2014), arXiv:1312.6120; the signs after QR: Mezzadri (2007), arXiv:math-ph/0609050.
    """
    inputs, outputs = _sizes(name, shape, blocks)
    rng = generator(rng)

    def block() -> Array:
        q, r = np.linalg.qr(rng.standard_normal((max(inputs, outputs), min(inputs, outputs))))
        q = q * np.copysign(1.0, np.diag(r))
        return q if inputs >= outputs else q.T

    return _side_by_side(name, block, gain, blocks, dtype)


@public
def eye(
    name: str, shape: Shape, dtype: DTypeLike = float, *, gain: float = 1.0, blocks: int = 1
) -> Tensor:
    """gain times the identity: with relu, a network that begins by copying its state (IRNN).

    Le, Jaitly and Hinton (2015), arXiv:1504.00941.
    """
    inputs, outputs = _sizes(name, shape, blocks)
    return _side_by_side(name, lambda: np.eye(inputs, outputs), gain, blocks, dtype)


def _side_by_side(
    name: str, block: Callable[[], Array], gain: float, blocks: int, dtype: DTypeLike
) -> Tensor:
    return _parameter(name, gain * np.concatenate([block() for _ in range(blocks)], axis=1), dtype)


def _sizes(name: str, shape: Shape, blocks: int) -> tuple[int, int]:
    """(inputs, outputs) of one block."""
    if len(shape) != 2 or blocks < 1 or shape[1] % blocks or not all(shape):
        raise ShapeError(
            f"{name} of shape {shape} is not {blocks} weights side by side, (inputs, {blocks} * "
            "outputs). Give the shape of a matrix and blocks, its number of gates."
        )
    return shape[0], shape[1] // blocks


def _parameter(name: str, values: Array, dtype: DTypeLike) -> Tensor:
    return Tensor(values.astype(dtype), requires_grad=True, name=name)


def __dir__() -> list[str]:
    return __all__
