"""The table of cases, one file for each file of rules; what a table must hold is said in table.py."""

import tinygrad_rnn  # noqa: F401 (fills the tables of rules)
from cases import (
    activations,
    checked,
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
    spaces,
    structure,
    trigonometry,
)
from cases.table import CASES, Case
from tinygrad_rnn.core.tables import COMPOSITE, VJP

__all__ = [
    "CASES",
    "COMPOSITES",
    "PRIMITIVES",
    "Case",
    "activations",
    "checked",
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
    "spaces",
    "structure",
    "trigonometry",
]

# Those of the package (tests define more) that are functions of arrays: a scan is tested against the tape instead.
PRIMITIVES = tuple(
    fun for fun in VJP if not getattr(fun, "__module__", "numpy").startswith("tinygrad_rnn.scan")
)
COMPOSITES = tuple(COMPOSITE)
