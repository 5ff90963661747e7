"""What the built-in cells share.  A cell of your own needs none of it: any callable (x, state) -> state will do."""

from typing import Any, ClassVar

import numpy as np

from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.nn.module import Module

Array = Any


class Cell(Module):
    """One time step of a recurrent network as a pure function: no state is kept in the cell.

    A subclass gives `step`, its `equation`, the names of its `states`, and the `symbols` of every shape,
    so that a shape that does not fit is reported in the equation's words.
    """

    equation: ClassVar[str]
    states: ClassVar[tuple[str, ...]] = ("h",)
    symbols: ClassVar[dict[str, str]]
    hidden: int
    dtype: Any

    def step(self, x: Array, state: Any) -> Any:
        """The next state."""
        raise NotImplementedError

    def __call__(self, x: Array, state: Any) -> Any:
        """`step`, with shape errors in the words of the equation."""
        try:
            return self.step(x, state)
        except ShapeError as error:
            raise self._explained(x, state, error) from error

    def initial_state(self, batch: tuple[int, ...] = ()) -> Any:
        """Zeros: (*batch, H), one for each of `states`."""
        zeros = [np.zeros((*batch, self.hidden), self.dtype) for _ in self.states]
        return zeros[0] if len(zeros) == 1 else tuple(zeros)

    def _explained(self, x: Array, state: Any, error: ShapeError) -> ShapeError:
        """The same error in the symbols of the equation: weights say what a symbol is, x and the states must agree."""
        operands = {name: p for name, p in self.named_parameters() if name in self.symbols}
        operands |= {"x": x, **dict(zip(self.states, state if isinstance(state, tuple) else (state,), strict=False))}
        meaning: dict[str, tuple[int, str]] = {}
        for name, operand in operands.items():
            shape, symbols = np.shape(operand), self.symbols[name].split()
            told = f"{name} is ({', '.join(symbols)}) = {shape}"
            if len(shape) < len(symbols):  # a vector instead of a batch of rows
                symbols = symbols[-len(shape) :] if shape else []
            for symbol, n in zip(symbols, shape[-len(symbols) :], strict=True):
                m, other = meaning.setdefault(symbol.lstrip("0123456789"), (n // _factor(symbol), told))
                if n != m * _factor(symbol):
                    return ShapeError(
                        f"{other}, but {told}: {symbol.lstrip('0123456789')} is {m} in one and "
                        f"{n / _factor(symbol):g} in the other. In {self.equation}"
                    )
        return ShapeError(f"{error} In {self.equation}")


def _factor(symbol: str) -> int:
    """4 for `4H`."""
    digits = symbol[: len(symbol) - len(symbol.lstrip("0123456789"))]
    return int(digits or 1)
