"""Reverse-mode autograd in NumPy whose subject is recurrent networks."""

__all__ = [
    "GradientFlow",
    "Tensor",
    "Unrolled",
    "__version__",
    "array",
    "bidirectional",
    "check_grads",
    "checkpoint",
    "data",
    "debug",
    "defjvp",
    "defvjp",
    "draw",
    "errors",
    "functional",
    "grad",
    "gradient_flow",
    "hessian",
    "hvp",
    "interop",
    "jacobian",
    "jvp",
    "nn",
    "no_grad",
    "optim",
    "primitive",
    "scan",
    "scope",
    "tbptt",
    "unroll",
    "value_and_grad",
    "vjp",
]

from typing import Any

from tinygrad_rnn import errors, functional, nn, optim
from tinygrad_rnn.array import array
from tinygrad_rnn.debug import debug
from tinygrad_rnn.differentiate import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from tinygrad_rnn.flow import GradientFlow, gradient_flow
from tinygrad_rnn.gradcheck import check_grads
from tinygrad_rnn.lazy import imported
from tinygrad_rnn.mode import no_grad
from tinygrad_rnn.primitive import defjvp, defvjp, primitive
from tinygrad_rnn.scan import scan
from tinygrad_rnn.scope import scope
from tinygrad_rnn.tbptt import tbptt
from tinygrad_rnn.tensor import Tensor
from tinygrad_rnn.unroll import Unrolled, bidirectional, unroll


def __getattr__(name: str) -> Any:
    """Loaded when they are asked for, because they would double the time of the import."""
    if name in ("checkpoint", "data", "draw", "interop"):
        return imported(f"tinygrad_rnn.{name}")
    if name == "__version__":
        metadata: Any = imported("importlib.metadata")
        try:
            return metadata.version("tinygrad_rnn")
        except metadata.PackageNotFoundError:  # a checkout that is not installed, or a zip
            return "0+unknown"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
