"""`scan` of the built-in cells against PyTorch's fused layers, in float64.

Run with `pytest -m torch`.
"""

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn.nn import GRUCell, LSTMCell, RNNCell

pytestmark = pytest.mark.torch

LAYERS = {"RNN": RNNCell, "GRU": GRUCell, "LSTM": LSTMCell}
SIZES = [
    (1, 1, 1, 1),
    (7, 1, 3, 5),
    (6, 4, 4, 4),
    (90, 16, 3, 8),
]  # T, B, I, H; the last in several segments


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("checkpoint", [None, "auto"])
def test_scan_agrees_with_the_fused_layer(name, sizes, checkpoint):
    import torch

    (T, B, I, H), rng = sizes, np.random.default_rng(0)
    cell = LAYERS[name](I, H, rng=0)
    net = getattr(torch.nn, name)(I, H).double()
    ours = {
        "weight_ih_l0": cell.W_xh,
        "weight_hh_l0": cell.W_hh,
        "bias_ih_l0": cell.b_xh if name == "GRU" else cell.b_h,
    }
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
        for key, p in ours.items():
            getattr(net, key).copy_(torch.tensor(p.data.T))
        if name == "GRU":
            net.bias_hh_l0.copy_(torch.tensor(cell.b_hh.data))
    x, g = rng.standard_normal((T, B, I)), rng.standard_normal((T, B, H))
    xs, theirs = tg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    outputs, _ = tg.scan(cell, xs, checkpoint=checkpoint)
    outputs.backward(g)
    expected, _ = net(theirs)
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(outputs.data, expected.detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(xs.grad, theirs.grad.numpy(), atol=1e-10)
    for key, p in ours.items():
        np.testing.assert_allclose(p.grad, getattr(net, key).grad.numpy().T, atol=1e-10)
