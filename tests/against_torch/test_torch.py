"""PyTorch as an independent witness, in float64: values and gradients agree to 1e-10 with equal
weights.

Run with `pytest -m torch`; torch is imported by a fixture, so that collecting these tests does not
need it. PyTorch keeps its weights as (gates, inputs), the transpose of ours, and has two biases
where (1.1) and (5.1) have one.
"""

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn.nn import GRUCell, LSTMCell, Readout, RNNCell

pytestmark = pytest.mark.torch

SIZES = [(1, 1, 1, 1), (2, 1, 3, 5), (5, 3, 4, 6), (12, 2, 1, 8), (50, 4, 5, 16)]  # T, B, I, H
sizes = pytest.mark.parametrize(
    ("T", "B", "I", "H"), SIZES, ids=[f"T{T}-B{B}-I{I}-H{H}" for T, B, I, H in SIZES]
)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# -- cells over time -------------------------------------------------------------------------------

CELLS = {
    "RNN tanh": (lambda I, H: RNNCell(I, H, np.tanh, rng=1), "RNN", {"nonlinearity": "tanh"}),
    "RNN relu": (lambda I, H: RNNCell(I, H, fn.relu, rng=1), "RNN", {"nonlinearity": "relu"}),
    "LSTM": (lambda I, H: LSTMCell(I, H, rng=1), "LSTM", {}),
    "GRU": (lambda I, H: GRUCell(I, H, rng=1), "GRU", {}),
}
WEIGHTS = {
    "W_xh": "weight_ih_l0",
    "W_hh": "weight_hh_l0",
    "b_h": "bias_ih_l0",
    "b_xh": "bias_ih_l0",
    "b_hh": "bias_hh_l0",
}


def twin(torch, name, I, H):
    """Our cell and PyTorch's module with the same weights."""
    make, module, options = CELLS[name]
    cell, net = make(I, H), getattr(torch.nn, module)(I, H, dtype=torch.float64, **options)
    with torch.no_grad():
        net.bias_hh_l0.zero_()
        for ours, p in cell.named_parameters():
            getattr(net, WEIGHTS[ours]).copy_(torch.from_numpy(p.data.T))
    return cell, net


@sizes
@pytest.mark.parametrize("name", CELLS)
def test_cells_over_time(torch, agree, name, T, B, I, H):
    cell, net = twin(torch, name, I, H)
    arity = len(cell.states)
    xs, h0 = draw(T, B, I, seed=2), [draw(B, H, seed=3 + n) for n in range(arity)]
    on_states, on_last = (
        draw(T, B, H, seed=5),
        [draw(B, H, seed=6 + n) for n in range(arity)],
    )  # random cotangents

    x, s0 = tg.Tensor(xs, requires_grad=True), [tg.Tensor(a, requires_grad=True) for a in h0]
    u = tg.unroll(cell, x, tuple(s0) if arity > 1 else s0[0])
    last = u.states[-1] if arity > 1 else (u.states[-1],)
    hs = np.stack(u.hidden)
    (
        np.sum(hs * on_states) + sum(np.sum(a * g) for a, g in zip(last, on_last, strict=True))
    ).backward()

    tx = torch.tensor(xs, requires_grad=True)
    ts0 = [torch.tensor(a[None], requires_grad=True) for a in h0]
    ths, tlast = net(tx, tuple(ts0) if arity > 1 else ts0[0])
    tlast = tlast if arity > 1 else (tlast,)
    weighted = sum(
        torch.sum(a[0] * torch.from_numpy(g)) for a, g in zip(tlast, on_last, strict=True)
    )
    (torch.sum(ths * torch.from_numpy(on_states)) + weighted).backward()

    agree("h_t", hs.data, ths)
    agree("dL/dx", x.grad, tx.grad)
    for state, a, ta, b, tb in zip(cell.states, last, tlast, s0, ts0, strict=True):
        agree(f"{state}_T", a.data, ta[0])
        agree(f"dL/d{state}_0", b.grad, tb.grad[0])
    for ours, p in cell.named_parameters():
        agree(f"dL/d{ours}", p.grad.T, getattr(net, WEIGHTS[ours]).grad)


@pytest.mark.parametrize("name", CELLS)
def test_one_row_without_a_batch(torch, agree, name):
    T, I, H = 7, 3, 5
    cell, net = twin(torch, name, I, H)
    xs = draw(T, I, seed=2)
    hs, (ths, _) = np.stack(tg.unroll(cell, xs).hidden), net(torch.tensor(xs))
    np.sum(hs * hs).backward()
    torch.sum(ths * ths).backward()
    agree("h_t", hs.data, ths)
    for ours, p in cell.named_parameters():
        agree(f"dL/d{ours}", p.grad.T, getattr(net, WEIGHTS[ours]).grad)


@pytest.mark.parametrize("name", CELLS)
def test_a_classifier_over_time(torch, agree, name):
    """The total loss (2.1) with a read-out (1.2), as it would be trained."""
    T, B, I, H, O = 9, 3, 4, 6, 5
    cell, net = twin(torch, name, I, H)
    readout, linear = Readout(H, O, rng=8), torch.nn.Linear(H, O, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(readout.W_hy.data.T))
        linear.bias.copy_(torch.from_numpy(readout.b_y.data))
    xs, targets = draw(T, B, I, seed=2), np.random.default_rng(3).integers(0, O, (T, B))
    u = tg.unroll(cell, xs, readout=readout, loss=fn.cross_entropy, targets=targets)
    logits = linear(net(torch.tensor(xs))[0])
    loss = sum(
        torch.nn.functional.cross_entropy(logits[t], torch.tensor(targets[t])) for t in range(T)
    )
    u.loss.backward()
    loss.backward()
    agree("L", u.loss.data, loss)
    agree("dL/dW_hy", readout.W_hy.grad.T, linear.weight.grad)
    agree("dL/db_y", readout.b_y.grad, linear.bias.grad)
    for ours, p in cell.named_parameters():
        agree(f"dL/d{ours}", p.grad.T, getattr(net, WEIGHTS[ours]).grad)


@pytest.mark.parametrize("name", ["RNN tanh", "GRU"])
def test_gradient_flow_is_what_autograd_finds_at_the_states(torch, agree, name):
    """PyTorch's own cell, step by step: the gradient of L_k at h_t is the term (k, t) of (3.1)."""
    T, B, I, H = 6, 3, 4, 5
    cell, net = twin(torch, name, I, H)
    step = getattr(torch.nn, f"{net.mode.split('_')[0]}Cell")(I, H, dtype=torch.float64)
    step.load_state_dict({key[:-3]: value for key, value in net.state_dict().items()})
    xs, targets = draw(T, B, I, seed=2), draw(T, B, H, seed=3)
    u = tg.unroll(cell, xs, loss=fn.half_squared_error, targets=targets)
    flow = tg.gradient_flow(u.losses, u.states)
    hs, h = [], torch.zeros(B, H, dtype=torch.float64)
    for t in range(T):
        h = step(torch.tensor(xs[t]), h)
        hs.append(h)
    losses = [
        0.5 * torch.sum((h - torch.tensor(target)) ** 2)
        for h, target in zip(hs, targets, strict=True)
    ]
    for t in range(1, T + 1):
        agree(
            f"total {t}",
            flow.total[t - 1],
            torch.autograd.grad(sum(losses), hs[t - 1], retain_graph=True)[0],
        )
        for k in range(t, T + 1):
            term = torch.autograd.grad(losses[k - 1], hs[t - 1], retain_graph=True)[0]
            agree(f"term {k}, {t}", flow.term(k, t), term)


# -- products and broadcasting ---------------------------------------------------------------------

SHAPES = [
    ((4,), (4,)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((3, 4), (4, 5)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((1, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (1, 4, 5)),
    ((6, 1, 3, 4), (2, 4, 5)),
    ((6, 2, 3, 4), (4, 5)),
    ((4,), (6, 2, 4, 5)),
    ((6, 2, 3, 4), (4,)),
]


@pytest.mark.parametrize(("left", "right"), SHAPES, ids=[f"{a} @ {b}" for a, b in SHAPES])
def test_matrix_products_of_all_shapes(torch, agree, left, right):
    data = draw(*left), draw(*right, seed=1)
    a, b = (tg.Tensor(x, requires_grad=True) for x in data)
    ta, tb = (torch.tensor(x, requires_grad=True) for x in data)
    y, ty = a @ b, ta @ tb
    g = draw(*y.shape, seed=2)
    y.backward(g)
    ty.backward(torch.tensor(g))
    agree("value", y.data, ty)
    agree("gradient, left", a.grad, ta.grad)
    agree("gradient, right", b.grad, tb.grad)


@pytest.mark.parametrize("right", [(3, 4), (4,), (1, 4), (3, 1), (1, 1), ()], ids=str)
@pytest.mark.parametrize("op", ["add", "subtract", "multiply", "divide", "maximum"])
def test_broadcasting(torch, agree, op, right):
    data = draw(3, 4), draw(*right, seed=1)
    a, b = (tg.Tensor(x, requires_grad=True) for x in data)
    ta, tb = (torch.tensor(x, requires_grad=True) for x in data)
    y, ty = getattr(np, op)(a, b), getattr(torch, op)(ta, tb)
    g = draw(3, 4, seed=2)
    y.backward(g)
    ty.backward(torch.tensor(g))
    agree("value", y.data, ty)
    agree("gradient, left", a.grad, ta.grad)
    agree("gradient, right", b.grad, tb.grad)
