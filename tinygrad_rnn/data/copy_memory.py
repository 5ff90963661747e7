"""The copy memory task: hold ten symbols over a long wait, then write them out."""

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Seed
from tinygrad_rnn.data.one_hot import one_hot
from tinygrad_rnn.guards.arguments import check_count, generator
from tinygrad_rnn.guards.boundary import public

_COPIED, _SYMBOLS = 10, 8  # how many are copied, out of how many


@public
def copy_memory(
    delay: int, batch: int, *, rng: Seed, dtype: DTypeLike = float
) -> tuple[Array, Array]:
    """One-hot sequences, xs (T, B, 10), and the symbol wanted at every step, targets (T, B).

    T = delay + 20. Symbols 0 to 7 carry the message, 8 is blank, 9 says "now". A sequence is a
    message of 10 random symbols, delay - 1 blanks, one "now", 10 blanks; wanted are delay + 10
    blanks and then the message.

    Without memory the best is blank and then one symbol in eight: `copy_memory_baseline(delay)`.
    Arjovsky, Shah and Bengio (2016), arXiv:1511.06464, "Copying memory problem".
    Raises RangeError if the delay or the batch is below 1.
    """
    rng, batch = generator(rng), check_count(batch, "batch")
    T = check_count(delay, "delay", 1, 'the step at which "now" is said') + 2 * _COPIED
    blank, now = _SYMBOLS, _SYMBOLS + 1
    message = rng.integers(0, _SYMBOLS, (_COPIED, batch))
    symbols, targets = np.full((T, batch), blank), np.full((T, batch), blank)
    symbols[:_COPIED], targets[-_COPIED:] = message, message
    symbols[-_COPIED - 1] = now
    return one_hot(symbols, _SYMBOLS + 2, dtype), targets


@public
def copy_memory_baseline(delay: int) -> float:
    """The mean cross-entropy without memory, in nats: 10 ln 8 / (delay + 20)."""
    return float(_COPIED * np.log(_SYMBOLS) / (check_count(delay, "delay") + 2 * _COPIED))
