"""How weights start: bounds, moments, orthogonality; float32 as the same numbers rounded."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn import functional as fn
from tinygrad_rnn import unroll
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.nn import LSTMCell, RNNCell
from tinygrad_rnn.nn.initialisers import (
    eye,
    kaiming_normal,
    kaiming_uniform,
    normal,
    orthogonal,
    uniform,
    xavier_normal,
    xavier_uniform,
)

I, H = 300, 200
DRAWN = {  # name: (parameter, its standard deviation, its bound or None)
    "uniform": (uniform("W", (I, H), 0.3, 1), 0.3 / 3**0.5, 0.3),
    "normal": (normal("W", (I, H), 0.3, 1), 0.3, None),
    "xavier_uniform": (xavier_uniform("W", (I, H), 1), (2 / 500) ** 0.5, (6 / 500) ** 0.5),
    "xavier_normal": (xavier_normal("W", (I, H), 1), (2 / 500) ** 0.5, None),
    "xavier_uniform, gates": (
        xavier_uniform("W", (I, 4 * H), 1, gain=3.0, blocks=4),
        3 * (2 / 500) ** 0.5,
        3 * (6 / 500) ** 0.5,
    ),
    "xavier_normal, gates": (
        xavier_normal("W", (I, 4 * H), 1, gain=3.0, blocks=4),
        3 * (2 / 500) ** 0.5,
        None,
    ),
    "kaiming_uniform": (kaiming_uniform("W", (I, H), 1), (2 / 300) ** 0.5, (6 / 300) ** 0.5),
    "kaiming_normal": (kaiming_normal("W", (I, H), 1), (2 / 300) ** 0.5, None),
}


@pytest.mark.parametrize("name", DRAWN)
def test_moments_and_bounds(name):
    p, std, bound = DRAWN[name]
    w, n = p.data, p.data.size
    assert (p.name, p.requires_grad) == ("W", True)
    assert abs(w.mean()) < 5 * std / n**0.5
    assert abs(w.std() - std) < 5 * std / n**0.5
    kurtosis = np.mean(w**4) / np.mean(w**2) ** 2
    if bound is None:
        assert_allclose(kurtosis, 3.0, atol=0.1)
    else:
        assert 0.999 * bound < np.max(np.abs(w)) <= bound
        assert_allclose(kurtosis, 1.8, atol=0.05)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (1, 4)])
def test_orthogonal(shape):
    W = orthogonal("W", shape, 1, gain=3.0).data
    W = W if shape[0] >= shape[1] else W.T
    assert_allclose(W.T @ W, 9 * np.eye(min(shape)), atol=1e-13)


def test_the_gates_are_orthogonal_each_and_different():
    W = orthogonal("W", (5, 20), 1, blocks=4).data
    blocks = np.split(W, 4, axis=1)
    for block in blocks:
        assert_allclose(block.T @ block, np.eye(5), atol=1e-14)
    assert len({block[0, 0] for block in blocks}) == 4


def test_orthogonal_matrices_are_drawn_evenly():
    """By Haar's measure the trace has mean 0 and variance 1; signs left to QR would give it another
    mean.
    """
    rng = np.random.default_rng(1)
    traces = [np.trace(orthogonal("W", (4, 4), rng).data) for _ in range(4000)]
    assert abs(np.mean(traces)) < 5 / 4000**0.5
    assert_allclose(np.var(traces), 1.0, atol=0.12)


def test_identity():
    assert_array_equal(eye("W", (2, 3)).data, [[1, 0, 0], [0, 1, 0]])
    assert_array_equal(
        eye("W", (2, 4), gain=0.5, blocks=2).data, [[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]]
    )


def test_an_irnn_copies_its_state():
    cell = RNNCell(2, 3, fn.relu, rng=1)
    cell.W_hh, cell.b_h = eye("W_hh", (3, 3)), normal("b_h", (3,), 0.0, 1)
    h = np.array([1.0, 2.0, 3.0])
    assert_array_equal(unroll(cell, np.zeros((50, 2)), h).states[-1].data, h)
    assert [name for name, _ in cell.named_parameters()] == ["W_xh", "W_hh", "b_h"]


@pytest.mark.parametrize(
    "make",
    [
        lambda rng, dtype: uniform("W", (4, 6), 0.1, rng, dtype),
        lambda rng, dtype: normal("W", (4, 6), 0.1, rng, dtype),
        lambda rng, dtype: xavier_uniform("W", (4, 6), rng, dtype),
        lambda rng, dtype: xavier_normal("W", (4, 6), rng, dtype),
        lambda rng, dtype: kaiming_uniform("W", (4, 6), rng, dtype),
        lambda rng, dtype: kaiming_normal("W", (4, 6), rng, dtype),
        lambda rng, dtype: orthogonal("W", (4, 6), rng, dtype, blocks=2),
    ],
)
def test_the_generator_decides_and_float32_is_the_same_rounded(make):
    W = make(1, float).data
    assert_array_equal(W, make(np.random.default_rng(1), float).data)
    assert_array_equal(W.astype(np.float32), make(1, np.float32).data)
    assert make(1, np.float32).data.dtype == np.float32
    rng = np.random.default_rng(1)
    make(rng, float)
    assert np.any(make(rng, float).data != W)


@pytest.mark.parametrize(
    "make", [xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal]
)
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (), (0, 3)])
def test_what_is_no_matrix(make, shape):
    with pytest.raises(ShapeError) as error:
        make("b_h", shape, 1)
    assert f"b_h of shape {shape} is not 1 weights side by side, (inputs, 1 * outputs)." in str(
        error.value
    )


def test_gates_that_do_not_divide():
    with pytest.raises(ShapeError, match=r"W of shape \(3, 7\) is not 2 weights side by side"):
        eye("W", (3, 7), blocks=2)


def test_the_forget_gate_open_from_the_beginning():
    plain, cell = LSTMCell(2, 3, rng=1), LSTMCell(2, 3, rng=1, forget_bias=1.0, dtype=np.float32)
    expected = plain.b_h.data.astype(np.float32)
    expected[3:6] = 1.0  # i, f, g, o
    assert_array_equal(cell.b_h.data, expected)
    assert cell.b_h.data.dtype == np.float32
    assert_array_equal(cell.W_hh.data, plain.W_hh.data.astype(np.float32))
