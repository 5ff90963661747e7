"""One update of a model: a loss, its gradient, a step of the optimiser."""

import math

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.optim import clip_grad_norm
from tinygrad_rnn.optim.optimizer import Optimizer
from tinygrad_rnn.optim.parameters import Parameters


def update(
    optimizer: Optimizer,
    loss: Tensor,
    after: str,
    *,
    clipped: Parameters = (),
    norm: float = math.inf,
) -> tuple[float, float]:
    """Backward and one step; returns the loss and the norm of the gradient before clipping.

    after    when it is, and what to do: the end of the sentence "the loss is nan ..."
    clipped  the parameters whose gradients are clipped, together, to `norm`

    Raises UsageError if the loss is not finite; nothing has changed then.
    """
    value = float(loss.item())
    if not math.isfinite(value):
        raise UsageError(f"the loss is {value} {after}")
    optimizer.zero_grad()
    loss.backward()
    before = clip_grad_norm(clipped, norm)
    optimizer.step()
    return value, before
