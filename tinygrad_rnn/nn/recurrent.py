"""RNN, LSTM and GRU: cells over all of time, in several layers and in one direction or both."""

from __future__ import annotations  # so that a signature names types as they are written here

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, cast

import numpy as np

from tinygrad_rnn._typing import ArrayLike, DTypeLike, Seed, Shape, State
from tinygrad_rnn.core.operators import operand
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DataError, ShapeError, UsageError
from tinygrad_rnn.functional import dropout
from tinygrad_rnn.guards.arguments import check_count, generator
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.cell import Cell, parts_of, zeros
from tinygrad_rnn.nn.gru import GRUCell
from tinygrad_rnn.nn.lengths import Masked, own_steps
from tinygrad_rnn.nn.lstm import LSTMCell
from tinygrad_rnn.nn.module import Module
from tinygrad_rnn.nn.rnn import RNNCell
from tinygrad_rnn.scan import Scanned, scan

if TYPE_CHECKING:

    class Passed(NamedTuple, Generic[State]):
        """`Scanned`, where the type of the state is known."""

        outputs: Tensor
        state: State

else:  # named tuples are generic from Python 3.11 on

    class Passed(Scanned):
        """`Scanned`; see above."""

        def __class_getitem__(cls, state):
            return cls


@public_class
class Recurrent(Module, Generic[State]):
    """Cells through which `scan` goes: layer k reads what layer k - 1 gave.

    num_layers     how many
    bidirectional  whether each layer goes through the sequence backwards too
    dropout        the probability with which, in training, an entry that one layer hands to the
                   next becomes 0
    rng            draws the weights and then the masks of dropout: a seed or a Generator.  A
                   Generator is shared, so a checkpoint of it is enough to resume bit for bit
    dtype          of the parameters

    A call takes

    xs       (T, B, I), or (T, I) for one sequence: time first.  np.swapaxes(xs, 0, 1) turns
             (B, T, I) into that
    state    before the first step, (num_layers * directions, B, H) or (num_layers * directions, H):
             all layers one after the other, in each the forward direction before the reverse one;
             None: zeros.  An LSTM's is the pair (h, c) of such arrays
    lengths  integers (B,) from 0 to T, in any order: sequence b ends after lengths[b] steps.  What
             lies behind, even NaN, reaches no value and no gradient, and outputs are 0 there; None:
             all have T steps

    and returns outputs (T, B, H) of the last layer, or (T, B, 2H) with the reverse direction behind
    the forward one; and the state where each sequence ends, which for the reverse direction is its
    first step.  The reverse direction of a sequence begins at its own last step.

    cells    {"l0": cell, "l0_reverse": cell, "l1": ...}, PyTorch's endings; replace a parameter
             there to start it otherwise

    Calling raises ShapeError, DTypeError or RangeError for xs, lengths and states that do not fit,
    UsageError for a state of another structure, DataError for an empty sequence.
    Both directions: Schuster and Paliwal (1997), doi:10.1109/78.650093.
    """

    def __init__(
        self,
        make: Callable[[int], Cell[State]],
        inputs: int,
        hidden: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        rng: np.random.Generator,
    ):
        name = type(self).__name__
        num_layers = check_count(num_layers, f"num_layers of {name}")
        if not 0 <= dropout < 1:
            raise UsageError(
                f"{name} with dropout={dropout}: it is the probability of a zero and lies in "
                "[0, 1)."
            )
        if dropout and num_layers == 1:
            raise UsageError(
                f"{name} with dropout={dropout} and one layer would never drop anything: dropout "
                "is between layers. Add a layer, or put nn.Dropout before or after this one."
            )
        self.inputs, self.hidden = inputs, hidden
        self.num_layers, self.bidirectional = num_layers, bidirectional
        self.dropout, self.rng = dropout, rng
        ways = ("", "_reverse") if bidirectional else ("",)
        self.cells = {
            f"l{k}{way}": make(len(ways) * hidden if k else inputs)
            for k in range(num_layers)
            for way in ways
        }

    def __call__(
        self,
        xs: ArrayLike | Tensor | list[Tensor],
        state: Any = None,
        lengths: ArrayLike | Tensor | None = None,
        *,
        checkpoint: int | str | None = None,
    ) -> Passed[State]:
        """(outputs, state); checkpoint as in `scan`."""
        series: Any = self._inputs(xs)
        own = None if lengths is None else own_steps(lengths, series.shape)
        before = iter(self._states(state, series.shape[1:-1]))
        after: list[tuple[Tensor, ...]] = []
        if own is not None:  # a NaN behind the end would spoil gradients as 0 * NaN
            series = np.where(own, series, series.dtype.type(0))
        for k in range(self.num_layers):
            if k:
                series = dropout(series, self.dropout, rng=self.rng, training=self.training)
            found = []
            for way in ("", "_reverse") if self.bidirectional else ("",):
                cell, state = self.cells[f"l{k}{way}"], next(before)
                xs = series[::-1] if way else series
                if own is None:
                    outputs, state = scan(cell, xs, state, checkpoint=checkpoint)
                else:
                    masked = Masked(cell), (xs, own[::-1] if way else own)
                    outputs, state = scan(*masked, state, checkpoint=checkpoint)
                found.append(outputs[::-1] if way else outputs)
                after.append(parts_of(state, cell.states, cell))
            series = found[0] if len(found) == 1 else np.concatenate(found, axis=-1)
        parts = tuple(np.stack(part) for part in zip(*after, strict=True))
        last: Any = parts if len(parts) > 1 else parts[0]
        return cast("Passed[State]", Scanned(series, last))

    def initial_state(self, batch: Shape = ()) -> Any:
        """Zeros: (num_layers * directions, *batch, H), for an LSTM two of them."""
        cell = self.cells["l0"]
        return zeros(cell.states, (len(self.cells), *batch, self.hidden), cell.dtype)

    def _inputs(self, xs: Any) -> Any:
        """The inputs as one array with time first."""
        if isinstance(xs, list) and xs:
            xs = np.stack([operand(x, "an entry of xs") for x in xs])
        series: Any = operand(xs, "xs")
        if series.ndim and not len(series):
            raise DataError("xs is empty: there is no time step to go through.")
        if series.ndim not in (2, 3) or series.shape[-1] != self.inputs:
            raise ShapeError(
                f"xs has shape {series.shape}; {type(self).__name__} takes (T, B, I) or (T, I) "
                f"with I = {self.inputs}. If the batch comes first, np.swapaxes(xs, 0, 1) puts "
                "time there."
            )
        return series

    def _states(self, state: Any, batch: Shape) -> list[Any]:
        """The state of every cell, in the order of `cells`."""
        names = self.cells["l0"].states
        parts = parts_of(self.initial_state(batch) if state is None else state, names, self)
        shape = (len(self.cells), *batch, self.hidden)
        for name, part in zip(names, parts, strict=True):
            if np.shape(part) != shape:
                axes = "(num_layers * directions, B, H)"
                raise ShapeError(
                    f"{name} of the state has shape {np.shape(part)}; this {type(self).__name__} "
                    f"and xs need {axes if batch else axes.replace(' B,', '')} = {shape}."
                )
        if len(parts) == 1:
            return list(parts[0])
        return list(zip(*parts, strict=True))

    def _settings(self) -> list[str]:
        optional = {
            "num_layers": (self.num_layers, 1),
            "bidirectional": (self.bidirectional, False),
            "dropout": (self.dropout, 0.0),
        }
        told = [f"{name}={now}" for name, (now, usual) in optional.items() if now != usual]
        return [str(self.inputs), str(self.hidden), *told]


@public_class
class RNN(Recurrent[Tensor]):
    """Layers of RNNCell, (1.1), over all of time: xs (T, B, I) -> outputs (T, B, H), state h.

    f  the activation of every cell: np.tanh, functional.relu or any elementwise function

    >>> outputs, h = nn.RNN(2, 3, rng=0)(np.ones((5, 4, 2)))
    >>> outputs.shape, h.shape
    ((5, 4, 3), (1, 4, 3))

    The other options, inputs, states and lengths are described at `Recurrent`.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        f: Callable[[Tensor], Tensor] = np.tanh,
        rng: Seed,
        dtype: DTypeLike = float,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ):
        rng = generator(rng)
        make = lambda size: RNNCell(size, hidden, f, rng=rng, dtype=dtype)
        super().__init__(make, inputs, hidden, num_layers, bidirectional, dropout, rng=rng)


@public_class
class LSTM(Recurrent[tuple[Tensor, Tensor]]):
    """Layers of LSTMCell, (5.1) to (5.3), over all of time.

    xs: (T, B, I) -> outputs (T, B, H), state (h, c).

    forget_bias  of every cell, as in LSTMCell

    >>> outputs, (h, c) = nn.LSTM(2, 3, num_layers=2, rng=0)(np.ones((5, 4, 2)))
    >>> outputs.shape, h.shape, c.shape
    ((5, 4, 3), (2, 4, 3), (2, 4, 3))

    The other options, inputs, states and lengths are described at `Recurrent`.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        rng: Seed,
        dtype: DTypeLike = float,
        forget_bias: float | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ):
        rng = generator(rng)
        make = lambda size: LSTMCell(size, hidden, rng=rng, dtype=dtype, forget_bias=forget_bias)
        super().__init__(make, inputs, hidden, num_layers, bidirectional, dropout, rng=rng)


@public_class
class GRU(Recurrent[Tensor]):
    """Layers of GRUCell, (6.1) to (6.3), over all of time.

    xs: (T, B, I) -> outputs (T, B, H), state h.

    >>> outputs, h = nn.GRU(2, 3, bidirectional=True, rng=0)(np.ones((5, 4, 2)))
    >>> outputs.shape, h.shape
    ((5, 4, 6), (2, 4, 3))

    Options, inputs, states and lengths are described at `Recurrent`.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        rng: Seed,
        dtype: DTypeLike = float,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ):
        rng = generator(rng)
        make = lambda size: GRUCell(size, hidden, rng=rng, dtype=dtype)
        super().__init__(make, inputs, hidden, num_layers, bidirectional, dropout, rng=rng)
