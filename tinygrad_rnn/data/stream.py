"""One long stream as contiguous columns, read in segments so that a state can be carried on."""

from collections.abc import Iterator

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.operators import operand
from tinygrad_rnn.errors import DataError
from tinygrad_rnn.guards.arguments import check_count
from tinygrad_rnn.guards.boundary import public


@public
def columns(stream: Array, batch: int) -> Array:
    """A stream (N, ...) cut into `batch` pieces that lie side by side: (N // batch, batch, ...).

    Column b is the b-th piece, unbroken, so row t follows row t - 1 in every column; the N % batch
    last entries are
    left out.  Raises DataError if the stream is shorter than the batch.
    """
    stream, batch = _steps(stream), check_count(batch, "batch")
    T = len(stream) // batch
    if T == 0:
        raise DataError(
            f"the stream has {len(stream)} entries; a batch of {batch} needs at least {batch}."
        )
    pieces = stream[: T * batch].reshape(batch, T, *stream.shape[1:])
    return np.ascontiguousarray(pieces.swapaxes(0, 1))


@public
def segments(columns: Array, steps: int) -> Iterator[tuple[Array, Array]]:
    """(xs, targets), (steps, B, ...) each, segment by segment; targets follow each entry.

    The state at the end of a segment is the state to begin the next with. A rest shorter than
    `steps` is left out. Raises DataError if there is not one segment.
    """
    columns = _steps(columns)
    count = (len(columns) - 1) // check_count(steps, "steps")
    if count < 1:
        raise DataError(
            f"{len(columns)} rows do not hold a segment of {steps} steps and what follows it."
        )
    return (
        (columns[i : i + steps], columns[i + 1 : i + steps + 1])
        for i in range(0, count * steps, steps)
    )


def _steps(stream: Array) -> Array:
    """The stream as an array with an axis of time."""
    found: Array = operand(stream, "the stream")
    if not found.ndim:
        raise DataError(f"a stream is (N, ...), one entry after the other, not {stream!r:.60}.")
    return found
