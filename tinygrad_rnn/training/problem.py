"""What is to be learned, as the run sees it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tinygrad_rnn._typing import Array, Function
from tinygrad_rnn.io.checkpoint import Saved


class Batch(NamedTuple):
    """Sequences and what is wanted of them.

    xs       (T, B, I)
    targets  (T, B) classes or (T, B, O) numbers; without T where only the last output counts
    fresh    whether they begin anew: the state is zero then, else the one of the batch before
    """

    xs: Array
    targets: Array
    fresh: bool


class Problem(ABC):
    """Base of the problems.

    about      a line on the data
    kind       "text", "series" or "task"
    inputs     I, and `outputs` O
    last       whether only the output after the last step counts
    loss       from outputs and targets to the mean loss
    unit       that of the loss
    measure    what is reported of a mean loss, and `measured` computes it
    baseline   (what, its measure) to compare with, or None
    steps      how long the sequences are, in words
    per_epoch  updates in one pass through the data; None where there is always new data
    default    updates or, with per_epoch, epochs
    fingerprint  tells other data apart
    notes      sentences on how the data was read
    """

    about: str
    kind: str
    inputs: int
    outputs: int
    last: bool = False
    loss: Function
    unit: str
    measure: str
    baseline: tuple[str, float] | None = None
    per_epoch: int | None = None
    default: int
    window: int
    batch: int
    steps: str
    fingerprint: str
    notes: Sequence[str] = ()

    @property
    def short(self) -> str:
        """The measure in the few letters of a progress bar."""
        words = (
            self.measure.replace(" per ", "/")
            .replace("character", "char")
            .replace("sequence", "seq")
        )
        return "error" if "error" in words else words

    @abstractmethod
    def measured(self, loss: float) -> float:
        """The measure of a mean loss."""

    @abstractmethod
    def training(self, n: int, rng: np.random.Generator) -> Batch:
        """The batch of update n, counted from 0."""

    @abstractmethod
    def validation(self) -> Iterator[Batch]:
        """Batches that are never trained on, the same ones every time."""

    def saved(self) -> Saved:
        """What using the trained model needs: the symbols of a text, the scale of a series."""
        return {}
