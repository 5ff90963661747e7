"""One scan, compiled and unrolled: the same values and gradients."""

import numpy as np
from numpy.testing import assert_allclose
from support.gradients import differentiate

import tinygrad_rnn as tg
from tinygrad_rnn.core.tree import flat
from tinygrad_rnn.scan import scan


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def weighted(scanned):
    """A scalar in which every entry of every result has a weight of its own."""
    results = [*flat(scanned.outputs), *flat(scanned.state)]
    return sum(np.sum(y * draw(*y.shape, seed=i).astype(y.dtype)) for i, y in enumerate(results))


def values_and_gradients(case, **options):
    """The results, and d(weighted results)/d(everything that wants a gradient)."""
    scanned = scan(case.cell, case.xs, case.h0, **options)
    inputs = [t for t in (*flat(case.xs), *flat(case.h0)) if isinstance(t, tg.Tensor)]
    gradients = differentiate(weighted(scanned), [*case.parameters, *inputs])
    values = [y.data for y in (*flat(scanned.outputs), *flat(scanned.state))]
    for wanted, g in zip([*case.parameters, *inputs], gradients, strict=True):
        assert g is None or (g.dtype == wanted.dtype and g.shape == wanted.shape)
    return values, [np.zeros(()) if g is None else g for g in gradients]


def agree(case, rtol=1e-9, **options):
    ours, theirs = values_and_gradients(case, **options), values_and_gradients(case, unrolled=True)
    for found, expected in zip(ours, theirs, strict=True):
        for a, b in zip(found, expected, strict=True):
            assert_allclose(
                a, b, rtol=rtol, atol=rtol * max(1.0, float(np.max(np.abs(b), initial=0.0)))
            )
    assert [v.dtype for v in ours[0]] == [v.dtype for v in theirs[0]]
