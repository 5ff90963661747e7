"""Rules of the circular and hyperbolic functions, their inverses, and sinc."""

from math import factorial, pi
from typing import Any

import numpy as np

from tinygrad_rnn.primitive import defvjp, primitive
from tinygrad_rnn.rules.elementwise import ratio

Array = Any

defvjp(np.sin, lambda g, y, x: g * np.cos(x))
defvjp(np.cos, lambda g, y, x: -g * np.sin(x))
defvjp(np.tan, lambda g, y, x: g * (1.0 + y * y))
defvjp(np.arcsin, lambda g, y, x: ratio(g, np.sqrt((1.0 - x) * (1.0 + x))))
defvjp(np.arccos, lambda g, y, x: -ratio(g, np.sqrt((1.0 - x) * (1.0 + x))))
defvjp(np.arctan, lambda g, y, x: g / (1.0 + x * x))

# At the origin the share is 0.  Dividing by the radius twice, and not by its square, neither over- nor underflows.
defvjp(
    np.arctan2,
    lambda g, y, a, b: ratio(ratio(g * b, np.hypot(a, b)), np.hypot(a, b)),
    lambda g, y, a, b: -ratio(ratio(g * a, np.hypot(a, b)), np.hypot(a, b)),
)
defvjp(np.hypot, lambda g, y, a, b: ratio(g * a, y), lambda g, y, a, b: ratio(g * b, y))

defvjp(np.sinh, lambda g, y, x: g * np.cosh(x))
defvjp(np.cosh, lambda g, y, x: g * np.sinh(x))
defvjp(np.tanh, lambda g, y, x: g * (1.0 - y * y))  # by y: cosh would overflow
defvjp(np.arcsinh, lambda g, y, x: g / np.hypot(x, 1.0))  # sqrt(x**2 + 1) without overflow
defvjp(np.arccosh, lambda g, y, x: ratio(g, np.sqrt((x - 1.0) * (x + 1.0))))
defvjp(np.arctanh, lambda g, y, x: ratio(g, (1.0 - x) * (1.0 + x)))

for to_radians in (np.radians, np.deg2rad):
    defvjp(to_radians, lambda g, y, x: g * (pi / 180.0))
for to_degrees in (np.degrees, np.rad2deg):
    defvjp(to_degrees, lambda g, y, x: g * (180.0 / pi))


@primitive
def sinc_derivative(x: Array, order: int) -> Array:
    """The derivative of this order of sinc(x) = sin(u) / u, u = pi x, exact at 0.

    Far out by the recursion from differentiating u f(u) = sin(u) n times,
        u f_n + n f_(n-1) = sin(u + n pi/2);
    near 0, where that loses all digits, by the series of f_n: the sum over k of
        (-1)**k u**(2k-n) / ((2k+1) (2k-n)!).
    """
    u = pi * np.asarray(x)
    near = np.abs(u) < order + 1
    v, w = np.where(near, u, 0.0), np.where(near, 1.0, u)
    f = np.sin(w) / w
    for n in range(1, order + 1):
        f = (np.sin(w + (n % 4) * (pi / 2)) - n * f) / w
    first = (order + 1) // 2
    series = sum(
        (-1.0) ** k / (2 * k + 1) / factorial(2 * k - order) * v ** (2 * k - order)
        for k in range(first, first + 12 + 2 * order)
    )
    return pi**order * np.where(near, series, f)


defvjp(np.sinc, lambda g, y, x: g * sinc_derivative(x, 1))
defvjp(sinc_derivative, lambda g, y, x, order: g * sinc_derivative(x, order + 1), None)
