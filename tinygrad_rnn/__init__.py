"""Reverse-mode autograd in NumPy whose subject is recurrent networks."""

__all__ = [
    "GradientFlow",
    "Tensor",
    "Unrolled",
    "__version__",
    "check_grads",
    "defvjp",
    "draw",
    "errors",
    "functional",
    "grad",
    "gradient_flow",
    "nn",
    "no_grad",
    "primitive",
    "unroll",
    "value_and_grad",
]

from importlib.metadata import version

from tinygrad_rnn import draw, errors, functional, nn
from tinygrad_rnn.differentiate import grad, value_and_grad
from tinygrad_rnn.flow import GradientFlow, gradient_flow
from tinygrad_rnn.gradcheck import check_grads
from tinygrad_rnn.primitive import defvjp, primitive
from tinygrad_rnn.tensor import Tensor, no_grad
from tinygrad_rnn.unroll import Unrolled, unroll

__version__ = version("tinygrad_rnn")
