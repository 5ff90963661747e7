"""The colours, each with one meaning in every picture and on the page, and the scales made of them.

Nothing else writes a colour: the style sheet and the scripts of the page are given those of this
module.
"""

import math
from collections.abc import Sequence

FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"

COLORS = {  # name -> on light paper, on dark
    "paper": ("#FFFFFF", "#14171C"),
    "ink": ("#1F2328", "#E6EAF0"),
    "outline": ("#444B54", "#A3ADB8"),  # of an operation
    "grey": ("#57606A", "#A3ADB8"),
    "past": ("#68717B", "#87919C"),  # text of what no gradient passes
    "wire": ("#8B949E", "#76808B"),  # and borders, where they must stand out by 3 to 1
    "forward": ("#A3AAB2", "#76808B"),
    "faded": ("#D5D9DE", "#3A424C"),
    "column": ("#F6F7F9", "#1B2027"),
    "chosen": ("#FFF6DC", "#3A3115"),
    "loss": ("#E6E9EE", "#2A313A"),
    "focus": ("#0B57D0", "#8AB4F8"),
    "direct": ("#D55E00", "#F08A3C"),
    "direct-ink": ("#AE4D00", "#F5A164"),
    "total": ("#000000", "#FFFFFF"),
    "indirect": ("#1F4E96", "#66A7DC"),  # all of them, summed
    "indirect-ink": ("#1F4E96", "#93C4E9"),
    "i0": ("#00224E", "#D6EBFF"),  # one indirect term each, from near to far
    "i1": ("#123570", "#B5DAFA"),
    "i2": ("#1F4E96", "#93C4E9"),
    "i3": ("#2A6BB5", "#66A7DC"),
    "i4": ("#4089CC", "#4F93CF"),
    "i5": ("#66A7DC", "#3B7DBB"),
    "i6": ("#93C4E9", "#2F6AA5"),
    "input": ("#BFE6D6", "#0F4A38"),  # the role of a weight: its fill, then its line
    "input-line": ("#009E73", "#2BBF94"),
    "recurrent": ("#F0D3E2", "#552440"),
    "recurrent-line": ("#B5548A", "#D680AE"),
    "readout": ("#FAF3B0", "#4A4408"),
    "readout-line": ("#9A8B00", "#C9B81E"),
    "bias": ("#E6E9EE", "#2A313A"),
    "bias-line": ("#8B949E", "#8B949E"),
}
_LIGHT = {name: light for name, (light, _) in COLORS.items()}
PAPER, INK, OUTLINE, GREY = (_LIGHT[name] for name in ("paper", "ink", "outline", "grey"))
WIRE, FORWARD, FADED = (_LIGHT[name] for name in ("wire", "forward", "faded"))
COLUMN, CHOSEN, LOSS = (_LIGHT[name] for name in ("column", "chosen", "loss"))
DIRECT, TOTAL, INDIRECT_SUM = (_LIGHT[name] for name in ("direct", "total", "indirect"))
INDIRECT = tuple(_LIGHT[f"i{n}"] for n in range(7))
WEIGHTS = {  # role -> fill, line
    role: (_LIGHT[role], _LIGHT[f"{role}-line"])
    for role in ("input", "recurrent", "readout", "bias")
}
OTHERS = "#7F9CC0"  # the smaller indirect terms of a table, summed
CIVIDIS = (  # 17 even samples of cividis (Nunez, Anderton and Renslow 2018,
    # doi:10.1371/journal.pone.0199239)
    "#00224E", "#002E6A", "#1A386F", "#32436D", "#434E6C", "#535A6D", "#61656F", "#6F7073",
    "#7D7C78", "#8C8878", "#9B9476", "#ABA072", "#BCAE6C", "#CDBB63", "#DEC958", "#F0D846",
    "#FEE838",
)  # fmt: skip
BELOW = "#00122B"  # under the scale
NOT_A_NUMBER = _LIGHT["recurrent"]  # no colour of the scale
CURVES = (  # of a plot, in turn
    INDIRECT_SUM,
    DIRECT,
    *(WEIGHTS[role][1] for role in ("input", "recurrent", "readout")),
    _LIGHT["i4"],
    INK,
)

_DECADES = 4.0
_NOTHING = 1e-300  # smaller norms count as 0: a tenth of them may be
THIN, THICK = 0.6, 6.5


def blend(colors: Sequence[str], share: float) -> str:
    """The colour at `share` (0 to 1) of the way through a list of colours."""
    position = min(max(share, 0.0), 1.0) * (len(colors) - 1)
    i = min(int(position), len(colors) - 2)
    pairs = zip(channels(colors[i]), channels(colors[i + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (position - i)):02X}" for a, b in pairs)


def distance(k: int, t: int, T: int) -> float:
    """How far from t the loss of an indirect term is: 0 next to it, 1 at the end."""
    return (k - t - 1) / max(1, T - t - 1)


def readable(color: str) -> str:
    """The colour darkened until it stands out from white by 4.5 to 1 (WCAG 2 contrast)."""
    while 1.05 / (_luminance(color) + 0.05) < 4.5:
        color = "#" + "".join(f"{int(c * 0.93):02X}" for c in channels(color))
    return color


def channels(color: str) -> list[int]:
    """Red, green and blue from 0 to 255."""
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def _luminance(color: str) -> float:
    shares = [n / 255 for n in channels(color)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def script_colors() -> dict[str, list[int] | list[list[int]]]:
    """The colours that the scripts of the page paint pixels with, as channels."""
    return {
        "cividis": [channels(color) for color in CIVIDIS],
        "below": channels(BELOW),
        "nan": channels(NOT_A_NUMBER),
        "pale": [128, 128, 128, 28],  # of no term, on any paper
        "zero": channels(PAPER),
        "positive": channels(INDIRECT_SUM),
        "negative": channels(DIRECT),
    }


class LogScale:
    """Norms on a log scale of one to four decades, chosen from the data."""

    def __init__(self, norms: Sequence[float], decades: float = _DECADES):
        positive = [n for n in norms if n > _NOTHING and math.isfinite(n)]
        self.top = max(positive, default=1.0)
        self.bottom = max(min(positive, default=self.top), self.top * 10**-decades)
        self.bottom = min(self.bottom, self.top / 10)

    def share(self, norm: float) -> float:
        """Where a norm lies: 0 at the bottom of the scale and below, 1 at the top."""
        if norm <= self.bottom or math.isnan(norm):
            return 0.0
        return min(1.0, math.log10(norm / self.bottom) / math.log10(self.top / self.bottom))

    def width(self, norm: float, thick: float = THICK) -> float:
        """The line width of a norm, in points, up to `thick`."""
        return THIN + (thick - THIN) * self.share(norm)

    def visible(self, norm: float) -> bool:
        """Whether a norm is on the scale; one below it is dotted or left out."""
        return norm >= self.bottom * (1 - 1e-9)


DARK = dict(COLORS.values()) | {  # what a colour of a picture becomes on a dark page
    INDIRECT_SUM: COLORS["indirect"][1],
    WEIGHTS["bias"][1]: COLORS["bias-line"][1],
    readable(DIRECT): COLORS["direct-ink"][1],  # of numbers
}
