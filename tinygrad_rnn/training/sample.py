"""Text from a character model, one character after another."""

import os
from collections.abc import Iterator

import numpy as np

from tinygrad_rnn._typing import Array, Seed
from tinygrad_rnn.core.mode import no_grad
from tinygrad_rnn.data import Vocabulary, one_hot
from tinygrad_rnn.errors import DataError, RangeError
from tinygrad_rnn.guards.arguments import generator
from tinygrad_rnn.io import checkpoint
from tinygrad_rnn.io.checkpoint import Saved
from tinygrad_rnn.io.files import shown
from tinygrad_rnn.training.model import Model, make_model
from tinygrad_rnn.training.saved import read_run
from tinygrad_rnn.training.settings import Settings, check_range


def load_model(path: str | os.PathLike[str]) -> tuple[Model, Settings, Saved]:
    """The model in a checkpoint of `tinygrad-rnn train`, its settings, what it says of its data.

    Raises DataError for another kind of file or checkpoint, and what checkpoint.load raises.
    """
    s, parts = read_run(path)
    inputs, outputs = parts["progress"]["sizes"]
    model = make_model(s.cell, inputs, s.hidden, s.layers, outputs, rng=0)
    checkpoint.restore(parts, path, model=model)
    return model, s, parts["progress"]["data"]


def character_model(path: str | os.PathLike[str]) -> tuple[Model, Vocabulary]:
    """The model and the vocabulary of a checkpoint.  Raises DataError if it has none."""
    model, s, data = load_model(path)
    if data["kind"] != "text":
        way = "Train one on a text."
        raise DataError(f"{shown(path)} is a model of {s.data}, not of characters. {way}")
    return model, Vocabulary(data["symbols"])


def sample(
    model: Model,
    vocabulary: Vocabulary,
    length: int,
    *,
    temperature: float = 1.0,
    prompt: str = "",
    rng: Seed,
) -> Iterator[str]:
    """The prompt, then `length` characters drawn from softmax(logits / temperature).

    A temperature of 0 takes the likeliest.

    Without a prompt the model is given a line end, or a character at random if the text had none.
    Raises RangeError for a negative length or temperature, DataError for a prompt with unknown
    characters.
    """
    check_range("length", length, 0)
    if not 0 <= temperature < np.inf:
        raise RangeError(f"--temperature is {temperature}; it must be at least 0.")
    rng = generator(rng)
    if unknown := sorted(set(prompt) - set(vocabulary.symbols)):
        raise DataError(
            f"--prompt has {', '.join(map(repr, unknown))}, which the text of the model did not "
            f"have. It knows only {vocabulary.symbols!r}."
        )
    start = prompt or (
        "\n" if "\n" in vocabulary.symbols else vocabulary.symbols[rng.integers(len(vocabulary))]
    )
    return _characters(
        model, vocabulary, length, temperature, vocabulary.encode(start), prompt, rng
    )


def _characters(
    model: Model,
    vocabulary: Vocabulary,
    length: int,
    temperature: float,
    given: Array,
    prompt: str,
    rng: np.random.Generator,
) -> Iterator[str]:
    yield from prompt
    state = None
    for _ in range(length):
        with no_grad():
            logits, state = model(one_hot(given, len(vocabulary), np.float32)[:, None], state)
        scores = logits.data[-1, 0].astype(float)
        if temperature:
            with np.errstate(over="ignore"):  # a temperature of 1e-320
                p = np.exp((scores - scores.max()) / temperature)
            given = np.array(
                [min(np.searchsorted(np.cumsum(p), rng.random() * p.sum(), "right"), len(p) - 1)]
            )
        else:
            given = np.array([scores.argmax()])
        yield vocabulary.decode(given)
