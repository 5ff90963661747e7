"""One walk through a recorded graph: backward from cotangents, or forward from tangents.

With `create_graph` the result is recorded: a Tensor where it depends on one, an array where it is
constant.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Args, Array
from tinygrad_rnn.core.backward import pullback, recorded_operands
from tinygrad_rnn.core.careful import Careful, carefully
from tinygrad_rnn.core.forward import pushforward
from tinygrad_rnn.core.graph import ancestors, aside
from tinygrad_rnn.core.mode import current, grad_mode
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.recording import record
from tinygrad_rnn.core.structural import fit
from tinygrad_rnn.core.tables import BILINEAR, JVP, LINEAR, VJP, Together, jvp_rule
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of


def backward(
    seeds: Mapping[Tensor, Any],
    xs: Sequence[Tensor],
    create_graph: bool = False,
    skip: Collection[Tensor] = (),
) -> list[Any]:
    """What the cotangents of some results sum up to at each x; None where nothing arrives.

    skip  as in `pullback`
    """
    wanted = set(xs)
    if not create_graph:
        seeds = {y: value(g) for y, g in seeds.items()}

    def walk(careful: Careful | None) -> dict[Tensor, Array]:
        visits = pullback(seeds, skip=skip, differentiable=create_graph, careful=careful)
        return {t: c for t, c, _ in visits if t in wanted}

    with grad_mode(create_graph or current()):
        return _owned(carefully(seeds, walk), xs)


def forward(
    tangents: Mapping[Tensor, Any], ys: Sequence[Tensor], create_graph: bool = False
) -> list[Any]:
    """What the tangents of some Tensors change in each y; None where it does not depend on them."""
    if not create_graph:
        tangents = {x: value(dx) for x, dx in tangents.items()}
    push = _Push(create_graph)
    with grad_mode(create_graph or current()), np.errstate(all="ignore"):  # as in a walk back
        found = pushforward(tangents, ys, push)
        changes = [(value(found[y]), y._data) for y in ys if y in found]
        if any(np.any(~np.isfinite(dy) & ~np.isnan(y)) for dy, y in changes):
            push.careful = Careful(tangents, ancestors(ys, stop=tangents))
            found = pushforward(tangents, ys, push)
    return _owned(found, ys)


def _owned(found: Mapping[Tensor, Any], xs: Sequence[Tensor]) -> list[Any]:
    """What was found at each x, as arrays that nobody else has: the one who gets them may write."""
    return [c if c is None or isinstance(c, Tensor) else np.array(c) for c in map(found.get, xs)]


class _Push:
    """The tangent of a result: the sum of J_i dx_i, where J_i is the Jacobian by operand i."""

    careful: Careful | None = None

    def __init__(self, create_graph: bool):
        self.create_graph = create_graph

    def __call__(self, tensor: Tensor, dxs: dict[int, Array]) -> Array:
        fun: Any = tensor.fun
        if self.careful is None and fun in LINEAR and isinstance(VJP[fun], Together):
            # One call for all operands, so that time is linear in their number.
            moved = (dxs[i] if i in dxs else np.zeros_like(p) for i, p in enumerate(tensor.primals))
            dy: Array = fun(*moved, **tensor.kwargs or {})
            return dy
        return reduce(add, [self._one(tensor, i, dx) for i, dx in dxs.items()])

    def _one(self, tensor: Tensor, argnum: int, dx: Array) -> Array:
        y, operands = tensor._data, tensor.primals
        if self.create_graph:
            y, operands = recorded_operands(tensor)
        dy = _tangent(tensor, argnum, dx, y, operands, self.create_graph)
        careful = self.careful
        if careful is None:
            return dy

        def run(dx: Array, point: Sequence[Any] | None) -> Array:
            if point is None:
                return _tangent(tensor, argnum, dx, tensor._data, tensor.primals, False)
            if tensor.fun in BILINEAR:  # whose rules do not read y
                return _tangent(tensor, argnum, dx, tensor._data, tuple(point), self.create_graph)
            with grad_mode(True):
                at = record(tensor.fun, tuple(map(_variable, point)), tensor.kwargs)
            return _tangent(at, argnum, dx, at._data, at.primals, False)

        live = careful.live.get(tensor.args[argnum])
        dy, alive = careful.cut(tensor, argnum, dx, live, dy, operands, run)
        careful.merge(tensor, alive)
        return dy


def _variable(x: Any) -> Any:
    """An operand of an operation that is tried at another point."""
    return Tensor(x, requires_grad=True) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def _tangent(
    tensor: Tensor, argnum: int, dx: Array, y: Any, operands: Args, create_graph: bool
) -> Array:
    """J dx, where J is the Jacobian of one operation by one argument."""
    fun: Any = tensor.fun
    rule = jvp_rule(fun, argnum)
    if rule is None:
        return _transposed(tensor, argnum, dx, y, operands, create_graph)
    dy: Any = rule(dx, y, *operands, **tensor.kwargs or {})
    dy = dy if isinstance(dy, Tensor) else np.asarray(dy)
    try:
        dy = dy if dy.shape == tensor.shape else np.broadcast_to(dy, tensor.shape)
    except ValueError:
        raise GradientError(
            f"the forward rule of {name_of(fun)} for argument {argnum} returned a tangent of shape "
            f"{dy.shape}; the result has shape {tensor.shape}. Fix the rule given to "
            f"{'defjvp' if fun in JVP else 'defvjp'}."
        ) from None
    found: Array = dy if dy.dtype == tensor.dtype else dy.astype(tensor.dtype)
    return found


def _transposed(
    tensor: Tensor, argnum: int, dx: Array, y: Any, operands: Args, create_graph: bool
) -> Array:
    """The rule g -> g J is linear in g: its own derivative by g, weighted by dx, is J dx."""
    fun: Any = tensor.fun
    rule: Any = VJP[fun][argnum]
    zeros: Array = np.zeros_like(tensor._data)
    with grad_mode(True):
        g = Tensor(np.ones_like(tensor._data), requires_grad=True)
        share = rule(g, y, *operands, **tensor.kwargs or {})
        if not (isinstance(share, Tensor) and share.requires_grad):
            return zeros
        share = fit(share, tensor.primals[argnum], fun, argnum)
    stop = {tensor, *(a for a in tensor.args if isinstance(a, Tensor))}
    (dy,) = backward({share: dx}, [g], create_graph, aside(ancestors([share], stop=stop), [g]))
    return zeros if dy is None else dy
