"""Activations beside those of `nonlinear`, and the functions they are made of, each one node.

Values and slopes are limits at +-infinity; a slope at a kink is that of PyTorch.
"""

import math

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tables import defvjp, primitive
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.rules.nonlinear import sigmoid, softplus, weighted

_SELU_ALPHA = 1.6732632423543772  # Klambauer et al. (2017), (14)
_SELU_SCALE = 1.0507009873554805

_FAR = 750.0  # exp(-750) is 0
_FAR_SQUARED = 40.0  # exp(-x**2 / 2) is 0


# -- pieces of straight lines ----------------------------------------------------------------------


@primitive
def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    """x where x > 0, else negative_slope * x, elementwise; the slope at 0 is negative_slope.

    Maas et al. (2013), Rectifier nonlinearities improve neural network acoustic models.
    """
    return np.where(np.greater(x, 0), x, weighted(negative_slope, x))


@primitive
def hardtanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """x cut off below min_val and above max_val, elementwise; the slope at both ends is 0.

    `np.clip` has the same values and, as PyTorch's clamp, slope 1 at the ends.
    Raises UsageError if min_val > max_val.
    """
    if not min_val <= max_val:
        raise UsageError(
            f"hardtanh cuts off at min_val={min_val} and max_val={max_val}; "
            "min_val must not be larger."
        )
    return np.clip(x, min_val, max_val)


defvjp(
    leaky_relu, lambda g, y, x, negative_slope=0.01: np.where(x > 0, g, negative_slope * g), None
)
defvjp(
    hardtanh,
    lambda g, y, x, min_val=-1.0, max_val=1.0: np.where((x > min_val) & (x < max_val), g, 0.0),
    None,
    None,
)


# -- linear on the right, bounded on the left ------------------------------------------------------


@primitive
def elu(x: Array, alpha: float = 1.0) -> Array:
    """x where x > 0, else alpha * (exp(x) - 1), elementwise; the slope at 0 is alpha.

    Clevert et al. (2016), arXiv:1511.07289.
    """
    return np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0)))


@primitive
def selu(x: Array) -> Array:
    """1.0507 * elu(x, 1.6733), elementwise: it keeps mean 0 and variance 1 from layer to layer.

    Klambauer et al. (2017), arXiv:1706.02515, (2).
    """
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


@primitive
def silu(x: Array) -> Array:
    """x * sigmoid(x), elementwise; also called swish.

    Elfwing et al. (2018), arXiv:1702.03118.
    """
    return np.maximum(x, -_FAR) * sigmoid(x)  # not -inf times 0


@primitive
def mish(x: Array) -> Array:
    """x * tanh(softplus(x)), elementwise.  Misra (2019), arXiv:1908.08681."""
    return np.maximum(x, -_FAR) * np.tanh(softplus(x))


def _elu(g: Array, y: Array, x: Array, alpha: float = 1.0) -> Array:
    slope = alpha * np.exp(np.where(x > 0, 0.0, x))  # by y the tail would be lost
    return np.where(x > 0, g, g * slope)


def _near(x: Array, far: float) -> Array:
    """x, and no further out than that: the slope is the same there, without 0 times infinity."""
    return np.minimum(np.maximum(x, -far), far)


def _silu(g: Array, y: Array, x: Array) -> Array:
    x = _near(x, _FAR)
    return g * (sigmoid(x) * (1.0 + x * sigmoid(-x)))


def _mish(g: Array, y: Array, x: Array) -> Array:
    x = _near(x, _FAR)
    t = np.tanh(softplus(x))
    return g * (t + x * (1.0 - t * t) * sigmoid(x))


defvjp(elu, _elu, None)
defvjp(selu, lambda g, y, x: _elu(_SELU_SCALE * g, y, x, _SELU_ALPHA))
defvjp(silu, _silu)
defvjp(mish, _mish)


# -- the normal distribution -----------------------------------------------------------------------

_ERF = np.vectorize(math.erf, otypes=[float])
_ERFC = np.vectorize(math.erfc, otypes=[float])


@primitive
def erf(x: Array) -> Array:
    """The error function 2/sqrt(pi) * integral from 0 to x of exp(-s^2), elementwise.

    NumPy has none, so this is that of Python's math module, entry by entry: about 0.1 us each.
    """
    return _entrywise(_ERF, x)


@primitive
def erfc(x: Array) -> Array:
    """1 - erf(x), elementwise, exact also where that is tiny."""
    return _entrywise(_ERFC, x)


@primitive
def gelu(x: Array, approximate: str = "none") -> Array:
    """x times the probability that a standard normal number is below x, elementwise.

    approximate  "none": by erfc, entry by entry; "tanh": within 0.0005 of it, and many times faster
    Raises UsageError for any other.  Hendrycks and Gimpel (2016), arXiv:1606.08415.
    """
    if approximate not in ("none", "tanh"):
        raise UsageError(
            f"gelu knows approximate='none' and approximate='tanh', not {approximate!r}."
        )
    near = _near(x, _FAR_SQUARED)
    share = _normal_cdf(near) if approximate == "none" else sigmoid(_near_logit(near))
    return np.maximum(x, -_FAR_SQUARED) * share


def _entrywise(f: np.vectorize, x: Array) -> Array:
    x = np.asarray(x)
    return np.asarray(f(x), np.result_type(x, np.float16))  # a float keeps its dtype


def _normal_cdf(x: Array) -> Array:
    return 0.5 * erfc(-math.sqrt(0.5) * x)


def _near_logit(x: Array) -> Array:
    """z, nearly the logit of _normal_cdf(x); its sigmoid is (1 + tanh(z/2)) / 2, not cancelled."""
    return math.sqrt(8 / math.pi) * (x + 0.044715 * x * x * x)


def _gelu(g: Array, y: Array, x: Array, approximate: str = "none") -> Array:
    x = _near(x, _FAR_SQUARED)
    if approximate == "none":
        return g * (_normal_cdf(x) + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))
    z, slope = _near_logit(x), math.sqrt(8 / math.pi) * (1.0 + 3 * 0.044715 * x * x)
    return g * (sigmoid(z) * (1.0 + x * slope * sigmoid(-z)))


def _bell(x: Array) -> Array:
    """2 / sqrt(pi) exp(-x**2), the slope of erf."""
    x = _near(x, _FAR_SQUARED)
    bell: Array = (2 / math.sqrt(math.pi)) * np.exp(-x * x)
    return bell


defvjp(erf, lambda g, y, x: g * _bell(x))
defvjp(erfc, lambda g, y, x: -g * _bell(x))
defvjp(gelu, _gelu, None)


# -- bounded ---------------------------------------------------------------------------------------


@primitive
def softsign(x: Array) -> Array:
    """x / (1 + |x|), elementwise: like tanh, with slower tails.  Glorot and Bengio (2010)."""
    infinite = np.isinf(x)
    return np.where(infinite, np.sign(x), x) / np.where(infinite, 1.0, 1.0 + np.abs(x))


@primitive
def logit(x: Array) -> Array:
    """log(x / (1 - x)), elementwise: the inverse of sigmoid, -inf at 0 and inf at 1."""
    return np.log(x) - np.log1p(np.negative(x))


def _softsign(g: Array, y: Array, x: Array) -> Array:
    size = 1.0 + np.abs(x)  # whose square would overflow
    return g / size / size


defvjp(softsign, _softsign)
defvjp(logit, lambda g, y, x: g / (x + 0.0) + g / (1.0 - x))
