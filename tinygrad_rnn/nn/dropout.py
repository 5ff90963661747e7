"""Dropout with its generator."""

from collections.abc import Sequence

from tinygrad_rnn import functional
from tinygrad_rnn._typing import Seed
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.functional.layers import X
from tinygrad_rnn.guards.arguments import generator
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.module import Module


@public_class
class Dropout(Module):
    """In training, each entry is set to 0 with probability p, the others are divided by 1 - p.

    Otherwise x itself.

    share  axes along which one mask is used: with share=0 a sequence (T, B, I) loses the same
           entries at every step, as in Gal and Ghahramani (2016), arXiv:1512.05287
    rng    a seed or a Generator, from which every call draws a new mask.  A Generator is shared, so
           a checkpoint of it is enough to resume bit for bit

    Raises UsageError for p outside [0, 1), ShapeError for an axis that x lacks.
    """

    def __init__(self, p: float = 0.5, *, share: int | Sequence[int] = (), rng: Seed):
        if not 0 <= p < 1:
            raise UsageError(
                f"Dropout with p={p}: p is the probability of a zero and lies in [0, 1)."
            )
        self.p, self.share, self.rng = p, share, generator(rng)

    def __call__(self, x: X) -> X:
        """x with zeros in it."""
        training, share = self.training, self.share
        return functional.dropout(x, self.p, rng=self.rng, training=training, share=share)

    def _settings(self) -> list[str]:
        return [f"p={self.p}", *[f"share={self.share}"] * (self.share != ())]
