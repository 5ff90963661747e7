"""Rules of arithmetic, powers, exponentials and logarithms; broadcast axes are summed away later.

A rule is the plain derivative: infinite where that is.  `x + 0.0` makes 0 of -0: where a function
ends at 0, its slope is that from above.  Factors are ordered so that nothing overflows on the way.
"""

from math import inf, log

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tables import defvjp
from tinygrad_rnn.rules.nonlinear import sigmoid
from tinygrad_rnn.rules.scale import moderate, within
from tinygrad_rnn.rules.shape import floating

defvjp(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
defvjp(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
defvjp(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
defvjp(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
defvjp(np.negative, lambda g, y, x: -g)
defvjp(np.positive, lambda g, y, x: g)
defvjp(np.reciprocal, lambda g, y, x: -g * y * y)
defvjp(np.square, lambda g, y, x: 2.0 * (g * x))
defvjp(np.sqrt, lambda g, y, x: 0.5 * g / (y + 0.0))
defvjp(np.cbrt, lambda g, y, x: g / 3.0 / y / y)
defvjp(np.exp, lambda g, y, x: g * y)
defvjp(np.exp2, lambda g, y, x: g * (y * log(2.0)))
defvjp(np.expm1, lambda g, y, x: g * np.exp(x))  # by y the tail would be lost
defvjp(np.log, lambda g, y, x: g / (x + 0.0))
defvjp(np.log2, lambda g, y, x: g / log(2.0) / (x + 0.0))
defvjp(np.log10, lambda g, y, x: g / log(10.0) / (x + 0.0))
defvjp(np.log1p, lambda g, y, x: g / (x + 1.0))


def _lead(g: Array, a: Array, b: Array) -> Array:
    """a - b; of two equal infinities, as if b were so already: -inf below a, inf above it."""
    a, b = floating(a, g), floating(b, g)
    same = np.isinf(a) & np.equal(a, b)
    return np.where(same, -a, a) - np.where(same, 0.0, b)


def _logaddexp(g: Array, y: Array, a: Array, b: Array) -> Array:
    return g * (np.exp(a - y) if moderate(y) else sigmoid(_lead(g, a, b)))


def _logaddexp2(g: Array, y: Array, a: Array, b: Array) -> Array:
    return g * (np.exp2(a - y) if moderate(y) else sigmoid(_lead(g, a, b) * log(2.0)))


defvjp(np.logaddexp, _logaddexp, lambda g, y, a, b: _logaddexp(g, y, b, a))
defvjp(np.logaddexp2, _logaddexp2, lambda g, y, a, b: _logaddexp2(g, y, b, a))


def _power_base(g: Array, y: Array, a: Array, b: Array) -> Array:
    """b a ** (b - 1); 0 for an exponent of 0, also where a is 0 or infinite."""
    if isinstance(b, (int, float)) and (b == 0 or 0.5 <= b < 1000):
        return g * b * a ** (b - 1) if b else np.zeros_like(g)
    if isinstance(b, (int, float)) and -1000 < b < 0:
        return g * b * y / (a if b % 1 == 0 else a + 0.0)
    b = floating(b, g)
    power = a ** np.where(np.equal(b, 0), 0.0, b - 1.0)
    usual = within(power, -np.inf, np.inf) and within(b, -1000, 1000)
    return g * (b * power if usual else _power_slope(a, b))


def _power_slope(a: Array, b: Array) -> Array:
    """The same where b - 1 is b, and where a ** (b - 1) overflows but b times it does not."""
    facts = np.finfo(b.dtype)
    small, even = np.abs(b) < 0.5, np.abs(b) >= 2 / facts.eps
    exponent = np.where(np.equal(b, 0), 0.0, b - 1.0)
    power = a ** np.where(small, exponent / 2, exponent)
    power = np.where(even, np.copysign(power, a), power)
    b = np.minimum(np.maximum(b, facts.min), facts.max)  # 0 times infinity is 0 here
    slope: Array = b * power * np.where(small, power, 1.0)
    return slope


def _power_exponent(g: Array, y: Array, a: Array, b: Array) -> Array:
    """y log(a).  0 ** b is flat in b, unless it is infinite; a power that vanishes is flat."""
    if isinstance(a, (int, float)) and 0 < a < inf:
        return g * y * log(a)
    a = floating(a, g)
    flat = (y == 0) | (np.equal(a, 0) & np.equal(b, 0))
    return g * y * np.log(np.where(flat, 1.0, a))


defvjp(np.power, _power_base, _power_exponent)
defvjp(np.float_power, _power_base, _power_exponent)
