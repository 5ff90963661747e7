"""Functions, losses and layers against those of PyTorch, in float64: values and gradients.

Run with `pytest -m torch`.  PyTorch has the classes on axis 1, we have them last.
"""

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn

pytestmark = pytest.mark.torch


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def compare(torch, agree, ours, theirs, *data):
    """The values and, for a random cotangent,
    the gradients of `ours(*data)` and `theirs(*data)`.
    """
    xs = [tg.Tensor(a, requires_grad=True) for a in data]
    txs = [torch.tensor(a, requires_grad=True) for a in data]
    y, ty = ours(*xs), theirs(*txs)
    g = draw(*y.shape, seed=1)
    y.backward(g)
    ty.backward(torch.tensor(g))
    agree("value", y.data, ty)
    for i, (x, tx) in enumerate(zip(xs, txs, strict=True)):
        agree(f"gradient {i}", x.grad, tx.grad)


# -- functions -------------------------------------------------------------------------------------

FUNCTIONS = {  # name: (ours, theirs)
    **{  # under the same name there
        name: (getattr(fn, name), lambda torch, x, name=name: getattr(torch.nn.functional, name)(x))
        for name in (
            "elu",
            "gelu",
            "hardtanh",
            "leaky_relu",
            "mish",
            "selu",
            "silu",
            "softsign",
            "sigmoid",
            "relu",
        )
    },
    "erf": (fn.erf, lambda torch, x: torch.erf(x)),
    "erfc": (fn.erfc, lambda torch, x: torch.erfc(x)),
    "gelu by tanh": (
        lambda x: fn.gelu(x, approximate="tanh"),
        lambda torch, x: torch.nn.functional.gelu(x, approximate="tanh"),
    ),
    "logit": (
        lambda x: fn.logit(0.5 + 0.4 * np.tanh(x)),
        lambda torch, x: torch.logit(0.5 + 0.4 * torch.tanh(x)),
    ),
    "leaky_relu, steep": (
        lambda x: fn.leaky_relu(x, negative_slope=0.5),
        lambda torch, x: torch.nn.functional.leaky_relu(x, 0.5),
    ),
    "hardtanh, 0 to 2": (
        lambda x: fn.hardtanh(x, min_val=0.0, max_val=2.0),
        lambda torch, x: torch.nn.functional.hardtanh(x, 0.0, 2.0),
    ),
    "elu, alpha": (
        lambda x: fn.elu(x, alpha=0.7),
        lambda torch, x: torch.nn.functional.elu(x, 0.7),
    ),
    "tanh": (np.tanh, lambda torch, x: torch.tanh(x)),
    "softplus": (
        fn.softplus,
        lambda torch, x: torch.nn.functional.softplus(x, threshold=700),
    ),  # no cut at 20
    "softmax": (fn.softmax, lambda torch, x: torch.softmax(x, -1)),
    "softmax, axis 0": (lambda x: fn.softmax(x, axis=0), lambda torch, x: torch.softmax(x, 0)),
    "log_softmax": (fn.log_softmax, lambda torch, x: torch.log_softmax(x, -1)),
    "log_softmax, axis 0": (
        lambda x: fn.log_softmax(x, axis=0),
        lambda torch, x: torch.log_softmax(x, 0),
    ),
    "logsumexp": (fn.logsumexp, lambda torch, x: torch.logsumexp(x, (0, 1))),
    "logsumexp, axis 1": (
        lambda x: fn.logsumexp(x, axis=1),
        lambda torch, x: torch.logsumexp(x, 1),
    ),
    "logsumexp, axis 0 kept": (
        lambda x: fn.logsumexp(x, axis=0, keepdims=True),
        lambda torch, x: torch.logsumexp(x, 0, keepdim=True),
    ),
    "mean": (lambda x: np.mean(x, axis=0), lambda torch, x: torch.mean(x, 0)),
    "max": (lambda x: np.max(x, axis=1), lambda torch, x: torch.amax(x, 1)),
    "transpose and reshape": (lambda x: x.T.reshape(-1), lambda torch, x: x.T.reshape(-1)),
    "repeated rows": (lambda x: x[[0, 2, 0, 0]], lambda torch, x: x[[0, 2, 0, 0]]),
    "split and joined": (
        lambda x: np.concatenate(np.split(x, 2, axis=1)[::-1], axis=0),
        lambda torch, x: torch.cat(torch.chunk(x, 2, dim=1)[::-1], dim=0),
    ),
}
DATA = {"near": draw(3, 4), "far": 1000 * draw(3, 4), "ties": np.round(draw(3, 4))}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(torch, agree, name, data):
    ours, theirs = FUNCTIONS[name]
    compare(torch, agree, ours, lambda x: theirs(torch, x), DATA[data])


@pytest.mark.parametrize("name", ["softmax", "logsumexp"])
def test_masked_entries(torch, agree, name):
    row = np.array([0.5, -np.inf, 2.0, -np.inf])
    compare(torch, agree, getattr(fn, name), lambda x: getattr(torch, name)(x, 0), row)


# -- losses ----------------------------------------------------------------------------------------

CLASSES = {  # logits: classes
    (4,): np.array(3),
    (3, 4): np.array([2, 0, -7]),
    (5, 3, 4): np.random.default_rng(2).choice([0, 1, 2, 3, -7], (5, 3)),
}
reductions = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
scales = pytest.mark.parametrize("scale", [1, 1000])
shapes = pytest.mark.parametrize("shape", CLASSES, ids=str)


@reductions
@scales
@shapes
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_of_classes(torch, agree, shape, smoothing, scale, reduction):
    options = {"ignore_index": -7, "label_smoothing": smoothing, "reduction": reduction}
    target = CLASSES[shape]

    def theirs(x):
        return torch.nn.functional.cross_entropy(
            _classes_second(x), torch.tensor(target), **options
        )

    compare(
        torch, agree, lambda x: fn.cross_entropy(x, target, **options), theirs, scale * draw(*shape)
    )


@reductions
@shapes
def test_nll_loss(torch, agree, shape, reduction):
    target, options = CLASSES[shape], {"ignore_index": -7, "reduction": reduction}

    def theirs(x):
        return torch.nn.functional.nll_loss(_classes_second(x), torch.tensor(target), **options)

    compare(torch, agree, lambda x: fn.nll_loss(x, target, **options), theirs, draw(*shape))


@reductions
@scales
@shapes
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_probabilities(torch, agree, shape, smoothing, scale, reduction):
    options = {"label_smoothing": smoothing, "reduction": reduction}

    def theirs(x, q):
        return torch.nn.functional.cross_entropy(_classes_second(x), _classes_second(q), **options)

    q = fn.softmax(draw(*shape, seed=3))
    compare(
        torch,
        agree,
        lambda x, q: fn.cross_entropy(x, q, **options),
        theirs,
        scale * draw(*shape),
        q,
    )


def _classes_second(x):
    return x.movedim(-1, 1) if x.ndim > 1 else x


@pytest.mark.parametrize(
    "target", [np.array([2, 0, 2]), np.full((3, 4), 0.25)], ids=["classes", "probabilities"]
)
def test_cross_entropy_without_options(torch, agree, target):
    def theirs(x):
        return torch.nn.functional.cross_entropy(x, torch.tensor(target))

    compare(torch, agree, lambda x: fn.cross_entropy(x, target), theirs, draw(3, 4))


ERRORS = {  # name: options
    "mse_loss": {},
    "l1_loss": {},
    "huber_loss": {"delta": 0.5},
    "binary_cross_entropy_with_logits": {},
}


@reductions
@scales
@pytest.mark.parametrize("name", ERRORS)
def test_losses_of_numbers(torch, agree, name, scale, reduction):
    options = {"reduction": reduction, **ERRORS[name]}
    y, target = scale * draw(3, 4), np.round(fn.sigmoid(draw(3, 4, seed=2)), 1)
    y[0] = target[0] + [-0.5, 0.0, 0.5, 1.0]  # kinks
    target[1] = [0.0, 1.0, 0.0, 1.0]

    def theirs(y, target):
        return getattr(torch.nn.functional, name)(y, target, **options)

    compare(
        torch, agree, lambda y, target: getattr(fn, name)(y, target, **options), theirs, y, target
    )


# -- layers ----------------------------------------------------------------------------------------


@scales
@pytest.mark.parametrize("axes", [1, 2])
def test_layer_norm(torch, agree, axes, scale):
    x, axis = scale * draw(2, 3, 4), tuple(range(-axes, 0))
    x[0, 0] = 5.0  # without variance
    shape = x.shape[-axes:]

    def theirs(x, weight, bias):
        return torch.nn.functional.layer_norm(x, shape, weight, bias)

    compare(
        torch,
        agree,
        lambda x, weight, bias: fn.layer_norm(x, weight, bias, axis=axis),
        theirs,
        x,
        draw(*shape, seed=1),
        draw(*shape, seed=2),
    )


def test_embedding(torch, agree):
    indices = np.array([[0, 2, 2], [4, 2, 0]])

    def theirs(weight):
        return torch.nn.functional.embedding(torch.tensor(indices), weight)

    compare(torch, agree, lambda weight: fn.embedding(indices, weight), theirs, draw(5, 3))
