"""A model that PyTorch trained: the shapes of its weights say which cells, and how many."""

import re
from collections.abc import Mapping

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.errors import DataError, ShapeError
from tinygrad_rnn.io.arrays import widened
from tinygrad_rnn.io.interop import from_torch
from tinygrad_rnn.training.model import Model, make_model

_GATES = {1: "rnn", 3: "gru", 4: "lstm"}
_RECURRENT = re.compile(r"(.*?)weight_ih(?:_l(\d+)(_reverse)?)?")


def model_from_torch(arrays: Mapping[str, Array]) -> tuple[Model, str]:
    """A model with the weights of a state_dict, in float64, and a line that says what it is.

    It must hold one torch.nn.RNN (with tanh), LSTM or GRU of one direction, or one such cell, and
    one Linear. A layer without bias gets zeros. Raises DataError, ShapeError or DTypeError, naming
    the array, for anything else.
    """
    found = [m for m in map(_RECURRENT.fullmatch, arrays) if m]
    names = ", ".join(arrays) or "none"
    if not found:
        raise DataError(
            "there is no recurrent layer: no array is called ...weight_ih_l0, or weight_ih; there "
            f"are {names}."
        )
    if two_ways := [m[0] for m in found if m[3]]:
        raise DataError(
            f"{two_ways[0]} is of a bidirectional layer, whose states have no one order in time "
            "to draw."
        )
    if len(prefixes := sorted({m[1] for m in found})) > 1:
        raise DataError(
            f"there are {len(prefixes)} recurrent layers, {', '.join(prefixes)}. Leave one in the "
            "file."
        )
    prefix, layers = prefixes[0], len(found)
    suffixes = [f"_l{i}" for i in range(layers)] if found[0][2] else [""]
    full = {name: widened(name, array) for name, array in arrays.items()}
    kind, inputs, hidden = _sizes(full, prefix, suffixes)
    for suffix in suffixes:
        for bias in ("bias_ih", "bias_hh"):
            full.setdefault(
                f"{prefix}{bias}{suffix}", np.zeros(len(full[f"{prefix}weight_ih{suffixes[0]}"]))
            )
    readout, outputs = _linear(full, prefix, hidden)
    places = ["cell"] if layers == 1 else [f"cell.cells.{i}" for i in range(layers)]
    model = make_model(kind, inputs, hidden, layers, outputs, rng=0, dtype=float)
    patterns = {place: f"{prefix}*{suffix}" for place, suffix in zip(places, suffixes, strict=True)}
    from_torch(model, full, {**patterns, "readout": f"{readout}*"})
    tanh = " with tanh" if kind == "rnn" else ""
    return model, f"{kind.upper()}{tanh}, {layers} x {hidden}, {inputs} inputs, {outputs} outputs"


def _sizes(arrays: Mapping[str, Array], prefix: str, suffixes: list[str]) -> tuple[str, int, int]:
    """The cell, I and H."""
    for suffix in suffixes:
        for name in (f"{prefix}weight_ih{suffix}", f"{prefix}weight_hh{suffix}"):
            if name not in arrays:
                raise DataError(
                    f"{name} is missing; there are {', '.join(arrays)}. Save the whole state_dict."
                )
            if arrays[name].ndim != 2:
                raise ShapeError(
                    f"{name} has shape {arrays[name].shape}; a weight is (gates times H, I or H)."
                )
    rows, hidden = arrays[f"{prefix}weight_hh{suffixes[0]}"].shape
    gates = rows // hidden if hidden and rows % hidden == 0 else 0
    if gates not in _GATES:
        raise ShapeError(
            f"{prefix}weight_hh{suffixes[0]} has shape {(rows, hidden)}; with H = {hidden} its "
            "rows are H for an RNN, 3 H for a GRU and 4 H for an LSTM. An LSTM with a projection "
            "cannot be drawn."
        )
    return _GATES[gates], arrays[f"{prefix}weight_ih{suffixes[0]}"].shape[1], hidden


def _linear(arrays: dict[str, Array], prefix: str, hidden: int) -> tuple[str, int]:
    """The prefix of the one Linear beside the recurrent layer, and how many outputs it has."""
    own = re.compile(re.escape(prefix) + r"(weight|bias)_(ih|hh)(_l\d+)?")
    rest = [name for name in arrays if not own.fullmatch(name)]
    weights = [name for name in rest if name.endswith("weight")]
    if len(weights) != 1 or arrays[weights[0]].ndim != 2 or arrays[weights[0]].shape[1] != hidden:
        others = ", ".join(f"{name} {arrays[name].shape}" for name in rest)
        raise DataError(
            f"beside the recurrent layer there must be one Linear that reads its {hidden} states; "
            f"there are {others or 'no arrays'}. Save the two alone."
        )
    stem = weights[0].removesuffix("weight")
    arrays.setdefault(f"{stem}bias", np.zeros(len(arrays[weights[0]])))
    return stem, len(arrays[weights[0]])
