"""Random programs: values against bare NumPy, derivatives to order 2 against finite differences."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from numpy.testing import assert_allclose
from support.menu import MENU
from support.programs import Program, programs, random_program, run

import tinygrad_rnn as tg
from tinygrad_rnn.core.structural import getitem
from tinygrad_rnn.core.tables import VJP
from tinygrad_rnn.guards.boundary import name_of

reproducible = settings(max_examples=150)


def gradients(program: Program, *args: Any) -> tuple[Any, ...]:
    return tg.grad(lambda *xs: run(program, *xs), tuple(range(len(args))))(*args)


def directions(program: Program) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.standard_normal(a.shape) for a in program.args]


def slope(f: Any, program: Program, along: list[Any]) -> float:
    """df along a direction by central differences; no example where two widths disagree."""

    def central(h: float) -> float:
        ends = [
            f(*(a + sign * h * d for a, d in zip(program.args, along, strict=True)))
            for sign in (1.0, -1.0)
        ]
        return float((ends[0] - ends[1]) / (2 * h))

    with np.errstate(all="ignore"):
        wide, narrow = central(2e-5), central(1e-5)
    assume(np.isfinite(narrow) and abs(narrow) < 1e6)
    assume(abs(wide - narrow) <= 1e-6 * (1 + abs(narrow)))
    return narrow


@reproducible
@given(programs())
def test_values_are_those_of_bare_numpy(program: Program) -> None:
    compare_values(program)


@pytest.mark.parametrize("name", MENU)
def test_every_function_takes_part(name: str) -> None:
    """In the first programs, of few functions, in which it does."""
    found = (random_program(np.random.default_rng(seed), 3, [name]) for seed in range(100))
    some = list(itertools.islice((program for program in found if program.steps), 3))
    assert some
    for program in some:
        compare_values(program)


def compare_values(program: Program) -> None:
    y = run(program, *(tg.Tensor(a, requires_grad=True) for a in program.args))
    expected = run(program, *program.args)
    assert_allclose(y.data, expected, rtol=1e-12)  # NumPy's power of a scalar rounds otherwise


@reproducible
@given(programs())
def test_gradient_is_that_of_finite_differences(program: Program) -> None:
    along = directions(program)
    numeric = slope(lambda *xs: run(program, *xs), program, along)
    by_rules = sum(
        float(np.sum(g * d)) for g, d in zip(gradients(program, *program.args), along, strict=True)
    )
    assert_allclose(by_rules, numeric, rtol=1e-5, atol=1e-5)


@reproducible
@given(programs())
def test_second_derivative_is_that_of_finite_differences(program: Program) -> None:
    along = directions(program)

    def derivative(*xs: Any) -> Any:
        return sum(np.sum(g * d) for g, d in zip(gradients(program, *xs), along, strict=True))

    numeric = slope(derivative, program, along)
    second = tg.grad(derivative, tuple(range(len(along))))(*program.args)
    by_rules = sum(float(np.sum(g * d)) for g, d in zip(second, along, strict=True))
    assert_allclose(by_rules, numeric, rtol=1e-4, atol=1e-4)


@reproducible
@given(programs())
def test_float32_stays_float32(program: Program) -> None:
    single = [a.astype(np.float32) for a in program.args]
    leaves = [tg.Tensor(a, requires_grad=True) for a in single]
    y = run(program, *leaves)
    with np.errstate(all="ignore"):
        y.backward()
    assert y.dtype == np.float32
    assert {x.grad.dtype for x in leaves} == {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_debug_raises_no_false_alarm(dtype: Any) -> None:
    @reproducible
    @given(programs())
    def check(program: Program) -> None:
        leaves = [tg.Tensor(a.astype(dtype), requires_grad=True) for a in program.args]
        with np.errstate(all="ignore"):
            y = run(program, *leaves)
            y.backward()
        assume(all(np.all(np.isfinite(x)) for x in (y.data, *(leaf.grad for leaf in leaves))))
        with tg.debug():
            run(program, *leaves).backward()

    check()


@pytest.mark.parametrize(
    "fun", [np.multiply, np.tanh, np.matmul, np.sum, np.maximum, getitem], ids=name_of
)
def test_a_rule_that_is_off_by_one_percent_is_caught(
    fun: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = VJP[fun]
    wrong = [
        rule and (lambda *args, rule=rule, **kwargs: 1.01 * rule(*args, **kwargs)) for rule in rules
    ]
    monkeypatch.setitem(VJP, fun, wrong)
    check = test_gradient_is_that_of_finite_differences.hypothesis.inner_test
    once = settings(reproducible, phases=[Phase.generate], max_examples=500)
    with pytest.raises(AssertionError):  # one failure is enough
        once(given(programs())(check))()
