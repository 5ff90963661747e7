"""The colours, each with one meaning in every picture, and the scales made of them."""

import math
from collections.abc import Sequence

FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"

INK, GREY, FORWARD, FADED, COLUMN, CHOSEN = (
    "#1F2328",
    "#57606A",
    "#A3AAB2",
    "#D5D9DE",
    "#F6F7F9",
    "#FFF6DC",
)
PAPER, LOSS = "#FFFFFF", "#E6E9EE"
DIRECT, TOTAL, INDIRECT_SUM = "#D55E00", "#000000", "#1F4E96"
INDIRECT = (
    "#00224E",
    "#123570",
    "#1F4E96",
    "#2A6BB5",
    "#4089CC",
    "#66A7DC",
    "#93C4E9",
)  # near to far
WEIGHTS = {  # role -> fill, line
    "input": ("#BFE6D6", "#009E73"),
    "recurrent": ("#F0D3E2", "#B5548A"),
    "readout": ("#FAF3B0", "#9A8B00"),
    "bias": ("#E6E9EE", "#8B949E"),
}
CIVIDIS = (  # 17 even samples of cividis (Nunez, Anderton and Renslow 2018, doi:10.1371/journal.pone.0199239)
    "#00224E", "#002E6A", "#1A386F", "#32436D", "#434E6C", "#535A6D", "#61656F", "#6F7073", "#7D7C78",
    "#8C8878", "#9B9476", "#ABA072", "#BCAE6C", "#CDBB63", "#DEC958", "#F0D846", "#FEE838",
)  # fmt: skip
BELOW = "#00122B"  # under the scale
NOT_A_NUMBER = "#F0D3E2"  # no colour of the scale
CURVES = (
    "#1F4E96",
    "#D55E00",
    "#009E73",
    "#B5548A",
    "#9A8B00",
    "#4089CC",
    "#1F2328",
)  # of a plot, in turn

_DECADES = 4.0
_NOTHING = 1e-300  # smaller norms count as 0: a tenth of them may be
THIN, THICK = 0.6, 6.5


def blend(colors: Sequence[str], share: float) -> str:
    """The colour at `share` (0 to 1) of the way through a list of colours."""
    place = min(max(share, 0.0), 1.0) * (len(colors) - 1)
    i = min(int(place), len(colors) - 2)
    pairs = zip(channels(colors[i]), channels(colors[i + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - i)):02X}" for a, b in pairs)


def far(k: int, t: int, T: int) -> str:
    """The colour of an indirect term: dark near t, light far from it."""
    return blend(INDIRECT, (k - t - 1) / max(1, T - t - 1))


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


class LogScale:
    """Norms on a log scale over one to four decades, chosen from the data; `share` runs from 0 to 1."""

    def __init__(self, norms: Sequence[float], decades: float = _DECADES):
        positive = [n for n in norms if n > _NOTHING and math.isfinite(n)]
        self.top = max(positive, default=1.0)
        self.bottom = max(min(positive, default=self.top), self.top * 10**-decades)
        self.bottom = min(self.bottom, self.top / 10)

    def share(self, norm: float) -> float:
        """0 at the bottom and below, 1 at the top."""
        if norm <= self.bottom or math.isnan(norm):
            return 0.0
        return min(1.0, math.log10(norm / self.bottom) / math.log10(self.top / self.bottom))

    def width(self, norm: float, thick: float = THICK) -> float:
        """The line width of a norm, in points, up to `thick`."""
        return THIN + (thick - THIN) * self.share(norm)

    def visible(self, norm: float) -> bool:
        """Whether a norm is on the scale; one below it is dotted or left out."""
        return norm >= self.bottom * (1 - 1e-9)


def number(x: float) -> str:
    """A norm in few characters: 0.123, 12.3, 4.4e-4."""
    if x == 0 or math.isnan(x) or math.isinf(x):
        return "0" if x == 0 else str(x)
    if 1e-3 <= abs(x) < 1e4:
        return f"{x:.3f}" if abs(x) < 100 else f"{x:.1f}"
    mantissa, exponent = f"{x:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def percent(share: float) -> str:
    """A share with a true minus sign."""
    if math.isnan(share):
        return "–"
    rounded = round(100 * share, 1) + 0.0  # no minus before a zero
    return f"{rounded:.1f} %".replace("-", "\N{MINUS SIGN}")


DARK = {  # what each colour of the op level becomes on a dark page
    PAPER: "#14171C", INK: "#E6EAF0", GREY: "#A3ADB8", "#444B54": "#A3ADB8", FORWARD: "#76808B", FADED: "#3A424C",
    COLUMN: "#1B2027", LOSS: "#2A313A", DIRECT: "#F08A3C", TOTAL: "#FFFFFF", INDIRECT_SUM: "#66A7DC",
    # numbers, as `readable` darkens them for white, then the chips
    readable(DIRECT): "#F5A164", readable(INDIRECT_SUM): "#66A7DC",
    "#BFE6D6": "#0F4A38", "#009E73": "#2BBF94", "#F0D3E2": "#552440", "#B5548A": "#D680AE",
    "#FAF3B0": "#4A4408", "#9A8B00": "#C9B81E", "#8B949E": "#8B949E",
}  # fmt: skip
