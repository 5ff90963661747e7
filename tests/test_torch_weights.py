"""Weights of PyTorch's own modules give PyTorch's own outputs, to 1e-10 in float64, and come back unchanged.

Run with `pytest -m torch`, as test_torch.py.
"""

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn.interop import from_torch, load_safetensors, save_safetensors, to_torch
from tinygrad_rnn.nn import GRUCell, LSTMCell, Module, Readout, RNNCell

pytestmark = pytest.mark.torch

T, B, I, H, O = 7, 3, 4, 5, 2
CELLS = {
    "tanh": (lambda: RNNCell(I, H, rng=1), "RNN", {}),
    "relu": (lambda: RNNCell(I, H, fn.relu, rng=1), "RNN", {"nonlinearity": "relu"}),
    "LSTM": (lambda: LSTMCell(I, H, rng=1), "LSTM", {}),
    "GRU": (lambda: GRUCell(I, H, rng=1), "GRU", {}),
}
cells = pytest.mark.parametrize("name", CELLS)


@pytest.fixture(scope="module")
def torch():
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    return torch


def series():
    return np.random.default_rng(2).standard_normal((T, B, I))


def close(request, ours, theirs, within=1e-10):
    difference = float(np.max(np.abs(ours - theirs.detach().numpy())))
    request.node.user_properties.append(("output", difference))
    assert difference < within


@cells
def test_a_layer(torch, request, name):
    make, layer, options = CELLS[name]
    cell, net = make(), getattr(torch.nn, layer)(I, H, dtype=torch.float64, **options)
    from_torch(cell, net.state_dict(), "*_l0")
    close(request, np.stack(tg.unroll(cell, series()).hidden).data, net(torch.tensor(series()))[0])
    for key, array in to_torch(make(), "*_l0").items():
        assert array.shape == tuple(net.state_dict()[key].shape)


@cells
def test_back_to_pytorch(torch, request, name):
    make, layer, options = CELLS[name]
    cell, net = make(), getattr(torch.nn, layer)(I, H, dtype=torch.float64, **options)
    net.load_state_dict({key: torch.tensor(array) for key, array in to_torch(cell, "*_l0").items()})
    close(request, np.stack(tg.unroll(cell, series()).hidden).data, net(torch.tensor(series()))[0])


@cells
def test_a_cell(torch, request, name):
    make, layer, options = CELLS[name]
    cell, net = make(), getattr(torch.nn, f"{layer}Cell")(I, H, dtype=torch.float64, **options)
    from_torch(cell, dict(net.state_dict()), "*")
    after, its = tg.unroll(cell, series()[:1]).hidden[-1], net(torch.tensor(series()[0]))
    close(request, after.data, its[0] if isinstance(its, tuple) else its)


@cells
@pytest.mark.parametrize(("layer", "way"), [(0, ""), (0, "_reverse"), (1, ""), (1, "_reverse")])
def test_one_way_through_one_of_several_layers(torch, request, name, layer, way):
    """The arrays of one layer are picked by their pattern; its input is what PyTorch's own layer below gives."""
    make, kind, options = CELLS[name]
    net = getattr(torch.nn, kind)(I, H, num_layers=2, bidirectional=True, dtype=torch.float64, **options)
    below = getattr(torch.nn, kind)(I, H, bidirectional=True, dtype=torch.float64, **options)
    below.load_state_dict({k: v for k, v in net.state_dict().items() if "_l0" in k})
    xs = torch.tensor(series())
    outputs, xs = (below(xs)[0], xs) if layer == 0 else (net(xs)[0], below(xs)[0].detach())
    cell = type(make())(xs.shape[-1], H, *([fn.relu] if name == "relu" else []), rng=1)
    pattern = f"*_l{layer}{way}"
    from_torch(cell, {k: v for k, v in net.state_dict().items() if k.endswith(pattern[1:])}, pattern)
    xs = xs.numpy()[::-1] if way else xs.numpy()
    hs = np.stack(tg.unroll(cell, xs).hidden).data
    close(request, hs[::-1] if way else hs, outputs[..., H:] if way else outputs[..., :H])


def test_a_model_through_a_file(torch, request, tmp_path):
    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.fc = torch.nn.LSTM(I, H), torch.nn.Linear(H, O)

    class Ours(Module):
        def __init__(self):
            self.cell, self.readout = LSTMCell(I, H, rng=1, dtype=np.float32), Readout(H, O, rng=1, dtype=np.float32)

    net, model, names = Theirs(), Ours(), {"cell": "lstm.*_l0", "readout": "fc.*"}
    path = save_safetensors(tmp_path / "w.safetensors", {k: v.numpy() for k, v in net.state_dict().items()})
    from_torch(model, load_safetensors(path), names)
    xs = series().astype(np.float32)
    outputs = np.stack(tg.unroll(model.cell, xs, readout=model.readout).outputs).data
    assert outputs.dtype == np.float32
    close(request, outputs, net.fc(net.lstm(torch.tensor(xs))[0]), within=1e-6)
