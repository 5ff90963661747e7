"""One table of cases for every function with a derivative: `case(of, *args)` stands for
`of(*args)`.

Floats and float64 arrays are differentiated, all else (keys, axes, conditions, integers) is passed
on.  `via` says how `of` is called where its arguments are not all positional arrays, as in
`np.stack([a, b])`.

The points lie away from kinks and ties: what happens there is a convention, tested by closed
formulas in tests/rules/.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pytest

from tinygrad_rnn.guards.boundary import name_of

rng = np.random.default_rng(20240611)


class Case(NamedTuple):
    """`fun(*args)`, in which `of` is applied; `expected(*args)` is the same in bare NumPy."""

    of: Callable[..., Any]
    fun: Callable[..., Any]
    expected: Callable[..., Any]
    args: tuple[Any, ...]
    id: str

    @property
    def variables(self) -> list[int]:
        """The numbers of the arguments that are differentiated."""
        return [
            i
            for i, a in enumerate(self.args)
            if isinstance(a, float) or getattr(a, "dtype", None) == np.float64
        ]


CASES: list[Case] = []
# What a function of this package means, in bare NumPy.
MEANING: dict[Callable[..., Any], Callable[..., Any]] = {}


def case(
    of: Callable[..., Any], *args: Any, via: Callable[..., Any] | None = None, **kwargs: Any
) -> None:
    """A row of the table."""

    def fun(*arrays: Any) -> Any:
        return of(*arrays, **kwargs)

    def expected(*arrays: Any) -> Any:
        return MEANING.get(of, of)(*arrays, **kwargs)

    label = f"{name_of(of)}-{sum(c.of is of for c in CASES)}"
    CASES.append(Case(of, via or fun, via or expected, args, label))


def by_function(cases: Iterable[Case]) -> Any:
    """A mark: a test of one case, which is called for all cases of a function, one after another.

    An error names the case.
    """
    of: dict[Callable[..., Any], list[Case]] = {}
    for one in cases:
        of.setdefault(one.of, []).append(one)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def every(group: list[Case]) -> None:
            for case in group:
                try:
                    test(case)
                except Exception as error:
                    raise AssertionError(f"{case.id}: {type(error).__name__}: {error}") from error

        every.__doc__ = test.__doc__
        return pytest.mark.parametrize("group", of.values(), ids=map(name_of, of))(every)

    return decorate


# -- arguments -------------------------------------------------------------------------------------

SHAPES: list[tuple[int, ...]] = [(), (2, 3), (0,)]

# One function sums broadcast axes away for all rules, so three pairs of shapes and an empty one do;
# multiply has more of them.
BROADCASTS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((2, 3), (2, 3)),
    ((), (2, 3)),
    ((3, 1), (4,)),
    ((1,), (0,)),
]


def normal(*shape: int) -> Any:
    return rng.standard_normal(shape)


def positive(*shape: int) -> Any:
    return rng.uniform(0.5, 2.0, shape)


def away(*shape: int) -> Any:
    """Of both signs, and at least 0.3 away from 0."""
    return rng.uniform(0.3, 2.0, shape) * rng.choice([-1.0, 1.0], shape)


def distinct(*shape: int) -> Any:
    """..., -0.5, -0.2, 0.1, 0.4, ... in any order."""
    n = int(np.prod(shape))
    return (0.3 * (rng.permutation(n) - n // 2) + 0.1).reshape(shape)


def distinct_pair(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Any, Any]:
    """Two arrays of these shapes without a common value, neither smaller throughout."""
    n = int(np.prod(a))
    both = distinct(n + int(np.prod(b)))
    return both[:n].reshape(a), both[n:].reshape(b)
