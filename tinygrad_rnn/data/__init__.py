"""Sequences: a real series, your own files, text, and the classic tasks.

Every task is a function that draws a new batch: `rng` is a seed or a Generator, xs are time-major,
(T, B, I).
"""

__all__ = [
    "LETTER_FEATURES",
    "REBER_SYMBOLS",
    "NGram",
    "Vocabulary",
    "adding_problem",
    "columns",
    "copy_memory",
    "copy_memory_baseline",
    "embedded_reber",
    "encode_reber",
    "influence_balancing",
    "letter_sequence",
    "letter_vectors",
    "load_series",
    "load_text",
    "one_hot",
    "python_topics",
    "reber_successors",
    "segments",
    "standardised",
    "sunspots",
    "temporal_order",
    "temporal_order_1997",
    "temporal_xor",
]

from tinygrad_rnn.data.adding import adding_problem
from tinygrad_rnn.data.copy_memory import copy_memory, copy_memory_baseline
from tinygrad_rnn.data.influence_balancing import influence_balancing
from tinygrad_rnn.data.letters import LETTER_FEATURES, letter_sequence, letter_vectors
from tinygrad_rnn.data.ngram import NGram
from tinygrad_rnn.data.one_hot import one_hot
from tinygrad_rnn.data.reber import REBER_SYMBOLS, embedded_reber, encode_reber, reber_successors
from tinygrad_rnn.data.series import load_series, standardised, sunspots
from tinygrad_rnn.data.stream import columns, segments
from tinygrad_rnn.data.temporal_order import temporal_order, temporal_order_1997
from tinygrad_rnn.data.temporal_xor import temporal_xor
from tinygrad_rnn.data.text import Vocabulary, load_text, python_topics


def __dir__() -> list[str]:
    return __all__
