"""Pictures of unrolled networks and of any computation graph.

    paths(run, t)     every term of (3.1) for h_t as a line of its own
    heatmap(run, t)   the norm of every term over (k, t)
    ops(run)          every operation, with the gradient beside each forward edge
    graph(tensor)     any graph
    page(run, path)   one HTML page to explore all of it: slider, hover, one path factor by factor

All but the page return a Figure: `.save("x.svg")` (or .png, .pdf), `.source` (DOT), shown by itself in a notebook.
"""

__all__ = ["Figure", "Page", "graph", "heatmap", "ops", "page", "paths", "require_format"]

from tinygrad_rnn.draw.figure import Figure, require_format
from tinygrad_rnn.draw.page import Page
from tinygrad_rnn.draw.pictures import graph, heatmap, ops, page, paths
