"""`np.einsum`, whose share is again an einsum.

The share of one operand is the einsum of g and the other operands, with the letters of the operand
itself as output.  Two things keep that from being literally so, and one more operand fixes each:
    a letter that only this operand has was summed away: a vector of ones spreads g along it again
    a letter that this operand has twice took a diagonal: an identity matrix puts g back on it
"""

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike
from tinygrad_rnn.core.tables import composite, defvjp_variadic, primitive
from tinygrad_rnn.errors import ShapeError, UnsupportedError
from tinygrad_rnn.rules.shape import Casting, as_array, cast


@primitive
def einsum(*operands: Array, subscripts: str, optimize: Any = False) -> Array:
    """`np.einsum` with the subscripts written out: letters only, and an output."""
    y: Array = np.einsum(subscripts, *operands, optimize=optimize)
    return y


def _share(
    argnum: int, g: Array, operands: Sequence[Array], subscripts: str, optimize: Any
) -> Array:
    inputs, output = subscripts.split("->")
    letters = inputs.split(",")
    own, shape = letters.pop(argnum), operands[argnum].shape
    terms, arrays = [output, *letters], [g, *operands[:argnum], *operands[argnum + 1 :]]
    free = iter(c for c in ascii_letters if c not in subscripts)
    wanted = ""
    for c, n in zip(own, shape, strict=True):
        others = zip(terms, arrays, strict=True)
        if c in wanted:
            twin, c = c, next(free)
            terms.append(twin + c)
            arrays.append(np.eye(n, dtype=g.dtype))
        elif not any(c in term and array.shape[term.index(c)] == n for term, array in others):
            terms.append(c)
            arrays.append(np.ones(n, dtype=g.dtype))
        wanted += c
    return einsum(*arrays, subscripts=f"{','.join(terms)}->{wanted}", optimize=bool(optimize))


defvjp_variadic(
    einsum,
    lambda argnums, g, y, *operands, subscripts, optimize=False: [
        _share(i, g, operands, subscripts, optimize) for i in argnums
    ],
)


@composite(np.einsum)
def _einsum_of_subscripts(
    subscripts: str,
    *operands: Array,
    out: None = None,
    optimize: Any = False,
    dtype: DTypeLike | None = None,
    order: str = "K",
    casting: Casting = "safe",
) -> Array:
    if not isinstance(subscripts, str):
        raise UnsupportedError(
            "np.einsum on Tensors takes its subscripts as a string first. Write "
            "np.einsum('ij,jk->ik', a, b), not np.einsum(a, [0, 1], b, [1, 2], [0, 2])."
        )
    arrays = [as_array(x) for x in operands]
    if dtype is not None:
        arrays = [cast(x, dtype, casting, "np.einsum") for x in arrays]
    written = written_out(subscripts, [x.ndim for x in arrays])
    return einsum(*arrays, subscripts=written, optimize=optimize)


def written_out(subscripts: str, ndims: Sequence[int]) -> str:
    """The subscripts with letters for each ellipsis, and with the output that NumPy implies."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ShapeError(
            f"np.einsum: {subscripts!r} describes {len(terms)} operands, but {len(ndims)} are "
            "given."
        )
    unnamed = [n - len(t.replace("...", "")) for t, n in zip(terms, ndims, strict=True)]
    most = max([n for t, n in zip(terms, unnamed, strict=True) if "..." in t], default=0)
    rest = "".join([c for c in ascii_letters if c not in subscripts][:most])
    if not arrow:
        letters = inputs.replace("...", "").replace(",", "")
        output = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    terms = [t.replace("...", rest[most - n :]) for t, n in zip(terms, unnamed, strict=True)]
    return f"{','.join(terms)}->{output.replace('...', rest)}"
