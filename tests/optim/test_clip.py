"""Clipping: the norm of all gradients together, and the gradients that no factor can mend."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn import Tensor, optim
from tinygrad_rnn.errors import NonFiniteError, UsageError
from tinygrad_rnn.nn import Module, Readout


def with_gradients(*gradients, dtype=float):
    """Tensors a, b, .. with these gradients."""
    found = []
    for name, g in zip("abcd", gradients, strict=False):
        g = np.asarray(g, dtype)
        found.append(Tensor(np.zeros(g.shape, dtype), requires_grad=True, name=name))
        found[-1].grad = g
    return found


def test_the_norm_is_that_of_all_entries_and_is_cut_to_its_limit():
    a, b = with_gradients([3.0, 0.0], [[4.0]])
    before = a.grad
    unused = Tensor(1.0, requires_grad=True)
    assert optim.clip_grad_norm([a, b, unused], 1.0) == 5.0
    assert_allclose([*a.grad, *b.grad[0]], np.array([3, 0, 4]) / (5 + 1e-6))
    assert_array_equal(before, [3.0, 0.0])  # bound anew, not written into
    assert unused.grad is None


def test_gradients_within_the_limit_stay_as_they_are():
    (a,) = with_gradients([3.0, 4.0])
    before = a.grad
    assert optim.clip_grad_norm([a], 5.1) == 5.0
    assert a.grad is before
    assert optim.clip_grad_norm([], 1.0) == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norms_whose_squares_leave_the_dtype(dtype):
    for size in (np.finfo(dtype).max / 16, np.finfo(dtype).tiny * 16):
        a, b = with_gradients([3 * size], 4 * size, dtype=dtype)
        assert_allclose(optim.clip_grad_norm([a, b], 1.0), 5 * float(size), rtol=1e-6)
        assert a.grad.dtype == b.grad.dtype == dtype
        assert np.hypot(a.grad[0], b.grad) <= 1.0
    zero = with_gradients([0.0, 0.0], dtype=dtype)
    assert optim.clip_grad_norm(zero, 1.0) == 0.0


def test_values():
    a, b = with_gradients([3.0, -0.5], -7.0)
    optim.clip_grad_value([a, b], 1.0)
    assert_array_equal(a.grad, [1.0, -0.5])
    assert_array_equal(b.grad, -1.0)
    assert type(b.grad) is np.ndarray


@pytest.mark.parametrize("clip", [optim.clip_grad_norm, optim.clip_grad_value])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_named(clip, bad):
    a, b, c = with_gradients([3.0, 4.0], [bad, 1.0, bad], bad)
    with pytest.raises(NonFiniteError) as error:
        clip([a, b, c], 1.0)
    assert "gradients with entries that are NaN or infinite: b (2 of 3), c (1 of 1)." in str(
        error.value
    )
    assert "tinygrad_rnn.debug()" in str(error.value)
    assert_array_equal(a.grad, [3.0, 4.0])


def test_a_parameter_inside_a_model_is_named_by_its_place():
    class Model(Module):
        def __init__(self):
            self.heads = [Readout(2, 1, rng=0), Readout(2, 1, rng=1)]

    model = Model()
    for p in model.parameters():
        p.grad = np.zeros(p.shape)
    model.heads[1].W_hy.grad = np.full((2, 1), np.nan)
    for given in (model, model.named_parameters()):
        with pytest.raises(NonFiniteError, match=r"infinite: heads\.1\.W_hy \(2 of 2\)\."):
            optim.clip_grad_norm(given, 1.0)


@pytest.mark.parametrize("clip", [optim.clip_grad_norm, optim.clip_grad_value])
@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_a_limit_below_nothing(clip, limit):
    with pytest.raises(UsageError, match=f"is {limit}; it must be a number from 0 up"):
        clip([], limit)
