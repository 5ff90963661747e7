"""Temporal XOR: a stream of bits of which every third is the exclusive or of the two before it."""

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Seed
from tinygrad_rnn.guards.arguments import check_count, generator, real_dtype
from tinygrad_rnn.guards.boundary import public


@public
def temporal_xor(triples: int, *, rng: Seed, dtype: DTypeLike = float) -> Array:
    """Bits (3 * triples, 1): a random bit, another, their exclusive or, and so on.

    The task is to predict the next bit. Only every third bit can be predicted; for the others 1/2
    is the best guess, with a squared error of 1/4. Elman (1990), doi:10.1207/s15516709cog1402_1,
    section "Exclusive-Or": 1,000 triples. Raises RangeError if triples is below 1.
    """
    dtype = real_dtype(dtype)
    pairs = generator(rng).integers(0, 2, (check_count(triples, "triples"), 2))
    bits = np.column_stack([pairs, pairs[:, 0] ^ pairs[:, 1]])
    return bits.reshape(-1, 1).astype(dtype)
