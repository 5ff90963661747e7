"""Programs of mixed dtypes, views, empty arrays: right as central differences say, or refused."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from support.mixed_programs import Program, compared

from tinygrad_rnn.core.structural import getitem
from tinygrad_rnn.core.tables import VJP, Together
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.rules.joining import concatenate, stack


def verdicts(seeds: range) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        program = Program(seed)
        try:
            found[compared(program)] += 1
        except Exception as error:
            raise AssertionError(f"{program}\n{type(error).__name__}: {error}") from error
    return found


@pytest.mark.filterwarnings("ignore")  # NumPy's own, of what it is asked
def test_a_thousand_programs() -> None:
    found = verdicts(range(1_000))
    assert found["right"] > 650
    assert found["singular"] < 10


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("first", [1_000, 51_000])
def test_a_hundred_thousand_programs(first: int) -> None:
    assert verdicts(range(first, first + 50_000))["right"] > 32_500


RULES = [
    np.add,
    np.multiply,
    np.divide,
    np.matmul,
    np.tanh,
    np.power,
    np.sum,
    np.mean,
    np.where,
    np.sort,
    getitem,
    stack,
    concatenate,
]


@pytest.mark.parametrize("fun", RULES, ids=name_of)
@pytest.mark.filterwarnings("ignore")
def test_a_rule_that_is_off_by_a_thousandth_is_caught(
    fun: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = VJP[fun]
    if isinstance(right, Together):
        wrong: Any = Together(
            lambda *args, **kwargs: [1.001 * share for share in right.rule(*args, **kwargs)]
        )
    else:
        wrong = [
            rule and (lambda *args, rule=rule, **kwargs: 1.001 * rule(*args, **kwargs))
            for rule in right
        ]
    monkeypatch.setitem(VJP, fun, wrong)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        verdicts(range(2_000))
