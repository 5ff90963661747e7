"""Weights of PyTorch's own modules give PyTorch's own outputs, to 1e-10 in float64, and come back
unchanged.

Run with `pytest -m torch`, as test_torch.py.
"""

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn.errors import DTypeError, UsageError
from tinygrad_rnn.io.interop import from_torch, load_safetensors, save_safetensors, to_torch
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
    """The arrays of one layer are picked by their pattern; its input is what PyTorch's own layer
    below gives.
    """
    make, kind, options = CELLS[name]
    net = getattr(torch.nn, kind)(
        I, H, num_layers=2, bidirectional=True, dtype=torch.float64, **options
    )
    below = getattr(torch.nn, kind)(I, H, bidirectional=True, dtype=torch.float64, **options)
    below.load_state_dict({k: v for k, v in net.state_dict().items() if "_l0" in k})
    xs = torch.tensor(series())
    outputs, xs = (below(xs)[0], xs) if layer == 0 else (net(xs)[0], below(xs)[0].detach())
    cell = type(make())(xs.shape[-1], H, *([fn.relu] if name == "relu" else []), rng=1)
    pattern = f"*_l{layer}{way}"
    from_torch(
        cell, {k: v for k, v in net.state_dict().items() if k.endswith(pattern[1:])}, pattern
    )
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
            self.cell, self.readout = (
                LSTMCell(I, H, rng=1, dtype=np.float32),
                Readout(H, O, rng=1, dtype=np.float32),
            )

    net, model, names = Theirs(), Ours(), {"cell": "lstm.*_l0", "readout": "fc.*"}
    path = save_safetensors(
        tmp_path / "w.safetensors", {k: v.numpy() for k, v in net.state_dict().items()}
    )
    from_torch(model, load_safetensors(path), names)
    xs = series().astype(np.float32)
    outputs = np.stack(tg.unroll(model.cell, xs, readout=model.readout).outputs).data
    assert outputs.dtype == np.float32
    close(request, outputs, net.fc(net.lstm(torch.tensor(xs))[0]), within=1e-6)


@cells
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_module_itself_in_any_precision(torch, name, dtype):
    """Its weights are exact in float64; the outputs are those of PyTorch's layer made float64."""
    make, layer, options = CELLS[name]
    net = getattr(torch.nn, layer)(I, H, dtype=getattr(torch, dtype), **options)
    by_module, by_arrays, by_parameters = make(), make(), make()
    from_torch(by_module, net)
    from_torch(by_arrays, net.state_dict(), "*_l0")
    from_torch(by_parameters, dict(net.named_parameters()), "*_l0")  # these require a gradient
    hs = np.stack(tg.unroll(by_module, series()).hidden).data
    np.testing.assert_allclose(
        hs, net.double()(torch.tensor(series()))[0].detach().numpy(), atol=1e-12
    )
    for other in (by_arrays, by_parameters):
        for key, array in by_module.state_dict().items():
            np.testing.assert_array_equal(array, other.state_dict()[key])


def test_what_a_module_computes_beside_its_weights_is_compared(torch):
    nn = torch.nn
    for ours, theirs, names, words in (
        (
            RNNCell(I, H, rng=1),
            nn.RNN(I, H, nonlinearity="relu"),
            None,
            "PyTorch's RNN has nonlinearity='relu'",
        ),
        (
            RNNCell(I, H, fn.relu, rng=1),
            nn.RNNCell(I, H),
            None,
            "PyTorch's RNNCell has nonlinearity='tanh'",
        ),
        (
            tg.nn.RNN(I, H, rng=1),
            nn.Sequential(nn.RNN(I, H, nonlinearity="relu")),
            "0.*",
            "nonlinearity='relu'",
        ),
        (tg.nn.LSTM(I, H, rng=1), nn.LSTM(I, H, proj_size=2), None, "has proj_size=2"),
        (tg.nn.LayerNorm(H), nn.LayerNorm(H, eps=1e-3), None, "has eps=0.001"),
        (tg.nn.Embedding(7, I, rng=1), nn.Embedding(7, I, max_norm=1.0), None, "has max_norm=1.0"),
    ):
        with pytest.raises(UsageError, match=words):
            from_torch(ours, theirs, names)
    for ours, theirs in (
        (tg.nn.LayerNorm(H), nn.LayerNorm(H)),
        (tg.nn.Embedding(7, I, rng=1), nn.Embedding(7, I)),
        (tg.nn.Linear(I, H, rng=1), nn.Linear(I, H)),
        (
            tg.nn.LSTM(I, H, rng=1, num_layers=2),
            nn.LSTM(I, H, num_layers=2, batch_first=True, dropout=0.1),
        ),
    ):
        from_torch(ours, theirs)


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of quantised and sparse Tensors
def test_tensors_that_are_no_weights(torch):
    net = torch.nn.RNN(I, H)
    for change, words in (
        (lambda w: (100 * w).to(torch.int8), "weight_ih_l0 has dtype int8; weights are floats"),
        (lambda w: w > 0, "weight_ih_l0 has dtype bool"),
        (lambda w: w.to(torch.complex64), "weight_ih_l0 has dtype complex64"),
        (lambda w: w.to("meta"), "weight_ih_l0 is no array of floats: "),
        (lambda w: w.to_sparse(), "weight_ih_l0 is no array of floats: "),
    ):
        with pytest.raises(DTypeError, match=words):
            from_torch(
                tg.nn.RNN(I, H, rng=1), {key: change(w) for key, w in net.state_dict().items()}
            )
