"""What the checkpoint of a run holds, checked field by field before any of it is used."""

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_rnn.errors import DataError
from tinygrad_rnn.io import checkpoint
from tinygrad_rnn.io.checkpoint import Saved
from tinygrad_rnn.io.files import shown
from tinygrad_rnn.training.settings import CELLS, Settings, settings_of

_LARGEST = 2**53  # of a count


def read_run(path: str | os.PathLike[str]) -> tuple[Settings, Saved]:
    """The settings of a run of `tinygrad-rnn train`, and the parts of its checkpoint.

    Raises DataError, naming file and field, for another kind of file or checkpoint, and for a value
    that no run can have.
    """
    where, parts = shown(path), checkpoint.read(path)
    found = parts["progress"]
    s = settings_of(found.get("settings"), where)
    if missing := [name for name in _FIELDS if name not in found]:
        names = ", ".join(missing)
        raise DataError(f"{where} lacks {names}: another version wrote it. Start a new run.")
    found = parts["progress"] = {**found, "sizes": _sizes(parts.get("model"), s, where)}
    for name, right in _FIELDS.items():
        _need(right(found[name], found, s), name, found[name], where)
    return s, parts


def _data(value: object, found: Saved, _: Settings) -> bool:
    """{"kind": .., "fingerprint": ..}, the symbols of a text, the scale of a series."""
    if not isinstance(value, dict) or not isinstance(value.get("fingerprint"), str):
        return False
    inputs, outputs = found["sizes"]
    if value.get("kind") == "text":
        symbols: Any = value.get("symbols")
        sorted_once = isinstance(symbols, str) and symbols == "".join(sorted(set(symbols)))
        return sorted_once and len(symbols) == inputs == outputs
    if value.get("kind") == "series":
        mean: Any = value.get("mean")
        deviation: Any = value.get("deviation")
        fits = inputs == outputs and _is_array(mean, (inputs,)) and _is_array(deviation, (inputs,))
        return fits and bool(np.all(deviation > 0))
    return value.get("kind") == "task"


def _state(value: object, _: Saved, s: Settings) -> bool:
    """None, or the parts of all layers, (B, H) each."""
    if value is None:
        return True
    if not isinstance(value, list) or len(value) != s.layers * len(CELLS[s.cell].states):
        return False
    shape = (len(value[0]) if isinstance(value[0], np.ndarray) and value[0].ndim else 0, s.hidden)
    return all(_is_array(part, shape) and part.dtype == np.float32 for part in value)


def _history(value: object, found: Saved, _: Settings) -> bool:
    """Rows [n, training, validation], n growing."""
    if not isinstance(value, list):
        return False
    if not all(isinstance(row, list) and len(row) == 3 for row in value):
        return False
    counts = [row[0] for row in value]
    return (
        all(_is_count(n, 0) and n <= found["n"] for n in counts)
        and counts == sorted(set(counts))
        and all(type(x) is float and math.isfinite(x) for row in value for x in row[1:])
    )


_FIELDS: dict[str, Callable[[Any, Saved, Settings], bool]] = {
    "total": lambda value, *_: _is_count(value, 1),
    "n": lambda value, found, _: _is_count(value, 0) and value <= found["total"],
    "state": _state,
    "losses": lambda value, found, _: _is_array(value, (found["n"],)),
    "history": _history,
    "data": _data,
}  # each may trust those before it


def _sizes(model: Any, s: Settings, where: str) -> list[int]:
    """I and O of a model whose arrays are finite and as the settings say: none larger is made."""
    _need(isinstance(model, dict), "model", model, where)
    for name, array in model.items():
        _need(_is_array(array, getattr(array, "shape", None)), f"{name} of the model", array, where)
    cells = ["cell."] if s.layers == 1 else [f"cell.cells.{i}." for i in range(s.layers)]
    gates = max(1, len(CELLS[s.cell].gates))
    inputs, outputs = (
        model[name].shape[axis] if name in model and model[name].ndim == 2 else 0
        for name, axis in ((f"{cells[0]}W_xh", 0), ("readout.W_hy", 1))
    )
    expected = {"readout.W_hy": (s.hidden, outputs)}
    for i, cell in enumerate(cells):
        expected[f"{cell}W_xh"] = (s.hidden if i else inputs, gates * s.hidden)
        expected[f"{cell}W_hh"] = (s.hidden, gates * s.hidden)
    for name, shape in expected.items():
        right = name in model and model[name].shape == shape and 0 not in shape
        _need(right, f"{name} of the model", model.get(name), where)
    return [inputs, outputs]


def _need(right: bool, name: str, value: object, where: str) -> None:
    if not right:
        told = " ".join(f"{value!r:.60}".split())
        if isinstance(value, np.ndarray):
            told = f"an array {value.dtype} of shape {value.shape}"
        if not _is_finite(value):
            told += " with NaN or infinity in it"
        way = "The file was changed by others; start a new run."
        raise DataError(f"{where}: {name} cannot be {told}. {way}")


def _is_finite(value: Any) -> bool:
    """Whether all arrays of floats in it are."""
    if isinstance(value, (list, dict)):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return (
        not isinstance(value, np.ndarray)
        or value.dtype.kind != "f"
        or bool(np.all(np.isfinite(value)))
    )


def _is_count(value: object, lowest: int) -> bool:
    return type(value) is int and lowest <= value <= _LARGEST


def _is_array(value: object, shape: tuple[int, ...] | None) -> bool:
    """Whether it is an array of finite floats of this shape."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.shape != shape:
        return False
    return bool(np.all(np.isfinite(value)))
