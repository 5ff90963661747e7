"""One sweep through a recorded graph: backward from cotangents, or forward from tangents.

With `create_graph` the result is recorded: a Tensor where it depends on one, an array where it is constant.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_rnn.backprop import ancestors, aside, fit, pullback, pushforward, recorded_operands
from tinygrad_rnn.duckarray import value
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.mode import grad_mode, recording
from tinygrad_rnn.primitive import JVP, VJP, jvp_rule, name_of
from tinygrad_rnn.tensor import Tensor, seed

Array = Any


def differentiate(y: Tensor, xs: Sequence[Tensor], g: Any = None, create_graph: bool = False) -> list[Any]:
    """dy/dx for each x, weighted by the cotangent g of y; None where y does not depend on x."""
    return backward({y: g if isinstance(g, Tensor) else seed(y, g)}, xs, create_graph)


def backward(
    seeds: Mapping[Tensor, Array], xs: Sequence[Tensor], create_graph: bool = False, skip: Collection[Tensor] = ()
) -> list[Any]:
    """What the cotangents of some results sum up to at each x; None where nothing arrives; see `pullback`."""
    wanted = set(xs)
    if not create_graph:
        seeds = {y: value(g) for y, g in seeds.items()}
    with grad_mode(create_graph or recording.get()):
        visits = pullback(seeds, skip=skip, differentiable=create_graph)
        found = {t: c for t, c, _ in visits if t in wanted}
    # Cotangents may be views of each other or of a seed: whoever gets them may write to them.
    return [c if c is None or isinstance(c, Tensor) else np.array(c) for c in map(found.get, xs)]


def forward(tangents: Mapping[Tensor, Array], ys: Sequence[Tensor], create_graph: bool = False) -> list[Any]:
    """What the tangents of some Tensors change in each y; None where it does not depend on them."""
    with grad_mode(create_graph or recording.get()):
        found = pushforward(tangents, ys, lambda tensor, i, dx: _push(tensor, i, dx, create_graph))
    return [dy if dy is None or isinstance(dy, Tensor) else np.array(dy) for dy in map(found.get, ys)]


def _push(tensor: Tensor, argnum: int, dx: Array, create_graph: bool) -> Array:
    """J dx, where J is the Jacobian of one operation by one argument."""
    fun: Any = tensor.fun
    shape, dtype = tensor.primal.shape, tensor.primal.dtype
    y, operands = recorded_operands(tensor) if create_graph else (tensor.primal, tensor.primals)
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
            f"the result has shape {shape}. Mend the rule given to {'defjvp' if fun in JVP else 'defvjp'}."
        ) from None
    return dy if dy.dtype == dtype else dy.astype(dtype)


def _transposed(
    tensor: Tensor, argnum: int, dx: Array, y: Array, operands: tuple[Any, ...], create_graph: bool
) -> Array:
    """The reverse rule g -> g J is linear in g: its own derivative by g, weighted by dx, is J dx."""
    fun: Any = tensor.fun
    rule: Any = VJP[fun][argnum]
    with grad_mode(True):
        g = Tensor(np.ones_like(tensor.primal), requires_grad=True)
        share = rule(g, y, *operands, **tensor.kwargs or {})
        if not (isinstance(share, Tensor) and share.requires_grad):
            return np.zeros_like(tensor.primal)
        share = fit(share, tensor.primals[argnum], tensor, argnum)
    skip = aside(ancestors([share], stop={tensor, *(a for a in tensor.args if isinstance(a, Tensor))}), [g])
    (dy,) = backward({share: dx}, [g], create_graph, skip)
    return np.zeros_like(tensor.primal) if dy is None else dy
