"""Temporal order: say at the end in which order two or three symbols came long ago."""

from collections.abc import Sequence

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Seed
from tinygrad_rnn.data.one_hot import one_hot
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.guards.arguments import check_count, generator
from tinygrad_rnn.guards.boundary import public

_RANGES = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}  # of 1997, ends included


@public
def temporal_order(
    steps: int, batch: int, *, rng: Seed, dtype: DTypeLike = float
) -> tuple[Array, Array]:
    """Which of AA, AB, BA, BB was seen: one-hot xs (T, B, 6) and the classes 0 to 3, targets (B,).

    Symbols 0 and 1 are A and B, 2 to 5 distract. One of A, B stands at a step in T/10 .. 2T/10, one
    in 4T/10 .. 5T/10 (counted from 0, upper end excluded); the class is 2 a + b.

    Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063, temporal order problem.
    Raises RangeError if steps is below 10 or batch below 1.
    """
    rng, batch = generator(rng), check_count(batch, "batch")
    T = check_count(steps, "steps", 10, "so that each tenth has a step")
    symbols = rng.integers(2, 6, (T, batch))
    ranges = [(T // 10, 2 * T // 10 - 1), (4 * T // 10, 5 * T // 10 - 1)]
    targets = _insert(symbols, ranges, rng)
    return one_hot(symbols, 6, dtype), targets


@public
def temporal_order_1997(
    batch: int, *, rng: Seed, relevant: int = 2, dtype: DTypeLike = float
) -> tuple[Array, Array]:
    """Tasks 6a (two relevant symbols) and 6b (three): one-hot xs (T, B, 8), targets (B,).

    Symbols 0 and 1 are X and Y, 2 to 5 distract (a, b, c, d), 6 is E, which starts, and 7 is B,
    which ends a sequence. T is drawn from 100 to 110, one for the whole batch. X or Y stands at a
    step in 10..20 and at one in 50..60 (6a, 4 classes: 2 a + b), or in 10..20, 33..43 and 66..76
    (6b, 8 classes: 4 a + 2 b + c), counted from 0.

    Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735, section 5.6.
    Raises UsageError if relevant is not 2 or 3, RangeError if batch is below 1.
    """
    rng, batch = generator(rng), check_count(batch, "batch")
    if not isinstance(relevant, (int, np.integer)) or relevant not in _RANGES:
        raise UsageError(
            f"relevant is {relevant!r}; task 6a has 2 relevant symbols and task 6b has 3."
        )
    T = int(rng.integers(100, 111))
    symbols = rng.integers(2, 6, (T, batch))
    symbols[0], symbols[-1] = 6, 7
    targets = _insert(symbols, _RANGES[relevant], rng)
    return one_hot(symbols, 8, dtype), targets


def _insert(symbols: Array, ranges: Sequence[tuple[int, int]], rng: np.random.Generator) -> Array:
    """Write one of two symbols into each range of steps, ends included; returns the classes."""
    batch = symbols.shape[1]
    targets = np.zeros(batch, int)
    for first, last in ranges:
        which = rng.integers(0, 2, batch)
        symbols[rng.integers(first, last + 1, batch), np.arange(batch)] = which
        targets = 2 * targets + which
    return targets
