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
case(np.linalg.matmul, normal(2, 3), normal(3, 2))

DOTS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), ()),
    ((), (2, 3)),
    ((2, 3), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 2)),
    ((2, 2, 3), (3,)),
    ((2, 1, 3), (3, 2)),
    ((3,), (2, 3, 2)),
    ((2, 3), (2, 3, 1)),
    ((2, 1, 3), (2, 3, 2)),
    ((2, 0), (0, 3)),
]
for a, b in DOTS:
    case(np.dot, normal(*a), normal(*b))
for a, b in [
    ((), ()),
    ((2, 3), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 3), (4, 3)),
    ((2, 1, 3), (2, 3)),
    ((0,), (0,)),
]:
    case(np.inner, normal(*a), normal(*b))
for a, b in [((), ()), ((3,), (3,)), ((2, 3), (3, 2)), ((2, 3), (6,)), ((0,), (0,))]:
    case(np.vdot, normal(*a), normal(*b))
for a, b in [((3,), (2,)), ((2, 2), (3,)), ((), (2,)), ((0,), (2,))]:
    case(np.outer, normal(*a), normal(*b))
case(np.linalg.outer, normal(3), normal(2))
for of in (np.dot, np.inner, np.outer, np.vdot, np.kron, np.linalg.outer):
    case(of, normal(3), via=lambda x, of=of: of(x, [1.0, 2.0, 3.0]))
    case(of, normal(3), via=lambda x, of=of: of([1.0, 2.0, 3.0], x))
    case(of, normal(3), via=lambda x, of=of: of(x, x))
for of in (np.tensordot, np.linalg.tensordot):
    case(of, normal(2, 3), normal(2, 3))
    case(of, normal(2, 3), normal(3, 2), axes=1)
    case(of, normal(2), normal(3), axes=0)
    case(of, normal(2, 3), normal(4, 3), axes=(1, 1))
    case(of, normal(2, 3, 2), normal(2, 3), axes=([0, 1], [0, 1]))
    case(of, normal(2, 3, 2), normal(3, 2), axes=((-1, 1), (1, 0)))
    case(of, normal(2, 3), normal(3), axes=(-1, 0))
    case(of, normal(0, 3), normal(3, 2), axes=1)
    case(of, normal(2, 0), normal(0, 2), axes=1)
    case(of, normal(), normal(2), axes=0)
    case(of, normal(2, 2), via=lambda x, of=of: of(x, [[1.0, 2.0], [3.0, 4.0]], axes=1))
for a, b in [
    ((2,), (3,)),
    ((2, 2), (1, 3)),
    ((2,), (2, 3)),
    ((2, 1, 2), (2,)),
    ((), (2, 2)),
    ((2,), ()),
    ((0,), (2,)),
]:
    case(np.kron, normal(*a), normal(*b))
for a, b in [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (2, 3)), ((0, 3), (3,)), ((0,), (0,))]:
    case(np.vecdot, normal(*a), normal(*b))
    case(np.linalg.vecdot, normal(*a), normal(*b))
case(np.vecdot, normal(3), via=lambda x: np.vecdot(x, [1.0, 2.0, 3.0]))
case(np.linalg.vecdot, normal(3, 2), normal(3, 2), axis=-2)
if hasattr(np, "matvec"):
    for a, b in [
        ((2, 3), (3,)),
        ((2, 2, 3), (3,)),
        ((2, 3), (2, 3)),
        ((2, 1, 2, 3), (2, 3)),
        ((0, 3), (3,)),
    ]:
        case(np.matvec, normal(*a), normal(*b))
        case(np.vecmat, normal(*b), normal(*a[:-2], a[-1], a[-2]))
for of in (np.cross, np.linalg.cross):
    case(of, normal(3), normal(3))
    case(of, normal(2, 3), normal(3))
    case(of, normal(3, 2), normal(3, 2), axis=0)
    case(of, normal(3), via=lambda x, of=of: of([1.0, 2.0, 3.0], x))
case(np.cross, normal(3, 2), normal(2, 3), 0, 1, 0)
case(
    np.linalg.multi_dot,
    normal(2, 3),
    normal(3, 1),
    normal(1, 2),
    via=lambda *xs: np.linalg.multi_dot(xs),
)
case(
    np.linalg.multi_dot, normal(3), normal(3, 2), normal(2), via=lambda *xs: np.linalg.multi_dot(xs)
)
for n in (-2, -1, 0, 1, 2, 3, 6):
    case(np.linalg.matrix_power, 0.2 * normal(2, 2) + np.eye(2), n)
case(np.linalg.matrix_power, normal(2, 3, 3), 3)
case(np.linalg.matrix_power, normal(2, 3, 3), n=0)
for shape, options in [
    ((3, 3), {}),
    ((2, 3), {"offset": 1}),
    ((2, 3, 2), {"axis1": 2, "axis2": 0}),
    ((2, 3, 2), {"offset": -1, "axis1": -2, "axis2": -1}),
    ((0, 2), {}),
]:
    case(np.trace, normal(*shape), **options)
case(np.trace, normal(2, 3, 2), 1, 0, -1)
case(np.trace, normal(2, 3, 2), 1, 0, -1, None, None)
case(np.trace, normal(2, 3), dtype=float)
case(np.linalg.trace, normal(2, 3))
case(np.linalg.trace, normal(2, 3, 3), offset=1)
