"""The one walk over the graph, from results to leaves: each Tensor once, latest first.

Whoever needs gradients reads what `pullback` yields: `backward` stores, `grad` selects,
`gradient_flow` measures, the pictures paint.  A heap of what has been reached, latest first, is all
that the walk has to remember, because an operand is older than its result.
"""

from collections.abc import Collection, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any, Protocol

from tinygrad_rnn._typing import Args, Array
from tinygrad_rnn.core.calls import no_derivative
from tinygrad_rnn.core.graph import Recorded, T
from tinygrad_rnn.core.mode import watching
from tinygrad_rnn.core.structural import fit, wrong
from tinygrad_rnn.core.tables import VJP, Together
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.guards.fingerprints import check, walked


class Cut(Protocol):
    """What takes out of a share what is dead in it; see `core/careful.py`."""

    def share(self, tensor: Recorded, argnum: int, g: Array, share: Array, operands: Args) -> Array:
        """The share that goes on instead of the one that the rule gave."""


def pullback(
    seeds: Mapping[T, Array],
    *,
    stop: Collection[T] = (),
    skip: Collection[T] = (),
    differentiable: bool = False,
    careful: Cut | None = None,
) -> Iterator[tuple[T, Array, list[Any]]]:
    """Carry the cotangents `seeds` (Tensor -> array of its shape) back to all that they depend on.

    Yields, for each Tensor reached, `(tensor, g, shares)`: its complete cotangent g, the sum of all
    that arrived, and the share of g that it sends on, `shares[i]` to its operand
    `tensor.args[tensor.argnums[i]]`.

    stop            Tensors the walk does not pass through (their g is yielded; seeds are passed)
    skip            operands for which no share is computed (`None` stands in `shares`)
    differentiable  run the rules on Tensors, so that cotangents are themselves recorded
    careful         what was cut off gets 0 whatever the slope; see `carefully`
    """
    watch, walk = watching(), object()
    cotangents = dict(seeds)
    frontier = [(-tensor.serial, tensor) for tensor in cotangents]
    frontier.sort()
    while frontier:
        tensor = heappop(frontier)[1]
        g = cotangents.pop(tensor)
        argnums = tensor.argnums
        if watch is not None:
            watch.visited(tensor)
        marks = tensor.marks
        if marks is not None and (isinstance(marks, tuple) or marks.print is not None):
            check(tensor, walk)
        if not argnums or (tensor in stop and tensor not in seeds):
            yield tensor, g, []
            continue
        rules, args, primals, kwargs = VJP[tensor.fun], tensor.args, tensor.primals, tensor.kwargs
        y, operands = recorded_operands(tensor) if differentiable else (tensor._data, primals)
        at_once = None
        if type(rules) is Together:
            wanted = [i for i in argnums if args[i] not in skip]
            rule_of_all = rules.rule if careful is None else rules.careful
            at_once = iter(rule_of_all(wanted, g, y, *operands, **kwargs or {}))
        shares: list[Any] = []
        for i in argnums:
            parent, primal = args[i], primals[i]
            if parent in skip:
                shares.append(None)
                continue
            if at_once is not None:
                share = next(at_once)
            elif (rule := rules[i]) is None:
                raise no_derivative(tensor.fun, i)
            else:
                share = rule(g, y, *operands) if kwargs is None else rule(g, y, *operands, **kwargs)
            if watch is not None:
                watch.shared(tensor, i, g, share)
            if careful is not None:
                share = careful.share(tensor, i, g, share, operands)
            try:
                if share.shape != primal.shape or share.dtype is not primal.dtype:
                    share = fit(share, primal, tensor.fun, i)
            except AttributeError:
                kind = type(share).__name__
                what = f"a share of shape (), a {kind}; the argument has shape {primal.shape}"
                raise wrong(tensor.fun, i, what) from None
            shares.append(share)
            if parent in cotangents:  # added out of place: a share may be an alias
                cotangents[parent] = cotangents[parent] + share
            else:
                cotangents[parent] = share
                heappush(frontier, (-parent.serial, parent))
        yield tensor, g, shares
    walked()


def recorded_operands(tensor: Recorded) -> tuple[Recorded, Args]:
    """The result and its operands as Tensors, which must still hold the values recorded."""
    operands = list(tensor.primals)
    for i in tensor.argnums:
        operands[i] = tensor.args[i]
        if operands[i]._data is not tensor.primals[i]:
            raise GradientError(
                f"argument {i} of {name_of(tensor.fun)} was given new data after the graph was "
                "recorded, so a derivative of the derivative would mix old and new values. "
                "Run the forward pass again, or do not set create_graph."
            )
    return tensor, tuple(operands)
