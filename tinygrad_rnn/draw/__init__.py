"""Pictures of unrolled networks, of any computation graph, and of curves.

    paths(run, t)     every term of (3.1) for h_t as a line of its own
    heatmap(run, t)   the norm of every term over (k, t)
    ops(run)          every operation, with the gradient beside each forward edge
    graph(tensor)     any graph
    curves([Curve])   learning curves and the like
    page(run, path)   one HTML page to explore all of it: slider, hover, one path factor by factor

All but the page return a Figure, which a notebook shows by itself: `.save("x.svg")` (or .png,
.pdf), `.source` (DOT).
"""

__all__ = [
    "Curve",
    "Figure",
    "Page",
    "curves",
    "graph",
    "heatmap",
    "ops",
    "page",
    "paths",
    "require_format",
]

from tinygrad_rnn.draw.curve import Curve
from tinygrad_rnn.draw.figure import Figure, require_format
from tinygrad_rnn.draw.page import Page
from tinygrad_rnn.draw.pictures import curves, graph, heatmap, ops, page, paths


def __dir__() -> list[str]:
    return __all__
