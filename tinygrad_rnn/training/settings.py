"""The choices of a run.  They are kept in its checkpoint, so that it can be gone on with."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tinygrad_rnn.errors import DataError, RangeError, UsageError
from tinygrad_rnn.nn import GRUCell, LSTMCell, RNNCell
from tinygrad_rnn.optim import SGD, Adagrad, Adam, AdamW, RMSprop

CELLS: dict[str, Any] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}
OPTIMIZERS: dict[str, Any] = {"adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "adagrad": Adagrad, "sgd": SGD}


@dataclass(frozen=True)
class Settings:
    """What a run was asked for.  window and batch of 0 stand for the problem's own.

    data    a text file, a .csv or .npy series, or the name of a task; "text" is the default text
    column  of a series
    window  steps through which the gradient flows; of a task, its length

    Raises RangeError or UsageError, naming the option, for what cannot be.
    """

    data: str = "text"
    column: str | None = None
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
        for name, lowest in (("hidden", 1), ("layers", 1), ("window", 0), ("batch", 0), ("seed", 0)):
            if getattr(self, name) < lowest:
                raise RangeError(
                    f"--{name} is {getattr(self, name)}; it must be at least {max(lowest, name != 'seed')}."
                )
        if not 0 < self.lr < math.inf:
            raise RangeError(f"--lr is {self.lr}; it must be positive.")
        if not self.clip > 0:
            raise RangeError(f"--clip is {self.clip}; it must be positive, or inf for no clipping.")
        if not 0 < self.validation < 1:
            raise RangeError(f"--validation is {self.validation}; it is a share of the data between 0 and 1.")
        for name, known in (("cell", CELLS), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise UsageError(f"--{name} is {getattr(self, name)!r}; there are {', '.join(known)}.")

    def saved(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def settings_of(saved: Any, where: str) -> Settings:
    """The settings in a checkpoint.  Raises DataError, naming the file, if it has none or others."""
    kinds = {field.name: field.type for field in fields(Settings)}
    if not isinstance(saved, Mapping) or saved.keys() != kinds.keys():
        raise DataError(
            f"{where} is a checkpoint, but not of a run of `tinygrad-rnn train`. Load it by the program that saved it."
        )
    try:
        return Settings(**saved)
    except (TypeError, RangeError, UsageError) as error:
        raise DataError(f"{where} holds settings that cannot be: {error}") from error
