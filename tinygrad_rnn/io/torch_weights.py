"""Weights of PyTorch's recurrent layers, cells and others in ours, and back.

A weight of PyTorch is (outputs, inputs), the transpose of ours; the gates lie in the same order.
Where PyTorch has two biases that are only ever added, b_h is their sum, and goes back as b_h and
zeros. What has PyTorch's own name here, the weight of an Embedding or a LayerNorm, has its shape
too.

Which layer is which says a pattern, PyTorch's name with * for what TORCH gives:

    *           torch.nn.RNNCell, LSTMCell, GRUCell, Linear, Embedding, LayerNorm
    *           torch.nn.RNN, LSTM, GRU in nn.RNN, LSTM, GRU with the same layers and directions
    *_l0        one cell: the first layer of these; *_l1 the second; *_l0_reverse the first,
                backwards
    rnn.*_l0    the same where it is the attribute rnn of a model
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.errors import ArgumentTypeError, DataError, ShapeError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.io.arrays import summed, widened
from tinygrad_rnn.io.torch_options import check_options
from tinygrad_rnn.nn.module import Module

Names = str | Mapping[str, str] | None

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
_CELL = re.compile(
    r"(?:(.*)\.)?cells\.(l\d+(?:_reverse)?)"
)  # its cell in a recurrent layer: `rnn.cells.l1_reverse`
_THEIRS = re.compile(r"(.*?)(?:weight|bias)(?:_(?:ih|hh|hr)(_l\d+(?:_reverse)?)?)?")


@public
def from_torch(module: Module, arrays: Any, names: Names = None) -> None:
    """Give the module the weights of a torch.nn.Module or of its state_dict: arrays or Tensors.

    names  the pattern of a single cell, layer or read-out, or {name in the module: pattern},
           e.g. {"embedding": "emb.*", "lstm": "lstm.*", "readout": "fc.*"}; may be left out where
           the module is one layer and the weights are those of one

    Floats of every length are taken, bfloat16 too.  Two biases are added in float64, and the sum is
    rounded once, to the dtype of the parameter.

    A state_dict holds weights and nothing else: it does not say whether an RNN has tanh or relu,
    what eps a LayerNorm and what max_norm an Embedding has, so build the module as that one was
    built.  Of a torch.nn.Module these are compared.  batch_first is no matter of weights: here time
    always comes first.

    All or nothing, and every array must be used.  Raises DataError, ShapeError or DTypeError with
    the array's name: the last for one that is not floats, or holds too large a number.
    UsageError for a parameter without a pattern, and for a module that computes something else.
    """
    _check_module(module)
    given = arrays.state_dict() if hasattr(arrays, "state_dict") else arrays
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(f"arrays are a torch.nn.Module or a state_dict, not {given!r:.40}.")
    patterns = _found(module, given) if names is None else _patterns(names)
    if given is not arrays:
        check_options(module, arrays, patterns)
    ours: dict[str, Array] = {}
    used: set[str] = set()
    for name, array, theirs in _entries(module, patterns):
        used.update(theirs)
        if missing := [key for key in theirs if key not in given]:
            raise DataError(
                f"{name} needs {' and '.join(missing)}, which is missing; there are "
                f"{', '.join(given) or 'none'}. Give the pattern of the layer; for a layer without "
                "bias, add zeros of that name."
            )
        parts = {key: widened(key, given[key]) for key in theirs}
        for key, part in parts.items():
            if part.shape != (needed := _turned(name, array).shape):
                own = f"{name} is {array.shape} and needs {needed}"
                raise ShapeError(f"{key} has shape {part.shape}; {own}.")
        ours[name] = _turned(name, summed(parts, array.dtype))
    if unused := sorted(given.keys() - used):
        raise DataError(
            f"no parameter takes {', '.join(unused)}. Give a pattern for them, or leave them out."
        )
    module.load_state_dict(ours)


@public
def to_torch(module: Module, names: Names = None) -> dict[str, Array]:
    """The module's weights by PyTorch's names and in its shapes.

    names  as in `from_torch`; * if they are left out

    Raises UsageError for a module that is not one layer and has no names.
    """
    _check_module(module)
    if names is None:
        layers = list(_layers(module))
        if len(layers) != 1:
            raise UsageError(f"the module has {_told(layers)}. Give names, {{name: pattern}}.")
        names = {layers[0]: "*"}
    found: dict[str, Array] = {}
    for name, array, theirs in _entries(module, _patterns(names)):
        for i, key in enumerate(theirs):
            found[key] = (
                np.array(_turned(name, array), order="C") if i == 0 else np.zeros_like(array)
            )
    return found


def _check_module(module: object) -> None:
    if not isinstance(module, Module):
        raise ArgumentTypeError(f"module is a tinygrad_rnn.nn.Module, not {module!r:.40}.")


def _turned(name: str, array: Array) -> Array:
    """Ours in PyTorch's shape, and PyTorch's in ours."""
    return array if name.rpartition(".")[2] in ("weight", "bias") else array.T


def _patterns(names: str | Mapping[str, str]) -> Mapping[str, str]:
    patterns = {"": names} if isinstance(names, str) else names
    if not isinstance(patterns, Mapping):
        raise ArgumentTypeError(f"names is {names!r:.40}; it is a pattern, or {{name: pattern}}.")
    for pattern in patterns.values():
        if not isinstance(pattern, str) or pattern.count("*") != 1:
            raise UsageError(f"the pattern {pattern!r} must have one *, as in 'rnn.*_l0'.")
    return patterns


def _found(module: Module, arrays: Mapping[str, object]) -> Mapping[str, str]:
    """The pattern where there is one layer here and one there.  Raises UsageError, telling both."""
    layers, patterns = _layers(module), dict[str, None]()
    whole = all(layers.values())  # a recurrent layer takes all of PyTorch's layers
    for key in arrays:
        found = _THEIRS.fullmatch(key)
        ending = "" if whole else (found and found[2]) or ""
        patterns[f"{found[1]}*{ending}" if found else key] = None
    if len(layers) == len(patterns) == 1:
        return dict(zip(layers, patterns, strict=True))
    raise UsageError(
        f"it is not said which layer is which: the module has {_told(layers)}, the weights have "
        f"{', '.join(patterns) or 'none'}. Give names, {{name in the module: pattern}}."
    )


def _layers(module: Module) -> dict[str, bool]:
    """Where parameters lie; True for a recurrent layer, which has them in its cells."""
    layers = {}
    for name in module.state_dict():
        layer = name.rpartition(".")[0]
        cell = _CELL.fullmatch(layer)
        layers[(cell[1] or "") if cell else layer] = bool(cell)
    return layers


def _told(layers: Iterable[str]) -> str:
    return ", ".join(layer or "itself" for layer in layers) or "no parameter"


def _entries(module: Module, patterns: Mapping[str, str]) -> Iterator[tuple[str, Array, list[str]]]:
    """(name, array, PyTorch's names) of every parameter."""
    for name, array in module.state_dict().items():
        layer, _, own = name.rpartition(".")
        ending = ""
        if layer not in patterns and (cell := _CELL.fullmatch(layer)):
            layer, ending = cell[1] or "", f"_{cell[2]}"
        if layer not in patterns or own not in TORCH:
            raise UsageError(
                f"it is not said what {name} is in PyTorch: there are patterns for "
                f"{list(patterns)} and names for {', '.join(TORCH)}. Add {layer!r}: "
                f"'{'...*' if ending else '...*_l0'}' to the patterns."
            )
        yield name, array, [patterns[layer].replace("*", theirs + ending) for theirs in TORCH[own]]
