"""Numbers evenly spaced."""

import numpy as np

from cases.table import case, normal, positive

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
