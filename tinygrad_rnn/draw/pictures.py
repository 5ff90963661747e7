"""The pictures, each one function from a network or a Tensor to a Figure or a Page."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.any_graph import Layout, graph_scene
from tinygrad_rnn.draw.arguments import flow_of, measured, network, step, text
from tinygrad_rnn.draw.curve import Curve
from tinygrad_rnn.draw.curves import curves_scene
from tinygrad_rnn.draw.figure import Figure
from tinygrad_rnn.draw.heat import heat_scene
from tinygrad_rnn.draw.operations import operations_scene
from tinygrad_rnn.draw.page import Page, make_page
from tinygrad_rnn.draw.paths import paths_scene
from tinygrad_rnn.draw.symbols import state_names
from tinygrad_rnn.errors import ArgumentTypeError, RangeError, UsageError
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.nn.unroll import Unrolled


@public
def paths(
    run: Unrolled | tuple[Unrolled, ...],
    t: int = 1,
    flow: GradientFlow | None = None,
    *,
    preset: str = "lecture",
) -> Figure:
    """Equation (3.1) for h_t as a map: every term is a line whose width is the log of its norm.

    run     an unrolled network with a loss; of several, such as the two of `bidirectional`, each
            has a row
    flow    `gradient_flow(run.losses, run.states)` if it is at hand already, of a single network
    preset  lecture, paper (one column of 3.4 inches, type of 7 points and more, no legend) or
            poster

    A step without a loss has no L and no line.  Grey is what no gradient to h_t passes: the steps
    before t, those after the last loss, the read-outs without a loss, and parts of a state that no
    loss reaches.

    Raises RangeError for t outside 1..T, UsageError for what is no unrolled network with a loss.
    """
    several = run if isinstance(run, (tuple, list)) else (run,)
    runs = [network(each, "draw.paths") for each in several]
    if not runs:
        raise UsageError("there is no network to draw.")
    if flow is not None and len(runs) > 1:
        raise UsageError("flow is of a single network; several are measured here. Leave it out.")
    t = step(t, min(map(len, runs)))
    return Figure(paths_scene([(each, flow_of(each, flow)) for each in runs], t, preset))


@public
def heatmap(
    run: Unrolled | GradientFlow | Mapping[str, Unrolled | GradientFlow],
    t: int | None = None,
    *,
    preset: str = "lecture",
    unit: str = "norm",
    note: str = "",
) -> Figure:
    """The norm of every term of (3.1) over (k, t) on a log scale; t marks one column.

    run     an unrolled network with a loss, or its gradient flow; of several, {title: network}, the
            maps stand side by side on one colour scale
    preset  lecture, paper or poster, as for `paths`
    unit    what stands above the colour scale
    note    more words for the line under the title

    Where there is no loss, or no path from it to a state, a cell is pale; where only the last step
    has a loss, a map is its row alone.  Raises RangeError for t outside 1..T, UsageError for what
    is neither a network with a loss nor a flow.
    """
    runs = run if isinstance(run, Mapping) else {"": run}
    if not runs:
        raise UsageError("there is no network to draw.")
    flows = {str(title): measured(each, "draw.heatmap") for title, each in runs.items()}
    t = None if t is None else step(t, max(map(len, flows.values())))
    names = {
        str(title): state_names(each) for title, each in runs.items() if isinstance(each, Unrolled)
    }
    return Figure(heat_scene(flows, t, preset, text(unit, "unit"), text(note, "note"), names))


@public
def ops(run: Unrolled) -> Figure:
    """Every operation, one column for each step, with the gradient beside each forward wire.

    Above 8 steps those in the middle are left out, and counted.  Where no gradient comes, only the
    forward wire is drawn.  Raises UsageError for what is no unrolled network with a loss.
    """
    return Figure(operations_scene(_forward(run, "draw.ops")))


@public
def graph(
    tensor: Tensor,
    *,
    fold: bool | Collection[str] | None = None,
    limit: int = 200,
    layout: Layout = "layered",
) -> Figure:
    """Any computation graph: the operations and leaves behind `tensor`, and a scalar's gradients.

    fold    which scopes (`with tg.scope("attention"):`) are drawn as one box: True for all outer
            ones, False for none, or their names; None folds all outer ones if there are more than
            `limit` Tensors
    limit   above so many boxes the oldest operations become one box that says how many they are
    layout  "layered" needs no program; "dot" lets Graphviz place the boxes

    Raises ArgumentTypeError for what is no Tensor, UsageError for any other layout, RangeError for
    a limit below 2, DrawError where Graphviz is asked for and missing.
    """
    if not isinstance(tensor, Tensor):
        raise ArgumentTypeError(f"draw.graph draws a Tensor, not {type(tensor).__name__}.")
    if layout not in ("layered", "dot"):
        raise UsageError(f"there is no layout {layout!r}. Use layered or dot.")
    if not isinstance(limit, (int, np.integer)) or limit < 2:
        raise RangeError(f"limit is {limit!r}; a picture has at least 2 boxes.")
    if not (fold is None or isinstance(fold, (bool, str, Collection))):
        kind = type(fold).__name__
        raise ArgumentTypeError(f"fold is {kind}; it is True, False, None or the names of scopes.")
    return Figure(graph_scene(tensor, fold, limit, layout))


@public
def page(
    run: Unrolled,
    path: str | os.PathLike[str] | None = None,
    t: int = 1,
    flow: GradientFlow | None = None,
) -> Page:
    """One self-contained HTML page about every term of (3.1), to explore with mouse or keyboard.

    path  where to write it, e.g. "bptt.html"; without it `.save(path)` does, and a notebook shows
          the page in a frame
    t     the state h_t that it opens with

    Raises RangeError for t outside 1..T, UsageError for what is no unrolled network with a loss.
    """
    run = _forward(run, "draw.page")
    made = make_page(run, step(t, len(run)), flow_of(run, flow))
    if path is not None:
        made.save(path)
    return made


@public
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

    A line of any number of points is drawn; above 10,000 without those that no eye can tell apart.

    Raises ShapeError where x and y of a curve differ in length, RangeError for a y_range that is
    none, UsageError if no point can be drawn.
    """
    if isinstance(lines, Curve) or not isinstance(lines, Iterable):
        kind = type(lines).__name__
        raise ArgumentTypeError(f"draw.curves takes a list of draw.Curve, not {kind}.")
    words = {"title": title, "x_label": x_label, "y_label": y_label, "note": note}
    title, x_label, y_label, note = (text(given, what) for what, given in words.items())
    return Figure(curves_scene(list(lines), title, x_label, y_label, log, y_range, note))


def _forward(run: Unrolled, what: str) -> Unrolled:
    if network(run, what).backward:
        raise UsageError(
            "this network was unrolled backwards in time; of such a one only draw.paths makes a "
            "picture, and draw.graph(run.loss)."
        )
    return run
