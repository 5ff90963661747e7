"""The one walk over the graph, in its two directions.

`pullback` goes from the outputs to the leaves, each Tensor once, latest first.  Whoever needs gradients
reads what it yields: `backward` stores, `grad` selects, `gradient_flow` measures, the pictures paint.
`pushforward` goes the other way, oldest first, for `jvp`.

Tensors are numbered as they are made and an operand is older than its result, so birth order is
topological order: a heap of what has been reached, latest first, is all the walk has to remember.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import reduce
from heapq import heappop, heappush
from operator import add, attrgetter
from typing import Any, Protocol

from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.mode import recording
from tinygrad_rnn.primitive import VJP, Function, name_of, no_derivative
from tinygrad_rnn.rules.shape import astype, unbroadcast

Array = Any


class Recorded(Protocol):
    """What the walk reads of a Tensor: its value and the application that made it."""

    data: Any
    primal: Any
    serial: int
    fun: Function | None
    args: tuple[Any, ...]
    primals: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    argnums: tuple[int, ...]


Visit = tuple[Any, Array, list[Array]]


def pullback(
    seeds: Mapping[Any, Array],
    *,
    stop: Collection[Any] = (),
    skip: Collection[Any] = (),
    differentiable: bool = False,
) -> Iterator[Visit]:
    """Carry the cotangents `seeds` (Tensor -> array of its shape) back to everything they depend on.

    Yields, for each Tensor reached, `(tensor, g, shares)`: its complete cotangent g, the sum of all that
    arrived, and the share of g it sends on, `shares[i]` to its operand `tensor.args[tensor.argnums[i]]`.

    stop            Tensors the walk does not pass through (their g is yielded; as seeds they are passed)
    skip            operands for which no share is computed (`None` stands in `shares`)
    differentiable  run the rules on Tensors, so that cotangents are themselves recorded
    """
    watch = _watch()
    cotangents = dict(seeds)
    frontier = [(-tensor.serial, tensor) for tensor in cotangents]
    frontier.sort()
    while frontier:
        tensor = heappop(frontier)[1]
        g = cotangents.pop(tensor)
        argnums = tensor.argnums
        if not argnums or (tensor in stop and tensor not in seeds):
            yield tensor, g, []
            continue
        if watch is not None:
            watch.visited(tensor)
        rules, args, primals, kwargs = VJP[tensor.fun], tensor.args, tensor.primals, tensor.kwargs
        y, operands = recorded_operands(tensor) if differentiable else (tensor.primal, primals)
        shares: list[Array] = []
        for i in argnums:
            parent, primal = args[i], primals[i]
            if parent in skip:
                shares.append(None)
                continue
            rule = rules[i]
            if rule is None:
                raise no_derivative(tensor.fun or repr, i)
            share = rule(g, y, *operands) if kwargs is None else rule(g, y, *operands, **kwargs)
            if watch is not None:
                watch.shared(tensor, i, g, share)
            try:
                if share.shape != primal.shape or share.dtype is not primal.dtype:
                    share = fit(share, primal, tensor, i)
            except AttributeError:
                what = f"a share of shape (), a {type(share).__name__}; the argument has shape {primal.shape}"
                raise _wrong(tensor, i, what) from None
            shares.append(share)
            if parent in cotangents:
                cotangents[parent] = cotangents[parent] + share  # out of place: a share may be an alias
            else:
                cotangents[parent] = share
                heappush(frontier, (-parent.serial, parent))
        yield tensor, g, shares


def pushforward(
    tangents: Mapping[Any, Array], outputs: Iterable[Any], push: Callable[[Any, int, Array], Array]
) -> dict[Any, Array]:
    """Carry `tangents` (Tensor -> array of its shape) forward to everything the outputs were computed from.

    `push(tensor, i, dx)` is what the tangent dx of `tensor.args[i]` adds to that of the tensor.  Returns the tangents
    of all Tensors reached; what is missing does not depend on the given ones.
    """
    watch = _watch()
    found = dict(tangents)
    for tensor in ancestors(outputs, stop=tangents):
        moving = [] if tensor in tangents else [i for i in tensor.argnums if tensor.args[i] in found]
        if moving:
            if watch is not None:
                watch.visited(tensor)
            found[tensor] = reduce(add, [push(tensor, i, found[tensor.args[i]]) for i in moving])
    return found


def ancestors(outputs: Iterable[Any], stop: Collection[Any] = ()) -> list[Any]:
    """Every Tensor the outputs were computed from, themselves included, oldest first; no rule is applied.

    Those in `stop` are listed but not looked behind.
    """
    seen = set(outputs)
    stack = list(seen)
    while stack:
        tensor = stack.pop()
        if tensor in stop:
            continue
        for arg in tensor.args:
            if hasattr(arg, "serial") and arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return sorted(seen, key=attrgetter("serial"))


def aside(graph: Iterable[Any], xs: Collection[Any]) -> set[Any]:
    """Those of a graph (as `ancestors` lists it) that depend on no x: `pullback` may skip them on its way to the xs."""
    leading = set(xs)
    rest: set[Any] = set()
    for tensor in graph:
        if tensor not in leading:
            (leading if any(tensor.args[i] in leading for i in tensor.argnums) else rest).add(tensor)
    return rest


def recorded_operands(tensor: Recorded) -> tuple[Any, tuple[Any, ...]]:
    """The result and operands as Tensors; they must still hold the values that were recorded."""
    stale = [f"argument {i}" for i in tensor.argnums if tensor.args[i].data is not tensor.primals[i]]
    if tensor.data is not tensor.primal:
        stale.append("the result")
    if stale:
        raise GradientError(
            f"{stale[0]} of {name_of(tensor.fun or repr)} was given new data after the graph was recorded, "
            "so a derivative of the derivative would mix old and new values. "
            "Run the forward pass again, or do not set create_graph."
        )
    return tensor, tensor.args


def fit(share: Array, primal: Array, tensor: Recorded, argnum: int) -> Array:
    """Sum away broadcast axes and give the share its operand's dtype; anything else is a wrong rule."""
    shape = primal.shape
    extra = share.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, share.shape[extra:], strict=True)):
        raise _wrong(tensor, argnum, f"a share of shape {share.shape}; the argument has shape {shape}")
    if share.shape != shape:
        share = unbroadcast(share, shape)
    return share if share.dtype == primal.dtype else astype(share, primal.dtype)


def _watch() -> Any:
    """Who watches under debug(), or None."""
    mode = recording.get()
    return None if isinstance(mode, bool) else mode


def _wrong(tensor: Recorded, argnum: int, what: str) -> GradientError:
    fun = name_of(tensor.fun or repr)
    return GradientError(f"the rule of {fun} for argument {argnum} returned {what}. Mend the rule given to defvjp.")
