"""The choices of a run.  They are saved in its checkpoint, so that it can be resumed."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tinygrad_rnn.errors import DataError, RangeError, UsageError
from tinygrad_rnn.nn import GRUCell, LSTMCell, RNNCell
from tinygrad_rnn.optim import SGD, Adagrad, Adam, AdamW, RMSprop

CELLS: dict[str, Any] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}
OPTIMIZERS: dict[str, Any] = {
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
    "adagrad": Adagrad,
    "sgd": SGD,
}
READING = ("column", "separator", "decimal", "header")  # how a series is read, as in load_series
LARGEST = {"hidden": 10**6, "layers": 1000, "steps": 10**6, "window": 10**6, "batch": 10**6}
MOST = 10**9  # updates, epochs, characters


Columns = tuple[str, ...] | None


@dataclass(frozen=True)
class Settings:
    """What a run was asked for.  window and batch of 0 stand for the problem's own.

    data     a text file, a .csv, .tsv or .npy series, or the name of a task; "text", the default
    column, separator, decimal, header
             of a series, as in load_series
    window   steps through which the gradient flows; of a task, its length

    Raises RangeError or UsageError, naming the option, for what cannot be.
    """

    data: str = "text"
    column: Columns = None
    separator: str | None = None
    decimal: str | None = None
    header: bool | None = None
    cell: str = "lstm"
    hidden: int = 128
    layers: int = 1
    window: int = 0
    batch: int = 0
    lr: float = 0.003
    clip: float = 1.0
    optimizer: str = "adam"
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.column is not None:  # a text: the one column of before there could be several
            columns = (self.column,) if isinstance(self.column, str) else tuple(self.column)
            object.__setattr__(self, "column", columns)
        for name, lowest in (
            ("hidden", 1),
            ("layers", 1),
            ("window", 0),
            ("batch", 0),
            ("seed", 0),
        ):
            check_range(name, getattr(self, name), lowest, max(lowest, name != "seed"))
        if not 0 < self.lr < math.inf:
            raise RangeError(f"--lr is {self.lr}; it must be positive.")
        if not self.clip > 0:
            raise RangeError(f"--clip is {self.clip}; it must be positive, or inf for no clipping.")
        if not 0 < self.validation < 1:
            raise RangeError(
                f"--validation is {self.validation}; it is a share of the data between 0 and 1."
            )
        for name, known in (("cell", CELLS), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise UsageError(
                    f"--{name} is {getattr(self, name)!r}; there are {', '.join(known)}."
                )

    @property
    def reading(self) -> dict[str, Any]:
        """The options of load_series that were given."""
        return {name: getattr(self, name) for name in READING if getattr(self, name) is not None}

    def saved(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def check_range(name: str, value: int, lowest: int, told: int | None = None) -> None:
    """Raise RangeError, naming the option, for a value below the lowest or absurdly high."""
    if value < lowest:
        told = lowest if told is None else told
        raise RangeError(f"--{name} is {value!r:.60}; it must be at least {told}.")
    largest = LARGEST.get(name, MOST)
    if value > largest and name != "seed":
        raise RangeError(f"--{name} is {value!r:.60}; it must be at most {largest}.")


def settings_of(saved: object, where: str) -> Settings:
    """The settings in a checkpoint.  Raises DataError, naming the file, if they are no settings."""
    kinds = {field.name: field.type for field in fields(Settings)}
    if not isinstance(saved, Mapping) or saved.keys() | set(READING) != kinds.keys():
        raise DataError(
            f"{where} is a checkpoint, but not of a run of `tinygrad-rnn train`. "
            "Load it by the program that saved it."
        )
    for name, value in saved.items():
        if not _fits(value, kinds[name]):
            raise DataError(f"{where} holds settings that cannot be: --{name} is {value!r:.60}")
    try:
        return Settings(**saved)
    except (RangeError, UsageError) as error:
        raise DataError(f"{where} holds settings that cannot be: {error}") from error


def _fits(value: object, kind: Any) -> bool:
    """Whether a value of the header is of the kind of a field."""
    if kind == Columns:
        texts = value if isinstance(value, list) else [value]
        return value is None or all(isinstance(item, str) for item in texts)
    if kind is float and type(value) is int:
        return abs(value) < MOST
    return type(value) is int if kind is int else isinstance(value, kind)
