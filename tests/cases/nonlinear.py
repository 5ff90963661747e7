"""The nonlinear functions that NumPy lacks."""

import numpy as np

from cases.reduce import REDUCTIONS
from cases.table import BROADCASTS, MEANING, SHAPES, away, case, normal
from tinygrad_rnn.rules.nonlinear import (
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    softmax,
    softplus,
    weighted,
)

MEANING.update(
    {
        sigmoid: lambda x: 1 / (1 + np.exp(-x)),
        relu: lambda x: x * (x > 0),
        softplus: lambda x: np.log(1 + np.exp(x)),
        weighted: np.multiply,
        logsumexp: lambda x, axis=None, keepdims=False: np.log(
            np.sum(np.exp(x), axis=axis, keepdims=keepdims)
        ),
        softmax: lambda x, axis=-1: np.exp(x) / np.sum(np.exp(x), axis, keepdims=True),
        log_softmax: lambda x, axis=-1: np.log(np.exp(x) / np.sum(np.exp(x), axis, keepdims=True)),
    }
)

for of, draw in {sigmoid: normal, relu: away, softplus: normal}.items():
    for shape in SHAPES:
        case(of, draw(*shape))

for a, b in BROADCASTS:
    case(weighted, normal(*a), normal(*b))
case(weighted, np.array([0.0, 2.0]), normal(2))
case(weighted, normal(2), via=lambda x: weighted(0.25, x))

for shape, options in REDUCTIONS:
    case(logsumexp, normal(*shape), **options)
case(logsumexp, normal(2, 3), -1, True)

for of in (softmax, log_softmax):
    case(of, normal(3))
    case(of, normal(2, 3))
    case(of, normal(2, 3), axis=0)
    case(of, normal(2, 3, 2), 1)
    case(of, normal(2, 3, 2), axis=-2)
    case(of, normal(2, 1))
    case(of, normal(0, 3))
