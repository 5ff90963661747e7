"""Products of matrices."""

import numpy as np

from cases.table import case, normal

for a, b in [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 2)),
    ((2, 3), (2, 3, 2)),
    ((2, 2, 3), (3, 2)),
    ((2, 2, 3), (2, 3, 2)),
    ((1, 2, 3), (2, 3, 1)),
    ((2, 1, 1, 3), (2, 3, 2)),
    ((2, 2, 1, 3), (3, 2)),
    ((3,), (2, 3, 2)),
    ((2, 2, 3), (3,)),
    ((2, 1, 2, 3), (3,)),
    ((3,), (2, 1, 3, 2)),
    ((1, 1), (1, 1)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((2, 2, 0), (0, 3)),
    ((2, 2, 3), (3, 0)),
    ((2, 0, 3), (3, 2)),
    ((0,), (0,)),
]:
    case(np.matmul, normal(*a), normal(*b))
case(np.matmul, normal(3, 3), via=lambda x: x @ x)
case(np.matmul, normal(2, 3), via=lambda x: x @ x.T)
case(np.matmul, normal(2, 3), via=lambda x: x @ [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
case(np.matmul, normal(2, 3), via=lambda x: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]] @ x)
case(np.matmul, normal(2, 2, 3), via=lambda x: np.matmul(x, [1, 2, 3]))
case(np.matmul, normal(2, 3, 2), via=lambda x: np.matmul([1, 2, 3], x))
