"""Text and series: a long stream in columns, read in segments with the state carried on."""

import math
import zlib
from collections.abc import Iterator

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.data import NGram, Vocabulary, columns, one_hot, segments
from tinygrad_rnn.data.series import check_varies
from tinygrad_rnn.errors import DataError
from tinygrad_rnn.functional import cross_entropy, mse_loss
from tinygrad_rnn.io.checkpoint import Saved
from tinygrad_rnn.training.problem import Batch, Problem

_ORDER = 3  # of the n-gram model that a text is compared with


class Stream(Problem):
    """A stream, its first part for training, its last for validation; subclasses encode it."""

    def __init__(self, entries: Array, about: str, window: int, batch: int, share: float):
        self.window, self.batch, self.steps = window, batch, f"{window} steps"
        cut = len(entries) - max(1, round(share * len(entries)))
        self.parts = entries[:cut], entries[cut:]
        try:
            self._pieces = list(segments(columns(self.parts[0], batch), window))
            held_out = columns(
                self.parts[1], min(batch, max(1, len(self.parts[1]) // (2 * window)))
            )
            self._held_out = list(segments(held_out, min(window, len(held_out) - 1)))
        except DataError as error:
            raise DataError(
                f"{about}: {cut} entries to train on and {len(entries) - cut} to validate are too "
                f"few for --batch {batch} and --window {window}: {error} Lower them."
            ) from error
        self.per_epoch = len(self._pieces)
        self.about = f"{about}; {cut:,} to train on, {len(entries) - cut:,} to validate"
        self.fingerprint = (
            f"{len(entries)} entries, {zlib.crc32(np.ascontiguousarray(entries).tobytes()):08x}"
        )

    def training(self, n: int, rng: np.random.Generator) -> Batch:
        """Segment n, beginning again after the last."""
        i = n % len(self._pieces)
        return self._encoded(*self._pieces[i], i == 0)

    def validation(self) -> Iterator[Batch]:
        """The segments of the last part."""
        return (self._encoded(*piece, i == 0) for i, piece in enumerate(self._held_out))

    def _encoded(self, entries: Array, following: Array, fresh: bool) -> Batch:
        return Batch(entries, following, fresh)


class Text(Stream):
    """The next character of a text."""

    kind, unit, measure, default = "text", "nats", "bits per character", 5
    loss = staticmethod(cross_entropy)

    def __init__(self, text: str, about: str, window: int, batch: int, share: float):
        self.vocabulary = Vocabulary(text)
        self.inputs = self.outputs = len(self.vocabulary)
        told = f"{about}: {len(text):,} characters, {self.inputs} different"
        super().__init__(self.vocabulary.encode(text), told, window or 50, batch or 32, share)
        counted = NGram(self.parts[0], _ORDER, self.inputs).bits(self.parts[1])
        self.baseline = (f"counting, {_ORDER}-gram", counted)

    def measured(self, loss: float) -> float:
        """Nats as bits."""
        return loss / math.log(2)

    def _encoded(self, entries: Array, following: Array, fresh: bool) -> Batch:
        return Batch(one_hot(entries, self.inputs, np.float32), following, fresh)

    def saved(self) -> Saved:
        """The symbols."""
        return {"symbols": self.vocabulary.symbols}


class Series(Stream):
    """The next entry of a series, whose columns are brought to mean 0 and deviation 1."""

    kind, unit, measure, default = (
        "series",
        "squared deviations",
        "error in standard deviations",
        300,
    )
    loss = staticmethod(mse_loss)

    def __init__(self, series: Array, about: str, window: int, batch: int, share: float):
        check_varies(series)
        cut = len(series) - max(1, round(share * len(series)))
        train = series[: max(1, cut)]
        with np.errstate(over="ignore", invalid="ignore"):  # found out below
            self.mean, deviation = train.mean(axis=0), train.std(axis=0)
            self.deviation = np.where(deviation > 0, deviation, 1.0)
            scaled = ((series - self.mean) / self.deviation).astype(np.float32)
        if not (np.all(np.isfinite(scaled)) and np.all(np.isfinite(self.deviation))):
            way = "Divide them, or take logarithms."
            raise DataError(f"{about}: its entries are too far apart to be scaled. {way}")
        self.inputs = self.outputs = series.shape[1]
        super().__init__(
            scaled, f"{about}: {len(series):,} entries", window or 20, batch or 4, share
        )
        steps = [(b.xs, b.targets) for b in self.validation()]
        self.baseline = (
            "no change",
            math.sqrt(float(np.mean([np.mean((x - y) ** 2) for x, y in steps]))),
        )

    def measured(self, loss: float) -> float:
        """The root of the mean square."""
        return math.sqrt(loss)

    def saved(self) -> Saved:
        """Mean and deviation of each column."""
        return {"mean": self.mean, "deviation": self.deviation}
