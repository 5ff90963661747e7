"""The one walk over the graph, in its two directions.

`pullback` goes from the outputs to the leaves, each Tensor once, latest first.  Whoever needs gradients
reads what it yields: `backward` stores, `grad` selects, `gradient_flow` measures, the pictures paint.
`pushforward` goes the other way, oldest first, for `jvp`.

Tensors are numbered as they are made and an operand is older than its result, so birth order is
topological order: a heap of what has been reached, latest first, is all the walk has to remember.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any, Protocol

from tinygrad_rnn.core.careful import Careful, all_finite, known_where_it_counts, quiet
from tinygrad_rnn.core.mode import current
from tinygrad_rnn.core.structural import fit, wrong
from tinygrad_rnn.core.tables import BILINEAR, VJP, Function, Together, no_derivative
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.guards.fingerprints import check, walked

Array = Any


class Recorded(Protocol):
    """What the walk reads of a Tensor: its value and the application that made it."""

    _data: Any
    serial: int
    fun: Function | None
    args: tuple[Any, ...]
    primals: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    argnums: tuple[int, ...]
    marks: Any


Visit = tuple[Any, Array, list[Array]]


def pullback(
    seeds: Mapping[Any, Array],
    *,
    stop: Collection[Any] = (),
    skip: Collection[Any] = (),
    differentiable: bool = False,
    careful: Careful | None = None,
) -> Iterator[Visit]:
    """Carry the cotangents `seeds` (Tensor -> array of its shape) back to everything they depend on.

    Yields, for each Tensor reached, `(tensor, g, shares)`: its complete cotangent g, the sum of all that
    arrived, and the share of g it sends on, `shares[i]` to its operand `tensor.args[tensor.argnums[i]]`.

    stop            Tensors the walk does not pass through (their g is yielded; as seeds they are passed)
    skip            operands for which no share is computed (`None` stands in `shares`)
    differentiable  run the rules on Tensors, so that cotangents are themselves recorded
    careful         what was cut off gets 0 whatever the slope; see `carefully`
    """
    watch, walk = _watch(), object()
    looked_at = watch is not None or careful is not None
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
        if marks is not None and (type(marks) is tuple or marks.print is not None):
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
        shares: list[Array] = []
        for i in argnums:
            parent, primal = args[i], primals[i]
            if parent in skip:
                shares.append(None)
                continue
            if at_once is None:
                rule = rules[i]
                if rule is None:
                    raise no_derivative(tensor.fun or repr, i)
                share = rule(g, y, *operands) if kwargs is None else rule(g, y, *operands, **kwargs)
            else:
                share = next(at_once)
            if looked_at:
                if watch is not None:
                    watch.shared(tensor, i, g, share)
                if careful is not None:
                    share = _cut(careful, tensor, i, g, share, operands)
            try:
                if share.shape != primal.shape or share.dtype is not primal.dtype:
                    share = fit(share, primal, tensor, i)
            except AttributeError:
                what = f"a share of shape (), a {type(share).__name__}; the argument has shape {primal.shape}"
                raise wrong(tensor, i, what) from None
            shares.append(share)
            if parent in cotangents:
                cotangents[parent] = (
                    cotangents[parent] + share
                )  # out of place: a share may be an alias
            else:
                cotangents[parent] = share
                heappush(frontier, (-parent.serial, parent))
        yield tensor, g, shares
    walked()


def _cut(
    careful: Careful,
    tensor: Recorded,
    argnum: int,
    g: Array,
    share: Array,
    operands: tuple[Any, ...],
) -> Array:
    """The share without what is dead in it; what is live is noted for the operand."""
    fun: Any = tensor.fun
    rules: Any = VJP[fun]
    rule = rules[argnum]
    kwargs = tensor.kwargs or {}

    def run(g: Array, point: Any) -> Array:
        if point is None:
            return rule(g, tensor._data, *tensor.primals, **kwargs)
        return rule(g, None if fun in BILINEAR else fun(*point, **kwargs), *point, **kwargs)

    def run_all(g: Array) -> dict[int, Array]:
        argnums = tensor.argnums
        return dict(
            zip(
                argnums,
                rules.rule(argnums, g, tensor._data, *tensor.primals, **kwargs),
                strict=True,
            )
        )

    together = run_all if type(rules) is Together else None
    share, alive = careful.cut(
        tensor, argnum, g, careful.live.get(tensor), share, operands, run, together
    )
    primal, parent = tensor.primals[argnum], tensor.args[argnum]
    careful.merge(
        parent,
        alive if alive is None else fit(alive.astype(primal.dtype), primal, tensor, argnum) != 0,
    )
    return share


def carefully(
    seeds: Mapping[Any, Array],
    walk: Callable[[Careful | None], dict[Any, Array]],
    stop: Collection[Any] = (),
) -> dict[Any, Array]:
    """What a walk from the seeds finds; a careful one where that is not finite and what is differentiated not NaN.

    walk  runs `pullback`, with the `careful` it is given, and returns the cotangents that matter
    """
    with quiet():
        found = walk(None)
        if all_finite(found.values()) or not known_where_it_counts(seeds):
            return found
        return walk(Careful(seeds, ancestors(seeds, stop=set(stop) - seeds.keys())))


def pushforward(
    tangents: Mapping[Any, Array],
    outputs: Iterable[Any],
    push: Callable[[Any, dict[int, Array]], Array],
) -> dict[Any, Array]:
    """Carry `tangents` (Tensor -> array of its shape) forward to everything the outputs were computed from.

    `push(tensor, dxs)` is the tangent of a Tensor whose operands `tensor.args[i]` have the tangents `dxs[i]`.  Returns
    the tangents of all Tensors reached; what is missing does not depend on the given ones.
    """
    watch, walk = _watch(), object()
    found = dict(tangents)
    for tensor in ancestors(outputs, stop=tangents):
        moving = (
            [] if tensor in tangents else [i for i in tensor.argnums if tensor.args[i] in found]
        )
        if moving:
            if watch is not None:
                watch.visited(tensor)
            if tensor.marks is not None:
                check(tensor, walk)
            found[tensor] = push(tensor, {i: found[tensor.args[i]] for i in moving})
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
            (leading if any(tensor.args[i] in leading for i in tensor.argnums) else rest).add(
                tensor
            )
    return rest


def recorded_operands(tensor: Recorded) -> tuple[Any, tuple[Any, ...]]:
    """The result and what it was computed from as Tensors; these must still hold the values that were recorded."""
    for i in tensor.argnums:
        if tensor.args[i]._data is not tensor.primals[i]:
            raise GradientError(
                f"argument {i} of {name_of(tensor.fun or repr)} was given new data after the graph was recorded, "
                "so a derivative of the derivative would mix old and new values. "
                "Run the forward pass again, or do not set create_graph."
            )
    if len(tensor.argnums) == len(tensor.args):
        return tensor, tensor.args
    operands = list(tensor.primals)
    for i in tensor.argnums:
        operands[i] = tensor.args[i]
    return tensor, tuple(operands)


def _watch() -> Any:
    """Who watches under debug(), or None."""
    mode = current()
    return None if isinstance(mode, bool) else mode
