"""The table of cases: a file for each file of rules; what a case is stands in table.py."""

import tinygrad_rnn  # noqa: F401 (fills the tables of rules)
from cases import (  # noqa: F401 (fills the table of cases)
    activations,
    creation,
    cumulative,
    decompositions,
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
    shape,
    structural,
    trigonometry,
)
from cases.table import CASES, Case, by_function
from tinygrad_rnn.core.tables import COMPOSITE, VJP

__all__ = ["CASES", "COMPOSITES", "PRIMITIVES", "Case", "by_function"]


def _of_the_package(fun: object) -> bool:
    """Is it a function of arrays?  Tests define more, and a scan is tested against the tape."""
    module = getattr(fun, "__module__", None) or "numpy"  # ufuncs have one from NumPy 2.2 on
    room = ".".join(module.split(".")[:2])
    return room.startswith(("numpy", "tinygrad_rnn")) and room != "tinygrad_rnn.scan"


PRIMITIVES = tuple(filter(_of_the_package, VJP))
COMPOSITES = tuple(filter(_of_the_package, COMPOSITE))
