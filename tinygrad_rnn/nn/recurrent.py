"""What the layers RNN, LSTM and GRU share: cells over all of time, in several layers and in one direction or both."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tinygrad_rnn.core.operators import operand, value
from tinygrad_rnn.errors import DataError, DTypeError, RangeError, ShapeError, UsageError
from tinygrad_rnn.functional import dropout
from tinygrad_rnn.guards.arguments import check_count
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.cell import Cell
from tinygrad_rnn.nn.module import Module
from tinygrad_rnn.scan import Scanned, scan

Array = Any
C = TypeVar("C", bound=Cell)


@public_class
class Recurrent(Module):
    """Cells through which `scan` goes: layer k reads what layer k - 1 gave, forwards, and backwards too if asked to.

    xs       (T, B, I), or (T, I) for one sequence: time first.  np.swapaxes(xs, 0, 1) turns (B, T, I) into that
    state    before the first step, (num_layers * directions, B, H) or (num_layers * directions, H): all layers one
             after the other, in each the forward direction before the reverse one; None: zeros.  An LSTM's is the
             pair (h, c) of such arrays
    lengths  integers (B,) from 0 to T, in any order: sequence b ends after lengths[b] steps.  What lies behind,
             even NaN, reaches no value and no gradient, and outputs are 0 there; None: all have T steps
    result   outputs (T, B, H) of the last layer, or (T, B, 2H) with the reverse direction behind the forward one; and
             the state where each sequence ends, which for the reverse direction is its first step

    The reverse direction of a sequence begins at its own last step.  In training, what one layer hands to the next
    goes through dropout.

    cells    {"l0": cell, "l0_reverse": cell, "l1": ...}, PyTorch's endings; replace a parameter there to start it
             otherwise

    Calling raises ShapeError, DTypeError or RangeError for xs, lengths and states that do not fit, UsageError for a
    state of another structure, DataError for an empty sequence.
    Both directions: Schuster and Paliwal (1997), doi:10.1109/78.650093.
    """

    def __init__(
        self,
        make: Callable[[int], Cell],
        inputs: int,
        hidden: int,
        *,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
        rng: np.random.Generator,
    ):
        name = type(self).__name__
        num_layers = check_count(num_layers, f"num_layers of {name}")
        if not 0 <= dropout < 1:
            raise UsageError(
                f"{name} with dropout={dropout}: it is the probability of a zero and lies in [0, 1)."
            )
        if dropout and num_layers == 1:
            raise UsageError(
                f"{name} with dropout={dropout} and one layer would never drop anything: dropout is between layers. "
                "Add a layer, or put nn.Dropout before or after this one."
            )
        self.inputs, self.hidden, self.num_layers, self.bidirectional = (
            inputs,
            hidden,
            num_layers,
            bidirectional,
        )
        self.dropout, self.rng = dropout, rng
        ways = ("", "_reverse") if bidirectional else ("",)
        self.cells = {
            f"l{k}{way}": make(inputs if k == 0 else len(ways) * hidden)
            for k in range(num_layers)
            for way in ways
        }

    def __call__(
        self,
        xs: Any,
        state: Any = None,
        lengths: Any = None,
        *,
        checkpoint: int | str | None = None,
    ) -> Scanned:
        """(outputs, state); checkpoint as in `scan`."""
        xs = self._inputs(xs)
        inside = None if lengths is None else _inside(lengths, xs)
        before = iter(self._states(state, xs.shape[1:-1]))
        after: list[tuple[Array, ...]] = []
        if inside is not None:
            xs = np.where(
                inside, xs, xs.dtype.type(0)
            )  # a NaN behind the end would spoil gradients as 0 * NaN
        for k in range(self.num_layers):
            if k:
                xs = dropout(xs, self.dropout, rng=self.rng, training=self.training)
            ways = [
                self._run(cell, xs, next(before), inside, checkpoint) for cell in self._layer(k)
            ]
            after += [state for _, state in ways]
            xs = (
                ways[0][0]
                if len(ways) == 1
                else np.concatenate([outputs for outputs, _ in ways], axis=-1)
            )
        parts = tuple(np.stack(part) for part in zip(*after, strict=True))
        return Scanned(xs, parts if len(parts) > 1 else parts[0])

    def initial_state(self, batch: tuple[int, ...] = ()) -> Any:
        """Zeros: (num_layers * directions, *batch, H), for an LSTM two of them."""
        cell = self.cells["l0"]
        zeros = tuple(
            np.zeros((len(self.cells), *batch, self.hidden), cell.dtype) for _ in cell.states
        )
        return zeros if len(zeros) > 1 else zeros[0]

    def _layer(self, k: int) -> list[tuple[Cell, bool]]:
        """The cells of layer k, each with whether it goes backwards."""
        found = [(self.cells[f"l{k}"], False)]
        return [*found, (self.cells[f"l{k}_reverse"], True)] if self.bidirectional else found

    def _run(
        self,
        cell_and_way: tuple[Cell, bool],
        xs: Array,
        state: Any,
        inside: Array | None,
        checkpoint: int | str | None,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Outputs in the order of time, and the parts of the last state."""
        cell, reverse = cell_and_way
        if reverse:
            xs, inside = xs[::-1], None if inside is None else inside[::-1]
        if inside is None:
            outputs, state = scan(cell, xs, state, checkpoint=checkpoint)
        else:
            outputs, state = scan(Masked(cell), (xs, inside), state, checkpoint=checkpoint)
        return outputs[::-1] if reverse else outputs, state if isinstance(state, tuple) else (
            state,
        )

    def _inputs(self, xs: Any) -> Array:
        if isinstance(xs, list):
            if not xs:
                raise DataError("xs is empty: there is no time step to go through.")
            xs = np.stack([operand(x, "an entry of xs") for x in xs])
        xs = operand(xs, "xs")
        if xs.ndim not in (2, 3) or xs.shape[-1] != self.inputs:
            raise ShapeError(
                f"xs has shape {xs.shape}; {type(self).__name__} takes (T, B, I) or (T, I) with I = {self.inputs}. "
                "If the batch comes first, np.swapaxes(xs, 0, 1) puts time there."
            )
        if not len(xs):
            raise DataError("xs is empty: there is no time step to go through.")
        return xs

    def _states(self, state: Any, batch: tuple[int, ...]) -> list[Any]:
        """The state of every cell, in the order of `cells`."""
        names = self.cells["l0"].states
        state = self.initial_state(batch) if state is None else state
        if isinstance(state, tuple) != (len(names) > 1) or (
            isinstance(state, tuple) and len(state) != len(names)
        ):
            wanted = (
                f"the tuple ({', '.join(names)})" if len(names) > 1 else f"one array, {names[0]}"
            )
            given = (
                f"a tuple of {len(state)}"
                if isinstance(state, tuple)
                else f"one {type(state).__name__}"
            )
            raise UsageError(
                f"the state of {type(self).__name__} is {wanted}; it was given {given}."
            )
        shape = (len(self.cells), *batch, self.hidden)
        parts = state if isinstance(state, tuple) else (state,)
        for name, part in zip(names, parts, strict=True):
            if np.shape(part) != shape:
                axes = (
                    "(num_layers * directions, B, H)" if batch else "(num_layers * directions, H)"
                )
                raise ShapeError(
                    f"{name} of the state has shape {np.shape(part)}; this {type(self).__name__} and xs need "
                    f"{axes} = {shape}."
                )
        return [
            tuple(part[i] for part in parts) if len(parts) > 1 else parts[0][i]
            for i in range(len(self.cells))
        ]


class Masked:
    """A cell that stands still where `inside` is False, and gives 0 there."""

    def __init__(self, cell: Cell):
        self.cell = cell

    def __call__(self, x_inside: tuple[Array, Array], state: Any) -> tuple[Any, Array]:
        """(state, output)."""
        x, inside = x_inside
        new = self.cell(x, state)
        if not isinstance(state, tuple):
            return np.where(inside, new, state), np.where(inside, new, new.dtype.type(0))
        kept = tuple(np.where(inside, a, b) for a, b in zip(new, state, strict=True))
        return kept, np.where(inside, new[0], new[0].dtype.type(0))


def _inside(lengths: Any, xs: Array) -> Array:
    """(T, B, 1): whether step t of sequence b is one of its own."""
    lengths, (T, *batch, _) = np.asarray(value(lengths)), xs.shape
    if lengths.dtype.kind not in "iu":
        raise DTypeError(
            f"lengths have dtype {lengths.dtype}; they count steps, so they are integers."
        )
    if lengths.shape != tuple(batch):
        raise ShapeError(
            f"lengths have shape {lengths.shape}; xs has shape {xs.shape} and needs one length for each sequence of "
            f"the batch, {tuple(batch)}."
        )
    if lengths.size and (lengths.min() < 0 or lengths.max() > T):
        raise RangeError(
            f"lengths run from {lengths.min()} to {lengths.max()}; xs has T = {T} steps, so they must lie in 0..{T}."
        )
    inside: Array = np.expand_dims(np.arange(T).reshape(T, *[1] * len(batch)) < lengths, -1)
    return inside
