"""Influence balancing: soon and late effects of one parameter pull in opposite directions."""

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike
from tinygrad_rnn.errors import RangeError
from tinygrad_rnn.guards.arguments import check_count, real_dtype
from tinygrad_rnn.guards.boundary import public


@public
def influence_balancing(n: int = 23, p: int = 10, dtype: DTypeLike = float) -> tuple[Array, Array]:
    """The constants of s_t = A s_(t-1) + theta * signs: A (n, n) and signs (n,).

    A has 1/2 on the diagonal and just above it, so that state i moves into state i - 1; signs is 1
    for the first p states and -1 for the others. The loss is (s_t[0] - 1)^2 / 2. In a row s, as a
    batch has it: s @ A.T.

    Over all of time theta moves s[0] by 2 (2 p - n) in the steady state, -6 for the default, but by
    + 1 in each of the first p steps: truncated gradients have the wrong sign until they reach far
    enough back. Tallec and Ollivier (2017), arXiv:1702.05043, experiment on influence balancing.
    Raises RangeError if n is below 1 or p not in 0..n.
    """
    n, p, dtype = check_count(n, "n"), check_count(p, "p", 0), real_dtype(dtype)
    if p > n:
        raise RangeError(f"p is {p}; of n = {n} states at most {n} can be positive.")
    A = 0.5 * np.eye(n, dtype=dtype) + 0.5 * np.eye(n, k=1, dtype=dtype)
    return A, np.where(np.arange(n) < p, 1.0, -1.0).astype(dtype)
