"""Circular and hyperbolic functions."""

from typing import Any

import numpy as np

from cases.table import BROADCASTS, MEANING, SHAPES, away, case, normal, positive, rng
from tinygrad_rnn.rules.trigonometry import sinc_derivative


def inside(*shape: int) -> Any:
    """In (-1, 1), away from the ends."""
    return rng.uniform(-0.8, 0.8, shape)


def beyond(*shape: int) -> Any:
    """Larger than 1."""
    return rng.uniform(1.3, 3.0, shape)


for of, draw in {
    np.sin: normal,
    np.cos: normal,
    np.tan: inside,
    np.arcsin: inside,
    np.arccos: inside,
    np.arctan: normal,
    np.sinh: normal,
    np.cosh: normal,
    np.tanh: normal,
    np.arcsinh: normal,
    np.arccosh: beyond,
    np.arctanh: inside,
    np.radians: normal,
    np.deg2rad: normal,
    np.degrees: normal,
    np.rad2deg: normal,
    np.sinc: normal,
}.items():
    for shape in SHAPES:
        case(of, draw(*shape))

for a, b in BROADCASTS:
    case(np.hypot, away(*a), away(*b))
    case(np.arctan2, away(*a), away(*b))
for of in (np.hypot, np.arctan2):
    case(of, away(3), via=lambda x, of=of: of(x, [0.25, -2.5, 3]))
    case(of, away(3), via=lambda x, of=of: of([0.25, -2.5, 3], x))
    case(of, away(3), via=lambda x, of=of: of(x, -1.5))
    case(of, positive(3), via=lambda x, of=of: of(x, 0.0))


def _sinc_derivative(x: Any, order: int) -> Any:
    """The mean of (pi s)^n cos(pi x s + n pi / 2) over 0 < s < 1, by Gauss's rule."""
    s, w = np.polynomial.legendre.leggauss(40)
    u = np.pi * (s + 1) / 2
    return np.sum(w / 2 * u**order * np.cos(x[..., None] * u + order * np.pi / 2), -1).astype(
        x.dtype
    )


MEANING[sinc_derivative] = _sinc_derivative
for order in range(5):
    case(sinc_derivative, np.array([0.0, 1e-3, -0.4, 1.0, -2.0, 3.7]), order)
case(sinc_derivative, normal(2, 3), 1)
case(sinc_derivative, normal(), 2)
