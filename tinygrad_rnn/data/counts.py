"""Checking how many steps, sequences or symbols were asked for."""

from operator import index

from tinygrad_rnn.errors import RangeError


def check_count(n: int, what: str, lowest: int = 1, why: str = "") -> int:
    """n itself as an int.  Raises RangeError if it is no integer of at least `lowest`, and says why it must be."""
    try:
        count = index(n)
    except TypeError:
        raise RangeError(f"{what} is {n!r}; it must be an integer.") from None
    if count < lowest:
        raise RangeError(f"{what} is {count}; it must be at least {lowest}{why and ', ' + why}.")
    return count
