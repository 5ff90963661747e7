"""Matrices that are singular, huge, tiny, not square or not numbers: NumPy's values or its errors,
and no nonsense.
"""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.extremes import slope

from tinygrad_rnn.core.tensor import Tensor

pytestmark = pytest.mark.usefixtures("quiet")
INF, NAN = np.inf, np.nan


SINGULAR = [np.zeros((2, 2)), np.array([[1.0, 2.0], [2.0, 4.0]]), np.diag([1.0, 0.0, 2.0])]
ODD = [
    *SINGULAR,
    np.full((2, 2), NAN),
    np.array([[INF, 1.0], [1.0, 2.0]]),
    np.ones((2, 3)),
    np.zeros((0, 2)),
    1e200 * np.eye(2),
    1e-200 * np.eye(3),
]
OF_MATRICES: dict[str, Any] = {
    **{
        of.__name__: of
        for of in (
            np.linalg.det,
            np.linalg.inv,
            np.linalg.pinv,
            np.linalg.svdvals,
            np.linalg.eigvalsh,
            np.linalg.cond,
            np.linalg.cholesky,
        )
    },
    "eigenvectors": lambda a: np.linalg.eigh(a)[1],
    "logabsdet": lambda a: np.linalg.slogdet(a)[1],
    "solve": lambda a: np.linalg.solve(a, np.ones(a.shape[0])),
    **{
        f"cond {p}": lambda a, p=p: np.linalg.cond(a, p)
        for p in (1, -1, 2, -2, INF, -INF, "fro", "nuc")
    },
    **{
        f"norm {p}": lambda a, p=p: np.linalg.norm(a, p)
        for p in ("fro", "nuc", 1, -1, 2, -2, INF, -INF)
    },
}


@pytest.mark.parametrize("name", OF_MATRICES)
@pytest.mark.parametrize("a", ODD, ids=[str(i) for i in range(len(ODD))])
def test_matrices_that_are_odd_have_numpys_values_or_its_errors(name: str, a: Any) -> None:
    f = OF_MATRICES[name]
    try:
        wanted = f(a)
    except ValueError as error:  # LinAlgError is one
        if a.size == 0 and name in ("norm 2", "norm inf"):  # newer NumPy has a value
            assert f(Tensor(a)).data == 0
            return
        if (
            a.size
            and name in ("cond", "cond 2", "cond -2", "cond nuc")
            and a.shape[0] == a.shape[1]
        ):  # as above
            assert_array_equal(f(Tensor(a)).data, NAN if np.any(np.isnan(a)) else INF)
            return
        with pytest.raises(type(error)):
            f(Tensor(a, requires_grad=True))
        return
    leaf = Tensor(a, requires_grad=True)
    y = f(leaf)
    assert_allclose(y.data, wanted, rtol=1e-12, atol=1e-300)
    assert y.dtype == np.asarray(wanted).dtype
    y.backward(np.ones(y.shape))
    if np.any(np.isnan(wanted)):
        assert np.any(np.isnan(leaf.grad))


def test_slopes_of_singular_matrices() -> None:
    for a in SINGULAR:
        assert np.all(np.isnan(slope(lambda a: np.linalg.slogdet(a)[1], a)))
        assert np.all(np.isnan(slope(np.linalg.pinv, a)))  # it jumps there
    stack = np.array([np.diag([1.0, 0.0]), np.diag([2.0, 4.0])])
    assert_allclose(slope(lambda a: np.linalg.slogdet(a)[1], stack)[1], np.diag([1 / 2, 1 / 4]))
    assert_allclose(slope(np.linalg.pinv, stack)[1], [[-1 / 4, -1 / 8], [-1 / 8, -1 / 16]])
    assert_array_equal(
        slope(lambda a: np.where([False, True], np.linalg.slogdet(a)[1], 0), stack)[0], 0
    )
    assert not np.any(np.isfinite(slope(np.linalg.cond, np.diag([3.0, 0.0]))[[0, 1], [0, 1]]))
    assert_array_equal(slope(np.linalg.svdvals, np.zeros((2, 3))), np.zeros((2, 3)))


def test_determinants_that_over_or_underflow() -> None:
    assert_allclose(slope(np.linalg.det, 1e200 * np.eye(2)), 1e200 * np.eye(2))
    assert_allclose(
        slope(np.linalg.det, 1e-200 * np.diag([1.0, 2.0])), 1e-200 * np.diag([2.0, 1.0])
    )
    a = (
        np.random.default_rng(0).standard_normal((120, 120)) * 1e-4
    )  # det is 0, its cofactors are too
    assert np.all(np.abs(slope(np.linalg.det, a)) < 1e-250)
    big = np.diag(np.full(40, 1e9))  # det 1e360
    assert_array_equal(np.isinf(slope(np.linalg.det, big)), np.eye(40, dtype=bool))
