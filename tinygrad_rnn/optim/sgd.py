"""Stochastic gradient descent."""

from collections.abc import Iterable

from tinygrad_rnn._typing import Array
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.optim.optimizer import Group, Optimizer, ParameterState, with_decay
from tinygrad_rnn.optim.parameters import Parameters


@public_class
class SGD(Optimizer):
    """g <- g + weight_decay * x;  v <- momentum * v + (1 - dampening) * g;  x <- x - lr * v.

    At first v <- g.

    lr        learning rate
    momentum  0 leaves v out: x <- x - lr * g
    nesterov  x <- x - lr * (g + momentum * v), looking one step ahead; needs momentum and no
              dampening

    Robbins and Monro (1951), doi:10.1214/aoms/1177729586; with momentum, as here: Sutskever et al.
    (2013), proceedings.mlr.press/v28/sutskever13.
    """

    def __init__(
        self,
        params: Parameters | Iterable[Group],
        lr: float = 1e-3,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
        )

    def _check(self, options: Group) -> None:
        super()._check(options)
        if options["nesterov"] and (not options["momentum"] or options["dampening"]):
            raise UsageError("nesterov=True needs momentum above 0 and dampening 0.")

    def buffers(self, group: Group) -> dict[str, float]:
        """v."""
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def updated(self, x: Array, g: Array, state: ParameterState, group: Group) -> Array:
        """x after one step."""
        g = with_decay(g, x, group)
        if momentum := group["momentum"]:
            v: Array = state["momentum_buffer"]
            v *= momentum
            v += g if state["step"] == 1 else (1.0 - group["dampening"]) * g
            g = g + momentum * v if group["nesterov"] else v
        lr: float = group["lr"]
        return x - lr * g
