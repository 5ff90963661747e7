"""Cells as one step of plain NumPy each, layers over all of time, and what goes around them."""

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Cell",
    "Dropout",
    "Embedding",
    "GRUCell",
    "LSTMCell",
    "LayerNorm",
    "Linear",
    "Module",
    "RNNCell",
    "Readout",
    "Recurrent",
    "Sequential",
    "initialisers",
]

from tinygrad_rnn.nn import initialisers
from tinygrad_rnn.nn.cell import Cell
from tinygrad_rnn.nn.dropout import Dropout
from tinygrad_rnn.nn.embedding import Embedding
from tinygrad_rnn.nn.gru import GRUCell
from tinygrad_rnn.nn.layer_norm import LayerNorm
from tinygrad_rnn.nn.linear import Linear
from tinygrad_rnn.nn.lstm import LSTMCell
from tinygrad_rnn.nn.module import Module
from tinygrad_rnn.nn.readout import Readout
from tinygrad_rnn.nn.recurrent import GRU, LSTM, RNN, Recurrent
from tinygrad_rnn.nn.rnn import RNNCell
from tinygrad_rnn.nn.sequential import Sequential


def __dir__() -> list[str]:
    return __all__
