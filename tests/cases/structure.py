"""copy and full_like."""

import numpy as np

from cases.table import MEANING, case, normal
from tinygrad_rnn.rules.creation import filled

MEANING[filled] = lambda value, shape, dtype: np.full(shape, value, dtype)

for shape in [(), (3,), (2, 3), (0,)]:
    case(np.copy, normal(*shape))
    case(filled, normal(), shape, np.dtype(float))
case(filled, normal(2, 1), (3, 2, 2), np.dtype(float))
case(filled, normal(3), (0, 3), np.dtype(float))
case(np.copy, normal(2, 3), "F", False)
case(np.full_like, normal(3), via=lambda x: np.full_like(x, x[0], None, "C", True, (2, 3)))
case(np.full_like, normal(2, 3), via=lambda x: np.full_like(x, x[0, 0]))
case(np.full_like, normal(3), via=lambda x: np.full_like(x, fill_value=x, shape=(2, 3)))
case(np.full_like, normal(3), via=lambda x: np.full_like(x, x[::-1], x.dtype))
