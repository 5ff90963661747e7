"""Derivative rules as a table, in plain NumPy.  Importing this package fills the registry.

activations   leaky_relu, hardtanh, elu, selu, silu, mish, gelu, erf, erfc, softsign, logit
elementwise   arithmetic, powers, exponentials and logarithms: one line of calculus each
trigonometry  circular and hyperbolic functions, their inverses, sinc
piecewise     abs, maximum, where, clip, rounding, remainders
comparison    comparisons and truth values, which give plain arrays
reduce        sum, mean, prod, max, min, var, std, average, the nan-functions
cumulative    cumsum, cumprod, diff, trapezoid
sorting       sort, partition, median
linalg        matmul
shape         reshape, transpose, broadcast_to, concatenate, stack, split, astype; unbroadcast
indexing      getitem and its transpose
nonlinear     what NumPy lacks: sigmoid, relu, softplus, softmax, log_softmax, logsumexp
"""

from tinygrad_rnn.rules import (
    activations,
    comparison,
    cumulative,
    elementwise,
    indexing,
    linalg,
    nonlinear,
    piecewise,
    reduce,
    shape,
    sorting,
    trigonometry,
)

__all__ = [
    "activations",
    "comparison",
    "cumulative",
    "elementwise",
    "indexing",
    "linalg",
    "nonlinear",
    "piecewise",
    "reduce",
    "shape",
    "sorting",
    "trigonometry",
]
