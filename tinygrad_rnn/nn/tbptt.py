"""Truncated backpropagation through time: a sequence in windows, each with a graph of its own."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Function, Nested, Shape
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import flat, leaves, rebuild
from tinygrad_rnn.errors import DataError, RangeError, ShapeError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.nn.cell import Cell
from tinygrad_rnn.scan import scan

Layer: TypeAlias = Function  # (xs, state) -> (outputs, state)


class Window(NamedTuple):
    """What `tbptt` yields.

    outputs  of the steps that are new in this window, time first; their graph begins where the
             window does
    steps    which those are: a slice of the sequence, so targets[steps] are theirs
    state    after the last of them, detached
    """

    outputs: Any
    steps: slice
    state: Any


@public
def tbptt(
    layer: Layer,
    xs: object,
    window: int,
    stride: int | None = None,
    state: Nested = None,
) -> Iterator[Window]:
    """Go through xs in windows, carrying the state and cutting its graph between them.

    layer   a cell of this package, nn.RNN, LSTM or GRU, or anything that takes (xs, state) and
            returns (outputs, state), time first; for a cell of your own
            functools.partial(tg.scan, cell)
    xs      (T, ...), a Tensor, a list of T arrays, or a tuple of such
    window  the most steps that a loss is carried back through
    stride  how many steps of each window are new; None: all of them, so stride = window
    state   before the first step.  One that is a leaf, such as a learned h0, gets its gradient; a
            result of operations is detached

    Every step is new in exactly one window: the first `stride` steps, the next, and so on; the last
    window may have fewer.  Before its new steps, a window runs the window - stride steps that
    precede them again (as many as there are), from the state that was computed there, with the
    parameters as they are now.  So a loss at the j-th new step of a window, j = 1 .. stride, is
    carried back through window - stride + j states, as far as there are.  With stride 1 that is
    `window` for every loss, as GradientFlow.truncated(window) has it; with
    window >= T + stride - 1, or stride >= T, it is all of them.  A step that runs again draws the
    masks of dropout anew.

    A window may be backpropagated before the next is asked for, and parameters may change there.
    If xs is a Tensor with a history of its own, the windows share it: put an embedding into the
    layer instead.

    Raises RangeError for window < 1 and stride outside 1..window, DataError for an empty sequence,
    ShapeError for tuples of different lengths or a state that changes its shape, UsageError for a
    bidirectional layer and for one that does not return (outputs, state).
    BPTT(h; h') with h = window and h' = stride: Williams and Peng (1990),
    doi:10.1162/neco.1990.2.4.490.
    """
    stride = window if stride is None else stride
    if not _is_count(window):
        raise RangeError(f"window is {window!r}; it must be a number of steps, at least 1.")
    if not _is_count(stride) or stride > window:
        raise RangeError(
            f"stride is {stride!r} with a window of {window}; it must lie in 1..{window}, or steps "
            "would be left out."
        )
    if getattr(layer, "bidirectional", False):
        raise UsageError(
            "a bidirectional layer reads its sequence from the end, so it cannot go through it in "
            "windows. Use bidirectional=False, or the whole sequence."
        )
    xs, T = _series(xs)
    layer = partial(scan, layer) if isinstance(layer, Cell) else layer
    return _windows(layer, xs, T, window, stride, _detached(state, results_only=True))


def _windows(
    layer: Layer, xs: Any, T: int, window: int, stride: int, initial: Nested
) -> Iterator[Window]:
    start, before = 0, initial  # where the window begins, and the state there
    for new in range(0, T, stride):
        stop = min(new + stride, T)
        next_start = max(0, stop - (window - stride))
        cuts = [start, next_start, stop] if start < next_start < stop else [start, stop]
        state, pieces, next_before = before, [], before
        for a, b in zip(cuts[:-1], cuts[1:], strict=True):
            outputs, state = _applied(layer, _part(xs, slice(a, b)), state, b - a)
            pieces.append(outputs)
            if b == next_start:
                next_before = _detached(state)
        yield Window(_joined(pieces, new - start), slice(new, stop), _detached(state))
        start, before = next_start, next_before


def _applied(layer: Layer, xs: Any, before: Nested, T: int) -> tuple[Any, Any]:
    """(outputs, state), checked: a cell where a layer is wanted would give nonsense."""
    returned = layer(xs, before)
    name = getattr(layer, "__qualname__", type(layer).__qualname__)
    way_out = "If it is a cell of one step, pass functools.partial(tg.scan, cell)."
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise UsageError(
            f"{name} returned {type(returned).__name__} and not (outputs, state). {way_out}"
        )
    outputs, state = returned
    for path, part in leaves(outputs):
        if np.shape(part)[:1] != (T,):
            raise ShapeError(
                f"outputs{path} of {name} have shape {np.shape(part)} for {T} steps; time must "
                f"come first. {way_out}"
            )
    old, new = ([(path, np.shape(part)) for path, part in leaves(tree)] for tree in (before, state))
    if before is not None and old != new:
        raise ShapeError(
            f"{name} was given a state with {_told(old)} and returned one with {_told(new)}. "
            f"{way_out}"
        )
    return outputs, state


def _told(parts: list[tuple[str, Shape]]) -> str:
    return ", ".join(f"{path} {shape}".strip() for path, shape in parts) or "no arrays"


def _detached(state: Nested, *, results_only: bool = False) -> Any:
    """The state without a history; with results_only a leaf stays as it is."""
    found = flat(state)
    for i, x in enumerate(found):
        if isinstance(x, Tensor) and not (results_only and x.fun is None):
            found[i] = x.detach()
    return rebuild(state, found)


def _joined(pieces: list[Any], known: int) -> Any:
    """The outputs of all pieces without the first `known` steps."""
    series = zip(*map(flat, pieces), strict=True)
    whole = (each[0] if len(each) == 1 else np.concatenate(each) for each in series)
    return rebuild(pieces[0], (each[known:] if known else each for each in whole))


def _series(xs: object) -> tuple[Any, int]:
    """The inputs as arrays or Tensors, and T."""
    arrays = [
        np.stack(x) if isinstance(x, list) and x else x
        for x in (xs if isinstance(xs, tuple) else (xs,))
    ]
    arrays = [x if isinstance(x, Tensor) else np.asarray(x) for x in arrays]
    if not all(x.ndim for x in arrays) or len({len(x) for x in arrays}) != 1:
        raise ShapeError(
            f"xs has {', '.join(str(x.shape) for x in arrays) or 'nothing'}; time comes first, "
            "with the same T in every array of a tuple."
        )
    if not len(arrays[0]):
        raise DataError("xs is empty: there is no time step to go through.")
    return tuple(arrays) if isinstance(xs, tuple) else arrays[0], len(arrays[0])


def _part(xs: Any, steps: slice) -> Any:
    return tuple(x[steps] for x in xs) if isinstance(xs, tuple) else xs[steps]


def _is_count(n: object) -> bool:
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool) and int(n) >= 1
