"""Functions that record nothing: what they give is constant, or they are refused on Tensors."""

import numpy as np

from tinygrad_rnn.core.tables import defconstant, defrefused

defconstant(np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)
defconstant(np.isnan, np.isfinite, np.isinf, np.isposinf, np.isneginf, np.signbit)
defconstant(np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj)
defconstant(np.isclose, np.allclose, np.array_equal, np.array_equiv, np.isin)
defconstant(np.logical_and, np.logical_or, np.logical_not, np.logical_xor)
defconstant(np.any, np.all, np.count_nonzero, np.unique)
defconstant(np.argmax, np.argmin, np.nanargmax, np.nanargmin)
defconstant(np.argsort, np.argpartition, np.searchsorted, np.digitize)
defconstant(np.nonzero, np.flatnonzero, np.argwhere, np.ravel_multi_index, np.unravel_index)
defconstant(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from)
defconstant(np.shape, np.ndim, np.size, np.may_share_memory, np.shares_memory, np.einsum_path)
defconstant(np.result_type, np.can_cast, np.min_scalar_type, np.common_type, np.linalg.matrix_rank)
defconstant(np.zeros_like, np.ones_like, np.empty_like)
defconstant(np.array_repr, np.array_str, np.array2string)

defrefused(
    "writes into an array, and what was recorded earlier would change with it. "
    "Build a new one with np.where or np.concatenate, or pass x.data.",
    *(np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal),
)
defrefused(
    "stores values, not graphs. Pass x.data.",
    *(np.save, np.savez, np.savez_compressed, np.savetxt),
)
defrefused(
    "calls a function with plain slices, where nothing is recorded. "
    "Call the function on whole Tensors, or np.stack its results.",
    *(np.apply_along_axis, np.apply_over_axes, np.piecewise),
)
