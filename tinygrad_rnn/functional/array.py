"""Building a Tensor from nested lists of Tensors and numbers."""

from typing import Any

import numpy as np

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.guards.boundary import public


@public
def array(x: Any) -> Tensor:
    """`np.array` for lists that hold Tensors: array([[a, b], [c, 0.0]]) is recorded, so gradients flow to a, b and c.

    x: a Tensor, a number, an array, or (nested) lists of them with equal shapes.  Raises ShapeError if they differ.
    """
    if isinstance(x, (list, tuple)) and _holds_tensor(x):
        stacked: Any = np.stack([array(item) for item in x])
        return stacked  # type: ignore[no-any-return]
    return x if isinstance(x, Tensor) else Tensor(x)


def _holds_tensor(x: Any) -> bool:
    return any(map(_holds_tensor, x)) if isinstance(x, (list, tuple)) else isinstance(x, Tensor)
