"""Functions that give the same entries another shape."""

from typing import Any

import numpy as np

from cases.table import case, normal

case(np.reshape, normal(2, 3), (3, 2))
case(np.reshape, normal(2, 3), -1)
case(np.reshape, normal(2, 3), (1, -1, 2))
case(np.reshape, normal(1, 1), ())
case(np.reshape, normal(), (1, 1))
case(np.reshape, normal(0, 3), (3, 0))
for order in ("C", "F"):
    case(np.reshape, normal(2, 3), (3, 2), order)
    case(np.reshape, normal(2, 3, 2), (-1, 3), order=order)
    case(np.reshape, normal(2, 3), -1, order=order)
    case(np.reshape, normal(), (1, 1), order=order)
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
    case(np.reshape, normal(2, 3), shape=(3, 2), copy=True)
    case(np.reshape, normal(2, 3), shape=(3, 2), order="F", copy=None)
else:
    case(np.reshape, normal(2, 3), newshape=(3, 2))
case(np.transpose, normal(2, 3))
case(np.transpose, normal(2, 3, 1, 2))
case(np.transpose, normal(2, 3, 1, 2), (3, 1, 0, 2))
case(np.transpose, normal(2, 3, 2), (-1, 0, -2))
case(np.transpose, normal(2, 3, 2), axes=(1, 2, 0))
case(np.transpose, normal(3))
case(np.transpose, normal(), ())
case(np.swapaxes, normal(2, 3, 2), 0, 1)
case(np.swapaxes, normal(2, 3, 2), -1, 0)
case(np.swapaxes, normal(2, 3, 2), axis1=-2, axis2=-1)
case(np.expand_dims, normal(2, 3), 1)
case(np.ix_, normal(3), normal(2), via=lambda a, b: np.multiply(*np.ix_(a, b)))
case(np.expand_dims, normal(2, 3), -1)
case(np.expand_dims, normal(2, 3), axis=(0, -1))
case(np.expand_dims, normal(), 0)
case(np.squeeze, normal(2, 1, 3, 1))
case(np.squeeze, normal(2, 1, 3, 1), 1)
case(np.squeeze, normal(2, 1, 3, 1), axis=-1)
case(np.squeeze, normal(1, 2, 1), axis=(0, -1))
case(np.squeeze, normal(1, 1))
case(np.squeeze, normal(2, 3))
case(np.broadcast_to, normal(), (2, 3))
case(np.broadcast_to, normal(3), (2, 3))
case(np.broadcast_to, normal(3, 1), (2, 3, 2))
case(np.broadcast_to, normal(2, 3), (2, 3))
case(np.broadcast_to, normal(1), shape=(0,))
case(np.ravel, normal(2, 3))
case(np.ravel, normal())
if hasattr(np, "astype"):
    case(np.astype, normal(2, 3), np.float64, copy=False)
case(np.ravel, normal(2, 3, 2), order="F")
case(np.ravel, normal(2, 3), "C")
case(np.moveaxis, normal(2, 3, 1, 2), 0, -1)
case(np.moveaxis, normal(2, 3, 2), (0, 1), (-1, 0))
case(np.moveaxis, normal(2, 3, 2), source=-2, destination=0)
case(np.rollaxis, normal(2, 3, 1, 2), 3, 1)
case(np.rollaxis, normal(2, 3, 1, 2), -2)
case(np.rollaxis, normal(2, 3, 1, 2), axis=0, start=-1)
case(np.rollaxis, normal(2, 3, 2), 1, 3)
for of in (np.matrix_transpose, np.linalg.matrix_transpose):
    case(of, normal(2, 3))
    case(of, normal(2, 1, 3))
    case(of, normal(0, 2, 3))
for of in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    for shape in [(), (3,), (2, 3), (2, 1, 3), (0,), (1, 2, 1, 2)]:
        case(of, normal(*shape))
    case(
        of,
        normal(3),
        normal(),
        via=lambda *xs, of=of: np.concatenate([np.ravel(a) for a in of(*xs, [1.0, 2.0])]),
    )


def together(*arrays: Any) -> Any:
    """Several results as one, each with a weight of its own."""
    return np.stack([(i + 1) * a for i, a in enumerate(arrays)])


case(
    np.broadcast_arrays,
    normal(3),
    normal(2, 1),
    via=lambda *xs: together(*np.broadcast_arrays(*xs)),
)
case(np.broadcast_arrays, normal(), via=lambda x: together(*np.broadcast_arrays(x, [1.0, 2.0])))
case(
    np.broadcast_arrays,
    normal(1, 3),
    normal(0, 1),
    via=lambda *xs: together(*np.broadcast_arrays(*xs)),
)
case(np.meshgrid, normal(2), normal(3), via=lambda *xs: together(*np.meshgrid(*xs)))
case(np.meshgrid, normal(2), normal(), normal(3), via=lambda *xs: together(*np.meshgrid(*xs)))
case(np.meshgrid, normal(2), normal(3), via=lambda *xs: together(*np.meshgrid(*xs, indexing="ij")))
case(np.meshgrid, normal(2), via=lambda x: together(*np.meshgrid(x, [1.0, 2.0], x)))
case(np.meshgrid, normal(2), normal(3), via=lambda *xs: np.multiply(*np.meshgrid(*xs, sparse=True)))
case(np.meshgrid, normal(2), via=lambda x: np.meshgrid(x)[0])
