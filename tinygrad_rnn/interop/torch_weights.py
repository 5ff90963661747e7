"""Weights of PyTorch's recurrent layers and cells, Linear, Embedding and LayerNorm in ours, and back.

A weight of PyTorch is (outputs, inputs), the transpose of ours; the gates lie in the same order.  Where PyTorch has
two biases that are only ever added, b_h is their sum, and goes back as b_h and zeros.  What has PyTorch's own name
here, the weight of an Embedding or a LayerNorm, has its shape too.

Which layer is which says a pattern, PyTorch's name with * for what TORCH gives:

    *           torch.nn.RNNCell, LSTMCell, GRUCell, Linear, Embedding, LayerNorm
    *           torch.nn.RNN, LSTM, GRU in nn.RNN, LSTM, GRU with the same layers and directions
    *_l0        one cell: the first layer of these; *_l1 the second; *_l0_reverse the first, backwards
    rnn.*_l0    the same where it is the attribute rnn of a model
"""

import re
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np

from tinygrad_rnn.errors import DataError, ShapeError, UsageError
from tinygrad_rnn.nn.module import Module

Array = Any

TORCH = {  # ours: PyTorch's, added where there are two
    "W_xh": ("weight_ih",),
    "W_hh": ("weight_hh",),
    "b_h": ("bias_ih", "bias_hh"),
    "b_xh": ("bias_ih",),
    "b_hh": ("bias_hh",),
    "W_hy": ("weight",),
    "b_y": ("bias",),
    "W": ("weight",),
    "b": ("bias",),
    "weight": ("weight",),
    "bias": ("bias",),
}
_CELL = re.compile(r"(?:(.*)\.)?cells\.(l\d+(?:_reverse)?)")  # its place in a recurrent layer: `rnn.cells.l1_reverse`


def from_torch(module: Module, arrays: Mapping[str, Array], names: str | Mapping[str, str]) -> None:
    """Give the module the weights of a PyTorch state_dict, whose values are arrays or Tensors of the CPU.

    names  the pattern of a single cell, layer or read-out, or {place in the module: pattern},
           e.g. {"embedding": "emb.*", "lstm": "lstm.*", "readout": "fc.*"}

    All or nothing, and every array must be used.  Raises DataError, ShapeError or DTypeError, naming the array, and
    UsageError for a parameter that has no pattern.
    """
    ours: dict[str, Array] = {}
    used: set[str] = set()
    for name, array, theirs in _entries(module, names):
        used.update(theirs)
        if missing := [key for key in theirs if key not in arrays]:
            raise DataError(
                f"{name} needs {' and '.join(missing)}, which is missing; there are {', '.join(arrays) or 'none'}. "
                "Give the pattern of the layer; for a layer without bias, add zeros of that name."
            )
        for key in theirs:
            if np.shape(arrays[key]) != (needed := _turned(name, array).shape):
                raise ShapeError(
                    f"{key} has shape {np.shape(arrays[key])}; {name} is {array.shape} and needs {needed}."
                )
        ours[name] = reduce(np.add, [_turned(name, np.asarray(arrays[key])) for key in theirs])
    if unused := sorted(arrays.keys() - used):
        raise DataError(f"no parameter takes {', '.join(unused)}. Give a pattern for them, or leave them out.")
    module.load_state_dict(ours)


def to_torch(module: Module, names: str | Mapping[str, str]) -> dict[str, Array]:
    """The module's weights by PyTorch's names and in its shapes; names as in `from_torch`."""
    found: dict[str, Array] = {}
    for name, array, theirs in _entries(module, names):
        for i, key in enumerate(theirs):
            found[key] = np.array(_turned(name, array), order="C") if i == 0 else np.zeros_like(array)
    return found


def _turned(name: str, array: Array) -> Array:
    """Ours in PyTorch's shape, and PyTorch's in ours."""
    return array if name.rpartition(".")[2] in ("weight", "bias") else array.T


def _entries(module: Module, names: str | Mapping[str, str]) -> Iterator[tuple[str, Array, list[str]]]:
    """(name, array, PyTorch's names) of every parameter."""
    patterns = {"": names} if isinstance(names, str) else names
    for name, array in module.state_dict().items():
        place, _, own = name.rpartition(".")
        ending = ""
        if place not in patterns and (cell := _CELL.fullmatch(place)):
            place, ending = cell[1] or "", f"_{cell[2]}"
        if place not in patterns or own not in TORCH:
            raise UsageError(
                f"it is not said what {name} is in PyTorch: there are patterns for {list(patterns)} and names for "
                f"{', '.join(TORCH)}. Add {place!r}: '{'...*' if ending else '...*_l0'}' to the patterns."
            )
        if patterns[place].count("*") != 1:
            raise UsageError(f"the pattern {patterns[place]!r} must have one *, as in 'rnn.*_l0'.")
        yield name, array, [patterns[place].replace("*", theirs + ending) for theirs in TORCH[own]]
