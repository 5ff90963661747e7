"""Equation (3.1) in numbers: which gradient flows along which path, and where it vanishes."""

__all__ = ["GradientFlow", "Row", "Truncated", "gradient_flow"]

from tinygrad_rnn.flow.terms import GradientFlow, Row, gradient_flow
from tinygrad_rnn.flow.truncated import Truncated


def __dir__() -> list[str]:
    return __all__
