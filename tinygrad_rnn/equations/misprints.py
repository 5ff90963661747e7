"""Where the 002 BPTT equations are wrong: each formula as printed, and by how much it misses."""

from collections.abc import Iterator

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.equations.bptt import ETA, SECTIONS
from tinygrad_rnn.equations.by_hand import ByHand
from tinygrad_rnn.equations.check import CENTRAL, Check, agrees, central_difference, differs
from tinygrad_rnn.equations.recorded import Recorded
from tinygrad_rnn.functional import half_squared_error, mean_squared_error, softmax

# -- the formulas as printed -----------------------------------------------------------------------


def gradient(net: ByHand, name: str) -> Array:
    """3.2 to 3.4, 4.1 to 4.3: the direct term (3.2) for the total, truncated BPTT of window 1."""
    return net.gradient(name, net.direct)


def totals_in_the_sum(net: ByHand, t: int) -> Array:
    """(3.1) with totals in the sum, too: later paths count more than once.  (H,)."""
    return net.direct(t) + sum(net.dh(k, t).T @ net.total(k) for k in range(t + 1, net.T + 1))


def ascending_product(net: ByHand, t: int) -> Array:
    """(3.1) with the product of (3.3) written from left to right as j ascends from t + 1.  (H,)."""
    total = net.direct(t)
    for k in range(t + 1, net.T + 1):
        product = np.eye(len(net.b_h))
        for j in range(t + 1, k + 1):
            product = product @ net.J(j)
        total = total + product.T @ net.direct(k)
    return total


def scaled_columns(net: ByHand, t: int) -> Array:
    """(3.1) with f' . W_hh as `fprime * W_hh`, which scales columns instead of rows.  (H,)."""
    if t == net.T:
        return net.direct(t)
    later: Array = (net.slope(t + 1) * net.W_hh).T @ scaled_columns(net, t + 1)
    return net.direct(t) + later


def mixed_conventions(net: ByHand, t: int) -> Array:
    """(3.1) on the column gradients of 3.2 to 3.4: there J must be transposed.  (H,)."""
    return net.direct(t) + sum(net.dh(k, t) @ net.direct(k) for k in range(t + 1, net.T + 1))


def softmax_elementwise(y: Array, target: Array) -> Array:
    """(3.2) before W_hy with softmax's g' as y (1 - y), the diagonal of its Jacobian.  (O,)."""
    slope: Array = y * (1 - y)
    return (y - target) * slope


def softmax_jacobian(y: Array, target: Array) -> Array:
    """What is right: the full Jacobian diag(y) - y y^T.  (O,)."""
    jacobian: Array = np.diag(y) - np.outer(y, y)
    return (y - target) @ jacobian


# -- the checks ------------------------------------------------------------------------------------


def direct_for_total(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """3.2 to 3.4, 4.1 to 4.3."""
    truncated = rec.flow.truncated(1)
    for name in ("W_xh", "W_hh", "b_h"):
        section, step = (f"002 {number}" for number in SECTIONS[name])
        printed, right = gradient(net, name), rec.gradient(name)
        yield agrees(
            section, f"dL/d{name} as printed is truncated(1)", printed, truncated.gradients[name].T
        )
        yield differs(section, f"dL/d{name} as printed (direct), backward", printed, right)
        relative = np.linalg.norm(printed - right) / np.linalg.norm(right)
        yield agrees(
            section,
            f"relative error of {name}, truncated(1)",
            relative,
            truncated.relative_error[name],
        )
        updated, wanted = net.updated(ETA, name, signal=net.direct), net.updated(ETA, name)
        yield differs(
            step,
            f"{name} after the update as printed",
            getattr(updated, name),
            getattr(wanted, name),
        )


def reading_of_the_sum(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """(3.1), (3.3) and f' . W_hh, by what they make of dL/dh_1."""
    right = rec.flow.total[0]
    yield differs(
        "002 (3.1)", "dL/dh_1 with totals in the sum, flow.total", totals_in_the_sum(net, 1), right
    )
    yield differs(
        "002 (3.3)", "dL/dh_1, product ascending, flow.total", ascending_product(net, 1), right
    )
    yield differs("002 3.1.2", "dL/dh_1, fprime * W_hh, flow.total", scaled_columns(net, 1), right)
    yield differs(
        "002 (3.1)", "dL/dh_1, J on columns, flow.total", mixed_conventions(net, 1), right
    )


def softmax_slope(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """(3.2) with g = softmax, at z = [1, 2, 1/2] and the second class as target."""
    z, target = np.array([1.0, 2.0, 0.5]), np.array([0.0, 1.0, 0.0])
    leaf = Tensor(z, requires_grad=True)
    half_squared_error(softmax(leaf), target).backward()
    y = np.exp(z) / np.sum(np.exp(z))
    jacobian = softmax_jacobian(y, target)
    yield agrees("002 (3.2)", "softmax, full Jacobian, backward", jacobian, leaf.grad)
    numeric = central_difference(
        lambda z: float(0.5 * np.sum((np.exp(z) / np.sum(np.exp(z)) - target) ** 2)), z
    )
    yield agrees(
        "002 (3.2)", "softmax, full Jacobian, central differences", jacobian, numeric, CENTRAL
    )
    yield differs(
        "002 (3.2)", "softmax, g' elementwise, backward", softmax_elementwise(y, target), leaf.grad
    )


def left_out(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """W_hy and b_y are not updated; 1/2 (y - yhat)^2 is no mean; yhat is not the prediction."""
    three = net.updated(ETA, "W_xh", "W_hh", "b_h").L()
    five = net.updated(ETA, *SECTIONS).L()
    yield differs("002 (4)", "L after updating three parameters, all five", three, five)
    mean = rec.forward(loss=mean_squared_error).loss.data
    yield differs(
        "002 3.1.1", "L with the mean of (y - target)^2, with 1/2", mean, rec.unrolled.loss.data
    )
    swapped = -net.error(1) @ net.dg(1) @ net.W_hy
    yield differs("002 (3.2)", "dL_1/dh_1 with yhat as the prediction", swapped, rec.flow.direct[0])


EQUATIONS = (direct_for_total, reading_of_the_sum, softmax_slope, left_out)
