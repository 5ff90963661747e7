"""The pictures, each one function from a network or a Tensor to a Figure or a Page."""

import os
from collections.abc import Collection, Mapping, Sequence

from tinygrad_rnn.draw.any_graph import Layout, graph_scene
from tinygrad_rnn.draw.curves import Curve, curves_scene
from tinygrad_rnn.draw.figure import Figure
from tinygrad_rnn.draw.heat import heat_scene
from tinygrad_rnn.draw.operations import operations_scene
from tinygrad_rnn.draw.page import Page, make_page
from tinygrad_rnn.draw.paths import paths_scene
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow import GradientFlow, gradient_flow
from tinygrad_rnn.tensor import Tensor
from tinygrad_rnn.unroll import Unrolled, parts


def paths(
    run: Unrolled | tuple[Unrolled, ...], t: int = 1, flow: GradientFlow | None = None, *, preset: str = "lecture"
) -> Figure:
    """Equation (3.1) for h_t as a map: every term is a line whose width is the log of its norm.

    run     an unrolled network with a loss; of several, such as the two of `bidirectional`, each has a row
    flow    `gradient_flow(run.losses, run.states)` if it is at hand already, of a single network
    preset  lecture, paper (one column of 3.4 inches, type of 7 points and more, no legend) or poster

    Raises RangeError for t outside 1..T.
    """
    runs = run if isinstance(run, tuple) else (run,)
    for each in runs:
        if not 1 <= t <= len(each):
            raise RangeError(f"t is {t}; it must lie in 1..{len(each)}.")
    flows = [flow] if flow is not None and len(runs) == 1 else map(measured, runs)
    return Figure(paths_scene(list(zip(runs, flows, strict=True)), t, preset))


def heatmap(
    run: Unrolled | GradientFlow | Mapping[str, Unrolled | GradientFlow],
    t: int | None = None,
    *,
    preset: str = "lecture",
    unit: str = "norm",
    note: str = "",
) -> Figure:
    """The norm of every term of (3.1) over (k, t) on a log scale; t marks one column.

    run     an unrolled network with a loss, or its gradient flow; of several, {title: network}, the maps stand side by
            side on one colour scale
    preset  lecture, paper or poster, as for `paths`
    unit    what stands above the colour scale
    note    more words for the line under the title

    Where only the last loss sends anything, a map is its row alone.  Raises RangeError for t outside 1..T.
    """
    runs = run if isinstance(run, Mapping) else {"": run}
    if not runs:
        raise UsageError("there is no network to draw.")
    flows = {title: each if isinstance(each, GradientFlow) else measured(each) for title, each in runs.items()}
    T = max(map(len, flows.values()))
    if t is not None and not 1 <= t <= T:
        raise RangeError(f"t is {t}; it must lie in 1..{T}.")
    symbol = "h" if all(len(parts(flow.states[0])) == 1 for flow in flows.values()) else "s"
    return Figure(heat_scene(flows, t, symbol, preset, unit, note))


def ops(run: Unrolled) -> Figure:
    """Every operation, one column for each step, with the gradient beside each forward wire.

    Above 8 steps those in the middle are left out, and counted.
    """
    _check_direction(run)
    return Figure(operations_scene(run))


def graph(
    tensor: Tensor, *, fold: bool | Collection[str] | None = None, limit: int = 200, layout: Layout = "layered"
) -> Figure:
    """Any computation graph: the operations and leaves behind `tensor`, and its gradients if it is a scalar.

    fold    which scopes (`with tg.scope("attention"):`) are drawn as one box: True for all outer ones, False for none,
            or their names; None folds all outer ones if there are more than `limit` Tensors
    limit   above so many boxes the oldest operations become one box that says how many they are
    layout  "layered" needs no program; "dot" lets Graphviz place the boxes, and raises DrawError without it
    """
    if not isinstance(tensor, Tensor):
        raise UsageError(f"draw.graph draws a Tensor, not {type(tensor).__name__}.")
    if layout not in ("layered", "dot"):
        raise UsageError(f"there is no layout {layout!r}. Use layered or dot.")
    if limit < 2:
        raise RangeError(f"limit is {limit}; a picture has at least 2 boxes.")
    return Figure(graph_scene(tensor, fold, limit, layout))


def page(
    run: Unrolled, path: str | os.PathLike[str] | None = None, t: int = 1, flow: GradientFlow | None = None
) -> Page:
    """One self-contained HTML page about every term of (3.1), to explore with mouse or keyboard; opens with h_t.

    path: where to write it, e.g. "bptt.html"; without it `.save(path)` does, and a notebook shows it in a frame.
    Raises RangeError for t outside 1..T.
    """
    if not 1 <= t <= len(run):
        raise RangeError(f"t is {t}; it must lie in 1..{len(run)}.")
    _check_direction(run)
    made = make_page(run, t, flow or measured(run))
    if path is not None:
        made.save(path)
    return made


def curves(
    lines: Sequence[Curve],
    *,
    title: str,
    x_label: str,
    y_label: str,
    log: bool = False,
    y_range: tuple[float, float] | None = None,
    note: str = "",
) -> Figure:
    """Lines in one frame: learning curves, errors along a sequence, norms against distance.

    log      the upward axis is logarithmic; points that are not positive leave gaps
    y_range  the ends of the upward axis; without it, what holds every point
    note     a sentence under the title

    Raises ShapeError where x and y of a curve differ in length, UsageError if no point can be drawn.
    """
    return Figure(curves_scene(lines, title, x_label, y_label, log, y_range, note))


def measured(run: Unrolled) -> GradientFlow:
    """The gradient flow of a network unrolled with a loss; UsageError without one."""
    assert run.loss is not None
    return gradient_flow(run.losses, run.states)


def _check_direction(run: Unrolled) -> None:
    if run.backward:
        raise UsageError(
            "this network ran backwards in time; only its map is drawn so. Use draw.paths, or draw.graph(run.loss)."
        )
