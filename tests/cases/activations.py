"""The activations, at points on both sides of their kinks."""

from typing import Any

import numpy as np

from cases.table import MEANING, SHAPES, away, case, normal, rng
from tinygrad_rnn.rules.activations import (
    elu,
    erf,
    erfc,
    gelu,
    hardtanh,
    leaky_relu,
    logit,
    mish,
    selu,
    silu,
    softsign,
)

NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


def _erf(x: Any) -> Any:
    """By Gauss and Legendre's integral of 2 / sqrt(pi) exp(-s^2) over s from 0 to x."""
    s = np.asarray(x, float)[..., None] * (NODES + 1) / 2
    return np.asarray(
        np.asarray(x) / np.sqrt(np.pi) * np.sum(WEIGHTS * np.exp(-s * s), axis=-1),
        np.asarray(x).dtype,
    )


def _gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return x / 2 * (1 + np.tanh(float(np.sqrt(2 / np.pi)) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + _erf(x / float(np.sqrt(2))))


MEANING.update(
    {
        leaky_relu: lambda x, negative_slope=0.01: (
            np.maximum(x, 0) + negative_slope * np.minimum(x, 0)
        ),
        hardtanh: lambda x, min_val=-1.0, max_val=1.0: np.minimum(np.maximum(x, min_val), max_val),
        elu: lambda x, alpha=1.0: np.maximum(x, 0) + alpha * (np.exp(np.minimum(x, 0)) - 1),
        selu: lambda x: 1.0507009873554805 * MEANING[elu](x, 1.6732632423543772),
        silu: lambda x: x / (1 + np.exp(-x)),
        mish: lambda x: x * (1 - 2 / ((1 + np.exp(x)) ** 2 + 1)),
        gelu: _gelu,
        erf: _erf,
        erfc: lambda x: 1 - _erf(x),
        softsign: lambda x: np.sign(x) * (1 - 1 / (1 + np.abs(x))),
        logit: lambda x: np.log(x / (1 - x)),
    }
)


def between(*shape: int) -> Any:
    return rng.uniform(0.1, 0.9, shape)


for of, draw in {
    leaky_relu: away,
    hardtanh: away,
    elu: away,
    selu: away,
    silu: normal,
    mish: normal,
    gelu: normal,
    erf: normal,
    erfc: normal,
    softsign: away,
    logit: between,
}.items():
    for shape in SHAPES:
        case(of, draw(*shape))

case(leaky_relu, away(2, 3), negative_slope=0.2)
case(hardtanh, np.array([-0.4, 0.4, 1.6, 2.4]), min_val=0.0, max_val=2.0)
case(elu, away(2, 3), alpha=2.0)
for shape in SHAPES:
    case(gelu, normal(*shape), approximate="tanh")
