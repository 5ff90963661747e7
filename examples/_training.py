"""One update, as the experiments do it."""

import math

import tinygrad_rnn as tg


def descend(loss: tg.Tensor, optimizer: tg.optim.Optimizer, max_norm: float = math.inf) -> float:
    """One step down the gradient of a scalar loss, its norm clipped at max_norm; returns the loss.

    Raises NonFiniteError if a gradient is not finite.
    """
    optimizer.zero_grad()
    loss.backward()
    tg.optim.clip_grad_norm(
        [p for group in optimizer.param_groups for p in group["params"]], max_norm
    )
    optimizer.step()
    return float(loss.item())
