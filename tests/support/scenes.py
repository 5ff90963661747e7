"""Reading a scene: its texts, its lines, where things lie, and what their tooltips say."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from tinygrad_rnn.draw.scene import Box, Line, Text, extent
from tinygrad_rnn.guards.boundary import name_of


def of(kind, scene):
    return [item for item in scene.items if isinstance(item, kind)]


def labels(scene):
    """Every piece of text in a picture."""
    return [item.label for item in scene.items if isinstance(item, (Box, Text)) and item.label]


def bounds(item):
    """Left, top, right, bottom of a box or a text; of a text, how far it reaches at the least."""
    if isinstance(item, Box):
        return item.x - item.w / 2, item.y - item.h / 2, item.x + item.w / 2, item.y + item.h / 2
    width = 0.85 * extent(item.label, item.size)
    left = item.x - {"start": 0, "middle": width / 2, "end": width}[item.anchor]
    return left, item.y - item.size / 2, left + width, item.y + item.size / 2


def overlap(a, b):
    (left, top, right, bottom), (left2, top2, right2, bottom2) = bounds(a), bounds(b)
    return (
        min(right, right2) - max(left, left2) > 0.01
        and min(bottom, bottom2) - max(top, top2) > 0.01
    )


def inside(item, scene):
    left, top, right, bottom = bounds(item)
    return left >= 0 and top >= 0 and right <= scene.width + 1e-9 and bottom <= scene.height + 1e-9


def luminance(color):
    """Relative luminance, WCAG 2.1."""
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(
        np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )


def cells(scene):
    """{(k, t): its box} by what the tooltip says."""
    found = {}
    for box in of(Box, scene):
        if m := re.fullmatch(r"k = (\d+), t = (\d+): norm (\S+)( \(direct\))?", box.tip):
            k, t = int(m[1]), int(m[2])
            assert (k == t) == bool(m[4])
            found[k, t] = (float(m[3]), box)
    return found


def operations(scene):
    """The circles: functions by their full name."""
    return Counter(box.tip.split(":")[0] for box in of(Box, scene) if "→" in box.tip)


def recorded(tensors):
    return Counter(name_of(x.fun) for x in tensors if x.fun is not None)


def gradient_lines(scene):
    return [
        (float(m[1]), line)
        for line in of(Line, scene)
        if (m := re.search(r"gradient norm (\S+)$", line.tip))
    ]


@dataclass(frozen=True)
class Hop:
    """One line of the map: the terms ks at h_j, as its tooltip says."""

    ks: tuple[int, ...]
    j: int
    norm: float
    line: Line


def hops(scene):
    found = []
    for line in of(Line, scene):
        if line.tip:
            last, to, at, j, norm = re.fullmatch(
                r"loss(?:es)? (\d+)(?: to (\d+), summed)?, (direct|at [hs]_(\d+)): norm (\S+)",
                line.tip,
            ).groups()
            ks = tuple(range(int(last), int(to or last) + 1))
            found.append(Hop(ks, ks[0] if at == "direct" else int(j), float(norm), line))
    return found


def table(scene):
    """[(name, symbol, norm, share)] of the table of (3.1)."""
    texts = of(Text, scene)
    head = next(x for x in texts if x.label.startswith("eq. (3.1)"))
    right = next(x.x for x in texts if x.label.startswith("share"))
    lines = {}
    for text in texts:
        if text.y > head.y and text.x <= right:
            lines.setdefault(text.y, []).append(text)
    return [tuple(x.label for x in sorted(lines[y], key=lambda x: x.x)) for y in sorted(lines)]
