"""Sums of products by subscripts."""

import numpy as np

from cases.table import MEANING, case, normal
from tinygrad_rnn.rules.einsum import einsum

MEANING[einsum] = lambda *operands, subscripts, optimize=False: np.einsum(
    subscripts, *operands, optimize=optimize
)

for subscripts, shapes in [
    ("ij,jk->ik", [(2, 3), (3, 2)]),
    ("ij,jk", [(2, 3), (3, 2)]),
    ("ba", [(2, 3)]),  # implied output: in alphabetical order
    ("ij->ji", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ij->i", [(2, 3)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iij->j", [(2, 2, 3)]),
    ("iii->i", [(2, 2, 2)]),
    ("iii", [(2, 2, 2)]),
    ("iijj->ij", [(2, 2, 3, 3)]),
    ("iijj", [(2, 2, 3, 3)]),
    ("i,i", [(3,), (3,)]),
    ("i,j->ij", [(3,), (2,)]),
    ("i,j->j", [(3,), (2,)]),
    (",i->i", [(), (3,)]),
    ("->", [()]),
    ("bij,bjk->bik", [(2, 2, 3), (2, 3, 1)]),
    ("ij,j,k->ik", [(2, 3), (3,), (2,)]),
    ("ij,jk,kl->il", [(2, 3), (3, 2), (2, 2)]),
    ("i,ij,j->", [(2,), (2, 3), (3,)]),
    ("ii,ij->j", [(2, 2), (2, 3)]),
    ("ij,kj->", [(2, 3), (2, 3)]),
    ("...ij,...jk->...ik", [(2, 2, 3), (3, 2)]),
    ("...ij,...jk", [(2, 3), (2, 3, 2)]),
    ("...i,...i", [(2, 1, 3), (2, 3)]),
    ("i...->...", [(2, 3)]),
    ("...->...", [(2, 3)]),
    ("...", [()]),
    ("i...j->j...i", [(2, 3, 2)]),
    ("...i->i", [(3,)]),  # an ellipsis for no axes
    ("ij,j->i", [(2, 3), (1,)]),  # a length of 1 is broadcast
    ("ij,ij->ij", [(1, 3), (2, 1)]),
    (" i j , j k -> i k ", [(2, 3), (3, 2)]),
    ("ij,jk->ik", [(0, 3), (3, 2)]),
    ("ij,jk->ik", [(2, 0), (0, 3)]),
    ("aB,Bc->ac", [(2, 3), (3, 2)]),
]:
    for optimize in (False, True) if len(shapes) > 2 else (False,):
        case(
            np.einsum,
            *(normal(*s) for s in shapes),
            via=lambda *xs, s=subscripts, o=optimize: np.einsum(s, *xs, optimize=o),
        )
case(np.einsum, normal(2, 2), via=lambda x: np.einsum("ij,jk->ik", x, x))
case(np.einsum, normal(2, 2), via=lambda x: np.einsum("ij,j->i", x, [1.0, 2.0], optimize="greedy"))
case(
    np.einsum,
    normal(2, 3),
    normal(3, 2),
    via=lambda a, b: np.einsum("ij,jk", a, b, optimize=["einsum_path", (0, 1)]),
)
case(
    np.einsum,
    normal(2, 3),
    normal(3),
    via=lambda a, b: np.einsum("ij,j", a, b, dtype=float, order="F", casting="safe", out=None),
)
case(einsum, normal(2, 3), normal(3, 2), normal(2), subscripts="ij,jk,k->i")
case(einsum, normal(3), normal(), normal(2), subscripts="i,,j->ij")
case(einsum, normal(2, 2), normal(2), normal(3), subscripts="ii,i,j->")
