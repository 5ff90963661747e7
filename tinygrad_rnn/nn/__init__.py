"""Cells as one step of plain NumPy each, and the read-out."""

__all__ = ["Cell", "GRUCell", "LSTMCell", "Module", "RNNCell", "Readout"]

from tinygrad_rnn.nn.cell import Cell
from tinygrad_rnn.nn.gru import GRUCell
from tinygrad_rnn.nn.lstm import LSTMCell
from tinygrad_rnn.nn.module import Module
from tinygrad_rnn.nn.readout import Readout
from tinygrad_rnn.nn.rnn import RNNCell
