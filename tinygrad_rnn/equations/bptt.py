"""002 BPTT equations: each formula by hand against the library."""

from collections.abc import Iterator
from functools import partial

from tinygrad_rnn.equations.by_hand import PARAMETERS, ByHand
from tinygrad_rnn.equations.check import CENTRAL, Check, agrees, central_difference, falls
from tinygrad_rnn.equations.recorded import Recorded
from tinygrad_rnn.flow.terms import gradient_flow

ETA = 0.01  # the learning rate of the updates
SECTIONS = {
    "W_xh": ("3.2", "4.1"),
    "W_hh": ("3.3", "4.2"),
    "b_h": ("3.4", "4.3"),
    "W_hy": ("3.5", "4.4"),  # 3.5 and 4.4 are ours: the text has none
    "b_y": ("3.5", "4.4"),
}


def forward(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """(1.1), (1.2), (2.1)."""
    u = rec.unrolled
    yield agrees("002 (1.1)", "h_t by hand, unroll", net.each(net.h), [h.data for h in u.hidden])
    yield agrees("002 (1.2)", "y_t by hand, unroll", net.each(net.y), [y.data for y in u.outputs])
    yield agrees("002 3.1.1", "L_t by hand, unroll", net.each(net.L_t), [L.data for L in u.losses])
    yield agrees("002 (2.1)", "L by hand, unroll", net.L(), u.loss.data)


def direct_term(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """3.1.1: dL_t/dy_t, dy_t/dh_t, and their product (3.2)."""
    u, flow = rec.unrolled, rec.flow
    errors = gradient_flow(u.losses, u.outputs).direct
    yield agrees(
        "002 3.1.1", "dL_t/dy_t = y_t - target_t, flow over y_t", net.each(net.error), errors
    )
    slopes = [
        gradient_flow([None, L], [h, y]).jacobian(2)
        for L, h, y in zip(u.losses, u.hidden, u.outputs, strict=True)
    ]
    yield agrees(
        "002 3.1.1",
        "dy_t/dh_t = g' W_hy, jacobian",
        net.each(lambda t: net.dg(t) @ net.W_hy),
        slopes,
    )
    rows = net.each(lambda t: net.error(t) @ net.dg(t) @ net.W_hy)
    yield agrees("002 (3.2)", "dL_t/dh_t as the text's row, flow.direct", rows, flow.direct)
    terms = net.each(lambda t: flow.term(t, t))
    yield agrees("002 (3.2)", "dL_t/dh_t as a column, term(t, t)", net.each(net.direct), terms)


def jacobians(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """3.1.2: J_j = diag(f') W_hh, and the products (3.3)."""
    flow, pairs = rec.flow, net.pairs()
    steps, recorded = zip(*[(net.J(j), flow.jacobian(j)) for j in range(2, net.T + 1)], strict=True)
    yield agrees("002 3.1.2", "J_j = diag(f'_j) W_hh, jacobian(j)", steps, recorded)
    products = [net.dh(k, t) for k, t in pairs]
    multiplied = [flow.jacobian_product(k, t) for k, t in pairs]
    yield agrees("002 (3.3)", "J_k ... J_(t+1), jacobian_product(k, t)", products, multiplied)
    carried = [flow.jacobian(k, t) for k, t in pairs]
    yield agrees("002 (3.3)", "J_k ... J_(t+1), jacobian(k, t)", products, carried)


def total(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """(3.1), term by term and summed."""
    flow, pairs = rec.flow, net.pairs()
    terms, recorded = zip(*[(net.term(k, t), flow.term(k, t)) for k, t in pairs], strict=True)
    yield agrees("002 (3.1)", "dL_k/dh_k . dh_k/dh_t, term(k, t)", terms, recorded)
    indirect = net.each(lambda t: net.total(t) - net.direct(t))
    yield agrees("002 3.1.2", "the sum over k > t, flow.indirect", indirect, flow.indirect)
    totals = net.each(net.total)
    yield agrees("002 (3.1)", "dL/dh_t, flow.total", totals, flow.total)
    yield agrees(
        "002 (3.1)", "dL/dh_t, recursion lambda_t", totals, net.each(net.total_by_recursion)
    )
    numeric = net.each(lambda t: central_difference(lambda h: net.L_from(t, h), net.h(t)))
    yield agrees("002 (3.1)", "dL/dh_t, central differences", totals, numeric, CENTRAL)


def weights(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """3.2 to 3.4 with the total instead of the direct term, and 3.5."""
    for name, (section, _) in SECTIONS.items():
        yield from _weight(net, rec, name, f"002 {section}")


def _weight(net: ByHand, rec: Recorded, name: str, section: str) -> Iterator[Check]:
    contributions, recorded = (
        net.each(partial(net.contribution, name)),
        net.each(partial(rec.contribution, name)),
    )
    yield agrees(section, f"step t's part of dL/d{name}, contribution", contributions, recorded)
    gradient = net.gradient(name)
    yield agrees(section, f"dL/d{name}, backward", gradient, rec.gradient(name))
    numeric = central_difference(partial(net.L_at, name), getattr(net, name))
    yield agrees(section, f"dL/d{name}, central differences", gradient, numeric, CENTRAL)


def immediate(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """3.2 to 3.4: dh_t/dtheta = f' x_t^T, f' h_(t-1)^T, f', each with h_(t-1) held fixed."""
    for name in ("W_xh", "W_hh", "b_h"):
        by_hand, recorded = (
            net.each(partial(net.immediate, name)),
            net.each(partial(rec.immediate, name)),
        )
        yield agrees(
            f"002 {SECTIONS[name][0]}", f"dh_t/d{name}, one step of the cell", by_hand, recorded
        )


def update(net: ByHand, rec: Recorded) -> Iterator[Check]:
    """(4), 4.1 to 4.4: theta <- theta - eta dL/dtheta; L falls, first at the rate |dL/dtheta|^2."""
    before, after = rec.unrolled.loss.item(), net.updated(ETA, *PARAMETERS)
    slope = central_difference(lambda eta: net.updated(float(eta), *PARAMETERS).L(), 0.0)
    square = sum(float((rec.gradient(name) ** 2).sum()) for name in PARAMETERS)
    yield agrees(
        "002 (4)",
        "dL/d(eta) = -|dL/dtheta|^2, central differences",
        -slope,
        square,
        CENTRAL * square,
    )
    rec.update(ETA, *PARAMETERS)
    for name, (_, section) in SECTIONS.items():
        yield agrees(
            f"002 {section}",
            f"{name} after the update",
            getattr(after, name),
            rec.parameters[name].data.T,
        )
    loss = rec.forward().loss.item()
    yield agrees("002 (4)", "L after updating all five by hand, unroll", after.L(), loss)
    yield falls("002 (4)", "L falls when all five are updated", before, loss)


EQUATIONS = (forward, direct_term, jacobians, total, weights, immediate, update)
