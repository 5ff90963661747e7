"""How weights start."""

from typing import Any

import numpy as np

from tinygrad_rnn.tensor import Tensor


def uniform(name: str, shape: tuple[int, ...], bound: float, rng: np.random.Generator, dtype: Any) -> Tensor:
    """A parameter drawn evenly from -bound to bound; 1/sqrt(H) is PyTorch's bound for recurrent weights."""
    return Tensor(rng.uniform(-bound, bound, shape).astype(dtype), requires_grad=True, name=name)
