"""The tape: what a Tensor is, what a call of NumPy's means on it, and how a gradient gets back.

README.md in this folder walks through one expression and its backward pass.
"""

from tinygrad_rnn.core import recording

__all__ = ["recording"]  # importing it gives Tensor its operations
