"""Rules of the circular and hyperbolic functions, their inverses, and sinc."""

from math import factorial, pi

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tables import defvjp, primitive
from tinygrad_rnn.rules.scale import extent, finite, ordinary, unit
from tinygrad_rnn.rules.shape import floating

defvjp(np.sin, lambda g, y, x: g * np.cos(x))
defvjp(np.cos, lambda g, y, x: -g * np.sin(x))
defvjp(np.tan, lambda g, y, x: g + g * y * y)
defvjp(np.arcsin, lambda g, y, x: g / np.sqrt((1.0 - x) * (1.0 + x)))
defvjp(np.arccos, lambda g, y, x: -g / np.sqrt((1.0 - x) * (1.0 + x)))


def _arctan(g: Array, y: Array, x: Array) -> Array:
    square = 1.0 + x * x
    if finite(square):
        return g / square
    root = np.hypot(x, 1.0)
    return g / root / root


defvjp(np.arctan, _arctan)
defvjp(np.sinh, lambda g, y, x: g * np.cosh(x))
defvjp(np.cosh, lambda g, y, x: g * np.sinh(x))
defvjp(np.tanh, lambda g, y, x: g * (1.0 - y * y))  # by y: cosh would overflow
defvjp(np.arcsinh, lambda g, y, x: g / np.hypot(x, 1.0))
defvjp(np.arccosh, lambda g, y, x: g / np.sqrt(x - 1.0) / np.sqrt(x + 1.0))
defvjp(np.arctanh, lambda g, y, x: g / ((1.0 - x) * (1.0 + x)))


def _pair(g: Array, a: Array, b: Array) -> Array:
    """The vectors (a, b), along a new first axis."""
    return np.stack(np.broadcast_arrays(floating(a, g), floating(b, g)))


def _hypot(g: Array, y: Array, a: Array, b: Array) -> Array:
    """a / y; 0 at the origin."""
    return g * (a / y if ordinary(y) else unit(_pair(g, a, b), 0)[0])


def _arctan2(g: Array, a: Array, b: Array) -> Array:
    """b / radius**2, and 0 at the origin: the share of a, and less its sign that of b."""
    radius = np.hypot(a, b)
    if ordinary(radius):
        return g * (b / radius) / radius
    pair = _pair(g, b, a)
    scale = extent(pair, 0)
    radius = np.hypot(*(pair / scale))
    slope: Array = unit(pair, 0)[0] / np.where(radius == 0, 1.0, radius) / scale[0]
    return g * slope


defvjp(np.hypot, _hypot, lambda g, y, a, b: _hypot(g, y, b, a))
defvjp(np.arctan2, lambda g, y, a, b: _arctan2(g, a, b), lambda g, y, a, b: -_arctan2(g, b, a))

for to_radians in (np.radians, np.deg2rad):
    defvjp(to_radians, lambda g, y, x: g * (pi / 180.0))
for to_degrees in (np.degrees, np.rad2deg):
    defvjp(to_degrees, lambda g, y, x: g * (180.0 / pi))


@primitive
def sinc_derivative(x: Array, order: int) -> Array:
    """The derivative of this order of sinc(x) = sin(u) / u, u = pi x, exact at 0 and far out.

    Far out by the recursion from differentiating u f(u) = sin(u) n times,
        u f_n + n f_(n-1) = sin(u + n pi/2);
    near 0, where that loses all digits, by the series of f_n: the sum over k of
        (-1)**k u**(2k-n) / ((2k+1) (2k-n)!).
    """
    dtype = np.asarray(x).dtype
    x = np.asarray(x, np.result_type(dtype, np.float64))
    u = pi * x
    near = np.abs(u) < order + 1
    v, w = np.where(near, u, 0.0), np.where(near, 1.0, x)
    whole = np.where(np.isinf(x), 0.0, np.rint(x))
    rest = np.where(np.isinf(x), 0.0, pi * (x - whole))  # of u less a multiple of pi, however large
    turned = np.where(np.fmod(whole, 2.0) == 0, 1.0, -1.0)
    sine, cosine = turned * np.sin(rest), turned * np.cos(rest)
    f = sine / w / pi
    for n in range(1, order + 1):
        f = ((sine, cosine, -sine, -cosine)[n % 4] - n * f) / w / pi
    first = (order + 1) // 2
    series = sum(
        (-1.0) ** k / (2 * k + 1) / factorial(2 * k - order) * v ** (2 * k - order)
        for k in range(first, first + 12 + 2 * order)
    )
    return (pi**order * np.where(near, series, f)).astype(dtype)


defvjp(np.sinc, lambda g, y, x: g * sinc_derivative(x, 1))
defvjp(sinc_derivative, lambda g, y, x, order: g * sinc_derivative(x, order + 1), None)
