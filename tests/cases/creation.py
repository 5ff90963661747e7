"""Copies, one value everywhere, numbers evenly spaced."""

import numpy as np

from cases.table import MEANING, case, normal, positive
from tinygrad_rnn.rules.creation import filled

MEANING[filled] = lambda value, shape, dtype: np.full(shape, value, dtype)

for shape in [(), (2, 3), (0,)]:
    case(np.copy, normal(*shape))
    case(filled, normal(), shape, np.dtype(float))
case(filled, normal(2, 1), (3, 2, 2), np.dtype(float))
case(filled, normal(3), (0, 3), np.dtype(float))
case(np.copy, normal(2, 3), "F", False)
case(np.full_like, normal(3), via=lambda x: np.full_like(x, x[0], None, "C", True, (2, 3)))
case(np.full_like, normal(3), via=lambda x: np.full_like(x, fill_value=x, shape=(2, 3)))
case(np.full_like, normal(3), via=lambda x: np.full_like(x, x[::-1], x.dtype))

for options in ({}, {"num": 1}, {"num": 0}, {"num": 4, "endpoint": False}, {"num": 3, "axis": -1}):
    case(np.linspace, normal(), normal(), **options)
    case(np.linspace, normal(2), normal(), **options)
case(np.linspace, normal(), normal(2, 3), 4)
case(np.linspace, normal(2), via=lambda x: np.linspace(1, x, 3))
case(
    np.linspace,
    normal(),
    normal(),
    via=lambda a, b: np.multiply(*np.linspace(a, b, 3, retstep=True)),
)
case(np.logspace, normal(), normal(), 3)
case(np.logspace, normal(2), normal(), num=3, endpoint=False, axis=-1)
case(np.logspace, normal(), positive(), via=lambda a, base: np.logspace(a, 1.5, 3, base=base))
