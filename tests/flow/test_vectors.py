"""Norms and projections of vectors whose squares no float can hold."""

import numpy as np
from numpy.testing import assert_allclose

from tinygrad_rnn.flow.vectors import lengths, projections


def test_norms_and_shares_of_huge_and_tiny_vectors():
    assert_allclose(
        lengths(np.array([[3e300, 4e300], [3e-320, 4e-320], [0, 0]])), [5e300, 5e-320, 0], rtol=1e-3
    )
    assert np.isnan(lengths(np.array([np.nan, 1.0])))
    assert np.isinf(lengths(np.array([np.inf, 1.0])))
    assert_allclose(projections(np.array([[1e200, 0.0]]), np.array([1e200, 1e200])), [0.5])
    assert np.isnan(projections(np.array([1.0]), np.array([0.0])))
