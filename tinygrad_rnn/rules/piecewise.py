"""Rules of the functions made of pieces: the larger or smaller, selection, rounding, remainders.

Where pieces meet:
    equal arguments of maximum, minimum, fmax and fmin share equally, as equal entries of np.max do
    the slope of abs is 0 at 0; the slope of clip is 1 on the closed interval, as in PyTorch
    steps (floor, round, sign, ...) are flat everywhere: the gradient is 0, and the graph goes on
    a NaN that fmax, fmin or nan_to_num passes over gets 0
    a comparison with NaN is false: where maximum, clip or relu give NaN, the gradient is 0
"""

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike
from tinygrad_rnn.core.tables import composite, defvjp, primitive
from tinygrad_rnn.errors import DataError, UsageError


def flat(g: Array, y: Array, x: Array, other: object = None) -> Array:
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

for step in (np.sign, np.floor, np.ceil, np.trunc, np.rint):
    defvjp(step, flat)
for rounding in (np.round, np.around):
    defvjp(rounding, lambda g, y, a, decimals=0, out=None: np.zeros_like(g))
defvjp(np.floor_divide, flat, flat)
defvjp(np.heaviside, flat, lambda g, y, a, b: np.where(np.equal(a, 0), g, 0.0))

# remainder is a - floor(a / b) b, fmod is a - trunc(a / b) b: the quotient is a step.
defvjp(np.remainder, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b))
defvjp(np.fmod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.rint((a - y) / b))
composite(np.divmod)(lambda a, b: (np.floor_divide(a, b), np.remainder(a, b)))


# -- selection -------------------------------------------------------------------------------------

defvjp(
    np.where,
    None,
    lambda g, y, condition, a, b: np.where(condition, g, 0.0),
    lambda g, y, condition, a, b: np.where(condition, 0.0, g),
)
composite(np.where)(  # with a condition alone, the indices where it holds
    lambda condition, *branches: NotImplemented if branches else np.nonzero(condition)
)


@composite(np.nan_to_num)
def nan_to_num(
    x: Array,
    copy: bool = True,
    nan: ArrayLike = 0.0,
    posinf: ArrayLike | None = None,
    neginf: ArrayLike | None = None,
) -> Array:
    """Numbers instead of NaN and of the infinities."""
    if x.dtype.kind != "f":
        return +x
    x = np.where(np.isnan(x), nan, x)
    x = np.where(np.isposinf(x), np.finfo(x.dtype).max if posinf is None else posinf, x)
    return np.where(np.isneginf(x), np.finfo(x.dtype).min if neginf is None else neginf, x)


# -- bounds ----------------------------------------------------------------------------------------


@primitive
def clip(a: Array, low: Array | None, high: Array | None) -> Array:
    """`np.clip` with its bounds by position: `high` where they cross, NaN where any is NaN."""
    return np.clip(a, low, high)


def _inside(a: Array, low: Array | None, high: Array | None) -> Array | bool:
    """Within the closed interval."""
    above = low is None or np.greater_equal(a, low)
    return above if high is None else above & np.less_equal(a, high)


def _at_low(a: Array, low: Array, high: Array | None) -> Array:
    below = np.less(a, low)
    return below if high is None else below & np.less_equal(low, high)


def _at_high(a: Array, low: Array | None, high: Array) -> Array:
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
    a_min: Array | None = None,
    a_max: Array | None = None,
    out: None = None,
    *,
    min: Array | None = None,  # noqa: A002 (NumPy's own names)
    max: Array | None = None,  # noqa: A002
) -> Array:
    """The value between bounds, None for none: slope 1 at both ends, not 1/2."""
    if not (min is max is None or a_min is a_max is None):
        raise UsageError(
            "np.clip has its bounds as a_min and a_max, or as min and max, not as both."
        )
    return clip(a, a_min if min is None else min, a_max if max is None else max)


@primitive
def checked(x: Array, low: float, high: float, complaint: str) -> Array:
    """x, whose entries must lie in [low, high]; checked at each call of what `scan` traced, too.

    Otherwise a DataError: the complaint about the first, {wrong}.
    """
    outside = (x < low) | (x > high)
    if np.any(outside):
        raise DataError(complaint.format(wrong=x[outside].flat[0]))
    return x[...]  # a view: whoever keeps it can tell that it is another's


defvjp(checked, lambda g, y, x, low, high, complaint: g, None, None, None)
