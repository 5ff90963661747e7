"""Derivative rules as a table, in plain NumPy.  Importing this package fills the registry.

elementwise   ufuncs: one line of calculus each
reduce        sum, mean, max, min
linalg        matmul
shape         reshape, transpose, broadcast_to, concatenate, stack, split, astype; unbroadcast
indexing      getitem and its transpose
nonlinear     what NumPy lacks: sigmoid, relu, softplus, softmax, log_softmax, logsumexp
"""

from tinygrad_rnn.rules import elementwise, indexing, linalg, nonlinear, reduce, shape

__all__ = ["elementwise", "indexing", "linalg", "nonlinear", "reduce", "shape"]
