"""Running sums and products, differences, the trapezoid."""

from typing import Any

import numpy as np

from cases.table import MEANING, away, case, normal, positive
from tinygrad_rnn.rules.cumulative import recurrence


def _recurrence(a: Any, b: Any) -> Any:
    """y_i is the sum over j <= i of b_j times all a between them."""
    terms = [[b[j] * np.prod(a[j:i], axis=0) for j in range(i + 1)] for i in range(len(b))]
    return np.array([sum(row) for row in terms], b.dtype).reshape(b.shape)


MEANING[recurrence] = _recurrence
for shape in [(1,), (4,), (3, 2), (2, 1, 2), (3, 0)]:
    case(recurrence, normal(shape[0] - 1, *shape[1:]), normal(*shape))

for of in (np.cumsum, np.cumprod):
    case(of, away())
    case(of, away(4))
    case(of, away(4), axis=0)
    case(of, away(2, 3))
    case(of, away(2, 3), 0)
    case(of, away(2, 3), axis=-1)
    case(of, away(2, 3, 2), axis=1)
    case(of, away(2, 3, 2), axis=None)
    case(of, away(0, 3), axis=0)
    case(of, away(0, 3), axis=1)
    case(of, away(2, 3), via=lambda x, of=of: of(axis=1, a=x))
for of in (np.cumsum, np.cumprod):
    case(of, away(2, 3), 1, None, None)
    case(of, away(2, 3), axis=0, dtype=np.float64, out=None)
case(
    np.cumprod,
    np.array([[2.0, 0.0, 3.0, -1.5], [0.0, 2.0, 0.0, 3.0], [1.0, 2.0, 3.0, 0.0]]),
    axis=1,
)

case(np.diff, normal(4))
case(np.diff, normal(4), 2)
case(np.diff, normal(4), n=0)
case(np.diff, normal(3, 2), axis=0)
case(np.diff, normal(2, 3), 1, -1)
case(np.diff, normal(2, 1))
case(np.diff, normal(3), normal(2), via=lambda a, b: np.diff(a, prepend=b, append=0.5))
case(np.diff, normal(2, 3), normal(), via=lambda a, b: np.diff(a, axis=0, append=b))
case(np.diff, normal(3), via=lambda b: np.diff([1.0, 2.0], prepend=b))

case(np.trapezoid, normal(4))
case(np.trapezoid, normal(4), dx=0.5)
case(np.trapezoid, normal(4, 2), axis=0)
case(np.trapezoid, normal(2, 4), normal(4))
case(np.trapezoid, normal(4, 2), normal(4), axis=0)
case(np.trapezoid, normal(2, 3), normal(2, 3), axis=0)
case(np.trapezoid, normal(4), positive(), via=lambda y, dx: np.trapezoid(y, dx=dx))
case(np.trapezoid, normal(3), via=lambda x: np.trapezoid([1, 2, 4], x))
case(np.trapezoid, normal(1))
