"""Types that several rooms share: what an array is here, what a cell takes and gives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "Args",
    "Array",
    "ArrayLike",
    "Axis",
    "Cell",
    "DType",
    "DTypeLike",
    "Function",
    "Kwargs",
    "Nested",
    "Seed",
    "Shape",
    "State",
]

Array: TypeAlias = NDArray[
    Any
]  # of any real dtype; a rule is written for these and runs on Tensors too
Shape: TypeAlias = tuple[int, ...]
Axis: TypeAlias = int | tuple[int, ...] | None
DType: TypeAlias = np.dtype[Any]
Seed: TypeAlias = int | np.random.Generator

Function: TypeAlias = Callable[..., Any]  # of NumPy's, or of the user's
Args: TypeAlias = tuple[Any, ...]  # what such a function was called with
Kwargs: TypeAlias = dict[str, Any]

Nested: TypeAlias = (
    Any | Sequence["Nested"] | Mapping[str, "Nested"]
)  # arrays in tuples, lists, dicts

State = TypeVar("State")  # of a recurrent cell: a Tensor, or a tuple such as an LSTM's (h, c)


class Cell(Protocol[State]):
    """One step of a recurrent network: `state = cell(x, state)`, x: (B, I)."""

    def __call__(self, x: Any, state: State, /) -> State: ...
