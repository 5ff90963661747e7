"""Adagrad."""

from collections.abc import Iterable

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.optim.optimizer import Group, Optimizer, ParameterState, with_decay
from tinygrad_rnn.optim.parameters import Parameters


@public_class
class Adagrad(Optimizer):
    """s <- s + g²;  x <- x - lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps).

    weight_decay               g <- g + weight_decay * x before anything else
    initial_accumulator_value  where s starts

    Duchi, Hazan and Singer (2011), jmlr.org/papers/v12/duchi11a.
    """

    def __init__(
        self,
        params: Parameters | Iterable[Group],
        lr: float = 1e-2,
        *,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ):
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def buffers(self, group: Group) -> dict[str, float]:
        """s."""
        return {"sum": group["initial_accumulator_value"]}

    def updated(self, x: Array, g: Array, state: ParameterState, group: Group) -> Array:
        """x after one step."""
        g = with_decay(g, x, group)
        s = state["sum"]
        s += g * g
        scale = np.sqrt(s)
        scale += group["eps"]
        rate: float = group["lr"] / (1.0 + (state["step"] - 1) * group["lr_decay"])
        change: Array = rate * g / scale
        return x - change
