"""nn.RNN, LSTM, GRU and the other layers against PyTorch's with the same weights, in float64, to
1e-10.

Sequences of different lengths go through pack_padded_sequence there.  Run with `pytest -m torch`,
as test_torch.py.
"""

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn import nn
from tinygrad_rnn.io.interop import from_torch, to_torch

pytestmark = pytest.mark.torch

T, B, I, H = 7, 4, 3, 5
LENGTHS = {
    "equal": None,
    "sorted": [7, 5, 5, 1],
    "any order": [3, 7, 1, 6],
    "none is T": [2, 6, 4, 1],
}
LAYERS = {
    "tanh": (nn.RNN, "RNN", {}),
    "relu": (
        lambda *sizes, **options: nn.RNN(*sizes, f=fn.relu, **options),
        "RNN",
        {"nonlinearity": "relu"},
    ),
    "LSTM": (nn.LSTM, "LSTM", {}),
    "GRU": (nn.GRU, "GRU", {}),
}
layers = pytest.mark.parametrize("name", LAYERS)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def like(state, new):
    return tuple(new) if isinstance(state, tuple) else new[0]


def twins(torch, name, **options):
    """Our layer and PyTorch's with the weights that PyTorch's drew."""
    make, kind, more = LAYERS[name]
    torch.manual_seed(0)
    net = getattr(torch.nn, kind)(I, H, dtype=torch.float64, **options, **more)
    layer = make(I, H, rng=1, **options)
    from_torch(layer, net.state_dict(), "*")
    return layer, net


def run_packed(torch, net, x, state, lengths):
    if lengths is None:
        return net(x, state)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    outputs, state = net(packed, state)
    return torch.nn.utils.rnn.pad_packed_sequence(outputs, total_length=len(x))[0], state


@layers
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_values_states_and_all_gradients(torch, agree, name, num_layers, bidirectional, lengths):
    layer, net = twins(torch, name, num_layers=num_layers, bidirectional=bidirectional)
    xs, zeros = draw(T, B, I), layer.initial_state((B,))
    initial = [draw(*z.shape, seed=3 + i) for i, z in enumerate(parts(zeros))]

    x, s0 = tg.Tensor(xs, requires_grad=True), [tg.Tensor(a, requires_grad=True) for a in initial]
    outputs, last = layer(x, like(zeros, s0), LENGTHS[lengths])
    tx, ts0 = (
        torch.tensor(xs, requires_grad=True),
        [torch.tensor(a, requires_grad=True) for a in initial],
    )
    theirs, tlast = run_packed(torch, net, tx, like(zeros, ts0), LENGTHS[lengths])

    seeds = [draw(*a.shape, seed=8 + i) for i, a in enumerate([outputs, *parts(last)])]
    sum(np.sum(a * g) for a, g in zip([outputs, *parts(last)], seeds, strict=True)).backward()
    sum(
        torch.sum(a * torch.tensor(g)) for a, g in zip([theirs, *parts(tlast)], seeds, strict=True)
    ).backward()

    agree("outputs", outputs.data, theirs)
    agree("dL/dxs", x.grad, tx.grad)
    for i, (a, ta, b, tb) in enumerate(zip(parts(last), parts(tlast), s0, ts0, strict=True)):
        agree(f"state {i}", a.data, ta)
        agree(f"dL/dstate {i}", b.grad, tb.grad)
    expected = {key: p.grad for key, p in net.named_parameters()}
    for key, gradient in gradients_by_their_names(layer).items():
        agree(f"dL/d{key}", gradient, expected[key])


def gradients_by_their_names(layer):
    """`to_torch` of the gradients: the layer itself with gradients in the place of its weights."""
    keys = [
        key for key in to_torch(layer, "*") if "bias_hh" not in key or isinstance(layer, nn.GRU)
    ]
    found = [p.grad.T for p in layer.parameters()]
    return dict(zip(keys, found, strict=True))


@layers
def test_without_a_state_and_without_a_batch(torch, agree, name):
    layer, net = twins(torch, name, num_layers=2, bidirectional=True)
    for xs in (draw(T, B, I), draw(T, I)):
        (outputs, last), (theirs, tlast) = layer(xs), net(torch.tensor(xs))
        agree("outputs", outputs.data, theirs)
        for a, ta in zip(parts(last), parts(tlast), strict=True):
            agree("state", a.data, ta)


@layers
def test_there_and_back(torch, agree, name):
    layer, net = twins(torch, name, num_layers=2, bidirectional=True)
    ours = LAYERS[name][0](I, H, num_layers=2, bidirectional=True, rng=9)
    arrays = to_torch(ours, "*")
    assert list(arrays) == list(net.state_dict())
    net.load_state_dict({key: torch.tensor(array) for key, array in arrays.items()})
    agree("outputs", ours(draw(T, B, I)).outputs.data, net(torch.tensor(draw(T, B, I)))[0])
    from_torch(layer, net.state_dict(), "*")
    agree("outputs", layer(draw(T, B, I)).outputs.data, net(torch.tensor(draw(T, B, I)))[0])


@layers
def test_a_layer_long_enough_for_several_segments(torch, agree, name):
    layer, net = twins(torch, name, num_layers=2, bidirectional=True)
    xs, lengths = draw(150, 9, I), [150, 3, 77, 149, 1, 20, 64, 65, 128]
    x, tx = tg.Tensor(xs, requires_grad=True), torch.tensor(xs, requires_grad=True)
    outputs, theirs = layer(x, None, lengths).outputs, run_packed(torch, net, tx, None, lengths)[0]
    np.sum(outputs * outputs).backward()
    torch.sum(theirs * theirs).backward()
    agree("outputs", outputs.data, theirs)
    agree("dL/dxs", x.grad, tx.grad)
    for key, gradient in gradients_by_their_names(layer).items():
        agree(f"dL/d{key}", gradient, dict(net.named_parameters())[key].grad)


class Ours(nn.Module):
    """Tokens to scores, as a language model."""

    def __init__(self):
        self.embedding = nn.Embedding(11, I, rng=1)
        self.norm = nn.LayerNorm(I)
        self.rnn = nn.LSTM(I, H, num_layers=2, rng=1)
        self.head = nn.Sequential(nn.Linear(2, 6, rng=1), np.tanh, nn.Linear(6, 11, rng=1))
        self.first = nn.Linear(H, 2, bias=False, rng=1)

    def __call__(self, tokens, lengths):
        return self.head(
            self.first(self.rnn(self.norm(self.embedding(tokens)), None, lengths).outputs)
        )


NAMES = {
    "embedding": "emb.*",
    "norm": "norm.*",
    "rnn": "lstm.*",
    "head.layers.0": "head.0.*",
    "head.layers.2": "head.2.*",
    "first": "first.*",
}


def test_a_whole_model(torch, agree):
    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.norm = torch.nn.Embedding(11, I), torch.nn.LayerNorm(I)
            self.lstm, self.first = (
                torch.nn.LSTM(I, H, num_layers=2),
                torch.nn.Linear(H, 2, bias=False),
            )
            self.head = torch.nn.Sequential(
                torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 11)
            )
            self.double()

        def forward(self, tokens, lengths):
            hs, _ = run_packed(torch, self.lstm, self.norm(self.emb(tokens)), None, lengths)
            return self.head(self.first(hs))

    torch.manual_seed(0)
    model, net = Ours(), Theirs()
    with torch.no_grad():
        net.norm.weight += 0.5
        net.norm.bias -= 0.25
    from_torch(model, net.state_dict(), NAMES)
    tokens, lengths = np.random.default_rng(0).integers(0, 11, (T, B)), LENGTHS["any order"]
    scores, theirs = model(tokens, lengths), net(torch.tensor(tokens), lengths)
    g = draw(T, B, 11)
    scores.backward(g)
    theirs.backward(torch.tensor(g))
    agree("scores", scores.data, theirs)
    for ours, key in [("embedding", "emb"), ("norm", "norm")]:
        agree(f"dL/d{key}", getattr(model, ours).weight.grad, getattr(net, key).weight.grad)
    agree("dL/dbias", model.norm.bias.grad, net.norm.bias.grad)
    for layer, linear in [(model.first, net.first), (model.head.layers[0], net.head[0])]:
        agree("dL/dW", layer.W.grad.T, linear.weight.grad)
    agree("dL/db", model.head.layers[2].b.grad, net.head[2].bias.grad)
    back = to_torch(model, NAMES)
    for key, array in net.state_dict().items():
        if "bias_hh" not in key:
            bias = (
                net.state_dict().get(key.replace("bias_ih", "bias_hh"), 0)
                if "bias_ih" in key
                else 0
            )
            agree(key, back[key], array + bias)


def test_starts_are_pytorchs(torch):
    """Kolmogorov and Smirnov's statistic of two samples of 20,000: below 0.02 in 99.9 % of draws
    from one law.
    """

    def distance(ours, theirs):
        ours, theirs = np.sort(ours.ravel()), np.sort(theirs.detach().numpy().ravel())
        grid = np.concatenate([ours, theirs])
        return np.max(np.abs(np.searchsorted(ours, grid) - np.searchsorted(theirs, grid))) / len(
            ours
        )

    torch.manual_seed(0)
    linear, theirs = nn.Linear(100, 20000, rng=0), torch.nn.Linear(100, 20000, dtype=torch.float64)
    assert distance(linear.W.data[0], theirs.weight[:, 0]) < 0.02
    assert distance(linear.b.data, theirs.bias) < 0.02
    embedding, theirs = (
        nn.Embedding(2000, 10, rng=0),
        torch.nn.Embedding(2000, 10, dtype=torch.float64),
    )
    assert distance(embedding.weight.data, theirs.weight) < 0.02
