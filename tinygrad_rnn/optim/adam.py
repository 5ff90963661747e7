"""Adam, and AdamW with decoupled weight decay."""

import math
from collections.abc import Iterable

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.optim.optimizer import Group, Optimizer, ParameterState, average, with_decay
from tinygrad_rnn.optim.parameters import Parameters


@public_class
class Adam(Optimizer):
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g²;  x <- x - lr m^ / (sqrt(v^) + eps).

    m^ = m / (1 - b1^step) and v^ = v / (1 - b2^step) undo the start of m and v at zero.

    betas         (b1, b2)
    weight_decay  g <- g + weight_decay * x before anything else
    amsgrad       the largest v so far instead of v

    Kingma and Ba (2015), arXiv:1412.6980, algorithm 1, in the order of its section 2; amsgrad:
    Reddi et al. (2018), arXiv:1904.09237.
    """

    def __init__(
        self,
        params: Parameters | Iterable[Group],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ):
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def buffers(self, group: Group) -> dict[str, float]:
        """m and v, and the largest v."""
        needed = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
        return {**needed, "max_exp_avg_sq": 0.0} if group["amsgrad"] else needed

    def updated(self, x: Array, g: Array, state: ParameterState, group: Group) -> Array:
        """x after one step."""
        return x - self._change(with_decay(g, x, group), state, group)

    def _change(self, g: Array, state: ParameterState, group: Group) -> Array:
        """lr * m^ / (sqrt(v^) + eps)."""
        b1, b2 = group["betas"]
        t = state["step"]
        m = average(state["exp_avg"], b1, g)
        v = average(state["exp_avg_sq"], b2, g * g)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            v = np.maximum(largest, v, out=largest)
        unbias = math.sqrt(1.0 - b2**t)
        scale = np.sqrt(v)
        scale += group["eps"] * unbias
        change: Array = m / scale
        change *= group["lr"] * unbias / (1.0 - b1**t)
        return change


@public_class
class AdamW(Adam):
    """Adam, with x <- x - lr * weight_decay * x apart from the gradient.

    So m and v do not see the decay.
    Loshchilov and Hutter (2019), arXiv:1711.05101, algorithm 2.
    """

    def __init__(
        self,
        params: Parameters | Iterable[Group],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ):
        super().__init__(
            params, lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def updated(self, x: Array, g: Array, state: ParameterState, group: Group) -> Array:
        """x after one step."""
        decay: float = group["lr"] * group["weight_decay"]
        return x * (1.0 - decay) - self._change(g, state, group)
