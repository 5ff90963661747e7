"""What the built-in cells share.  A cell of your own needs none of it: any callable (x, state) -> state will do."""

from typing import Any, ClassVar

import numpy as np

from tinygrad_rnn.errors import ShapeError, UsageError
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.module import Module
from tinygrad_rnn.nn.symbols import explained

Array = Any


@public_class
class Cell(Module):
    """One time step of a recurrent network as a pure function: no state is kept in the cell.

    A subclass gives `step`, its `equation`, the names of its `states` and `gates`, and the `symbols` of every shape,
    so that a shape that does not fit is reported in the equation's words.
    """

    equation: ClassVar[str]
    states: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[
        tuple[str, ...]
    ] = ()  # what the blocks along the last axis are called, in pictures
    symbols: ClassVar[dict[str, str]]
    hidden: int
    dtype: Any

    def step(self, x: Array, state: Any) -> Any:
        """The next state."""
        raise NotImplementedError

    def __call__(self, x: Array, state: Any) -> Any:
        """`step`, with errors in the words of the equation."""
        if isinstance(state, tuple) != (len(self.states) > 1) or (
            type(state) is tuple and len(state) != len(self.states)
        ):
            raise self._not_a_state(state)
        try:
            return self.step(x, state)
        except ShapeError as error:
            given = dict(
                zip(self.states, state if isinstance(state, tuple) else (state,), strict=True)
            )
            raise explained(self, {"x": x, **given}, error) from error

    def initial_state(self, batch: tuple[int, ...] = ()) -> Any:
        """Zeros: (*batch, H), one for each of `states`."""
        zeros = [np.zeros((*batch, self.hidden), self.dtype) for _ in self.states]
        return zeros[0] if len(zeros) == 1 else tuple(zeros)

    def _not_a_state(self, state: Any) -> UsageError:
        wanted = (
            f"the tuple ({', '.join(self.states)})"
            if len(self.states) > 1
            else f"one array, {self.states[0]}"
        )
        given = (
            f"a tuple of {len(state)}"
            if isinstance(state, tuple)
            else f"one {type(state).__name__}"
        )
        return UsageError(f"the state of {type(self).__name__} is {wanted}; it was given {given}.")
