"""Random programs of NumPy functions: a strategy of Hypothesis, and `run` for arrays or Tensors.

A program is a list of steps; a step applies a function to values made before.  A step is kept only
where bare NumPy can take it (shapes fit, the result is finite and neither empty nor large), so
every program that comes out runs.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from support.menu import MENU, ROOTS


class Step(NamedTuple):
    """`MENU[name]` of the values with these numbers: arguments first, then results in order."""

    name: str
    operands: tuple[int, ...]


class Program(NamedTuple):
    """Arguments and steps; its result is the sum of all results, each times its weight."""

    args: tuple[Any, ...]
    steps: tuple[Step, ...]

    def __repr__(self) -> str:
        lines = [f"v{i} = {a!r}" for i, a in enumerate(self.args)]
        for i, step in enumerate(self.steps, len(self.args)):
            lines.append(f"v{i} = {step.name}({', '.join(f'v{j}' for j in step.operands)})")
        return "\n".join(lines)


SHAPES = [(), (3,), (2, 3), (3, 2), (1, 3), (2, 1), (3, 3)]


@st.composite
def programs(draw: Any, most: int = 10, names: Collection[str] = MENU) -> Program:
    """One to three arguments of mixed shapes, and up to `most` steps; shrinks to fewer steps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_program(rng, draw(st.integers(1, most)), names)


def random_program(rng: np.random.Generator, wanted: int, names: Collection[str]) -> Program:
    """A program with this many steps of these functions, or fewer if they do not fit."""
    args = tuple(
        rng.uniform(-2.0, 2.0, SHAPES[rng.integers(len(SHAPES))]) for _ in range(rng.integers(1, 4))
    )
    values, steps = list(args), []
    for name in rng.choice(sorted(names), 30).tolist():
        for _ in range(4):  # among the newest values, so that programs grow deep
            newest = rng.integers(min(4, len(values)), size=MENU[name][0])
            operands = tuple((len(values) - 1 - newest).tolist())
            result = _applied(name, *(values[i] for i in operands))
            if result is not None:
                values.append(result)
                steps.append(Step(name, operands))
                break
        if len(steps) == wanted:
            break
    return Program(args, tuple(steps))


def _applied(name: str, *operands: Any) -> Any:
    """The result of bare NumPy; None where it does not fit."""
    try:
        with np.errstate(all="ignore"):
            y = np.asarray(MENU[name][1](*operands))
    except (ValueError, IndexError):
        return None
    fits = 0 < y.size <= 64 and y.ndim <= 4 and np.all(np.isfinite(y)) and np.max(np.abs(y)) < 50
    return y if fits and not (name in ROOTS and np.min(np.abs(y)) < 0.05) else None


def run(program: Program, *args: Any) -> Any:
    """The program on these arguments: a scalar to which every result contributes."""
    values = list(args)
    for step in program.steps:
        values.append(MENU[step.name][1](*(values[i] for i in step.operands)))
    return sum((np.sum(v * (0.5 + 0.1 * i)) for i, v in enumerate(values)), 0.0)
