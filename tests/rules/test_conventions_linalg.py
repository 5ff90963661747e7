"""Linear algebra, shapes and indexing where a derivative is a convention, or where NumPy's own has
a corner.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DTypeError, NoDerivativeError, ShapeError


def leaf(x: Any) -> Tensor:
    return Tensor(np.asarray(x, dtype=float), requires_grad=True)


def gradient(f: Callable[..., Any], x: Any) -> Any:
    """d sum(f(x)) / dx."""
    return tg.grad(lambda x: np.sum(f(x)))(np.asarray(x, dtype=float))


# -- norms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [None, 1, 2, 3, 2.5, 0.5, np.inf, -np.inf])
def test_the_norm_of_the_zero_vector_has_gradient_0(order: Any) -> None:
    assert_array_equal(gradient(lambda x: np.linalg.norm(x, ord=order), [0.0, 0.0]), [0, 0])


@pytest.mark.parametrize("order", [None, "fro", 1, np.inf])
def test_the_norm_of_the_zero_matrix_has_gradient_0(order: Any) -> None:
    assert_array_equal(
        gradient(lambda x: np.linalg.norm(x, ord=order), np.zeros((2, 2))), np.zeros((2, 2))
    )


def test_the_norm_at_zero_is_finite_at_second_order_too() -> None:
    assert np.all(np.isfinite(gradient(tg.grad(lambda x: np.linalg.norm(x)), [0.0, 0.0])))


def test_rows_that_are_zero_do_not_disturb_the_others() -> None:
    assert_allclose(
        gradient(lambda x: np.linalg.norm(x, axis=1), [[3.0, 4.0], [0.0, 0.0]]),
        [[0.6, 0.8], [0, 0]],
    )


def test_entries_equally_large_share_the_gradient_of_the_largest() -> None:
    assert_array_equal(
        gradient(lambda x: np.linalg.norm(x, np.inf), [3.0, -3.0, 1.0]), [0.5, -0.5, 0]
    )
    assert_array_equal(
        gradient(lambda x: np.linalg.norm(x, -np.inf), [3.0, -1.0, 1.0]), [0, -0.5, 0.5]
    )


def test_entries_that_are_zero_have_gradient_0_in_every_norm() -> None:
    for order in (1, 1.5, 0.5):
        assert gradient(lambda x, order=order: np.linalg.norm(x, order), [0.0, 2.0])[0] == 0


def test_the_norm_that_counts_is_flat() -> None:
    assert_array_equal(gradient(lambda x: np.linalg.norm(x, 0), [0.0, 2.0]), [0, 0])


def test_a_norm_is_one_node() -> None:
    y = np.linalg.norm(leaf([3.0, 4.0]))
    assert [t.fun for t in ancestors([y])] == [None, np.linalg.vector_norm]


# -- determinants, inverses, factors ---------------------------------------------------------------


def test_the_determinant_of_a_singular_matrix_has_the_cofactors_as_gradient() -> None:
    assert_allclose(gradient(np.linalg.det, [[1.0, 2.0], [2.0, 4.0]]), [[4, -2], [-2, 1]])
    assert_array_equal(gradient(np.linalg.det, np.zeros((3, 3))), np.zeros((3, 3)))
    stack = np.array([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 0.0], [0.0, 5.0]]])  # one of two
    assert_allclose(gradient(np.linalg.det, stack), [[[4, -2], [-2, 1]], [[5, 0], [0, 2]]])


def test_the_sign_of_a_determinant_is_a_plain_array() -> None:
    sign, logabsdet = np.linalg.slogdet(leaf([[0.0, 2.0], [3.0, 0.0]]))
    assert type(sign) is not Tensor
    assert sign == -1
    assert_allclose(logabsdet.data, np.log(6))
    assert np.linalg.slogdet(leaf(np.eye(2))).sign == 1
    assert np.linalg.slogdet(leaf(np.eye(2))).logabsdet.requires_grad


def test_the_gradient_of_a_cholesky_factor_is_symmetric() -> None:
    g = gradient(lambda a: np.linalg.cholesky(a) ** 3, [[4.0, 1.0], [1.0, 3.0]])
    assert_allclose(g, g.T)


def test_solve_takes_only_a_vector_for_a_vector() -> None:
    a, b = leaf(np.stack([np.eye(2), 2 * np.eye(2)])), leaf([1.0, 2.0])
    assert np.linalg.solve(a, b).shape == (2, 2)
    with pytest.raises(ShapeError, match=r"np\.linalg\.solve"):
        np.linalg.solve(a, leaf(np.ones((3, 2))))


def test_equal_eigenvalues_send_finite_gradients() -> None:
    assert_allclose(gradient(np.linalg.eigvalsh, np.eye(3)), np.eye(3))
    assert_array_equal(gradient(lambda a: np.linalg.eigh(a)[1], np.eye(3)), np.zeros((3, 3)))
    assert np.all(np.isfinite(gradient(lambda a: np.linalg.norm(a, 2), np.zeros((2, 3)))))


def test_the_spectral_norm_is_the_largest_singular_value() -> None:
    u, s, vh = np.linalg.svd(np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.25]]), full_matrices=False)
    x = u * s @ vh
    assert_allclose(gradient(lambda x: np.linalg.norm(x, 2), x), np.outer(u[:, 0], vh[0]))
    assert_allclose(gradient(lambda x: np.linalg.norm(x, "nuc"), x), u @ vh)


# -- einsum ----------------------------------------------------------------------------------------


def test_einsum_is_one_node_and_so_is_its_share() -> None:
    a, b = leaf(np.ones((2, 3))), leaf(np.ones((3, 2)))
    assert len(ancestors([np.einsum("ij,jk->ik", a, b)])) == 3
    assert len(ancestors([np.tensordot(a, b, 1)])) == 3


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda a: np.einsum("ij,jk->ik", a), "describes 2 operands, but 1 are given"),
        (lambda a: np.einsum("ijk->k", a), "too many subscripts"),
        (lambda a: np.einsum("ij->ijk", a), "never appeared in an input"),
        (lambda a: np.einsum("ij,jk", a, a), "einsum of a Tensor"),
        (lambda a: np.tensordot(a, a, 1), r"sums over axes of lengths \[3\] and \[2\]"),
        (
            lambda a: np.tensordot(a, a, ([0, -2], [0, 1])),
            r"each axis once, not over \[0, 0\] and \[0, 1\]",
        ),
        (lambda a: np.cross(a, a[:, :2]), "vectors of length 3, not 3 and 2"),
        (lambda a: np.linalg.matrix_power(a, 2), r"square matrices, not shape \(2, 3\)"),
        (lambda a: np.linalg.outer(a, a), "needs two vectors"),
        (lambda a: np.block([[a], a]), "nested equally deep"),
        (lambda a: np.split(a, 2, 1), "length 3 cannot be split into 2 equal pieces.*array_split"),
        (lambda a: np.array_split(a, 0), "at least one piece"),
        (
            lambda a: np.dsplit(a, 1),
            r"np.dsplit needs an array of 3 axes or more; this one has shape \(2, 3\)",
        ),
        (lambda a: np.hstack([a, a[:1]]), "concatenate of"),
        (lambda a: np.choose([0, 5], [a[0, 0], a[0, 1]]), "invalid entry in choice array"),
        (lambda a: np.meshgrid(a[0], indexing="yx"), "'xy' or 'ij'"),
        (lambda a: np.linalg.norm(a, 3), "3 is no order of a matrix norm"),
    ],
)
def test_shapes_and_numbers_that_do_not_fit(f: Callable[[Any], Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        f(leaf(np.ones((2, 3))))


def test_a_shift_or_a_count_has_no_derivative() -> None:
    with pytest.raises(TypeError):  # NumPy's own, or that there is no derivative
        np.roll(leaf([1.0, 2.0]), leaf(1.0))
    with pytest.raises(NoDerivativeError, match="has no derivative for argument"):
        np.pad(leaf([1.0, 2.0]), 1, constant_values=leaf(1.0))


# -- values that are moved, counted and rounded ----------------------------------------------------


def test_entries_taken_several_times_accumulate() -> None:
    assert_array_equal(gradient(lambda x: np.take(x, [0, 0, 2]), [1.0, 2.0, 3.0]), [2, 0, 1])
    assert_array_equal(gradient(lambda x: np.tile(x, 3), [1.0, 2.0]), [3, 3])
    assert_array_equal(gradient(lambda x: np.repeat(x, [1, 0, 4]), [1.0, 2.0, 3.0]), [1, 0, 4])
    assert_array_equal(gradient(lambda x: np.pad(x, 2, "edge"), [1.0, 2.0]), [3, 3])


def test_insert_into_whole_numbers_is_refused() -> None:
    with pytest.raises(
        DTypeError, match=r"np\.insert would round the values to int64.*x\.astype\(float\)"
    ):
        np.insert(np.arange(3), 1, leaf(0.5))


def test_full_like_of_a_number_is_a_plain_array() -> None:
    x = leaf([1.0, 2.0])
    made = np.full_like(x, 3)
    assert type(made) is np.ndarray
    assert made.dtype == float
    assert type(np.full_like(x, 3.7, dtype=int)) is np.ndarray
    for f in (np.zeros_like, np.ones_like, np.empty_like):
        assert type(f(x)) is np.ndarray
    np.sum(np.full_like(x, leaf(2.0)) * x).backward()
    assert_array_equal(x.grad, [2, 2])


def test_numbers_among_the_choices_do_not_widen_float32() -> None:
    x = Tensor(np.float32([1.0, 2.0]), requires_grad=True)
    assert np.select([x > 1.5], [x], 0.5).dtype == np.float32
    assert np.select([x > 1.5, x > 0], [7.5, x]).dtype == np.float32
    assert np.choose([0, 1], [x, 7.5]).dtype == np.float32


def test_several_arrays_give_a_tuple_and_one_gives_an_array() -> None:
    x = leaf(1.0)
    assert type(np.atleast_1d(x)) is Tensor
    both = np.atleast_2d(x, [1.0, 2.0])
    assert type(both) is tuple
    assert [np.shape(a) for a in both] == [(1, 1), (1, 2)]
    assert type(np.broadcast_arrays(x, np.ones(2))) is tuple
    assert type(np.split(leaf([1.0, 2.0]), 2)) is list
