"""A module that is one equation, whose letters name the axes of all it computes with."""

from typing import Any, ClassVar

import numpy as np

from tinygrad_rnn._typing import DTypeLike, Seed
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.guards.arguments import generator
from tinygrad_rnn.nn.initialisers import uniform
from tinygrad_rnn.nn.module import Module


class Equation(Module):
    """Base of cells and affine maps.

    equation  is quoted where a shape does not fit
    symbols   the axes of every operand: {"W_xh": "I 4H", "b_h": "4H", "x": "B I", "h": "B H"}
    """

    equation: ClassVar[str] = ""
    symbols: ClassVar[dict[str, str]] = {}

    def _draw(
        self,
        sizes: dict[str, int],
        bound: float,
        rng: Seed,
        dtype: DTypeLike,
        without: tuple[str, ...] = (),
    ) -> None:
        """Make a parameter of each symbol whose letters all have sizes, uniform in +-bound."""
        rng = generator(rng)
        for name, symbols in self.symbols.items():
            if name in without:
                continue
            axes = [_split(symbol) for symbol in symbols.split()]
            if all(letter in sizes for _, letter in axes):
                shape = tuple(factor * sizes[letter] for factor, letter in axes)
                setattr(self, name, uniform(name, shape, bound, rng, dtype))

    def _explained(self, error: ShapeError, **given: object) -> ShapeError:
        """The same error in symbols: weights say what a symbol is; what was given must agree."""
        wrong = self._meaning(given)[1]
        return ShapeError(f"{wrong or error}{f' In {self.equation}' * bool(self.equation)}")

    def _meaning(self, given: dict[str, Any]) -> tuple[dict[str, tuple[int, str]], str | None]:
        """The number behind each letter and who says it, and the first disagreement."""
        every = vars(self) | given
        operands = {name: x for name, x in every.items() if name in self.symbols}
        meaning: dict[str, tuple[int, str]] = {}
        for name, operand in operands.items():
            shape, symbols = np.shape(operand), self.symbols[name].split()
            told = f"{name} is ({', '.join(symbols)}) = {shape}"
            if len(shape) < len(symbols):  # a vector instead of a batch of rows
                symbols = symbols[-len(shape) :] if shape else []
            for symbol, n in zip(symbols, shape[-len(symbols) :], strict=True):
                factor, letter = _split(symbol)
                m, other = meaning.setdefault(letter, (n // factor, told))
                if n != m * factor:
                    return meaning, (
                        f"{other}, but {told}: {letter} is {m} in one and {n / factor:g} in the "
                        "other."
                    )
        return meaning, None

    def _settings(self) -> list[str]:
        return [str(n) for n, _ in self._meaning({})[0].values()]


def _split(symbol: str) -> tuple[int, str]:
    """(4, "H") for `4H`."""
    letter = symbol.lstrip("0123456789")
    return int(symbol[: -len(letter)] or 1), letter
