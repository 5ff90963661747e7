"""Elementwise functions, with broadcasting."""

import numpy as np

from cases.table import away, case, distinct, distinct_pair, normal, positive, rng

for of, draw in {
    np.negative: normal,
    np.positive: normal,
    np.reciprocal: away,
    np.square: normal,
    np.sqrt: positive,
    np.exp: normal,
    np.expm1: normal,
    np.log: positive,
    np.log1p: positive,
    np.sin: normal,
    np.cos: normal,
    np.tanh: normal,
    np.absolute: away,
}.items():
    for shape in [(), (3,), (2, 3), (2, 1, 2), (0,)]:
        case(of, draw(*shape))

BROADCASTS = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), ()),
    ((), (2, 3)),
    ((3, 1), (4,)),
    ((4,), (3, 1)),
    ((2, 3), (3,)),
    ((1, 3), (2, 1)),
    ((2, 1, 3), (4, 1)),
    ((1,), (0,)),
    ((0, 3), (3,)),
    ((1,), ()),
]
for a, b in BROADCASTS:
    case(np.add, normal(*a), normal(*b))
    case(np.subtract, normal(*a), normal(*b))
    case(np.multiply, normal(*a), normal(*b))
    case(np.divide, normal(*a), away(*b))
    case(np.logaddexp, normal(*a), normal(*b))
    case(np.power, positive(*a), normal(*b))
    case(np.maximum, *distinct_pair(a, b))
    case(np.minimum, *distinct_pair(a, b))
    case(np.where, rng.random(np.broadcast_shapes(a, b)) < 0.5, normal(*a), normal(*b))
for of in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.logaddexp):
    case(of, away(2, 3), via=lambda x, of=of: of(x, 0.25))
    case(of, away(2, 3), via=lambda x, of=of: of(0.25, x))
    case(of, away(3), via=lambda x, of=of: of(x, [0.25, -2.5, 3]))
    case(of, away(3), via=lambda x, of=of: of([0.25, -2.5, 3], x))
for of in (np.add, np.subtract, np.multiply, np.logaddexp):  # one Tensor in both places
    case(of, away(3), via=lambda x, of=of: of(x, x))

case(np.where, np.array([True, False, True]), normal(2, 1), normal())
case(np.where, np.array([[True], [False]]), normal(3), normal(2, 3))
case(np.where, True, normal(3), normal())
case(np.where, normal(2, 3), via=lambda x: np.where(x > 0, x, 0.0))
case(np.where, normal(3), via=lambda x: np.where([True, False, True], [1, 2, 3], x))

for exponent in (3, 2, 1, 0, -1, -2, 3.0, 2.0, 0.0, -1.0, np.int64(2), np.array([2, 0, -1], dtype=np.int16)):
    case(np.power, away(2, 3), via=lambda x, b=exponent: x**b)  # a negative base
for exponent in (3, 2, 1, 0, 3.0, 2.0, 0.0, [3, 2, 0], np.array([0, 1, 2], dtype=np.int16)):
    case(np.power, np.array([0.0, -1.5, 2.0]), via=lambda x, b=exponent: np.power(x, b))  # a base of 0
for exponent in (0.5, -1.5, [0.5, 2, -1.5]):
    case(np.power, positive(3), via=lambda x, b=exponent: np.power(x, b))
case(np.power, normal(3), via=lambda x: 2.5**x)
case(np.power, normal(2, 3), via=lambda x: 2**x)
case(np.power, positive(3), via=lambda x: np.power([0.0, 2.0, 3], x))  # 0 ** x is flat for x > 0
case(np.power, positive(3), via=lambda x: x**x)

case(np.clip, distinct(2, 3), -0.35, 0.25)
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, -0.35, 0.25))
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, None, 0.25))
case(np.clip, distinct(2, 3), via=lambda x: np.clip(x, -0.35, None))
case(np.clip, distinct(3), via=lambda x: np.clip(x, [-0.35, 0.25, -5], 0.55))
case(np.clip, distinct(2, 3), np.array([-0.35, 0.25, -5.0]), np.array([[0.55], [0.85]]))
case(np.clip, distinct(3), via=lambda x: np.clip(a=x, a_min=-0.05, a_max=0.25))
case(np.clip, positive(3), via=lambda low: np.clip(np.array([0.4, 1, 3], dtype=np.float16), low, 2.5))
case(np.clip, np.array(2.0), -1.0, 1.0)
