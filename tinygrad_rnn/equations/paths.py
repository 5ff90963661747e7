"""000 backpropagation paths: one path at a time, their sum, and what the text gets wrong.

The loss is that of the last step alone, 1/2 (yhat - target)^2. o_t is h_t, yhat is y_T and w3 is
W_hy; w2, w1, w are the copies of W_xh, W_hh or b_h that the steps T, T - 1, T - 2 use.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.equations.bptt import ETA
from tinygrad_rnn.equations.by_hand import ByHand
from tinygrad_rnn.equations.check import CENTRAL, Check, agrees, central_difference, differs, falls
from tinygrad_rnn.equations.recorded import Recorded
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error

TIED = ("W_xh", "W_hh", "b_h")  # one weight each, used T times
COPIES = (
    "w2",
    "w1",
    "w",
)  # the text's names for the uses at T, T - 1, T - 2; it goes no further back


def path(net: ByHand, name: str, t: int, slope: Array | None = None) -> Array:
    """The path through o_t: dL/dyhat . dyhat/do_T . do_T/do_(T-1) ... do_(t+1)/do_t . do_t/dw.

    slope: dL/dyhat, (O,); yhat - target if left out.
    """
    T = net.T
    arriving = (net.error(T) if slope is None else slope) @ net.dg(T) @ net.W_hy
    for j in range(T, t, -1):
        arriving = arriving @ net.J(j)
    return net.contribution(name, t, lambda _: arriving)


def gradient(net: ByHand, name: str, slope: Array | None = None) -> Array:
    """dL/dw with w used at every step: the sum of all paths."""
    total: Array = sum(net.each(lambda t: path(net, name, t, slope)))
    return total


def untied(net: ByHand) -> dict[str, list[Array]]:
    """The library's gradients, in columns, of each step's own copies: {name: [step 1, ...]}."""
    copies = {
        name: [Tensor(getattr(net, name).T, requires_grad=True) for _ in net.xs] for name in TIED
    }
    h: Any = net.h0  # then a Tensor
    for t in range(net.T):
        h = np.tanh(net.xs[t] @ copies["W_xh"][t] + h @ copies["W_hh"][t] + copies["b_h"][t])
    half_squared_error(h @ net.W_hy.T + net.b_y, net.target(net.T)).backward()
    return {name: [copy.grad.T for copy in copies[name]] for name in TIED}


def output_weight(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """Steps 1 and 2: dL/dyhat, dL/dw3 and the update of w3."""
    T, u = net.T, rec.unrolled
    (recorded,) = gradient_flow(u.losses[-1:], u.outputs[-1:]).direct
    yield agrees("000 1", "dL/dyhat = yhat - target, flow over yhat", net.error(T), recorded)
    w3 = net.contribution("W_hy", T)
    yield agrees("000 2", "dL/dw3 = dL/dyhat . dyhat/dw3, backward", w3, rec.gradient("W_hy"))
    rec.update(ETA, "W_hy")
    yield agrees(
        "000 2", "w3 updated, backward", net.W_hy - ETA * w3, rec.parameters["W_hy"].data.T
    )
    yield falls("000 2", "L falls when w3 is updated", net.L_t(T), rec.forward().losses[-1].item())


def one_path(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """Steps 3 and 4: a path is what its step contributes, and all that an untied copy gets."""
    copies = untied(net)
    for name in TIED:
        for t in range(net.T, 0, -1):
            by_hand, back = path(net, name, t), net.T - t
            which = COPIES[back] if back < len(COPIES) else "left out"
            step = f"000 {3 if back == 0 else 4}, {which}"
            yield agrees(
                step,
                f"{name}: path through o_{t}, contribution",
                by_hand,
                rec.contribution(name, t),
            )
            yield agrees(
                step, f"{name}: path through o_{t}, untied copy", by_hand, copies[name][t - 1]
            )


def all_paths(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """Step 4, summed: the gradient of a weight that every step uses, and its update."""
    for name in TIED:
        summed = gradient(net, name)
        yield agrees("000 4, sum", f"{name}: all paths, backward", summed, rec.gradient(name))
        numeric = central_difference(partial(_last_loss, net, name), getattr(net, name))
        yield agrees(
            "000 4, sum", f"{name}: all paths, central differences", summed, numeric, CENTRAL
        )
    updated = net.changed(**{name: getattr(net, name) - ETA * gradient(net, name) for name in TIED})
    rec.update(ETA, *TIED)
    for name in TIED:
        yield agrees(
            "000 4, sum",
            f"{name} updated, backward",
            getattr(updated, name),
            rec.parameters[name].data.T,
        )
    yield falls(
        "000 5",
        "L falls when the tied weights are updated",
        net.L_t(net.T),
        rec.forward().losses[-1].item(),
    )


def _last_loss(net: ByHand, name: str, value: Array) -> float:
    return net.changed(**{name: value}).L_t(net.T)


def path_for_gradient(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """Steps 3 and 4 print one path each; the gradient is the sum.  With T = 4, o_1 is missing."""
    right = rec.gradient("W_xh")
    for t in range(net.T, 0, -1):
        yield differs(
            "000 3, 4", f"W_xh: the path through o_{t} alone, backward", path(net, "W_xh", t), right
        )
    printed = sum(path(net, "W_xh", t) for t in range(net.T, 0, -1)[: len(COPIES)])
    if len(COPIES) < net.T:
        yield differs("000 4", "W_xh: the sum without o_1, backward", printed, right)


def difference_as_loss(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """yhat - y as a loss: its slope is 1 however wrong yhat is, and it falls for ever."""
    plain = Recorded(net, loss=lambda y, target: np.sum(y - target), of_last=True)
    printed = gradient(net, "W_xh", slope=np.ones(1))
    yield agrees("000 1", "loss yhat - y: dL/dW_xh, backward", printed, plain.gradient("W_xh"))
    yield differs(
        "000 1", "dL/dW_xh of yhat - y, of its half square", printed, rec.gradient("W_xh")
    )
    far = net.changed(b_y=net.b_y - 1000.0)  # past every target
    yield falls(
        "000 1", "yhat - y has no minimum: it falls below 0", 0.0, float(far.error(net.T)[0])
    )


def updating_copies(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """w1 = w2 = w3 = w4: copies updated apart are tied no more, and w3 has another shape."""
    first, last = (
        net.W_xh - ETA * copy for copy in (path(net, "W_xh", 1), path(net, "W_xh", net.T))
    )
    yield differs("000 4", "W_xh at t = 1 and t = T, each after its own path", first, last)
    yield differs(
        "000 4", "shape of w3 = W_hy, of the recurrent W_hh", net.W_hy.shape, net.W_hh.shape
    )


EQUATIONS = (
    output_weight,
    one_path,
    all_paths,
    path_for_gradient,
    difference_as_loss,
    updating_copies,
)
