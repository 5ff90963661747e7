"""Rules of the elementwise functions.  Broadcast axes are summed away where the share is pulled."""

from typing import Any

import numpy as np

from tinygrad_rnn.primitive import composite, defconstant, defvjp

Array = Any  # an ndarray, or a Tensor when the derivative is itself differentiated


def ratio(g: Array, d: Array) -> Array:
    """g / d, and 0 where both vanish: a branch that `np.where` masked out sends 0, not 0/0."""
    return g / np.where((d == 0) & (g == 0), np.ones_like(d), d)


defvjp(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
defvjp(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
defvjp(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
defvjp(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
defvjp(np.negative, lambda g, y, x: -g)
defvjp(np.positive, lambda g, y, x: g)
defvjp(np.reciprocal, lambda g, y, x: -g * y * y)
defvjp(np.square, lambda g, y, x: 2.0 * g * x)
defvjp(np.sqrt, lambda g, y, x: ratio(0.5 * g, y))
defvjp(np.exp, lambda g, y, x: g * y)
defvjp(np.expm1, lambda g, y, x: g * (y + 1.0))
defvjp(np.log, lambda g, y, x: ratio(g, x))
defvjp(np.log1p, lambda g, y, x: ratio(g, x + 1.0))
defvjp(np.sin, lambda g, y, x: g * np.cos(x))
defvjp(np.cos, lambda g, y, x: -g * np.sin(x))
defvjp(np.tanh, lambda g, y, x: g * (1.0 - y * y))  # by y: cosh would overflow
defvjp(np.absolute, lambda g, y, x: g * np.sign(x))
defvjp(
    np.logaddexp,
    lambda g, y, a, b: g * np.exp(a - y),
    lambda g, y, a, b: g * np.exp(b - y),
)


def _power_base(g: Array, y: Array, a: Array, b: Array) -> Array:
    if isinstance(b, (int, float)) and b >= 1:
        return g * (b * a ** (b - 1))
    a = np.where((a == 0) & (g == 0), np.ones_like(a), a)  # masked out by np.where: 0, not 0 * inf, as in ratio
    if isinstance(b, (int, float)):
        return g * (b * a ** (b - 1)) if b else np.zeros_like(g)
    return g * (b * a ** np.where(np.equal(b, 0), np.ones_like(b), np.subtract(b, 1.0)))  # b = 0: slope 0


def _power_exponent(g: Array, y: Array, a: Array, b: Array) -> Array:
    return g * y * np.log(np.where(np.equal(a, 0), np.ones_like(a), a))  # 0 ** b is flat in b


defvjp(np.power, _power_base, _power_exponent)

# At a tie both arguments share equally, as the maximum of a list does.
defvjp(
    np.maximum,
    lambda g, y, a, b: np.where(a == b, 0.5 * g, np.where(a > b, g, 0.0)),
    lambda g, y, a, b: np.where(a == b, 0.5 * g, np.where(a < b, g, 0.0)),
)
defvjp(
    np.minimum,
    lambda g, y, a, b: np.where(a == b, 0.5 * g, np.where(a < b, g, 0.0)),
    lambda g, y, a, b: np.where(a == b, 0.5 * g, np.where(a > b, g, 0.0)),
)
defvjp(
    np.where,
    None,
    lambda g, y, condition, a, b: np.where(condition, g, 0.0),
    lambda g, y, condition, a, b: np.where(condition, 0.0, g),
)


@composite(np.clip)
def clip(a: Array, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Array:  # noqa: A002 (NumPy's own names)
    """Clipping by comparison: the slope is 1 on the closed interval, as in PyTorch, not 1/2 at its ends."""
    low = a_min if min is None else min
    high = a_max if max is None else max
    a = a if low is None else np.where(a < low, low, a)
    return a if high is None else np.where(a > high, high, a)


defconstant(np.sign, np.floor, np.ceil, np.trunc, np.round)
defconstant(np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)
defconstant(np.isnan, np.isfinite, np.isinf, np.isclose, np.allclose, np.array_equal)
defconstant(np.logical_and, np.logical_or, np.logical_not)
