"""What counting alone knows of a text: an n-gram model, the baseline of every character model."""

from dataclasses import dataclass

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.errors import DataError
from tinygrad_rnn.guards.arguments import check_count
from tinygrad_rnn.guards.boundary import public_class


@dataclass(frozen=True)
class _Counts:
    """The grams of one length: sorted keys, context * V + symbol, and two counts per context."""

    keys: Array
    counts: Array
    totals: Array
    distinct: Array


@public_class
class NGram:
    """The probability of a symbol after the order - 1 before it, interpolated.

    p_n(s | h) = (count(h s) + distinct(h) p_(n-1)(s | h')) / (count(h) + distinct(h)), where
    distinct(h) is the number of different symbols seen after h, and h' is h without its oldest
    symbol; below the shortest stands 1 / V. Witten and Bell (1991), doi:10.1109/18.87000, method C.

    stream  symbols (N,), integers in 0..V - 1; V is `size`. Raises DataError if it is empty or
            holds others.
    """

    def __init__(self, stream: Array, order: int, size: int):
        self.order, self.size = check_count(order, "order"), check_count(size, "size")
        self._levels: list[_Counts] = []
        s = self._checked(stream)
        context, contexts = np.zeros(len(s), int), 1  # -1 where the stream has not begun
        for _ in range(self.order):
            seen = context >= 0
            keys, gram, counts = np.unique(
                context[seen] * self.size + s[seen], return_inverse=True, return_counts=True
            )
            owner = keys // self.size
            totals = np.bincount(owner, counts, contexts)
            self._levels.append(
                _Counts(keys, counts, totals, np.bincount(owner, minlength=contexts))
            )
            context, contexts = self._next(seen, gram), len(keys)

    def bits(self, stream: Array) -> float:
        """The mean of -log2 p over the stream; its first symbols have shorter contexts."""
        s = self._checked(stream)
        p = np.full(len(s), 1.0 / self.size)
        context = np.zeros(len(s), int)
        for level in self._levels:
            seen = context >= 0
            wanted = context[seen] * self.size + s[seen]
            gram = np.minimum(np.searchsorted(level.keys, wanted), len(level.keys) - 1)
            found = level.keys[gram] == wanted
            n, distinct = level.totals[context[seen]], level.distinct[context[seen]]
            p_longer = (np.where(found, level.counts[gram], 0) + distinct * p[seen]) / np.maximum(
                n + distinct, 1
            )
            p[seen] = np.where(
                n > 0, p_longer, p[seen]
            )  # nothing was ever seen after the stream's last context
            context = self._next(seen, np.where(found, gram, -1))
        return float(-np.mean(np.log2(p)))

    @staticmethod
    def _next(seen: Array, gram: Array) -> Array:
        """The context of each symbol one longer: the gram that ends before it."""
        ends = np.full(len(seen), -1)
        ends[seen] = gram
        return np.concatenate([[-1], ends[:-1]])

    def _checked(self, stream: Array) -> Array:
        s = np.asarray(stream)
        if (
            s.ndim != 1
            or not len(s)
            or s.dtype.kind not in "iu"
            or s.min() < 0
            or s.max() >= self.size
        ):
            raise DataError(
                f"an n-gram model counts symbols (N,), N >= 1, integers in 0..{self.size - 1}; "
                f"this is {s.dtype} of "
                f"shape {s.shape}. Encode the text with its Vocabulary."
            )
        return s
