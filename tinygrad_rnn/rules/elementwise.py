"""Rules of arithmetic, powers, exponentials and logarithms.  Broadcast axes are summed away where the share is pulled.

Where a slope is infinite and g is 0 the share is 0: a branch that `np.where` masked out sends nothing, not 0/0.
"""

from math import log
from typing import Any

import numpy as np

from tinygrad_rnn.primitive import defvjp
from tinygrad_rnn.rules.shape import as_array

Array = Any  # an ndarray, or a Tensor when the derivative is itself differentiated


def _ordinary(d: Array) -> bool:
    """Is d free of 0 and NaN?  Known of numbers and of plain arrays; asked first because it is quick."""
    if isinstance(d, (int, float)):
        return bool(d)
    return type(d) is np.ndarray and np.count_nonzero(np.abs(d) > 0) == d.size


def ratio(g: Array, d: Array) -> Array:
    """g / d, and 0, to every order, where g is 0 and d is 0 or NaN."""
    if _ordinary(d):
        return g / d
    masked = (g == 0) & (np.greater(d, 0) == np.less(d, 0))  # neither positive nor negative: 0 or NaN
    return np.where(masked, 0.0, g / np.where(masked, np.ones_like(d), d))


def _divisor(g: Array, y: Array, a: Array, b: Array) -> Array:
    return -g * y / b if _ordinary(b) else -ratio(ratio(g, b) * a, b)


defvjp(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
defvjp(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
defvjp(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
defvjp(np.divide, lambda g, y, a, b: ratio(g, b), _divisor)
defvjp(np.negative, lambda g, y, x: -g)
defvjp(np.positive, lambda g, y, x: g)
defvjp(np.reciprocal, lambda g, y, x: -ratio(ratio(g, x), x))
defvjp(np.square, lambda g, y, x: 2.0 * g * x)
defvjp(np.sqrt, lambda g, y, x: ratio(0.5 * g, y))
defvjp(np.cbrt, lambda g, y, x: ratio(ratio(g / 3.0, y), y))
defvjp(np.exp, lambda g, y, x: g * y)
defvjp(np.exp2, lambda g, y, x: g * y * log(2.0))
defvjp(np.expm1, lambda g, y, x: g * (y + 1.0))
defvjp(np.log, lambda g, y, x: ratio(g, x))
defvjp(np.log2, lambda g, y, x: ratio(g / log(2.0), x))
defvjp(np.log10, lambda g, y, x: ratio(g / log(10.0), x))
defvjp(np.log1p, lambda g, y, x: ratio(g, x + 1.0))
defvjp(
    np.logaddexp,
    lambda g, y, a, b: g * np.exp(a - y),
    lambda g, y, a, b: g * np.exp(b - y),
)
defvjp(
    np.logaddexp2,
    lambda g, y, a, b: g * np.exp2(a - y),
    lambda g, y, a, b: g * np.exp2(b - y),
)


def _floating(x: Array, g: Array) -> Array:
    """A base or exponent in floats: the logarithm of an int8 is a float16, and a truth value less 1 an int64."""
    if isinstance(x, (int, float)):
        return np.asarray(x, g.dtype)
    x = as_array(x)
    return x if x.dtype.kind == "f" else x.astype(g.dtype)


def _power_base(g: Array, y: Array, a: Array, b: Array) -> Array:
    if isinstance(b, (int, float)) and b >= 1 and b % 1 == 0:
        return g * (b * a ** (b - 1))
    a = np.where((g == 0) & ((a == 0) | (y != y)), 1.0, a)  # masked out by np.where: 0, not 0 * inf, as in ratio
    if isinstance(b, (int, float)):
        return g * (b * a ** (b - 1)) if b else np.zeros_like(g)
    b = _floating(b, g)
    return g * (b * a ** np.where(np.equal(b, 0), np.ones_like(b), np.subtract(b, 1)))  # b = 0: slope 0


def _power_exponent(g: Array, y: Array, a: Array, b: Array) -> Array:
    a = _floating(a, g)
    masked = (g == 0) & ((y != y) | np.less(a, 0))
    log_a = np.log(np.where(masked | np.equal(a, 0), np.ones_like(a), a))  # 0 ** b is flat in b
    return g * np.where(masked, 0.0, y) * log_a


defvjp(np.power, _power_base, _power_exponent)
defvjp(np.float_power, _power_base, _power_exponent)
