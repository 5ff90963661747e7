"""The adding problem: remember two marked numbers among many, and give their sum at the end."""

from typing import Literal

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Seed
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.guards.arguments import check_count, generator, real_dtype
from tinygrad_rnn.guards.boundary import public


@public
def adding_problem(
    steps: int,
    batch: int,
    *,
    rng: Seed,
    variant: Literal["halves", "anywhere", "1997"] = "halves",
    dtype: DTypeLike = float,
) -> tuple[Array, Array]:
    """Sequences of (number, marker), and the sum of the two marked numbers.

    xs (T, B, 2), targets (B, 1).

    halves    numbers uniform in 0..1; one marker 1 at random in the first T // 2 steps, one in the
              others, else 0. Arjovsky, Shah and Bengio (2016), arXiv:1511.06464, "Adding problem"
    anywhere  the same with the two markers at any two different steps. Le, Jaitly and Hinton
              (2015), arXiv:1504.00941, "The adding problem"
    1997      numbers uniform in -1..1; T drawn from steps .. steps + steps // 10, one for the whole
              batch; marker 1 at one of the first ten steps and at one of the first steps // 2 - 1
              others, -1 at the first and the last step, else 0; the target is 1/2 + (X_1 + X_2)/4,
              where a number marked at the very first step counts as 0. Hochreiter and Schmidhuber
              (1997), doi:10.1162/neco.1997.9.8.1735, section 5.4

    Always predicting 1 has a mean squared error of 2/12 = 0.1667 in the first two; always 1/2 about
    1/24 in the last. Raises RangeError if there is no step for a marker, UsageError for another
    variant.
    """
    rng, dtype, batch = generator(rng), real_dtype(dtype), check_count(batch, "batch")
    if not isinstance(variant, str) or variant not in ("halves", "anywhere", "1997"):
        known = "'halves', 'anywhere' and '1997'"
        raise UsageError(f"variant is {variant!r:.60}; the adding problem has {known}.")
    if variant == "1997":
        return _of_1997(
            check_count(steps, "steps", 11, "ten for the first marker and a last one"),
            batch,
            rng,
            dtype,
        )
    T = check_count(steps, "steps", 2, "one for each marked number")
    rows = np.arange(batch)
    numbers, markers = rng.random((T, batch)), np.zeros((T, batch))
    if variant == "halves":
        first, second = rng.integers(0, T // 2, batch), rng.integers(T // 2, T, batch)
    else:
        first = rng.integers(0, T, batch)
        second = (first + rng.integers(1, T, batch)) % T
    markers[first, rows] = markers[second, rows] = 1.0
    return _joined(numbers, markers, numbers[first, rows] + numbers[second, rows], dtype)


def _of_1997(
    steps: int, batch: int, rng: np.random.Generator, dtype: DTypeLike
) -> tuple[Array, Array]:
    T, rows = int(rng.integers(steps, steps + steps // 10 + 1)), np.arange(batch)
    numbers, markers = rng.uniform(-1, 1, (T, batch)), np.zeros((T, batch))
    first = rng.integers(0, 10, batch)
    second = rng.integers(0, steps // 2 - 1, batch)
    second += second >= first  # one of the steps that are not marked yet
    markers[[0, -1]] = -1.0
    markers[first, rows] = markers[second, rows] = 1.0
    X1, X2 = (np.where(at == 0, 0.0, numbers[at, rows]) for at in (first, second))
    return _joined(numbers, markers, 0.5 + (X1 + X2) / 4.0, dtype)


def _joined(
    numbers: Array, markers: Array, targets: Array, dtype: DTypeLike
) -> tuple[Array, Array]:
    return np.stack([numbers, markers], -1).astype(dtype), targets[:, None].astype(dtype)
