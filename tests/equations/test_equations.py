"""The table of equations: every row holds, the printed figures come out, and the table can fail."""

import ast
import functools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_rnn as tg
from tinygrad_rnn import functional
from tinygrad_rnn.core.tables import VJP
from tinygrad_rnn.equations import (
    NETWORKS,
    Check,
    FoldedModel,
    Recorded,
    by_hand,
    example,
    misprints,
    paths,
    run_checks,
)
from tinygrad_rnn.equations.check import (
    CENTRAL,
    MISPRINT,
    ROUNDING,
    agrees,
    central_difference,
    differs,
    falls,
)

CHECKS = run_checks()


@pytest.fixture(scope="module")
def net():
    return example()


@pytest.fixture(scope="module")
def rec(net):
    return Recorded(net)


@pytest.mark.tiny
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.equation}: {check.compared}")
def test_equation(check):
    assert check.passed, f"{check.difference:.3g} {check.kind} at {check.tolerance:g}"


# -- the table -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [
        "(1.1)",
        "(1.2)",
        "(2.1)",
        "(3.1)",
        "3.1.1",
        "3.1.2",
        "(3.2)",
        "(3.3)",
        "3.2",
        "3.3",
        "3.4",
        "3.5",
        "(4)",
        "4.1",
        "4.2",
        "4.3",
        "4.4",
    ],
)
def test_every_number_of_002_is_in_the_table(number):
    assert any(check.equation == f"002 {number}" and check.kind == "agrees" for check in CHECKS)


@pytest.mark.parametrize(
    "number", [f"({n}.{i})" for n, last in ((5, 5), (6, 5)) for i in range(1, last + 1)]
)
def test_every_number_of_lstm_and_gru_is_in_the_table(number):
    assert any(number in check.equation for check in CHECKS)


@pytest.mark.parametrize(
    "number", ["000 1", "000 2", "000 3, w2", "000 4, w1", "000 4, w", "000 4, left out", "000 5"]
)
def test_every_step_of_000_is_in_the_table(number):
    assert any(check.equation == number for check in CHECKS)


@pytest.mark.parametrize("number", ["001 33", "001 34", "001 35", "001 E_3"])
def test_every_equation_of_001_is_in_the_table(number):
    assert any(check.equation == number for check in CHECKS)


def test_every_number_in_the_table_is_in_the_docs():
    docs = (Path(__file__).parents[2] / "docs" / "equations.md").read_text(encoding="utf-8")
    numbers = {number for check in CHECKS for number in re.findall(r"\d\.\d", check.equation)}
    assert {number for number in numbers if number not in docs} == set()


def test_rows_are_distinct_short_and_strict():
    assert len({(check.equation, check.compared) for check in CHECKS}) == len(CHECKS)
    assert max(len(check.compared) for check in CHECKS) <= 70
    for check in CHECKS:
        if check.kind == "differs":
            assert check.tolerance == MISPRINT
        elif check.kind == "agrees" and "central differences" not in check.compared:
            assert check.tolerance == ROUNDING


def test_by_hand_uses_nothing_of_the_library():
    imported = [
        node
        for node in ast.walk(ast.parse(Path(by_hand.__file__).read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    modules = {
        name.name for node in imported if isinstance(node, ast.Import) for name in node.names
    }
    modules |= {node.module for node in imported if isinstance(node, ast.ImportFrom)}
    assert modules == {"collections.abc", "dataclasses", "typing", "numpy"}


def test_no_network_of_the_table_is_trivial():
    """A ReLU network that is off everywhere would agree with anything."""
    for net in NETWORKS:
        for k, t in net.pairs():
            assert np.any(net.term(k, t))
        for name in by_hand.PARAMETERS:
            assert np.any(net.gradient(name))


# -- the figures, as printed to six decimals -------------------------------------------------------


def printed(decimals=6):
    """Equal to the last digit that is printed."""
    return functools.partial(assert_allclose, rtol=0, atol=0.5001 * 10.0**-decimals)


def test_the_example(net, rec):
    printed(9)(rec.unrolled.loss.data, 13.171803577)
    printed()(net.error(3), [-3.462175])


FIGURES = {  # right, as printed, relative error in %
    "W_xh": (
        [-1.403794, -1.772597, -0.026846, -0.044259],
        [-1.740080, -2.161333, 0.040587, 0.093536],
        23.7,
    ),
    "W_hh": (
        [-0.854258, -1.968291, -0.001361, -0.003744],
        [-0.970434, -2.240161, 0.017379, 0.040112],
        14.0,
    ),
    "b_h": ([4.131206, 0.020789], [4.680284, -0.128050], 13.8),
}


@pytest.mark.parametrize("name", FIGURES)
def test_002_direct_term_in_place_of_the_total(net, rec, name):
    right, wrong, percent = FIGURES[name]
    truncated = rec.flow.truncated(1)
    printed()(rec.gradient(name).ravel(), right)
    printed()(misprints.gradient(net, name).ravel(), wrong)
    printed()(truncated.gradients[name].T.ravel(), wrong)
    printed(1)(100 * truncated.relative_error[name], percent)
    numeric = central_difference(functools.partial(net.L_at, name), getattr(net, name))
    assert_allclose(rec.gradient(name), numeric, rtol=0, atol=CENTRAL)


def test_002_readings_of_the_sum(net, rec):
    printed()(rec.flow.total[0], [1.869647, 0.005686])
    printed()(misprints.totals_in_the_sum(net, 1), [2.026668, -0.038266])
    printed()(misprints.ascending_product(net, 1), [1.871508, 0.007322])
    printed()(misprints.scaled_columns(net, 1), [1.844353, -0.106248])


def test_002_softmax_needs_the_full_jacobian():
    z = tg.Tensor([1, 2, 0.5], requires_grad=True)
    y, target = functional.softmax(z), np.array([0.0, 1.0, 0.0])
    functional.half_squared_error(y, target).backward()
    printed(4)(z.grad, [0.0905, -0.1327, 0.0422])
    printed(4)(misprints.softmax_jacobian(y.data, target), [0.0905, -0.1327, 0.0422])
    printed(4)(misprints.softmax_elementwise(y.data, target), [0.0411, -0.0867, 0.0169])


def test_000_figures(net):
    last = Recorded(net, of_last=True)
    through = last.flow.contribution("W_xh")[:, 0, 0]
    printed()(through, [-0.031738, 0.308254, -0.558478])  # o_1, o_2, o_3
    printed()([paths.path(net, "W_xh", t)[0, 0] for t in (1, 2, 3)], through)
    printed()(last.gradient("W_xh")[0, 0], -0.281962)
    plain = Recorded(net, loss=lambda y, target: np.sum(y - target), of_last=True)
    printed()(plain.gradient("W_xh")[0, 0], 0.081441)
    printed()(paths.gradient(net, "W_xh", slope=np.ones(1))[0, 0], 0.081441)


def test_000_the_path_that_is_left_out_at_four_steps():
    net = example(T=4)
    right = Recorded(net, of_last=True).gradient("W_xh")
    assert_allclose(
        right - sum(paths.path(net, "W_xh", t) for t in (4, 3, 2)),
        paths.path(net, "W_xh", 1),
        atol=1e-12,
    )
    assert np.max(np.abs(paths.path(net, "W_xh", 1))) > 0.04


def test_001_figure(net):
    full = Recorded(net, loss=functional.squared_error, of_last=True).gradient("W_xh")[0, 0]
    printed()(full, -0.563924)


def test_001_squares_of_a_vector_are_no_loss():
    net = example(outputs=3)
    model = FoldedModel(net.W_xh.T, net.W_hh.T, net.W_hy.T, net.xs, net.targets)
    with pytest.raises(tg.errors.ShapeError, match="must be a scalar"):
        tg.unroll(
            lambda x, s: np.tanh(x @ model.W_x + s @ model.W_s),
            model.xs,
            model.s(0),
            readout=lambda s: s @ model.W_y,
            loss=lambda y, d: (d - y) ** 2,
            targets=model.ds,
        )


def test_updating_all_five_for_a_while_brings_the_loss_down(net):
    rec, losses = Recorded(net), [net.L()]
    for _ in range(100):
        rec.update(0.01, *rec.parameters)
        for parameter in rec.parameters.values():
            parameter.grad = None
        u = rec.forward()
        u.loss.backward()
        losses.append(u.loss.item())
    assert np.all(np.diff(losses) < 0)
    assert losses[-1] < 0.2 * losses[0]


# -- the table can fail ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fun",
    [
        np.tanh,
        np.matmul,
        np.add,
        np.subtract,
        np.multiply,
        np.sum,
        functional.sigmoid,
        functional.softmax,
        functional.relu,
    ],
    ids=lambda fun: fun.__name__,
)
def test_a_rule_scaled_by_one_percent_is_caught(monkeypatch, fun):
    def scaled(rule):
        return rule and (lambda g, y, *args, **kwargs: 1.01 * rule(g, y, *args, **kwargs))

    monkeypatch.setitem(VJP, fun, tuple(scaled(rule) for rule in VJP[fun]))
    assert [check for check in run_checks() if not check.passed]


def test_a_library_that_did_what_is_printed_would_be_caught(monkeypatch):
    """Gradients cut to the direct term, as 3.2 to 3.4 have them."""

    def truncated(self, name):
        return self.flow.truncated(1).gradients[name].T

    monkeypatch.setattr(Recorded, "gradient", truncated)
    failed = {check.equation for check in run_checks() if not check.passed}
    assert {"002 3.2", "002 3.3", "002 3.4"} <= failed


def test_a_difference_that_is_no_number_never_passes():
    for kind in ("agrees", "differs", "falls"):
        for difference in (np.nan, np.inf, -np.inf):
            assert not Check("x", "y", difference, 1.0, kind).passed


def test_kinds_of_check():
    assert agrees("x", "y", [1.0, 2.0], [1.0, 2.0 + 1e-13]).passed
    assert not agrees("x", "y", [1.0, 2.0], [1.0, 2.0 + 1e-11]).passed
    assert differs("x", "y", [1.0, 2.0], [1.0, 2.1]).passed
    assert not differs("x", "y", [1.0, 2.0], [1.0, 2.0]).passed
    assert falls("x", "y", 2.0, 1.0).passed
    assert not falls("x", "y", 1.0, 2.0).passed
    assert not falls("x", "y", 1.0, 1.0).passed


def test_shapes_that_would_broadcast_do_not_agree():
    check = agrees("x", "y", np.ones((1, 2)), np.ones(2))
    assert np.isnan(check.difference)
    assert not check.passed
    assert not agrees("x", "y", [], []).passed
    assert not replace(check, kind="differs").passed


def test_central_difference_of_a_cubic():
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert_allclose(
        central_difference(lambda x: float(np.sum(x**3)), x), 3 * x**2, rtol=0, atol=1e-8
    )
