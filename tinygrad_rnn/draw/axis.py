"""An axis of a plot: where a value lies between the ends, and which round values are written."""

import math
import sys

from tinygrad_rnn.guards.numbers import number

_LARGEST, _SMALLEST = sys.float_info.max, math.ulp(0.0)
_AWAY = 1e6  # as far outside as a point is placed, in lengths of the axis


class Axis:
    """From values to places on paper: the ends of the axis, its ticks, and where a value lies.

    The ends may be any finite numbers, the smallest and the largest as well; two equal ones are
    moved apart.  Of ends that look alike when they are written, the upper one is written as its
    distance from the lower.
    """

    def __init__(self, low: float, high: float, log: bool):
        self.log = log
        if log and math.log(low) == math.log(high):
            low, high = low / 2, high * 2
        elif low == high:
            apart = max(1.0, 1e-6 * abs(low))
            low, high = low - apart, high + apart
        self.low, self.high = max(low, _SMALLEST if log else -_LARGEST), min(high, _LARGEST)
        self._exponent = math.frexp(self._largest)[1]

    @property
    def _largest(self) -> float:
        return max(abs(self.low), abs(self.high))

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high end; nan for what lies nowhere on it."""
        value = float(value)  # NumPy's scalars print their type
        if not math.isfinite(value) or (self.log and value <= 0):
            return math.nan
        away = _AWAY * (self.high - self.low)
        value = value if self.log else min(max(value, self.low - away), self.high + away)
        low, here, high = map(self._place, (self.low, value, self.high))
        return (here - low) / (high - low)

    def _place(self, value: float) -> float:
        """The value on a scale whose differences neither overflow nor vanish."""
        return math.log(value) if self.log else math.ldexp(value, -self._exponent)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values between the ends, with labels: about six; the ends if none are round."""
        if self.log:
            first = math.ceil(math.log10(self.low) - 1e-9)
            last = math.floor(math.log10(self.high) + 1e-9)
            if last <= first:
                return self._ends()
            exponents = range(first, last + 1, max(1, math.ceil((last - first) / 7)))
            return [(10.0**e, number(10.0**e)) for e in exponents]
        wanted = (self.high / 4 - self.low / 4) * (1 + 1e-9)
        if wanted < max(1e-6 * self._largest, 1e-300):
            return self._ends()
        size = 10.0 ** math.floor(math.log10(wanted))
        apart = max((s * size for s in (1, 2, 5) if s * size <= wanted), default=size)
        first = math.ceil(self.low / apart - 1e-9)
        last = math.floor(self.high / apart + 1e-9)
        return [(i * apart, number(i * apart, 10)) for i in range(first, last + 1)]

    def _ends(self) -> list[tuple[float, str]]:
        low, high = number(self.low), number(self.high)
        if low == high:
            high = f"+{number(self.high - self.low)}"
        return [(self.low, low), (self.high, high)]


def step_ticks(T: int, most: int = 12) -> list[int]:
    """The time steps that are written beside a map: the first and round ones."""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, T) if T / s <= most)
    return sorted({1, *range(step, T + 1, step)})
