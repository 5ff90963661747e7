"""What the built-in cells share.

A cell of your own needs none of it: any callable (x, state) -> state will do.
"""

from typing import Any, ClassVar, Generic

import numpy as np

from tinygrad_rnn._typing import ArrayLike, DType, DTypeLike, Seed, Shape, State
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import ShapeError, UsageError
from tinygrad_rnn.guards.arguments import check_counts
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.equation import Equation


@public_class
class Cell(Equation, Generic[State]):
    """One time step of a recurrent network as a pure function: no state is stored in the cell.

    A subclass gives `step` and four facts; a type checker learns its state from `Cell[Tensor]`.

    equation  is quoted where a shape does not fit
    symbols   the axes of every operand: {"W_xh": "I 4H", "b_h": "4H", "x": "B I", "h": "B H"}
    states    the names of the parts of its state: ("h",), of an LSTM ("h", "c")
    gates     what the blocks along the last axis are called in pictures
    """

    states: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[tuple[str, ...]] = ()
    hidden: int
    dtype: DType

    def start(self, inputs: int, hidden: int, *, rng: Seed, dtype: DTypeLike = float) -> None:
        """Draw a parameter for each of `symbols` that is made of I and H, uniform in +-1/sqrt(H).

        Sets `hidden` and `dtype` too.  Raises RangeError for sizes below 1.
        """
        inputs, hidden = check_counts(inputs=inputs, hidden=hidden)
        self.hidden, self.dtype = hidden, np.dtype(dtype)
        self._draw({"I": inputs, "H": hidden}, hidden**-0.5, rng, dtype)

    def step(self, x: Any, state: Any) -> State:
        """The next state."""
        raise NotImplementedError

    def __call__(self, x: ArrayLike | Tensor, state: Any) -> State:
        """`step`, with errors in the words of the equation."""
        parts = parts_of(state, self.states, self)
        try:
            return self.step(x, state)
        except ShapeError as error:
            given = dict(zip(self.states, parts, strict=True))
            raise self._explained(error, x=x, **given) from error

    def initial_state(self, batch: Shape = ()) -> Any:
        """Zeros: (*batch, H), one for each of `states`."""
        return zeros(self.states, (*batch, self.hidden), self.dtype)


def zeros(states: tuple[str, ...], shape: Shape, dtype: DType) -> Any:
    """An array of zeros for each of the states: one, or a tuple of several."""
    parts = tuple(np.zeros(shape, dtype) for _ in states)
    return parts if len(parts) > 1 else parts[0]


def parts_of(state: Any, names: tuple[str, ...], owner: object) -> tuple[Any, ...]:
    """The state as a tuple.  Raises UsageError if it is not built as the names of its parts say."""
    several = isinstance(state, tuple)
    if several == (len(names) > 1) and (not several or len(state) == len(names)):
        return state if several else (state,)
    wanted = f"the tuple ({', '.join(names)})" if len(names) > 1 else f"one array, {names[0]}"
    given = f"a tuple of {len(state)}" if several else f"one {type(state).__name__}"
    raise UsageError(f"the state of {type(owner).__name__} is {wanted}; it was given {given}.")
