"""The page as data: its numbers against the gradient flow, its size, and that it is one file that
loads nothing.
"""

import json
import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.networks import CELLS, H, make, overflowing
from support.written import check_is_its_own, hostile, unpack

import tinygrad_rnn as tg
from tinygrad_rnn.draw.expression import equation
from tinygrad_rnn.draw.measures import shown_columns
from tinygrad_rnn.draw.page_data import packed, page_data
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn import LSTMCell, Readout, RNNCell
from tinygrad_rnn.nn.states import parts


def at(k, t):
    return k * (k - 1) // 2 + t - 1


@pytest.fixture(
    scope="module",
    params=[*((name, 4) for name in CELLS), ("RNN", 1), ("RNN", 13), ("RNN", 40), ("LSTM", 33)],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def made(request):
    run = make(*request.param)
    flow = gradient_flow(run.losses, run.states)
    return run, flow, json.loads(json.dumps(page_data(run, flow, 1)))


def test_every_term_is_there(made):
    _, flow, data = made
    T = len(flow)
    norms, shares, vectors = (unpack(data[name]) for name in ("norms", "shares", "vectors"))
    assert len(norms) == len(shares) == T * (T + 1) // 2
    for k in range(1, T + 1):
        for t in range(1, k + 1):
            term = np.concatenate([np.ravel(a) for a in parts(flow.term(k, t))])
            assert norms[at(k, t)] == pytest.approx(float(np.linalg.norm(term)), rel=1e-12)
            assert shares[at(k, t)] == pytest.approx(flow.share(k, t), rel=1e-5, abs=1e-9)
            n = data["width"]
            assert_allclose(vectors[at(k, t) * n : (at(k, t) + 1) * n], term, rtol=1e-6, atol=1e-30)
    assert_allclose(
        unpack(data["total"]), [flow.total_norm(t) for t in range(1, T + 1)], rtol=1e-12
    )


def test_the_tables_are_those_of_the_flow(made):
    _, flow, data = made
    rest = {name: unpack(values) for name, values in data["others"].items()}
    for t, table in enumerate(data["tables"], 1):
        rows = flow.table(t, most=12)
        single = [row for row in rows if len(row.ks) == 1]
        assert table["ks"] == [row.ks[0] for row in single]
        assert_allclose(unpack(table["shares"]), [row.share for row in single], rtol=1e-9)
        others = [row for row in rows if len(row.ks) > 1]
        assert table["others"] == (len(others[0].ks) if others else 0)
        if others:
            assert rest["norms"][t - 1] == pytest.approx(others[0].norm, rel=1e-9)
            assert rest["shares"][t - 1] == pytest.approx(others[0].share, rel=1e-6, abs=1e-14)


def test_columns_left_out_are_summed_as_vectors(made):
    run, flow, data = made
    T = len(flow)
    for t in range(1, T + 1):
        hidden = [k for k in range(t, T + 1) if k not in shown_columns(t, T)]
        assert data["hidden"][t - 1] == ([hidden[0], hidden[-1]] if hidden else None)
        sums = unpack(data["sums"][t - 1])
        assert len(sums) == (hidden[0] - t if hidden else 0)
        if hidden:
            alone = gradient_flow(
                [L if k in hidden else None for k, L in enumerate(run.losses, 1)], run.states
            )
            assert_allclose(sums, [alone.total_norm(j) for j in range(t, hidden[0])], rtol=1e-9)
    assert data["columns"] == [shown_columns(t, T) for t in (range(1, T + 1) if T > 30 else [1])]


def test_jacobians_and_weights(made):
    _, flow, data = made
    T = len(flow)
    gains, matrices = unpack(data["gains"]), unpack(data["matrices"])
    assert_allclose(gains, [np.max(flow.singular_values(t)) for t in range(2, T + 1)], rtol=1e-12)
    assert_allclose(
        matrices, np.ravel([flow.jacobian(t) for t in range(2, T + 1)]), rtol=1e-6, atol=1e-30
    )
    assert [w["name"] for w in data["weights"]] == list(flow.parameters)
    for weight in data["weights"]:
        steps = flow.contribution(weight["name"]).reshape(T, -1)
        assert_allclose(unpack(weight["norms"]), np.linalg.norm(steps, axis=1), rtol=1e-12)
        nothing = not np.any(steps)  # W_hh has no gradient where h_0 = 0 and T = 1
        assert unpack(weight["shares"]).sum() == pytest.approx(
            math.nan if nothing else 1.0, nan_ok=True
        )


def test_values_are_those_of_the_network(made):
    run, _, data = made
    given = {"x": run.xs, "L": run.losses, **({"y": run.outputs} if run.outputs else {})}
    for symbol, tensors in given.items():
        assert data["values"][symbol]["shape"] == list(tensors[0].shape)
        assert_allclose(
            unpack(data["values"][symbol]["entries"]), np.ravel([x.data for x in tensors])
        )


def test_a_batch_is_one_vector():
    rng = np.random.default_rng(0)
    cell, readout = RNNCell(2, 3, rng=rng), Readout(3, 1, rng=rng)
    xs, targets = rng.standard_normal((4, 5, 2)), rng.standard_normal((4, 5, 1))
    run = tg.unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets)
    data = page_data(run, gradient_flow(run.losses, run.states), 1)
    assert data["width"] == 15
    assert data["matrices"] is None  # one Jacobian for each row
    assert len(unpack(data["gains"])) == 3


@pytest.mark.parametrize(
    ("T", "hidden", "cell", "most"),
    [
        (30, 8, RNNCell, 1.0),
        (30, 64, LSTMCell, 1.0),
        pytest.param(100, 8, RNNCell, 3.0, marks=pytest.mark.long),
        pytest.param(100, 64, LSTMCell, 3.0, marks=pytest.mark.long),
    ],
)
def test_the_page_is_small(T, hidden, cell, most):
    rng = np.random.default_rng(0)
    xs, targets = rng.standard_normal((T, 2)), rng.standard_normal((T, 1))
    readout = Readout(hidden, 1, rng=rng)
    run = tg.unroll(
        cell(2, hidden, rng=rng), xs, readout=readout, loss=half_squared_error, targets=targets
    )
    assert len(tg.draw.page(run).html.encode()) < most * 1e6


def test_a_page_leaves_out_vectors_that_would_make_it_large(monkeypatch):
    run = make("RNN", 4)
    flow = gradient_flow(run.losses, run.states)
    assert page_data(run, flow, 1)["vectors"] is not None
    monkeypatch.setattr("tinygrad_rnn.draw.page_data._VECTORS", 100)
    assert page_data(run, flow, 1)["vectors"] is None


@pytest.mark.parametrize("name", CELLS)
def test_the_page_is_one_file(name, tmp_path):
    run = make(name, 5)
    made = tg.draw.page(run, tmp_path / "bptt.html", t=2)
    assert (tmp_path / "bptt.html").read_text("utf-8") == made.html
    check_is_its_own(made.html)
    assert f"{number(len(made.html) / 1e6)} MB" in repr(made)


@hostile
def test_hostile_names_stay_text(name):
    W = tg.Tensor(np.full((1, 1), 0.5), requires_grad=True, name=name)

    def cell(x, h):
        return np.tanh(x + h @ W)

    cell.__name__ = cell.__qualname__ = name.replace("\0", "0")
    run = tg.unroll(
        cell,
        np.ones((2, 1)),
        tg.Tensor([0.1], name=name),
        loss=lambda y, _: np.sum(y),
        targets=np.zeros(2),
    )
    for x in (*run.xs, *run.states, *run.losses, run.loss):
        x.name = name
    check_is_its_own(tg.draw.page(run).html)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy tells that numbers overflow
@pytest.mark.parametrize("scale", [0.0, 1e300, -1e300, 5e-324, math.inf, math.nan])
def test_values_of_every_kind(scale):
    W = tg.Tensor(np.full((2, 2), 0.5), requires_grad=True, name="W")
    run = tg.unroll(lambda x, h: x + h @ W, np.ones((3, 2)), np.ones(2), loss=lambda y,
                    _: np.sum(y) * scale,
                    targets=np.zeros(3))  # fmt: skip
    page = tg.draw.page(run)
    check_is_its_own(page.html)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.html, re.S)[1])
    norm = unpack(data["norms"])[0]
    wanted = abs(scale) * math.sqrt(2)
    assert norm == pytest.approx(wanted, rel=1e-6, nan_ok=True)


def test_a_notebook_shows_the_page_in_a_frame():
    made = tg.draw.page(make("RNN", 3))
    shown = made._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
    assert shown.count("<") == 2  # the page inside is escaped


def test_what_is_wrong_is_told(tmp_path):
    run = make("RNN", 3)
    with pytest.raises(RangeError, match=r"t is 4; it must lie in 1\.\.3"):
        tg.draw.page(run, t=4)
    with pytest.raises(UsageError, match=r"a page is an \.html file, not 'a\.png'"):
        tg.draw.page(run, tmp_path / "a.png")
    with pytest.raises(UsageError, match="without a loss"):
        tg.draw.page(tg.unroll(RNNCell(1, 2, rng=0), np.ones((2, 1))))


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1.0, 0.0, -2.5], "f4"), ([1e-60], "f8"), ([1e300, 1.0], "f8"), ([math.inf, math.nan], "f4")],
)
def test_numbers_are_packed_short_only_where_that_loses_none(values, kind):
    assert list(packed(values, short=True)) == [kind]
    assert_allclose(unpack(packed(values, short=True)), values)
    assert_allclose(unpack(packed(values)), values)


def test_very_many_numbers_keep_their_logarithms():
    assert_allclose(
        unpack(packed([1e-200, 1.0, 0.0, 1e300], logarithm=True)),
        [1e-200, 1.0, 0.0, 1e300],
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    ("build", "written"),
    [
        (lambda a, b: a + b * a, "a + b ∗ a"),
        (lambda a, b: (a + b) * a, "(a + b) ∗ a"),
        (lambda a, b: a - (b - a), "a − (b − a)"),
        (lambda a, b: np.tanh(a @ b) / 2, "tanh(a @ b) / 2"),
        (lambda a, b: -a * b, "(−a) ∗ b"),
        (lambda a, b: (a * b)[1:], "(a ∗ b)[1:]"),
        (lambda a, b: (a * b)[..., 1], "(a ∗ b)[…, 1]"),
        (lambda a, b: (lambda s: s * s)(np.exp(a)), "b = exp(a); b ∗ b"),
    ],
)
def test_equations_are_read_from_the_graph(build, written):
    a, b = (tg.Tensor(np.ones(H), requires_grad=True, name=name) for name in "ab")
    assert equation(build(a, b), {}) == written


def test_an_equation_stops_at_what_is_known():
    run = make("LSTM", 3)
    data = page_data(run, gradient_flow(run.losses, run.states), 1)
    h, c = data["equations"]["h"]
    assert h.endswith("tanh(c_t)")
    assert "c_(t−1)" in c
    assert data["equations"]["y"] == ["y_t = h_t @ W_hy + b_y"]


def test_jacobians_of_rows_that_mix_are_left_out():
    w = tg.Tensor(0.5, requires_grad=True)
    cell = lambda x, h: np.tanh(x + w * h[::-1])
    run = tg.unroll(
        cell,
        np.ones((3, 2, H)),
        np.zeros((2, H)),
        loss=half_squared_error,
        targets=np.zeros((3, 2, H)),
    )
    data = page_data(run, gradient_flow(run.losses, run.states), 1)
    assert data["gains"] is None
    assert data["matrices"] is None


def test_jacobians_beyond_all_floats_are_left_out():
    run = overflowing(4)
    with np.errstate(over="ignore", invalid="ignore"):
        data = page_data(run, gradient_flow(run.losses, run.states), 1)
    assert data["gains"] is None
    assert data["matrices"] is None
