"""One after the other."""

from collections.abc import Callable
from typing import Any

from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.guards.boundary import name_of, public_class
from tinygrad_rnn.nn.cell import Cell
from tinygrad_rnn.nn.module import Module
from tinygrad_rnn.nn.recurrent import Recurrent


@public_class
class Sequential(Module):
    """Modules and functions applied one after the other: Sequential(f, g)(x) = g(f(x)).

    layers  what was given; parameters are called `layers.0.W`

    Raises UsageError for a cell or a recurrent layer: they need a state beside x and return one.
    """

    def __init__(self, *layers: Callable[[Any], Any]):
        for layer in layers:
            if isinstance(layer, (Cell, Recurrent)):
                raise UsageError(
                    f"Sequential hands one array on, but {type(layer).__name__} takes and returns "
                    "a state too. Write a Module that calls it: outputs, state = self.rnn(xs, "
                    "state)."
                )
        self.layers = list(layers)

    def _settings(self) -> list[str]:
        return [type(f).__name__ if isinstance(f, Module) else name_of(f) for f in self.layers]

    def __call__(self, x: Any) -> Any:
        """What the last layer gives."""
        for layer in self.layers:
            x = layer(x)
        return x
