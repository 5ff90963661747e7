"""Rules of the functions made of pieces: the larger or smaller, selection, rounding, remainders.

Where pieces meet:
    equal arguments of maximum, minimum, fmax and fmin share equally, as equal entries of `np.max` do
    the slope of abs is 0 at 0; the slope of clip is 1 on the closed interval, as in PyTorch
    steps (floor, round, sign, ...) are flat everywhere: the gradient is 0, and the graph goes on
    a NaN that fmax, fmin or nan_to_num passes over gets 0
    a comparison with NaN is false: where maximum, clip or relu give NaN, the gradient is 0
"""

from typing import Any

import numpy as np

from tinygrad_rnn.core.tables import composite, defvjp, primitive
from tinygrad_rnn.errors import UsageError

Array = Any


def flat(g: Array, y: Array, x: Array, other: Any = None) -> Array:
    """The rule of a step: no slope."""
    return np.zeros_like(g)


defvjp(np.absolute, lambda g, y, x: g * np.sign(x))
defvjp(np.fabs, lambda g, y, x: g * np.sign(x))
defvjp(np.copysign, lambda g, y, a, b: g * np.sign(a) * np.sign(y), flat)

for extremum in (np.maximum, np.minimum, np.fmax, np.fmin):
    defvjp(
        extremum,
        lambda g, y, a, b: np.where(a == b, 0.5 * g, np.where(a == y, g, 0.0)),
        lambda g, y, a, b: np.where(a == b, 0.5 * g, np.where(b == y, g, 0.0)),
    )

defvjp(
    np.where,
    None,
    lambda g, y, condition, a, b: np.where(condition, g, 0.0),
    lambda g, y, condition, a, b: np.where(condition, 0.0, g),
)


@composite(np.where)
def where(condition: Array, *branches: Array) -> Any:
    """With a condition alone, the indices where it holds; a selection is left to the rules."""
    return NotImplemented if branches else np.nonzero(condition)


@primitive
def clip(a: Array, low: Array, high: Array) -> Array:
    """`np.clip` with its bounds by position: `high` where they cross, NaN where one of all is NaN."""
    return np.clip(a, low, high)


def _inside(a: Array, low: Array, high: Array) -> Any:
    """Within the closed interval."""
    above = low is None or np.greater_equal(a, low)
    return above if high is None else above & np.less_equal(a, high)


def _at_low(a: Array, low: Array, high: Array) -> Any:
    below = np.less(a, low)
    return below if high is None else below & np.less_equal(low, high)


def _at_high(a: Array, low: Array, high: Array) -> Any:
    above = np.greater(a, high)
    return above if low is None else above | np.greater(low, high)


defvjp(
    clip,
    lambda g, y, a, low, high: np.where(_inside(a, low, high), g, 0.0),
    lambda g, y, a, low, high: np.where(_at_low(a, low, high), g, 0.0),
    lambda g, y, a, low, high: np.where(_at_high(a, low, high), g, 0.0),
)


@composite(np.clip)
def clip_by_keyword(
    a: Array,
    a_min: Any = None,
    a_max: Any = None,
    out: None = None,
    *,
    min: Any = None,  # noqa: A002 (NumPy's own names)
    max: Any = None,  # noqa: A002
) -> Array:
    """The value between bounds, None for none: slope 1 on the closed interval, not 1/2 at its ends."""
    if not (min is max is None or a_min is a_max is None):
        raise UsageError(
            "np.clip has its bounds as a_min and a_max, or as min and max, not as both."
        )
    return clip(a, a_min if min is None else min, a_max if max is None else max)


@composite(np.nan_to_num)
def nan_to_num(
    x: Array, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Array:
    """Numbers in place of NaN and of the infinities."""
    if x.dtype.kind != "f":
        return +x
    x = np.where(np.isnan(x), nan, x)
    x = np.where(np.isposinf(x), np.finfo(x.dtype).max if posinf is None else posinf, x)
    return np.where(np.isneginf(x), np.finfo(x.dtype).min if neginf is None else neginf, x)


for step in (np.sign, np.floor, np.ceil, np.trunc, np.rint):
    defvjp(step, flat)
for rounding in (np.round, np.around):
    defvjp(rounding, lambda g, y, a, decimals=0, out=None: np.zeros_like(g))
defvjp(np.floor_divide, flat, flat)
defvjp(np.heaviside, flat, lambda g, y, a, b: np.where(np.equal(a, 0), g, 0.0))

# remainder is a - floor(a / b) b, fmod is a - trunc(a / b) b: the quotient is a step.
defvjp(np.remainder, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b))
defvjp(np.fmod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.rint((a - y) / b))


@composite(np.divmod)
def divmod(a: Array, b: Array) -> tuple[Array, Array]:  # noqa: A001 (NumPy's own name)
    """Quotient and remainder."""
    return np.floor_divide(a, b), np.remainder(a, b)
