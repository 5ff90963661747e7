"""The model of a run: cells one above another as one cell, and a read-out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Seed
from tinygrad_rnn.guards.arguments import generator
from tinygrad_rnn.nn import LSTMCell, Module, Readout
from tinygrad_rnn.scan import scan
from tinygrad_rnn.training.settings import CELLS


class Stack(Module):
    """Cells, the lowest first, as one cell whose state has the parts of all, the topmost first.

    So h of the top cell is what a read-out sees, as with a single cell.
    """

    def __init__(self, cells: Sequence[Any]):
        self.cells = list(cells)
        self.states = tuple(
            f"{name}{i}" for i in range(len(cells), 0, -1) for name in cells[i - 1].states
        )

    def initial_state(self, batch: tuple[int, ...] = ()) -> tuple[Array, ...]:
        """Zeros."""
        return tuple(
            part for cell in reversed(self.cells) for part in _parts(cell.initial_state(batch))
        )

    def __call__(self, x: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        """The next state: each cell reads h of the one below."""
        new: tuple[Array, ...] = ()
        end = len(state)
        for cell in self.cells:
            begin = end - len(cell.states)
            own = state[begin:end]
            after = _parts(cell(x, own if len(own) > 1 else own[0]))
            x, new, end = after[0], (*after, *new), begin
        return new


class Model(Module):
    """A cell and a linear read-out.

    last  whether only the output after the last step is wanted
    """

    def __init__(self, cell: Any, readout: Readout, last: bool = False):
        self.cell, self.readout, self.last = cell, readout, last

    def __call__(self, xs: Array, state: Any = None) -> tuple[Any, Any]:
        """Outputs, (T, B, O) or (B, O), and the state after the last step."""
        hs, state = scan(self.cell, xs, state)
        return self.readout(hs[-1] if self.last else hs), state


def make_model(
    cell: str,
    inputs: int,
    hidden: int,
    layers: int,
    outputs: int,
    *,
    last: bool = False,
    rng: Seed,
    dtype: DTypeLike = np.float32,
) -> Model:
    """A model with new weights; forget gates of an LSTM start at sigmoid(1)."""
    rng = generator(rng)
    options = {"forget_bias": 1.0} if CELLS[cell] is LSTMCell else {}
    cells = [
        CELLS[cell](hidden if i else inputs, hidden, rng=rng, dtype=dtype, **options)
        for i in range(layers)
    ]
    readout = Readout(hidden, outputs, rng=rng, dtype=dtype)
    return Model(cells[0] if layers == 1 else Stack(cells), readout, last)


def _parts(state: Any) -> tuple[Any, ...]:
    return state if isinstance(state, tuple) else (state,)
