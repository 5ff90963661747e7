"""A trained model on the end of some data, unrolled, so that its gradient paths can be drawn."""

import io
import os
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.data import Vocabulary, load_series, load_text, one_hot, python_topics, sunspots
from tinygrad_rnn.data.chosen_columns import Columns
from tinygrad_rnn.errors import DataError, RangeError, ShapeError, UsageError
from tinygrad_rnn.functional import cross_entropy, half_squared_error
from tinygrad_rnn.io.archive import Archive
from tinygrad_rnn.io.checkpoint import Saved
from tinygrad_rnn.io.files import read_whole, shown, text_of
from tinygrad_rnn.io.interop import load_safetensors
from tinygrad_rnn.nn.unroll import Unrolled, unroll
from tinygrad_rnn.training.foreign import model_from_torch
from tinygrad_rnn.training.lookup import refuse_reading
from tinygrad_rnn.training.sample import load_model


def trained_run(
    weights: str | os.PathLike[str],
    data: str | None,
    column: Columns | None,
    steps: int,
    *,
    tell: Callable[[str], object] | None = None,
    **reading: Any,
) -> tuple[Unrolled, str]:
    """A trained model, unrolled over the last `steps` steps of the data.

    weights: PyTorch's, .safetensors or .npz, or a checkpoint of `tinygrad-rnn train`.

    The loss is that of predicting the next entry. A checkpoint knows its own data, vocabulary and
    scale; a model of PyTorch is given the series as it is in the file. column, tell and others are
    for load_series. Also returns a line that says what is drawn.

    Raises errors of this package, naming the file or the array, for what does not fit.
    """
    where, reading = shown(weights), reading if column is None else {"column": column, **reading}
    saved: Saved = {"kind": "series"}
    if (arrays := _of_torch(weights)) is not None:
        if data is None:
            raise UsageError(f"--data is missing: which series shall the model of {where} read?")
        model, about = model_from_torch(arrays)
    else:
        model, s, saved = load_model(weights)
        about = f"the model of {where}"
        if saved["kind"] == "task":
            task = f"the task {s.data}; `train` draws its gradients"
            raise UsageError(f"{where} was trained on {task}.")
        if data is None:
            data, reading = s.data, {**s.reading, **reading}
    if saved["kind"] == "text":
        refuse_reading(reading, f"{where} is a model of characters")
        vocabulary = Vocabulary(saved["symbols"])
        text = python_topics() if data == "text" else load_text(data)
        _check_length(len(text), steps, data)
        symbols = vocabulary.encode(text[-steps - 1 :])
        xs: Array = one_hot(symbols[:-1], len(vocabulary), np.float32)
        return unroll(
            model.cell, xs, readout=model.readout, loss=cross_entropy, targets=symbols[1:]
        ), (f"{about} on the last {steps} characters of {shown(data)}: {text[-steps - 1 : -1]!r}")
    if data == "sunspots":
        refuse_reading(reading, "the sunspot numbers are one column")
        series = sunspots()[1][:, None]
    else:
        series = load_series(data, tell=tell, **reading)
    _check_length(len(series), steps, data)
    inputs, outputs = _first(model.cell).W_xh.shape[0], model.readout.W_hy.shape[1]
    if (inputs, outputs) != (series.shape[1], series.shape[1]):
        way = "To predict the next entry all must be equal: choose a --column, or another model."
        raise ShapeError(
            f"{shown(data)} has {series.shape[1]} columns; the model of {where} reads {inputs} and "
            f"gives {outputs}. {way}"
        )
    if "mean" in saved:
        series = ((series - saved["mean"]) / saved["deviation"]).astype(np.float32)
    last = series[-steps - 1 :]
    run = unroll(
        model.cell, last[:-1], readout=model.readout, loss=half_squared_error, targets=last[1:]
    )
    return run, f"{about}, on {steps} steps at the end of {shown(data)}"


def _of_torch(weights: str | os.PathLike[str]) -> dict[str, Array] | None:
    """The arrays of a .safetensors file, or of an .npz that is no checkpoint; else None."""
    if text_of(weights).lower().endswith(".safetensors"):
        return load_safetensors(weights)
    content = read_whole(weights, "the checkpoint ")
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return None
    try:
        archive = Archive(content)
        if "header.json" in archive.names:
            return None
        return {name.removesuffix(".npy"): archive.array(name) for name in archive.names}
    except Exception as error:  # bytes of any kind can fail in any way
        where = shown(weights)
        raise DataError(f"{where} is no .npz file, or not a whole one: {error}.") from error


def _first(cell: Any) -> Any:
    return cell.cells[0] if hasattr(cell, "cells") else cell


def _check_length(entries: int, steps: int, data: str) -> None:
    if steps >= entries:
        found = f"with {entries} entries in {shown(data)} it must lie in 1..{entries - 1}"
        raise RangeError(f"--steps is {steps}; {found}.")
