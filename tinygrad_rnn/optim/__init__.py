"""Optimisers, schedules of learning rates, clipping of gradients; defined as in torch.optim."""

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LinearLR",
    "Optimizer",
    "RMSprop",
    "ReduceLROnPlateau",
    "Schedule",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm",
    "clip_grad_value",
]

from tinygrad_rnn.optim.adagrad import Adagrad
from tinygrad_rnn.optim.adam import Adam, AdamW
from tinygrad_rnn.optim.clip import clip_grad_norm, clip_grad_value
from tinygrad_rnn.optim.optimizer import Optimizer
from tinygrad_rnn.optim.plateau import ReduceLROnPlateau
from tinygrad_rnn.optim.rmsprop import RMSprop
from tinygrad_rnn.optim.schedule import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    Schedule,
    SequentialLR,
    StepLR,
)
from tinygrad_rnn.optim.sgd import SGD


def __dir__() -> list[str]:
    return __all__
