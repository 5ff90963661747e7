"""Truncated BPTT against graphs that are cut off, and against explicit sums."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.flow_models import CLOSE, MAKE, H, I, Model, T, each, same

import tinygrad_rnn as tg


def truncated_anew(model, window):
    """Truncated BPTT by its meaning: each loss goes back in a graph restarted at s_(k-window)."""
    values = model.values()
    for p in model.parameters():
        p.grad = None
    for k in range(1, model.length + 1):
        start = max(1, k - window + 1)
        _, losses = model.run(values[start - 1], start=start, stop=k)
        losses[-1].backward()
    return [np.zeros(p.shape) if p.grad is None else p.grad for p in model.parameters()]


@pytest.mark.parametrize("window", [1, 2, 3, T])
@each
def test_truncated_gradients_are_those_of_graphs_cut_off(name, batch, window):
    model = Model(name, batch)
    truncated, expected = model.flow().truncated(window), truncated_anew(model, window)
    named = {id(p): name for name, p in model.flow().parameters.items()}
    for p, gradient in zip(model.parameters(), expected, strict=True):
        if id(p) in named:
            assert_allclose(truncated.gradients[named[id(p)]], gradient, **CLOSE)
    assert truncated.window == window


@pytest.mark.parametrize("window", [1, 2, 3, T])
@each
def test_truncated_totals_hold_the_terms_within_the_window(name, batch, window):
    model = Model(name, batch)
    for t, total in enumerate(model.flow().truncated(window).totals, 1):
        terms = [model.term(k, t) for k in range(t, min(T, t + window - 1) + 1)]  # k < t + window
        same(total, tuple(map(sum, zip(*terms, strict=True))))


@pytest.mark.parametrize("batch", [(), (3,)], ids=["row", "B = 3"])
@pytest.mark.parametrize("window", [1, 2, 4])
def test_truncated_rnn_by_explicit_sums(window, batch):
    model = Model("RNN", batch)
    truncated, h = model.flow().truncated(window), model.values()
    W_hh, W_hy, b_y = model.cell.W_hh.data, model.readout.W_hy.data, model.readout.b_y.data
    rows = lambda a: np.reshape(a, (-1, a.shape[-1]))
    W_xh_, W_hh_, b_h_ = np.zeros((I, H)), np.zeros((H, H)), np.zeros(H)
    for k in range(1, T + 1):
        g = (h[k] @ W_hy + b_y - model.targets[k - 1]) @ W_hy.T  # (3.2)
        for t in range(k, max(0, k - window), -1):
            delta = g * (1 - h[t] ** 2)
            W_xh_ += rows(model.xs[t - 1]).T @ rows(delta)  # 3.2
            W_hh_ += rows(h[t - 1]).T @ rows(delta)  # 3.3
            b_h_ += np.sum(rows(delta), axis=0)  # 3.4
            g = delta @ W_hh.T  # (3.3)
    assert_allclose(truncated.gradients["W_xh"], W_xh_, **CLOSE)
    assert_allclose(truncated.gradients["W_hh"], W_hh_, **CLOSE)
    assert_allclose(truncated.gradients["b_h"], b_h_, **CLOSE)


def test_window_1_is_what_the_text_prints():
    """3.2 to 3.4 as printed use the direct term (3.2) alone; the total gives the gradient."""
    model = Model("RNN")
    flow, h = model.flow(), model.values()
    as_printed = sum(
        np.outer(model.xs[t - 1], flow.direct[t - 1] * (1 - h[t] ** 2)) for t in range(1, T + 1)
    )
    right = sum(
        np.outer(model.xs[t - 1], flow.total[t - 1] * (1 - h[t] ** 2)) for t in range(1, T + 1)
    )
    assert_allclose(flow.truncated(1).gradients["W_xh"], as_printed, **CLOSE)
    assert_allclose(flow.truncated(T).gradients["W_xh"], right, **CLOSE)
    error = np.linalg.norm(as_printed - right) / np.linalg.norm(right)
    assert flow.truncated(1).relative_error["W_xh"] == pytest.approx(error, rel=1e-11)
    assert error > 0.05


@pytest.mark.parametrize("name", MAKE)
def test_the_whole_window_is_the_full_gradient(name):
    model = Model(name)
    states, losses = model.run()
    flow = tg.gradient_flow(losses, states)
    whole = flow.truncated(T)
    np.sum(np.stack(losses)).backward()
    for key, p in flow.parameters.items():
        assert_allclose(whole.gradients[key], p.grad, **CLOSE)
        assert whole.relative_error[key] < 1e-13
    for total, full in zip(whole.totals, flow.total, strict=True):
        same(total, full)


@each
def test_relative_errors(name, batch):
    model = Model(name, batch)
    states, losses = model.run()
    flow = tg.gradient_flow(losses, states)
    cut = flow.truncated(2)
    np.sum(np.stack(losses)).backward()
    assert set(cut.relative_error) == set(cut.gradients) == set(flow.parameters)
    for key, p in flow.parameters.items():
        expected = np.linalg.norm(cut.gradients[key] - p.grad) / np.linalg.norm(p.grad)
        assert cut.relative_error[key] == pytest.approx(expected, rel=1e-9, abs=1e-14)
    (W_hy,) = (key for key, p in flow.parameters.items() if p is model.readout.W_hy)
    assert cut.relative_error[W_hy] < 1e-15  # the read-out has no path through time


def test_truncated_gradients_are_shown_by_their_errors():
    truncated = Model("RNN").flow().truncated(2)
    errors = ", ".join(f"{name} {e:.2g}" for name, e in truncated.relative_error.items())
    assert repr(truncated) == f"Truncated(window=2, relative errors: {errors})"
