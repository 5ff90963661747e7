"""Arithmetic, powers, exponentials and logarithms, with broadcasting."""

import numpy as np

from cases.table import BROADCASTS, SHAPES, away, case, normal, positive

for of, draw in {
    np.negative: normal,
    np.positive: normal,
    np.reciprocal: away,
    np.square: normal,
    np.sqrt: positive,
    np.cbrt: away,
    np.exp: normal,
    np.exp2: normal,
    np.expm1: normal,
    np.log: positive,
    np.log2: positive,
    np.log10: positive,
    np.log1p: positive,
}.items():
    for shape in SHAPES:
        case(of, draw(*shape))

for a, b in BROADCASTS:
    case(np.add, normal(*a), normal(*b))
    case(np.subtract, normal(*a), normal(*b))
    case(np.multiply, normal(*a), normal(*b))
    case(np.divide, normal(*a), away(*b))
    case(np.logaddexp, normal(*a), normal(*b))
    case(np.power, positive(*a), normal(*b))
    case(np.logaddexp2, normal(*a), normal(*b))
    case(np.float_power, positive(*a), normal(*b))
for a, b in [
    ((2, 3), ()),
    ((2, 3), (3,)),
    ((1, 3), (2, 1)),
    ((2, 1, 3), (4, 1)),
    ((0, 3), (3,)),
    ((1,), ()),
]:
    case(np.multiply, normal(*a), normal(*b))
for of in (np.add, np.subtract, np.multiply, np.divide, np.logaddexp, np.logaddexp2):
    case(of, away(2, 3), via=lambda x, of=of: of(x, 0.25))
    case(of, away(2, 3), via=lambda x, of=of: of(0.25, x))
    case(of, away(3), via=lambda x, of=of: of(x, [0.25, -2.5, 3]))
    case(of, away(3), via=lambda x, of=of: of([0.25, -2.5, 3], x))
for of in (np.add, np.subtract, np.multiply, np.logaddexp):  # one Tensor in both places
    case(of, away(3), via=lambda x, of=of: of(x, x))

for exponent in (
    3,
    2,
    1,
    0,
    -1,
    -2,
    3.0,
    2.0,
    0.0,
    -1.0,
    np.int64(2),
    np.array([2, 0, -1], dtype=np.int16),
):
    case(np.power, away(2, 3), via=lambda x, b=exponent: np.power(x, b))  # a negative base
for exponent in (3, 2, 1, 0, 3.0, 2.0, 0.0, [3, 2, 0], np.array([0, 1, 2], dtype=np.int16)):
    case(
        np.power, np.array([0.0, -1.5, 2.0]), via=lambda x, b=exponent: np.power(x, b)
    )  # a base of 0
for exponent in (0.5, -1.5, [0.5, 2, -1.5]):
    case(np.power, positive(3), via=lambda x, b=exponent: np.power(x, b))
case(np.power, normal(3), via=lambda x: 2.5**x)
case(np.power, normal(2, 3), via=lambda x: 2**x)
case(np.power, positive(3), via=lambda x: np.power([0.0, 2.0, 3], x))  # 0 ** x is flat for x > 0
case(np.power, positive(3), via=lambda x: x**x)

for exponent in (3, 2, 1, 0, -1.0, np.array([2, 0, -1], dtype=np.int16)):
    case(np.float_power, away(2, 3), via=lambda x, b=exponent: np.float_power(x, b))
case(np.float_power, positive(3), via=lambda x: np.float_power(2, x))
