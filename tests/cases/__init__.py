"""The table of cases, one file for each file of rules; what a table must hold is said in table.py."""

import tinygrad_rnn  # noqa: F401 (fills the tables of rules)
from cases import (
    activations,
    cumulative,
    decompositions,
    eigen,
    einsum,
    elementwise,
    indexing,
    joining,
    linalg,
    nonlinear,
    norms,
    piecewise,
    rearrange,
    reduce,
    shape,
    sorting,
    structure,
    trigonometry,
)
from cases.table import CASES, Case
from tinygrad_rnn.primitive import COMPOSITE, VJP

__all__ = [
    "CASES",
    "COMPOSITES",
    "PRIMITIVES",
    "Case",
    "activations",
    "cumulative",
    "decompositions",
    "eigen",
    "einsum",
    "elementwise",
    "indexing",
    "joining",
    "linalg",
    "nonlinear",
    "norms",
    "piecewise",
    "rearrange",
    "reduce",
    "shape",
    "sorting",
    "structure",
    "trigonometry",
]

PRIMITIVES = tuple(VJP)  # those of the package: tests define more
COMPOSITES = tuple(COMPOSITE)
