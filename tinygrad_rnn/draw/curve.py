"""One line of a plot: its points, whatever they came in, as plain numbers."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinygrad_rnn.core.operators import value
from tinygrad_rnn.draw.scene import fitted
from tinygrad_rnn.errors import ArgumentTypeError, ShapeError, UsageError
from tinygrad_rnn.guards.boundary import public_class

_WIDEST = 320.0  # of a label, in points


@public_class
@dataclass(frozen=True)
class Curve:
    """One line of a plot.  x and y have one entry for each point.

    What cannot be drawn, such as None, leaves a gap; a point between two gaps is drawn as a dot.

    dotted  for what is computed and not measured: a bound, a baseline
    color   as "#D55E00"; without one the curves take turns
    names   a text beside each point, or none
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    dotted: bool = False
    color: str = ""
    names: Sequence[str] = ()


def checked(curve: object) -> Curve:
    """The curve with lists of plain numbers, nan for a gap.  The errors raised name the curve."""
    if not isinstance(curve, Curve):
        kind = type(curve).__name__
        raise ArgumentTypeError(f"draw.curves takes a list of draw.Curve, not of {kind}.")
    label = fitted(str(curve.label), 10, _WIDEST)
    what = f"the curve {label!r}"
    x, y = _numbers(curve.x, f"x of {what}"), _numbers(curve.y, f"y of {what}")
    if not isinstance(curve.names, Iterable):
        kind = type(curve.names).__name__
        raise ArgumentTypeError(f"the names of {what} are {kind}; pass a list.")
    names = [str(name) for name in curve.names]
    if len(x) != len(y) or len(names) not in (0, len(x)):
        raise ShapeError(
            f"{what} has {len(x)} x, {len(y)} y and {len(names)} names; "
            "each point needs an x and a y, and names are for all or none."
        )
    if curve.color and not re.fullmatch("#[0-9A-Fa-f]{6}", str(curve.color)):
        raise UsageError(f"the color of {what} is {curve.color!r}; write it as '#D55E00'.")
    return replace(curve, label=label, x=x, y=y, names=names)


def _numbers(values: Iterable[object], what: str) -> list[float]:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(float), math.nan)
    try:
        entries = [value(entry) for entry in values]
        for entry in entries:
            if np.asarray(entry).dtype.kind not in "biufO":
                raise TypeError(f"{entry!r} is a {type(entry).__name__}")
        array = np.array(entries, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{what} is not a list of numbers: {error}.") from error
    if array.ndim != 1:
        raise ShapeError(f"{what} has shape {array.shape}; it must be a list of numbers.")
    return [float(entry) for entry in array]
