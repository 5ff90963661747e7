"""Dropout, layer normalisation and embedding."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DataError, DTypeError, ShapeError, UsageError
from tinygrad_rnn.functional import dropout, embedding, layer_norm
from tinygrad_rnn.transforms.gradcheck import check_grads
from tinygrad_rnn.transforms.gradients import grad

X = np.random.default_rng(0).standard_normal((2, 3, 4))

# -- dropout ---------------------------------------------------------------------------------------


def test_dropout_keeps_the_mean() -> None:
    y = dropout(np.ones(100_000), 0.2, rng=1)
    assert_array_equal(np.unique(y), [0, 1.25])
    assert abs(np.mean(y) - 1) < 0.01


def test_dropout_is_linear_with_its_mask_as_slope() -> None:
    mask = dropout(np.ones(X.shape), 0.3, rng=5)
    assert_array_equal(dropout(X, 0.3, rng=5), X * mask)
    assert_array_equal(grad(lambda x: np.sum(dropout(x, 0.3, rng=5)))(X), mask)
    check_grads(lambda x: dropout(x, 0.3, rng=5), [X])


def test_a_generator_draws_a_new_mask_at_every_call_and_an_int_the_same() -> None:
    rng = np.random.default_rng(0)
    assert np.any(dropout(X, rng=rng) != dropout(X, rng=rng))
    assert_array_equal(dropout(X, rng=3), dropout(X, rng=3))


@pytest.mark.parametrize(
    ("share", "shape"), [(0, (1, 3, 4)), (-1, (2, 3, 1)), ((0, 1), (1, 1, 4)), ((), (2, 3, 4))]
)
def test_one_mask_along_shared_axes(share: Any, shape: tuple[int, ...]) -> None:
    mask = dropout(np.ones((2, 3, 4)), 0.4, rng=2, share=share)
    assert_array_equal(mask, np.broadcast_to(dropout(np.ones(shape), 0.4, rng=2), mask.shape))


def test_without_training_or_with_p_0_dropout_gives_x_itself() -> None:
    x = Tensor(X)
    assert dropout(x, 0.5, training=False) is x
    assert dropout(x, 0.0) is x


def test_dropout_keeps_float32_and_makes_integers_floats() -> None:
    x = Tensor(np.float32(X), requires_grad=True)
    y = dropout(x, 0.3, rng=0)
    y.backward(np.ones(y.shape))
    assert (y.dtype, x.grad.dtype) == (np.float32, np.float32)
    assert_array_equal(np.unique(dropout(np.ones(50, dtype=int), 0.2, rng=0)), [0, 1.25])


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, np.nan])
def test_p_is_a_probability_below_1(p: float) -> None:
    for training in (True, False):
        with pytest.raises(
            UsageError, match=r"p is the probability of a zero and lies in \[0, 1\)"
        ):
            dropout(X, p, rng=0, training=training)


def test_dropout_needs_rng_when_training_and_axes_that_are_there() -> None:
    with pytest.raises(UsageError, match="Pass rng, a Generator, or training=False"):
        dropout(X, 0.5)
    for axis in (3, (0, 0)):
        with pytest.raises(ShapeError, match=r"dropout's share is .*; x has shape"):
            dropout(X, 0.5, rng=0, share=axis)


# -- layer_norm ------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [-1, 0, 1, (1, 2), (2, 0)])
def test_layer_norm_has_mean_0_and_variance_1(axis: Any) -> None:
    y = layer_norm(X, eps=0.0, axis=axis)
    assert_allclose(np.mean(y, axis=axis), 0, atol=1e-13)
    assert_allclose(np.var(y, axis=axis), 1)
    assert_allclose(layer_norm(3 * X + 5, eps=0.0, axis=axis), y)


@pytest.mark.parametrize(
    ("axis", "shape"), [(-1, (4,)), (0, (2,)), ((1, 2), (3, 4)), ((2, 0), (2, 4))]
)
def test_layer_norm_scales_and_shifts(axis: Any, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    weight, bias = rng.standard_normal(shape), rng.standard_normal(shape)
    letters = {-1: "k", 0: "i", (1, 2): "jk", (2, 0): "ik"}[axis]
    scaled = np.einsum(f"ijk,{letters}->ijk", layer_norm(X, axis=axis), weight)
    shifted = np.einsum(f"ijk,{letters}->ijk", np.ones(X.shape), bias)
    assert_allclose(layer_norm(X, weight, bias, axis=axis), scaled + shifted)
    check_grads(lambda x, weight, bias: layer_norm(x, weight, bias, axis=axis), [X, weight, bias])


def test_layer_norm_of_a_constant_row_and_far_out() -> None:
    x = np.array([[5.0, 5.0, 5.0], [-1000.0, 0.0, 1000.0]])
    assert_allclose(layer_norm(x), [[0, 0, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5)]])
    g = np.array([1.0, 0.0, 0.0])
    assert_allclose(grad(lambda x: np.sum(layer_norm(x[0]) * g))(x)[0], (g - 1 / 3) / np.sqrt(1e-5))
    assert np.all(np.isfinite(grad(lambda x: np.sum(layer_norm(x) * g))(x)))


def test_layer_norm_keeps_float32() -> None:
    x, weight = (
        Tensor(np.float32(X), requires_grad=True),
        Tensor(np.ones(4, np.float32), requires_grad=True),
    )
    y = layer_norm(x, weight, weight)
    y.backward(np.ones(y.shape))
    assert (y.dtype, x.grad.dtype, weight.grad.dtype) == (np.float32,) * 3


def test_layer_norm_refuses_other_shapes() -> None:
    for name in ("weight", "bias"):
        for shape in [(3,), (1,), (), (3, 4)]:
            with pytest.raises(ShapeError) as error:
                layer_norm(X, **{name: np.ones(shape)})
            assert str(error.value) == (
                f"{name} has shape {shape}; x has shape (2, 3, 4), normalised over axis (2,), "
                "and needs one of shape (4,)."
            )
    with pytest.raises(ShapeError, match="layer_norm's axis is 3; x has shape"):
        layer_norm(X, axis=3)


# -- embedding -------------------------------------------------------------------------------------

WEIGHT = np.random.default_rng(2).standard_normal((5, 3))


@pytest.mark.parametrize(
    "indices", [2, [1, 1, 4], [[0, 4], [4, 4]], np.zeros((0, 2), int)], ids=str
)
def test_embedding_takes_rows_and_sums_what_comes_back(indices: Any) -> None:
    indices = np.asarray(indices)
    assert_array_equal(embedding(indices, WEIGHT), WEIGHT[indices])
    counts = np.bincount(indices.ravel(), minlength=5)
    assert_array_equal(
        grad(lambda w: np.sum(embedding(indices, w)))(WEIGHT), np.outer(counts, np.ones(3))
    )
    check_grads(lambda w: embedding(indices, w), [WEIGHT])


def test_embedding_of_integer_tensors_and_lists() -> None:
    assert_array_equal(embedding(Tensor(np.array([3, 0])), WEIGHT), WEIGHT[[3, 0]])
    assert_array_equal(embedding([3, 0], WEIGHT), WEIGHT[[3, 0]])


def test_embedding_refuses_what_is_no_row() -> None:
    for indices, wrong in ([0, 5], 5), ([-1, 2], -1):
        with pytest.raises(DataError) as error:
            embedding(indices, WEIGHT)
        assert (
            str(error.value)
            == f"there is no row {wrong}; a weight of shape (5, 3) has the rows 0..4."
        )
    for indices in (np.array([0.0]), np.array([True])):
        with pytest.raises(DTypeError, match="numbered by integers"):
            embedding(indices, WEIGHT)
    for weight in (WEIGHT[0], np.array(1.0)):
        with pytest.raises(ShapeError, match=r"an embedding is a table \(V, E\)"):
            embedding([0], weight)
