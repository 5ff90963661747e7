"""Comparisons, truth values and tests of numbers: they give plain arrays."""

import numpy as np

from tinygrad_rnn.core.tables import defconstant

defconstant(np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)
defconstant(np.isnan, np.isfinite, np.isinf, np.isposinf, np.isneginf, np.signbit)
defconstant(np.isclose, np.allclose, np.array_equal, np.array_equiv, np.isin)
defconstant(np.logical_and, np.logical_or, np.logical_not, np.logical_xor)
defconstant(np.any, np.all, np.count_nonzero)
