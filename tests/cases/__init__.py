"""The table of cases, one file for each file of rules; what a table must hold is said in table.py."""

import tinygrad_rnn  # noqa: F401 (fills the tables of rules)
from cases import elementwise, indexing, linalg, nonlinear, reduce, shape
from cases.table import CASES, Case
from tinygrad_rnn.primitive import COMPOSITE, VJP

__all__ = [
    "CASES",
    "COMPOSITES",
    "PRIMITIVES",
    "Case",
    "elementwise",
    "indexing",
    "linalg",
    "nonlinear",
    "reduce",
    "shape",
]

# Those of the package (tests define more) that are functions of arrays: a scan is tested against the tape instead.
PRIMITIVES = tuple(fun for fun in VJP if not str(fun.__module__).startswith("tinygrad_rnn.scan"))
COMPOSITES = tuple(COMPOSITE)
