"""What NumPy lacks: the nonlinear functions, losses and layers without state of recurrent networks.

Everything takes Tensors or arrays.  Names are those of PyTorch, with NumPy's `axis=`; the three
losses of squares that docs/equations.md numbers are named as there.
"""

__all__ = [
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "erf",
    "erfc",
    "gelu",
    "half_squared_error",
    "hardtanh",
    "huber_loss",
    "identity",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "logit",
    "logsumexp",
    "mean_squared_error",
    "mish",
    "mse_loss",
    "nll_loss",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "squared_error",
]

from tinygrad_rnn.functional.layers import dropout, embedding, identity, layer_norm
from tinygrad_rnn.functional.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    huber_loss,
    l1_loss,
    mean_squared_error,
    mse_loss,
    nll_loss,
    squared_error,
)
from tinygrad_rnn.rules.activations import (
    elu,
    erf,
    erfc,
    gelu,
    hardtanh,
    leaky_relu,
    logit,
    mish,
    selu,
    silu,
    softsign,
)
from tinygrad_rnn.rules.nonlinear import log_softmax, logsumexp, relu, sigmoid, softmax, softplus


def __dir__() -> list[str]:
    return __all__
