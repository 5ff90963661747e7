"""Derivative rules as a table, in plain NumPy.  Importing this package fills the registry.

elementwise     ufuncs: one line of calculus each
reduce          sum, mean, max, min
linalg          matmul, and every other product in terms of it: dot, tensordot, kron, cross, matrix_power, trace ...
einsum          einsum, whose share is again an einsum
decompositions  inv, pinv, solve, det, slogdet, cholesky
eigen           eigh, eigvalsh, svdvals, cond
norms           norms of vectors and matrices
shape           reshape, transpose, moveaxis, squeeze, broadcast_to, astype ...; unbroadcast
joining         concatenate, stack, block, append, insert ...; split and its kind
rearrange       entries moved about: flip, roll, rot90, tile, repeat, pad, tril, diag ...
indexing        getitem and its transpose; take, delete, select, choose ...
structure       copy, full_like; what is constant, what is refused
nonlinear       what NumPy lacks: sigmoid, relu, softplus, softmax, log_softmax, logsumexp
"""

from tinygrad_rnn.rules import (
    decompositions,
    eigen,
    einsum,
    elementwise,
    indexing,
    joining,
    linalg,
    nonlinear,
    norms,
    rearrange,
    reduce,
    shape,
    structure,
)

__all__ = [
    "decompositions",
    "eigen",
    "einsum",
    "elementwise",
    "indexing",
    "joining",
    "linalg",
    "nonlinear",
    "norms",
    "rearrange",
    "reduce",
    "shape",
    "structure",
]
