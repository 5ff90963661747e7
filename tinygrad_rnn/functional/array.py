"""Building a Tensor from nested lists of Tensors and numbers."""

from typing import Any

from tinygrad_rnn._typing import Nested
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.rules.joining import stack


@public
def array(x: Nested) -> Tensor:
    """`np.array` for lists that hold Tensors: array([[a, b], [c, 0.0]]) sends gradients to a, b, c.

    x: a Tensor, a number, an array, or (nested) lists of them with equal shapes.
    Raises ShapeError if the shapes differ.
    """
    if isinstance(x, (list, tuple)) and _holds_tensor(x):
        tensors: Any = map(array, x)
        stacked: Tensor = stack(*tensors)
        return stacked
    return x if isinstance(x, Tensor) else Tensor(x)


def _holds_tensor(x: object) -> bool:
    return any(map(_holds_tensor, x)) if isinstance(x, (list, tuple)) else isinstance(x, Tensor)
