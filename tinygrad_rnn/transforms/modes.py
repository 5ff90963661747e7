"""One walk through a recorded graph: backward from cotangents, or forward from tangents.

With `create_graph` the result is recorded: a Tensor where it depends on one, an array where it is constant.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from tinygrad_rnn.core.backward import pullback, recorded_operands
from tinygrad_rnn.core.careful import Careful, carefully
from tinygrad_rnn.core.forward import pushforward
from tinygrad_rnn.core.graph import ancestors, aside
from tinygrad_rnn.core.mode import current, grad_mode
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.recording import record
from tinygrad_rnn.core.structural import fit
from tinygrad_rnn.core.tables import BILINEAR, JVP, LINEAR, VJP, Together, jvp_rule
from tinygrad_rnn.core.tensor import Tensor, seed
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of

Array = Any


def differentiate(
    y: Tensor, xs: Sequence[Tensor], g: Any = None, create_graph: bool = False
) -> list[Any]:
    """dy/dx for each x, weighted by the cotangent g of y; None where y does not depend on x."""
    return backward({y: g if isinstance(g, Tensor) else seed(y, g)}, xs, create_graph)


def backward(
    seeds: Mapping[Tensor, Array],
    xs: Sequence[Tensor],
    create_graph: bool = False,
    skip: Collection[Tensor] = (),
) -> list[Any]:
    """What the cotangents of some results sum up to at each x; None where nothing arrives; see `pullback`."""
    wanted = set(xs)
    if not create_graph:
        seeds = {y: value(g) for y, g in seeds.items()}
    with grad_mode(create_graph or current()):
        found = carefully(
            seeds,
            lambda careful: {
                t: c
                for t, c, _ in pullback(
                    seeds, skip=skip, differentiable=create_graph, careful=careful
                )
                if t in wanted
            },
        )
    # Cotangents may be views of each other or of a seed: whoever gets them may write to them.
    return [c if c is None or isinstance(c, Tensor) else np.array(c) for c in map(found.get, xs)]


def forward(
    tangents: Mapping[Tensor, Array], ys: Sequence[Tensor], create_graph: bool = False
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
    return [
        dy if dy is None or isinstance(dy, Tensor) else np.array(dy) for dy in map(found.get, ys)
    ]


class _Push:
    """What the tangents of the operands make of a result's: the sum of J_i dx_i, J_i the Jacobian by operand i."""

    careful: Careful | None = None

    def __init__(self, create_graph: bool):
        self.create_graph = create_graph

    def __call__(self, tensor: Tensor, dxs: dict[int, Array]) -> Array:
        fun: Any = tensor.fun
        if self.careful is None and fun in LINEAR and isinstance(VJP[fun], Together):
            zeros_or_dx = (
                dxs[i] if i in dxs else np.zeros_like(p) for i, p in enumerate(tensor.primals)
            )
            return fun(
                *zeros_or_dx, **tensor.kwargs or {}
            )  # one call for all operands, linear in their number
        return reduce(add, [self._one(tensor, i, dx) for i, dx in dxs.items()])

    def _one(self, tensor: Tensor, argnum: int, dx: Array) -> Array:
        y, operands = (
            recorded_operands(tensor) if self.create_graph else (tensor._data, tensor.primals)
        )
        dy = _tangent(tensor, argnum, dx, y, operands, self.create_graph)
        careful = self.careful
        if careful is None:
            return dy

        def run(dx: Array, point: Any) -> Array:
            if point is None:
                return _tangent(tensor, argnum, dx, tensor._data, tensor.primals, False)
            if tensor.fun in BILINEAR:  # whose rules do not read y
                return _tangent(tensor, argnum, dx, tensor._data, tuple(point), self.create_graph)
            with grad_mode(True):
                at = record(tensor.fun, tuple(map(_variable, point)), tensor.kwargs)
            return _tangent(at, argnum, dx, at._data, at.primals, False)

        dy, alive = careful.cut(
            tensor, argnum, dx, careful.live.get(tensor.args[argnum]), dy, operands, run
        )
        careful.merge(tensor, alive)
        return dy


def _variable(x: Any) -> Any:
    """An operand of an operation that is tried at another point."""
    return Tensor(x, requires_grad=True) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def _tangent(
    tensor: Tensor, argnum: int, dx: Array, y: Array, operands: tuple[Any, ...], create_graph: bool
) -> Array:
    """J dx, where J is the Jacobian of one operation by one argument."""
    fun: Any = tensor.fun
    shape, dtype = tensor.shape, tensor.dtype
    rule = jvp_rule(fun, argnum)
    if rule is None:
        return _transposed(tensor, argnum, dx, y, operands, create_graph)
    dy = rule(dx, y, *operands, **tensor.kwargs or {})
    dy = dy if isinstance(dy, Tensor) else np.asarray(dy)
    try:
        dy = dy if dy.shape == shape else np.broadcast_to(dy, shape)
    except ValueError:
        raise GradientError(
            f"the forward rule of {name_of(fun)} for argument {argnum} returned a tangent of shape {dy.shape}; "
            f"the result has shape {shape}. Fix the rule given to {'defjvp' if fun in JVP else 'defvjp'}."
        ) from None
    return dy if dy.dtype == dtype else dy.astype(dtype)


def _transposed(
    tensor: Tensor, argnum: int, dx: Array, y: Array, operands: tuple[Any, ...], create_graph: bool
) -> Array:
    """The reverse rule g -> g J is linear in g: its own derivative by g, weighted by dx, is J dx."""
    fun: Any = tensor.fun
    rule: Any = VJP[fun][argnum]
    with grad_mode(True):
        g = Tensor(np.ones_like(tensor._data), requires_grad=True)
        share = rule(g, y, *operands, **tensor.kwargs or {})
        if not (isinstance(share, Tensor) and share.requires_grad):
            return np.zeros_like(tensor._data)
        share = fit(share, tensor.primals[argnum], fun, argnum)
    skip = aside(
        ancestors([share], stop={tensor, *(a for a in tensor.args if isinstance(a, Tensor))}), [g]
    )
    (dy,) = backward({share: dx}, [g], create_graph, skip)
    return np.zeros_like(tensor._data) if dy is None else dy
