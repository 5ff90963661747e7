"""The walk in the other direction, from leaves to results: forward mode."""

from collections.abc import Callable, Iterable, Mapping

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.graph import T, ancestors
from tinygrad_rnn.core.mode import watching
from tinygrad_rnn.guards.fingerprints import check


def pushforward(
    tangents: Mapping[T, Array],
    outputs: Iterable[T],
    push: Callable[[T, dict[int, Array]], Array],
) -> dict[T, Array]:
    """Carry `tangents` (Tensor -> array of its shape) forward to what the outputs came from.

    `push(tensor, dxs)` is the tangent of a Tensor whose operands `tensor.args[i]` have the tangents
    `dxs[i]`.  Returns the tangents of all Tensors reached; one that is missing depends on none of
    the given.
    """
    watch, walk = watching(), object()
    found = dict(tangents)
    for tensor in ancestors(outputs, stop=tangents):
        if tensor in tangents:
            continue
        dxs = {i: found[tensor.args[i]] for i in tensor.argnums if tensor.args[i] in found}
        if dxs:
            if watch is not None:
                watch.visited(tensor)
            if tensor.marks is not None:
                check(tensor, walk)
            found[tensor] = push(tensor, dxs)
    return found
