"""Derivative rules as a table, in plain NumPy.  Importing this package fills the registry.

activations   leaky_relu, hardtanh, elu, selu, silu, mish, gelu, erf, erfc, softsign, logit
elementwise   ufuncs: one line of calculus each
reduce        sum, mean, max, min
linalg        matmul
shape         reshape, transpose, broadcast_to, concatenate, stack, split, astype; unbroadcast
indexing      getitem and its transpose
nonlinear     what NumPy lacks: sigmoid, relu, softplus, softmax, log_softmax, logsumexp
"""

from tinygrad_rnn.rules import activations, elementwise, indexing, linalg, nonlinear, reduce, shape

__all__ = ["activations", "elementwise", "indexing", "linalg", "nonlinear", "reduce", "shape"]
