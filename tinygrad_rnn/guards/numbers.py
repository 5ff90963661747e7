"""How numbers are printed: in tables, pictures, progress bars and errors, and on the page."""

import math
from decimal import ROUND_HALF_UP, Context, Decimal

_LARGE = 1e6  # from here on a number is written with an exponent


def number(x: float, digits: int = 3) -> str:
    """A number to some significant digits, without zeros at the end: 0.00123, 12.3, 1.2e-05.

    All digits before the point are written, up to a million: 1234.  Halves are rounded away from 0.
    """
    x = float(x)
    if x == 0 or not math.isfinite(x):
        return "0" if x == 0 else str(x)
    whole = len(str(int(abs(x)))) if abs(x) < _LARGE else 0
    rounded = Context(max(digits, whole), ROUND_HALF_UP).create_decimal_from_float(x).normalize()
    exponent = rounded.adjusted()
    if -4 <= exponent < 6:
        return f"{rounded:f}"
    return f"{rounded.scaleb(-exponent):f}e{exponent:+03}"


def percent(share: float) -> str:
    """A share to a tenth of a percent, `12.3 %`; `-` where there is none."""
    if not math.isfinite(share):
        return "-"
    if abs(100 * share) >= _LARGE:
        return f"{number(100 * share)} %"
    return f"{Decimal(100 * share).quantize(Decimal('0.1'), ROUND_HALF_UP) + 0} %"


def typeset(text: str) -> str:
    """The same for a picture: with a true minus sign, or an en dash where there is no number."""
    sign = "\N{EN DASH}" if text == "-" else "\N{MINUS SIGN}"
    return sign + text[1:] if text.startswith("-") else text
