"""What the pictures are made of, and what is said of anything else."""

import operator
import os
from pathlib import Path
from typing import SupportsIndex

from tinygrad_rnn.errors import ArgumentTypeError, RangeError, UsageError
from tinygrad_rnn.flow.terms import GradientFlow, gradient_flow
from tinygrad_rnn.nn.states import parts
from tinygrad_rnn.nn.unroll import Unrolled

_FLOW = "pass gradient_flow(run.losses, run.states), or None."


def network(run: object, what: str) -> Unrolled:
    """What `unroll` returned, with a loss.  Raises UsageError for anything else."""
    if isinstance(run, GradientFlow):
        raise ArgumentTypeError(
            f"{what} draws the network that a gradient flow was measured in: pass what unroll "
            "returned. Of a flow alone draw.heatmap makes a picture."
        )
    if not isinstance(run, Unrolled):
        raise ArgumentTypeError(f"{what} draws what unroll returned, not {type(run).__name__}.")
    assert run.loss is not None  # asked for so that its error is raised
    return run


def flow_of(run: Unrolled, flow: object = None) -> GradientFlow:
    """The gradient flow of a network, measured unless given.  UsageError if of other states."""
    if flow is None:
        return gradient_flow(run.losses, run.states)
    if not isinstance(flow, GradientFlow):
        raise ArgumentTypeError(f"flow is {type(flow).__name__}; {_FLOW}")
    theirs, ours = ([list(map(id, parts(s))) for s in each.states] for each in (flow, run))
    if theirs != ours:
        raise UsageError(f"flow was measured on other states; {_FLOW}")
    return flow


def measured(each: object, what: str) -> GradientFlow:
    """A gradient flow as it is, or that of a network."""
    return each if isinstance(each, GradientFlow) else flow_of(network(each, what))


def step(t: SupportsIndex, T: int) -> int:
    """A time from 1 to T.  Raises RangeError."""
    try:
        found = operator.index(t)
    except TypeError:
        found = 0
    if not 1 <= found <= T:
        raise RangeError(f"t is {t!r}; it must lie in 1..{T}.")
    return found


def text(words: object, what: str) -> str:
    """Words to be written.  Raises UsageError."""
    if not isinstance(words, str):
        raise ArgumentTypeError(f"{what} is {type(words).__name__}; it must be text.")
    return words


def suffix_of(path: object) -> str:
    """The end of a file's name, without its dot, in small letters.  UsageError if it is no path."""
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentTypeError(f"a path is text or a pathlib.Path, not {type(path).__name__}.")
    return Path(path).suffix.lower().lstrip(".")
