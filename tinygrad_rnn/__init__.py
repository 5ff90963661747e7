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

from typing import TYPE_CHECKING, Any, Final

from tinygrad_rnn import errors, functional, nn, optim
from tinygrad_rnn.core.mode import no_grad
from tinygrad_rnn.core.tables import defjvp, defvjp, primitive
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.flow.terms import GradientFlow, gradient_flow
from tinygrad_rnn.functional.array import array
from tinygrad_rnn.guards.imports import imported
from tinygrad_rnn.nn.tbptt import tbptt
from tinygrad_rnn.nn.unroll import Unrolled, bidirectional, unroll
from tinygrad_rnn.scan import scan
from tinygrad_rnn.transforms.debug import debug
from tinygrad_rnn.transforms.gradcheck import check_grads
from tinygrad_rnn.transforms.gradients import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from tinygrad_rnn.transforms.scope import scope

_LATER: Final = {
    "checkpoint": "io.checkpoint",
    "data": "data",
    "draw": "draw",
    "interop": "io.interop",
}


if TYPE_CHECKING:  # what is loaded later
    from tinygrad_rnn import data, draw
    from tinygrad_rnn.io import checkpoint, interop

    __version__: str

else:  # a type checker would take any name for one of these

    def __getattr__(name: str) -> Any:
        """These are loaded when they are asked for: they would double the time of the import."""
        if name in _LATER:
            return imported(f"tinygrad_rnn.{_LATER[name]}")
        if name == "__version__":
            metadata: Any = imported("importlib.metadata")
            try:
                return metadata.version("tinygrad_rnn")
            except metadata.PackageNotFoundError:  # a checkout that is not installed, or a zip
                return "0+unknown"
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
