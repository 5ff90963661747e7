"""Shapes and dtypes of results, found without their numbers."""

from typing import TypeAlias

import numpy as np

from tinygrad_rnn._typing import Args, Array, DType, Function, Kwargs, Shape
from tinygrad_rnn.core.operators import DuckArray
from tinygrad_rnn.errors import UnsupportedError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.scan.operations import AS_GIVEN, VIEWS, is_elementwise

Kind: TypeAlias = tuple[Shape, DType]  # of an array


def result_kind(fun: Function, args: Args, kwargs: Kwargs) -> Kind:
    """Shape and dtype of a result: by rules where that is easy, else by a call on stand-ins."""
    traced = [a for a in args if isinstance(a, DuckArray)]
    shapes = [a.shape for a in traced]
    if fun is np.matmul and not kwargs:
        return _product_shape(*shapes), np.result_type(*(a.dtype for a in traced))
    if fun in AS_GIVEN:
        return traced[0].shape, traced[0].dtype
    if is_elementwise(fun):
        one = fun(
            *(np.ones((), a.dtype) if isinstance(a, DuckArray) else a for a in args), **kwargs
        )
        return np.broadcast_shapes(*shapes), np.asarray(one).dtype
    zeros = fun in VIEWS  # any numbers will do
    y = fun(*(_stand_in(a, zeros) if isinstance(a, DuckArray) else a for a in args), **kwargs)
    if not isinstance(y, (np.ndarray, np.generic)):
        raise UnsupportedError(
            f"{name_of(fun)} gives a {type(y).__name__}, not an array, and cannot be traced."
        )
    return np.shape(y), y.dtype


def _stand_in(a: DuckArray, zeros: bool) -> Array:
    """An array of this shape that most functions accept: unit matrices, or ones."""
    if zeros or a.dtype.kind != "f":
        return np.zeros(a.shape, a.dtype)
    unit = np.eye(*a.shape[-2:], dtype=a.dtype) if a.ndim > 1 else np.ones((), a.dtype)
    return np.broadcast_to(unit, a.shape)


def _product_shape(a: Shape, b: Shape) -> Shape:
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ValueError(
            "the last axis of the first must be as long as the last but one of the second"
        )
    rows, columns = a[-2:-1], b[-1:] if len(b) > 1 else ()
    return (*np.broadcast_shapes(a[:-2], b[:-2]), *rows, *columns)
