"""Derivative rules as a table, in plain NumPy.  Importing this package fills the tables.

elementwise     arithmetic, powers, exponentials and logarithms: one line of calculus each
trigonometry    circular and hyperbolic functions, their inverses, sinc
piecewise       abs, maximum, where, clip, rounding, remainders; values checked against bounds
reduce          sum, prod, max, min, the nan-functions
moments         mean, var, std, average
cumulative      cumsum, cumprod, diff, trapezoid
linalg          matmul, and every other product in terms of it: dot, tensordot, kron, cross ...
einsum          einsum, whose share is again an einsum
decompositions  inv, pinv, solve, det, slogdet, cholesky
eigen           eigh, eigvalsh, svdvals, cond
norms           norms of vectors and matrices
scale           squares that do not overflow on the way
shape           reshape, transpose, moveaxis, squeeze, broadcast_to, astype, meshgrid ...
joining         concatenate, stack, block, append, insert ...; split and its kind
rearrange       entries chosen and moved: take, select, flip, roll, tile, pad, tril, diag, sort ...
creation        copy, full_like, linspace, logspace
constants       what gives plain arrays, such as comparisons, and what is refused
nonlinear       what NumPy lacks: sigmoid, relu, softplus, softmax, log_softmax, logsumexp
activations     leaky_relu, hardtanh, elu, selu, silu, mish, gelu, erf, erfc, softsign, logit
dependence      which of them are linear, which select: what cuts a gradient off
"""

from tinygrad_rnn.rules import (  # noqa: F401 (importing them is the point)
    activations,
    constants,
    creation,
    cumulative,
    dependence,
    eigen,
    einsum,
    elementwise,
    joining,
    linalg,
    moments,
    nonlinear,
    norms,
    piecewise,
    rearrange,
    reduce,
    scale,
    shape,
    trigonometry,
)
