"""Checking what was asked for: how many, with which dtype, from which seed, of which text."""

from collections.abc import Iterator
from operator import index
from typing import Any

import numpy as np

from tinygrad_rnn._typing import DType, Seed
from tinygrad_rnn.errors import ArgumentTypeError, DTypeError, RangeError

_MOST = 10**9


def check_count(n: int, what: str, lowest: int = 1, why: str = "") -> int:
    """n itself as an int.

    Raises ArgumentTypeError if it is no integer, RangeError if it is below `lowest`; `why` says why
    it must not be.
    """
    try:
        count = index(n)
    except TypeError:
        raise ArgumentTypeError(f"{what} is {n!r:.60}; it must be an integer.") from None
    if count < lowest:
        raise RangeError(f"{what} is {count}; it must be at least {lowest}{why and ', ' + why}.")
    if count > _MOST:
        raise RangeError(f"{what} is {count!r:.60}; it must be at most {_MOST}.")
    return count


def check_counts(**given: int) -> Iterator[int]:
    """`check_count` of several, called by their names."""
    return (check_count(n, what) for what, n in given.items())


def real_dtype(dtype: object) -> DType:
    """The dtype, if it is one of real numbers.  Raises DTypeError."""
    try:
        found: DType = np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError:
        raise DTypeError(f"{dtype!r:.60} is no dtype. Give np.float32 or float.") from None
    if found.kind not in "biuf":
        raise DTypeError(f"dtype is {found}; data is real numbers. Give np.float32 or float.")
    return found


def generator(rng: Seed) -> np.random.Generator:
    """A Generator as it is, a seed as a new one.  Raises ArgumentTypeError for anything else."""
    if isinstance(rng, np.random.Generator):
        return rng
    # None would take a seed from the system, and NumPy would not come back from a matrix.
    if isinstance(
        rng, (int, np.integer, np.random.BitGenerator, np.random.SeedSequence)
    ) or _are_seeds(rng):
        try:
            return np.random.default_rng(rng)
        except ValueError:  # a negative one
            pass
    way = "it is a seed, an integer of at least 0, or a np.random.Generator"
    raise ArgumentTypeError(f"rng is {rng!r:.60}; {way}.")


def _are_seeds(rng: Any) -> bool:
    return type(rng) in (tuple, list) and all(isinstance(seed, (int, np.integer)) for seed in rng)


def check_text(text: str, what: str) -> str:
    """The text itself.  Raises ArgumentTypeError for anything else."""
    if not isinstance(text, str):
        raise ArgumentTypeError(f"{what} is a text, not {text!r:.60}.")
    return text
