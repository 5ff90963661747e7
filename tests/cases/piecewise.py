"""Functions made of pieces, away from the places where the pieces meet."""

import numpy as np

from cases.table import (
    BROADCASTS,
    MEANING,
    SHAPES,
    away,
    case,
    distinct,
    distinct_pair,
    normal,
    positive,
    rng,
)
from tinygrad_rnn.rules.piecewise import checked, clip

NEWER = np.lib.NumpyVersion(np.__version__) >= "2.1.0"  # np.clip has min= and max=

for shape in SHAPES:
    case(np.absolute, away(*shape))
    case(np.fabs, away(*shape))
    for of in (np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around):
        case(of, 0.93 * distinct(*shape))  # away from halves
for of in (np.round, np.around):
    case(of, 0.93 * distinct(2, 3), 1)
    case(of, 7 * distinct(2, 3), decimals=-1)
    case(of, 0.93 * distinct(2, 3), via=lambda x, of=of: of(a=x))

for a, b in BROADCASTS:
    for of in (np.maximum, np.minimum, np.fmax, np.fmin):
        case(of, *distinct_pair(a, b))
    case(np.where, rng.random(np.broadcast_shapes(a, b)) < 0.5, normal(*a), normal(*b))
    case(np.copysign, away(*a), away(*b))
    case(np.heaviside, away(*a), normal(*b))
    for of in (np.floor_divide, np.remainder, np.fmod):
        case(
            of, distinct(*a), np.sign(away(*b)) * np.sqrt(0.5)
        )  # an irrational divisor: no quotient is whole
APART = np.array(
    [[0.4, -0.9, 1.3], [-1.7, 0.6, -0.35]]
)  # from the multiples and the parts of 0.25, -2.5 and 3
for of in (np.maximum, np.minimum, np.fmax, np.fmin, np.remainder, np.fmod):
    case(of, APART, via=lambda x, of=of: of(x, 0.25))
    case(of, APART, via=lambda x, of=of: of(0.25, x))
    case(of, APART[0], via=lambda x, of=of: of(x, [0.25, -2.5, 3]))
    case(of, APART[0], via=lambda x, of=of: of([0.25, -2.5, 3], x))
for of in (np.fmax, np.fmin):
    case(of, away(3), via=lambda x, of=of: of(x, [np.nan, -2.5, 0.1]))
case(np.copysign, away(3), via=lambda x: np.copysign(x, [1, -1, -0.0]))
case(np.heaviside, np.array([0, -1, 1]), normal(3))
case(np.heaviside, np.array([[0], [0]]), normal(3))
for f in (lambda a, b: a % b, lambda a, b: 1.0 % b + a, lambda a, b: a % 0.7 + b):
    case(np.remainder, distinct(3), np.array([np.sqrt(0.5), -np.sqrt(2.0), np.sqrt(3.0)]), via=f)
case(np.floor_divide, distinct(3), via=lambda x: x // 0.7 + 5.03 // x)
case(np.divmod, distinct(3), away(3), via=lambda a, b: sum(np.divmod(a, b)))
case(np.remainder, distinct(3), away(3), via=lambda a, b: sum(divmod(a, b)))
case(np.remainder, distinct(3), via=lambda x: sum(divmod(x, 0.7)) + sum(divmod(0.75, x)))

case(np.where, np.array([True, False, True]), normal(2, 1), normal())
case(np.where, np.array([[True], [False]]), normal(3), normal(2, 3))
case(np.where, True, normal(3), normal())
case(np.where, normal(2, 3), via=lambda x: np.where(x > 0, x, 0.0))
case(np.where, normal(3), via=lambda x: np.where([True, False, True], [1, 2, 3], x))

case(np.clip, distinct(2, 3), -0.35, 0.25)
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, -0.35, 0.25))
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, None, 0.25))
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, -0.35, None))
case(np.clip, distinct(3), via=lambda x: np.clip(x, [-0.35, 0.25, -5], 0.55))
case(np.clip, distinct(2, 3), np.array([-0.35, 0.25, -5.0]), np.array([[0.55], [0.85]]))
case(np.clip, distinct(3), via=lambda x: np.clip(a=x, a_min=-0.05, a_max=0.25))
case(
    np.clip, positive(3), via=lambda low: np.clip(np.array([0.4, 1, 3], dtype=np.float16), low, 2.5)
)
case(np.clip, np.array(2.0), -1.0, 1.0)

MEANING[clip] = np.clip
case(clip, distinct(2, 3), -0.35, 0.25)
case(clip, np.array([-2.0, 0.3, 2.0]), np.array([-1.0, -0.5, -0.25]), np.array([[1.0], [0.5]]))
case(
    clip, np.array([-2.0, 0.3, 2.0]), np.array(1.0), np.array([-1.0, -0.5, 0.5])
)  # bounds that cross
for low, high in [(None, 0.25), (-0.35, None)]:
    case(clip, distinct(3), via=lambda x, low=low, high=high: clip(x, low, high))
case(np.clip, distinct(3), np.array(-0.35), via=lambda x, low: np.clip(x, low, None))
if NEWER:
    case(
        np.clip,
        distinct(3),
        np.array(0.3),
        via=lambda x, high: np.clip(x, max=high - 0.03, min=-0.27),
    )

for of in (np.round, np.around):
    case(of, 0.93 * distinct(2, 3), 1, None)

case(np.nan_to_num, normal(2, 3))
case(np.nan_to_num, normal())

MEANING[checked] = lambda x, low, high, complaint: np.array(x)
for shape in [(), (2, 3)]:
    case(checked, normal(*shape), -9, 9, "{wrong} is far out")
