"""A trained model on the end of some data, unrolled, so that its gradient paths can be drawn."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn.data import Vocabulary, load_series, load_text, one_hot, python_topics, sunspots
from tinygrad_rnn.errors import DataError, RangeError, ShapeError, UsageError
from tinygrad_rnn.functional import cross_entropy, half_squared_error
from tinygrad_rnn.interop import load_safetensors
from tinygrad_rnn.training.foreign import model_from_torch
from tinygrad_rnn.training.sample import load_model
from tinygrad_rnn.unroll import Unrolled, unroll

Array = Any


def trained_run(
    weights: str | os.PathLike[str], data: str | None, column: str | None, steps: int
) -> tuple[Unrolled, str]:
    """The model of PyTorch's weights (.safetensors, .npz) or of a checkpoint over `steps` steps at the end of the data.

    The loss is that of predicting the next entry.  A checkpoint knows its own data, vocabulary and scale; a model of
    PyTorch is given the series as it is in the file.  Also returns a line that says what is drawn.

    Raises errors of this package, naming the file or the array, for what does not fit.
    """
    if (arrays := _of_torch(weights)) is not None:
        if data is None:
            raise UsageError(f"--data is missing: which series shall the model of {weights} read?")
        model, about = model_from_torch(arrays)
        saved: dict[str, Any] = {"name": data}
    else:
        model, saved = load_model(weights)
        about = f"the model of {weights}"
        if saved.get("kind") == "task":
            raise UsageError(f"{weights} was trained on the task {saved['name']}; `train` draws its gradients.")
        if data is None:
            data, column = str(saved["name"]), column or saved["column"]
    if "symbols" in saved:
        if column is not None:
            raise UsageError(f"--column is {column!r}, but {weights} is a model of characters.")
        vocabulary = Vocabulary(saved["symbols"])
        text = python_topics() if data == "text" else load_text(data)
        _check_length(len(text), steps, data)
        symbols = vocabulary.encode(text[-steps - 1 :])
        xs: Array = one_hot(symbols[:-1], len(vocabulary), np.float32)
        return unroll(model.cell, xs, readout=model.readout, loss=cross_entropy, targets=symbols[1:]), (
            f"{about} on the last {steps} characters of {data}: {text[-steps - 1 : -1]!r}"
        )
    series = sunspots()[1][:, None] if data == "sunspots" else load_series(data, column)
    _check_length(len(series), steps, data)
    inputs, outputs = _first(model.cell).W_xh.shape[0], model.readout.W_hy.shape[1]
    if (inputs, outputs) != (series.shape[1], series.shape[1]):
        raise ShapeError(
            f"{data} has {series.shape[1]} columns; the model of {weights} reads {inputs} and gives {outputs}. To "
            "predict the next entry all three must be equal: choose a --column, or another model."
        )
    if "mean" in saved:
        series = ((series - saved["mean"]) / saved["deviation"]).astype(np.float32)
    last = series[-steps - 1 :]
    run = unroll(model.cell, last[:-1], readout=model.readout, loss=half_squared_error, targets=last[1:])
    return run, f"{about}, on {steps} steps at the end of {data}"


def _of_torch(weights: str | os.PathLike[str]) -> dict[str, Array] | None:
    """The arrays of a .safetensors file, or of an .npz that is no checkpoint; None for anything else."""
    if Path(weights).suffix.lower() == ".safetensors":
        return load_safetensors(weights)
    if not zipfile.is_zipfile(weights):
        return None
    try:
        with np.load(weights, allow_pickle=False) as saved:
            return None if "header.json" in saved.files else {name: saved[name] for name in saved.files}
    except Exception as error:  # bytes of any kind can fail in any way
        raise DataError(f"{weights} is no .npz file, or not a whole one: {error}.") from error


def _first(cell: Any) -> Any:
    return cell.cells[0] if hasattr(cell, "cells") else cell


def _check_length(entries: int, steps: int, data: str) -> None:
    if steps >= entries:
        raise RangeError(f"--steps is {steps}; with {entries} entries in {data} it must lie in 1..{entries - 1}.")
