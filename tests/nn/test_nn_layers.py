"""Linear, Embedding, LayerNorm, Dropout and Sequential: closed formulas, differences, and what they
refuse.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import nn
from tinygrad_rnn.errors import DataError, DTypeError, ShapeError, UsageError

I, O, V, E = 3, 4, 7, 5


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("batch", [(), (2,), (6, 2)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_linear(batch, bias):
    layer, x, g = nn.Linear(I, O, bias=bias, rng=1), draw(*batch, I), draw(*batch, O, seed=1)
    y = layer(x)
    assert_allclose(y.data, x @ layer.W.data + (layer.b.data if bias else 0), rtol=1e-15)
    y.backward(g)
    assert_allclose(layer.W.grad, x.reshape(-1, I).T @ g.reshape(-1, O), rtol=1e-12, atol=1e-14)
    if bias:
        assert_allclose(layer.b.grad, g.reshape(-1, O).sum(axis=0), rtol=1e-12, atol=1e-14)
    assert list(layer.state_dict()) == ["W", "b"][: 1 + bias]


def test_linear_starts_within_its_bound():
    layer = nn.Linear(100, 300, rng=1)
    for p in layer.parameters():
        assert 0.097 < np.max(np.abs(p.data)) < 0.1
    assert_allclose(np.var(layer.W.data), 0.1**2 / 3, rtol=0.02)


def test_embedding():
    layer, tokens = nn.Embedding(V, E, rng=1), np.array([[2, 0], [2, 6]])
    y = layer(tokens)
    assert_array_equal(y.data, layer.weight.data[tokens])
    g = draw(2, 2, E)
    y.backward(g)
    assert_allclose(layer.weight.grad[2], g[0, 0] + g[1, 0], rtol=1e-15)  # it was used twice
    assert_array_equal(layer.weight.grad[[1, 3, 4, 5]], 0.0)
    assert_allclose(np.std(nn.Embedding(1000, 20, rng=1).weight.data), 1.0, rtol=0.02)


@pytest.mark.parametrize(("shape", "axes"), [(I, (-1,)), ((2, I), (-2, -1))])
def test_layer_norm(shape, axes):
    layer, x = nn.LayerNorm(shape, eps=1e-3), draw(6, 2, I)
    layer.weight.data, layer.bias.data = (
        draw(*layer.weight.shape, seed=1),
        draw(*layer.bias.shape, seed=2),
    )
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    closed = (x - mean) / np.sqrt(variance + 1e-3) * layer.weight.data + layer.bias.data
    assert_allclose(layer(x).data, closed, rtol=1e-12)
    tg.check_grads(layer, [x], order=2)


def test_layer_norm_starts_as_plain_normalisation():
    y = nn.LayerNorm(50)(5 + 3 * draw(4, 50)).data
    assert_allclose(y.mean(axis=-1), 0.0, atol=1e-13)
    assert_allclose(y.std(axis=-1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("share", [(), 0, (0, 1)], ids=str)
def test_dropout(share):
    layer, x = (
        nn.Dropout(0.3, share=share, rng=1),
        tg.Tensor(np.ones((5, 40, 500)), requires_grad=True),
    )
    y = layer(x)
    assert_array_equal(np.unique(y.data), [0.0, 1 / 0.7])
    shared = {(): (), 0: (0,), (0, 1): (0, 1)}[share]
    assert_array_equal(
        y.data == 0, np.broadcast_to(np.all(y.data == 0, axis=shared, keepdims=True), y.shape)
    )
    kept, n = np.mean(y.data != 0), y.size / np.prod([y.shape[a] for a in shared] or [1])
    assert abs(kept - 0.7) < 4 * np.sqrt(0.21 / n)  # four standard deviations of a mean of n masks
    np.sum(y).backward()
    assert_array_equal(x.grad, y.data)  # y = x * mask, x = 1
    assert not np.array_equal(layer(x).data, y.data)
    assert layer.eval()(x) is x


def test_dropout_goes_on_from_the_state_of_its_generator():
    rng = np.random.default_rng(3)
    layer = nn.Dropout(rng=rng)
    before = rng.bit_generator.state
    first = layer(np.ones(50))
    rng.bit_generator.state = before
    assert_array_equal(layer(np.ones(50)), first)
    assert layer.rng is rng


def test_sequential():
    one, two = nn.Linear(I, O, rng=1), nn.Linear(O, 2, rng=2)
    model, x = nn.Sequential(one, np.tanh, nn.Dropout(rng=1), two), draw(6, I)
    assert_array_equal(model.eval()(x).data, two(np.tanh(one(x))).data)
    assert list(model.state_dict()) == ["layers.0.W", "layers.0.b", "layers.3.W", "layers.3.b"]
    assert not model.layers[2].training
    tg.check_grads(model, [x], order=2)
    assert nn.Sequential()(x) is x


def test_float32_stays_float32():
    layers = [
        nn.Embedding(V, I, rng=1, dtype=np.float32),
        nn.Linear(I, O, rng=1, dtype=np.float32),
        nn.LayerNorm(O, dtype=np.float32),
        nn.Dropout(rng=1),
    ]
    y = nn.Sequential(*layers)(np.arange(V))
    np.sum(y * y).backward()
    assert {y.dtype, *(p.grad.dtype for layer in layers for p in layer.parameters())} == {
        np.dtype(np.float32)
    }


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: nn.Linear(I, O, rng=0)(draw(2, O)),
            ShapeError,
            "W is (I, O) = (3, 4), but x is (B, I) = (2, 4): I",
        ),
        (lambda: nn.Embedding(V, E, rng=0)([V]), DataError, "there is no row 7"),
        (lambda: nn.Embedding(V, E, rng=0)([1.0]), DTypeError, "indices have dtype float64"),
        (
            lambda: nn.LayerNorm(I)(draw(2, O)),
            ShapeError,
            "weight has shape (3,); x has shape (2, 4)",
        ),
        (lambda: nn.LayerNorm((2, I))(draw(I)), ShapeError, "layer_norm's axis is"),
        (
            lambda: nn.Dropout(1.0, rng=0),
            UsageError,
            "Dropout with p=1.0: p is the probability of a zero",
        ),
        (
            lambda: nn.Dropout(share=2, rng=0)(draw(2, O)),
            ShapeError,
            "dropout's share is 2; x has shape (2, 4)",
        ),
        (
            lambda: nn.Sequential(nn.Embedding(V, E, rng=0), nn.LSTM(E, 2, rng=0)),
            UsageError,
            (
                "Sequential hands one array on, but LSTM takes and returns a state "
                "too. Write a Module that calls it"
            ),
        ),
        (
            lambda: nn.Sequential(nn.GRUCell(E, 2, rng=0)),
            UsageError,
            "but GRUCell takes and returns a state too",
        ),
    ],
)
def test_what_does_not_fit(call, kind, words):
    with pytest.raises(kind) as error:
        call()
    assert words in str(error.value)
