"""Shape errors in the symbols of an equation."""

from typing import Any

import numpy as np

from tinygrad_rnn.errors import ShapeError

Array = Any


def explained(module: Any, given: dict[str, Array], error: ShapeError) -> ShapeError:
    """The same error in symbols: the weights of `module` say what a symbol is, and what was given must agree.

    module.symbols names the axes of every operand, e.g. {"W_xh": "I 4H"}; module.equation is quoted.
    """
    operands = {name: p for name, p in vars(module).items() if name in module.symbols} | given
    meaning: dict[str, tuple[int, str]] = {}
    for name, operand in operands.items():
        shape, symbols = np.shape(operand), module.symbols[name].split()
        told = f"{name} is ({', '.join(symbols)}) = {shape}"
        if len(shape) < len(symbols):  # a vector instead of a batch of rows
            symbols = symbols[-len(shape) :] if shape else []
        for symbol, n in zip(symbols, shape[-len(symbols) :], strict=True):
            factor, letter = _split(symbol)
            m, other = meaning.setdefault(letter, (n // factor, told))
            if n != m * factor:
                return ShapeError(
                    f"{other}, but {told}: {letter} is {m} in one and {n / factor:g} in the other. In {module.equation}"
                )
    return ShapeError(f"{error} In {module.equation}")


def _split(symbol: str) -> tuple[int, str]:
    """(4, "H") for `4H`."""
    letter = symbol.lstrip("0123456789")
    return int(symbol[: -len(letter)] or 1), letter
