"""The pictures, each one function from a network or a Tensor to a Figure."""

from collections.abc import Sequence

from tinygrad_rnn.draw.any_graph import graph_scene
from tinygrad_rnn.draw.curves import Curve, curves_scene
from tinygrad_rnn.draw.figure import Figure
from tinygrad_rnn.draw.heat import heat_scene
from tinygrad_rnn.draw.operations import operations_scene
from tinygrad_rnn.draw.paths import paths_scene
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow import GradientFlow, gradient_flow
from tinygrad_rnn.tensor import Tensor
from tinygrad_rnn.unroll import Unrolled, parts


def paths(run: Unrolled, t: int = 1, flow: GradientFlow | None = None) -> Figure:
    """Equation (3.1) for h_t as a map: every term is a line whose width is the log of its norm.

    flow: `gradient_flow(run.losses, run.states)` if it is at hand already.  Raises RangeError for t outside 1..T.
    """
    if not 1 <= t <= len(run):
        raise RangeError(f"t is {t}; it must lie in 1..{len(run)}.")
    return Figure(paths_scene(run, t, flow or measured(run)))


def heatmap(run: Unrolled | GradientFlow, t: int | None = None) -> Figure:
    """The norm of every term of (3.1) over (k, t) on a log scale; t marks one column.

    run: an unrolled network with a loss, or its gradient flow.  Raises RangeError for t outside 1..T.
    """
    flow = run if isinstance(run, GradientFlow) else measured(run)
    if t is not None and not 1 <= t <= len(flow):
        raise RangeError(f"t is {t}; it must lie in 1..{len(flow)}.")
    return Figure(heat_scene(flow, t, "h" if len(parts(flow.states[0])) == 1 else "s"))


def ops(run: Unrolled) -> Figure:
    """Every operation, one column for each step, with the gradient beside each forward wire.

    Above 8 steps those in the middle are left out, and counted.
    """
    return Figure(operations_scene(run))


def graph(tensor: Tensor) -> Figure:
    """Any computation graph: the operations and leaves behind `tensor`, and its gradients if it is a scalar."""
    if not isinstance(tensor, Tensor):
        raise UsageError(f"draw.graph draws a Tensor, not {type(tensor).__name__}.")
    return Figure(graph_scene(tensor))


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
