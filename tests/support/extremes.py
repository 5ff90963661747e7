"""What slopes are where numbers end: limits of exact derivatives, taken with mpmath, whose
exponents have no bounds.

`limit(f, x)` is the limit of f at x, from inside its domain; `partial(f, i, xs)` that of a function
of several arguments in its i-th as the others are held: an infinite one is infinite before the i-th
moves.
"""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

import tinygrad_rnn as tg

Slope = Callable[..., Any]

mp.prec = 400
NO_LIMIT = None
DTYPES = [np.float64, np.float32, np.float16]

INFINITE, FARTHER = mpf("1e400"), mpf("1e500")  # both beyond every dtype
HELD = mpf("1e1000")  # beyond what moves


def limit(f: Slope, x: float, ends: Sequence[float] = ()) -> Any:
    """The limit of f at x; None if there is none, or two.

    ends: of the domain, or where f is not smooth.
    """
    found = [side for side in (_settled(f, a, b) for a, b in _ways(x, ends)) if side is not mp.nan]
    return found[0] if found and all(_close(side, found[0]) for side in found) else NO_LIMIT


def partial(f: Slope, i: int, xs: Sequence[float]) -> Any:
    """The limit of f(*xs) in its i-th argument."""
    for zero in (
        lambda x: mpf(0),
        lambda x: (-1 if np.signbit(x) else 1) / HELD,
    ):  # 1 / 0 by its sign
        held = [_held(x) if x else zero(x) for x in xs]
        with_x = lambda x, held=held: f(*held[:i], x, *held[i + 1 :])
        found = limit(with_x, xs[i], ends=(float(xs[i]),))
        if found is not NO_LIMIT:
            return found
    return NO_LIMIT


def agrees(found: Any, wanted: Any, ulps: float = 16) -> bool:
    """Is a number what a limit is in its dtype, to some units in the last place?"""
    facts = np.finfo(found.dtype)
    eps, largest = mpf(float(facts.eps)), mpf(float(facts.max))
    if abs(wanted) > largest * (1 + ulps * eps):
        return bool(found == np.inf * float(mp.sign(wanted)))
    if not np.isfinite(found):
        return bool(np.isinf(found) and abs(wanted) >= largest * (1 - ulps * eps))
    error = abs(mpf(float(found)) - wanted)
    return bool(error <= ulps * eps * abs(wanted) + 4 * mpf(float(facts.smallest_subnormal)))


def points(dtype: Any, *more: float) -> Any:
    """Zeros, infinities, the largest and smallest normal and subnormal numbers,
    and some between.
    """
    facts = np.finfo(dtype)
    ends = [0.0, facts.smallest_subnormal, facts.tiny, 1.0, 1.5, facts.max, np.inf]
    return np.array([sign * x for x in ends for sign in (1, -1)] + list(more), dtype)


def _ways(x: float, ends: Sequence[float]) -> list[tuple[Any, Any]]:
    """Pairs of points on the way to x from each side."""
    if np.isinf(x):
        return [(np.sign(x) * INFINITE, np.sign(x) * FARTHER)]
    at = mpf(float(x))
    if x != 0 and x not in ends:
        return [(at, at)]
    near, nearer = (1 / INFINITE, 1 / FARTHER) if x == 0 else (mpf("1e-80"), mpf("1e-90"))
    return [
        (at + sign * near * (abs(at) or 1), at + sign * nearer * (abs(at) or 1)) for sign in (-1, 1)
    ]


def _held(x: float) -> Any:
    return int(np.sign(x)) * HELD if np.isinf(x) else mpf(float(x))


def _settled(f: Slope, a: Any, b: Any) -> Any:
    """What f tends to from a to b; NaN outside of its domain, None if it does not settle."""
    try:
        first, then = (mp.mpmathify(f(x)) for x in (a, b))
    except (ZeroDivisionError, ValueError):
        return mp.nan
    if any(isinstance(y, mpmath.mpc) or mp.isnan(y) for y in (first, then)):
        return mp.nan
    if _close(first, then):
        return then
    if abs(then) > 1.2 * abs(first) > 300:  # a logarithm grows like this, all others faster
        return mp.inf * mp.sign(then)
    return mpf(0) if abs(then) < abs(first) * mpf("1e-20") else NO_LIMIT


def _close(a: Any, b: Any) -> bool:
    return a is b or (
        a is not None and b is not None and (a == b or bool(abs(a - b) <= abs(b) * mpf("1e-40")))
    )


def logistic(x: Any) -> Any:
    e = mp.exp(-abs(x))
    return (1 if x > 0 else e) / (1 + e)


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(-abs(x))) + max(x, 0)


def slope(f: Callable[..., Any], x: Any, dtype: Any = float) -> Any:
    """d sum(f(x)) / dx."""
    return tg.grad(lambda x: np.sum(f(x)))(np.asarray(x, dtype))
