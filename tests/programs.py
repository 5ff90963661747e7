"""Random programs of NumPy functions: `programs()` is a Hypothesis strategy, `run` applies one to arrays or Tensors.

A program is a list of steps; a step applies a function to values made before.  A step is kept only where bare NumPy can
take it (shapes fit, the result is finite and neither empty nor large), so every program that comes out runs.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tinygrad_rnn.functional import log_softmax, logsumexp, relu, sigmoid, softmax, softplus


class Step(NamedTuple):
    """`MENU[name]` applied to the values with these numbers: arguments first, then results in order."""

    name: str
    operands: tuple[int, ...]


class Program(NamedTuple):
    """The arguments, and the steps; the result of the program is the sum of all results, each times its weight."""

    args: tuple[Any, ...]
    steps: tuple[Step, ...]

    def __repr__(self) -> str:
        lines = [f"v{i} = {a!r}" for i, a in enumerate(self.args)]
        for i, step in enumerate(self.steps, len(self.args)):
            lines.append(f"v{i} = {step.name}({', '.join(f'v{j}' for j in step.operands)})")
        return "\n".join(lines)


def _last(x: Any) -> int:
    return x.ndim - 1


MENU: dict[str, tuple[int, Callable[..., Any]]] = {  # name: (number of operands, function)
    "a + b": (2, np.add),
    "a - b": (2, np.subtract),
    "a * b": (2, np.multiply),
    "a / b": (2, np.divide),
    "a @ b": (2, np.matmul),
    "a @ b.T": (2, lambda a, b: a @ b.T),
    "maximum": (2, np.maximum),
    "minimum": (2, np.minimum),
    "logaddexp": (2, np.logaddexp),
    "where(a > b, a, 2 b)": (2, lambda a, b: np.where(a > b, a, 2.0 * b)),
    "concatenate": (2, lambda a, b: np.concatenate([a, b])),
    "stack": (2, lambda a, b: np.stack([a, b], axis=-1)),
    "negative": (1, np.negative),
    "square": (1, np.square),
    "a ** 3": (1, lambda a: a**3),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "sqrt": (1, np.sqrt),
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tanh": (1, np.tanh),
    "abs": (1, np.abs),
    "sigmoid": (1, sigmoid),
    "relu": (1, relu),
    "softplus": (1, softplus),
    "softmax": (1, softmax),
    "log_softmax": (1, log_softmax),
    "logsumexp": (1, logsumexp),
    "sum": (1, np.sum),
    "sum over the first axis": (1, lambda a: np.sum(a, axis=0)),
    "mean over the last axis": (1, lambda a: np.mean(a, axis=_last(a), keepdims=True)),
    "max over the last axis": (1, lambda a: np.max(a, axis=_last(a))),
    "transpose": (1, np.transpose),
    "ravel": (1, np.ravel),
    "a[::-1]": (1, lambda a: a[::-1]),
    "a[[0, 0, -1]]": (1, lambda a: a[[0, 0, -1]]),
    "a[..., None]": (1, lambda a: a[..., None]),
    "clip": (1, lambda a: np.clip(a, -1.0, 1.0)),
}

SHAPES = [(), (3,), (2, 3), (3, 2), (1, 3), (2, 1), (3, 3)]


@st.composite
def programs(draw: Any, most: int = 8) -> Program:
    """One to three arguments of mixed shapes, and up to `most` steps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    args = tuple(
        rng.uniform(-2.0, 2.0, shape) for shape in draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    )
    values, steps = list(args), []
    for name in draw(st.lists(st.sampled_from(sorted(MENU)), min_size=1, max_size=most)):
        arity, fun = MENU[name]
        # Mostly the newest value, so that programs grow deep.
        operands = tuple(len(values) - 1 - draw(st.integers(0, min(3, len(values) - 1))) for _ in range(arity))
        try:
            with np.errstate(all="ignore"):
                result = np.asarray(fun(*(values[i] for i in operands)))
        except (ValueError, IndexError):
            continue
        if 0 < result.size <= 64 and result.ndim <= 4 and np.all(np.isfinite(result)) and np.max(np.abs(result)) < 50:
            values.append(result)
            steps.append(Step(name, operands))
    return Program(args, tuple(steps))


def run(program: Program, *args: Any) -> Any:
    """The program on these arguments (arrays or Tensors): a scalar to which every result contributes."""
    values = list(args)
    for step in program.steps:
        values.append(MENU[step.name][1](*(values[i] for i in step.operands)))
    return sum((np.sum(v * (0.5 + 0.1 * i)) for i, v in enumerate(values)), 0.0)
