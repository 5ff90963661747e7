"""RMSprop."""

from collections.abc import Iterable

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.optim.optimizer import Group, Optimizer, ParameterState, average, with_decay
from tinygrad_rnn.optim.parameters import Parameters


@public_class
class RMSprop(Optimizer):
    """s <- alpha * s + (1 - alpha) * g²;  x <- x - lr * g / (sqrt(s) + eps).

    weight_decay  g <- g + weight_decay * x before anything else
    momentum      v <- momentum * v + g / (sqrt(s) + eps);  x <- x - lr * v
    centered      s less the square of the mean of g, averaged in the same way: the variance of g
                  instead of its square

    Tieleman and Hinton (2012), lecture 6.5 of Neural Networks for Machine Learning; centered:
    Graves (2013), arXiv:1308.0850, equations (38) to (45).
    """

    def __init__(
        self,
        params: Parameters | Iterable[Group],
        lr: float = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ):
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def buffers(self, group: Group) -> dict[str, float]:
        """s, the mean of g if centered, v if there is momentum."""
        needed = {"square_avg": 0.0}
        if group["centered"]:
            needed["grad_avg"] = 0.0
        if group["momentum"]:
            needed["momentum_buffer"] = 0.0
        return needed

    def updated(self, x: Array, g: Array, state: ParameterState, group: Group) -> Array:
        """x after one step."""
        alpha = group["alpha"]
        g = with_decay(g, x, group)
        s = average(state["square_avg"], alpha, g * g)
        if group["centered"]:
            mean = average(state["grad_avg"], alpha, g)
            s = np.maximum(s - mean * mean, 0.0)  # rounding may leave less than 0
        scale = np.sqrt(s)
        scale += group["eps"]
        direction: Array = g / scale
        if momentum := group["momentum"]:
            v = state["momentum_buffer"]
            v *= momentum
            v += direction
            direction = v
        lr: float = group["lr"]
        return x - lr * direction
