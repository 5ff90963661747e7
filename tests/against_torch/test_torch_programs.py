"""Random programs against PyTorch, an independent witness: values and gradients in float64 agree to
1e-9.

Run with `pytest -m torch`; torch is imported by a fixture, so that collecting these tests does not
need it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose
from support.menu import MENU
from support.programs import Program, programs

import tinygrad_rnn as tg

pytestmark = pytest.mark.torch

reproducible = settings(max_examples=500)

LEFT_OUT = {"partition"}  # the order among the smaller and among the larger entries is free


# -- what PyTorch calls them -----------------------------------------------------------------------

SAME_TEXT = {  # operators and keys: the entry of the menu itself takes PyTorch's tensors
    "2 - a", "1 / (1 + a²)", "a ** 3", "a ** -1.5", "1.5 ** a", "a[0]", "a[-1:]", "a[..., ::2]",
    "a[[0, 0, -1]]",
    "a[:, [1, 1]]", "a[[0, 1], [1, 1]]", "a[..., None]", "a[a > 0]",
}  # fmt: skip

SAME_NAME = {
    "negative", "positive", "reciprocal", "square", "exp", "exp2", "expm1", "log", "sqrt",
    "logaddexp", "logaddexp2",
    "sin", "cos", "tan", "arctan", "arctan2", "hypot", "sinh", "cosh", "tanh", "arcsinh", "sinc",
    "abs", "copysign",
    "maximum", "minimum", "fmax", "fmin", "nan_to_num", "sum", "mean", "prod", "diff", "trapezoid",
    "inner", "kron",
    "ravel", "squeeze", "atleast_2d", "flipud", "fliplr", "rot90", "diagonal", "sigmoid", "relu",
    "selu",
    "erf", "erfc",
}  # fmt: skip

BY_ANOTHER_NAME = {
    "a + b": "add", "a - b": "subtract", "a * b": "multiply", "a / b": "divide", "a @ b": "matmul",
    "fabs": "abs",
    "copy": "clone",
}  # fmt: skip

ACTIVATIONS = {"leaky_relu", "hardtanh", "elu", "silu", "mish", "gelu", "softsign"}


def reverse(a: Any) -> Any:
    return a.permute(tuple(range(a.ndim))[::-1])


def dot(t: Any, a: Any, b: Any) -> Any:
    return a * b if 0 in (a.ndim, b.ndim) else t.tensordot(a, b, dims=([-1], [max(b.ndim - 2, 0)]))


def spd(t: Any, a: Any) -> Any:
    return 0.1 * (a.mT @ a) + t.eye(a.shape[-1], dtype=a.dtype)


def regular(t: Any, a: Any) -> Any:
    square = spd(t, a)
    return square + 0.2 * t.tril(t.tanh(square), -1)


def solve(t: Any, a: Any, b: Any) -> Any:
    inverse = t.linalg.inv(regular(t, a))
    return inverse @ b


def block(t: Any, a: Any, b: Any) -> Any:
    n = max(a.ndim, b.ndim, 2)
    a, b = (x.reshape((1,) * (n - x.ndim) + tuple(x.shape)) for x in (a, b))
    return t.cat([t.cat([a, b], -1), t.cat([b, a], -1)], -2)


def pad(t: Any, a: Any, beyond: Callable[[int], tuple[int, int]]) -> Any:
    """One entry more at each end of each axis: those with the numbers `beyond(length)`."""
    for axis, n in enumerate(a.shape):
        first, last = beyond(n)
        a = a.index_select(axis, t.tensor([first, *range(n), last]))
    return a


def median(t: Any, a: Any) -> Any:
    return t.quantile(a, 0.5, dim=-1)  # t.median takes the lower of two in the middle


IN_TORCH: dict[str, Callable[..., Any]] = {  # torch itself comes first
    **{name: lambda t, *xs, fun=MENU[name][1]: fun(*xs) for name in SAME_TEXT},
    **{name: lambda t, *xs, name=name: getattr(t, name)(*xs) for name in SAME_NAME},
    **{
        name: lambda t, *xs, theirs=theirs: getattr(t, theirs)(*xs)
        for name, theirs in BY_ANOTHER_NAME.items()
    },
    **{name: lambda t, a, name=name: getattr(t.nn.functional, name)(a) for name in ACTIVATIONS},
    "remainder": lambda t, a, b: t.remainder(a, b.abs() + 0.7),
    "fmod": lambda t, a, b: t.fmod(a, b.abs() + 0.7),
    "a ** b": lambda t, a, b: (a.abs() + 0.5) ** b,
    "float_power": lambda t, a: t.float_power(a.abs() + 0.5, 1.5),
    "log2": lambda t, a: t.log2(a * a + 0.3),
    "log10": lambda t, a: t.log10(a * a + 0.3),
    "log1p": lambda t, a: t.log1p(a * a),
    "cbrt": lambda t, a: t.sign(a) * a.abs() ** (1 / 3),
    "arcsin": lambda t, a: t.arcsin(0.9 * t.tanh(a)),
    "arccos": lambda t, a: t.arccos(0.9 * t.tanh(a)),
    "arccosh": lambda t, a: t.arccosh(1.5 + a * a),
    "arctanh": lambda t, a: t.arctanh(0.9 * t.tanh(a)),
    "degrees": lambda t, a: t.rad2deg(0.1 * a),
    "radians": lambda t, a: t.deg2rad(a),
    "where(a > b, a, 2 b)": lambda t, a, b: t.where(a > b, a, 2 * b),
    "where(a > 0, sqrt(a), 0)": lambda t, a: t.where(a > 0, t.sqrt(t.where(a > 0, a, 1.0)), 0.0),
    "where(a > 0, a, 3)": lambda t, a: t.where(a > 0, a, 3.0),
    "clip": lambda t, a: t.clamp(a, -1.0, 1.0),
    "clip between -1 and b": lambda t, a, b: t.minimum(t.clamp(a, min=-1.0), b.abs()),
    "a - floor(a / 2) 2": lambda t, a: a - t.floor(a / 2.0) * 2.0,
    "a - round(a)": lambda t, a: a - t.round(a),
    "a heaviside(a, 0)": lambda t, a: a * (a > 0),
    "a - floor(a)": lambda t, a: t.frac(a) + (a < 0),
    "a sign(a)": lambda t, a: a * t.sign(a),
    "select": lambda t, a, b: t.where(a > 0.5, a * b, t.where(a < -0.5, a - b, 0.5 * b)),
    "sum over the first axis": lambda t, a: t.sum(a, 0),
    "mean over the last axis": lambda t, a: t.mean(a, -1, keepdim=True),
    "average": lambda t, a, b: (
        t.sum((a + b) * ((a + b) ** 2 + 0.5), -1) / t.sum((a + b) ** 2 + 0.5, -1)
    ),
    "prod over the first axis": lambda t, a: t.prod(a, 0),
    "max over the last axis": lambda t, a: t.amax(a, -1),
    "min over the first axis": lambda t, a: t.amin(a, 0, keepdim=True),
    "ptp": lambda t, a: t.amax(a, -1) - t.amin(a, -1),
    "var": lambda t, a: t.var(a, correction=0),
    "var over the last axis": lambda t, a: t.var(a, -1, correction=0.5),
    "std": lambda t, a: t.std(a, tuple(range(a.ndim)), correction=0, keepdim=True),
    "std over the first axis": lambda t, a: t.std(a, 0, correction=0),
    "nansum": lambda t, a: t.nansum(a, -1),
    "nanmax": lambda t, a: t.amax(a, -1),
    "nanmean": lambda t, a: t.nanmean(a),
    "cumsum": lambda t, a: t.cumsum(t.atleast_1d(a), -1),
    "cumprod": lambda t, a: t.cumprod(t.atleast_1d(a), 0),
    "sort": lambda t, a: t.sort(a, -1).values,
    "median": lambda t, a: median(t, a.ravel()),
    "median over the last axis": median,
    "a @ b.T": lambda t, a, b: a @ reverse(b),
    "dot": dot,
    "outer": lambda t, a, b: t.outer(a.ravel(), b.ravel()),
    "tensordot": lambda t, a, b: t.tensordot(a, b, dims=1),
    "vecdot": lambda t, a, b: t.linalg.vecdot(a, b),
    "cross": lambda t, a, b: t.linalg.cross(*t.broadcast_tensors(a, b)),
    "einsum ij,kj->ik": lambda t, a, b: t.einsum("ij,kj->ik", a, b),
    "einsum ...i,...i": lambda t, a, b: t.einsum("...i,...i", a, b),
    "einsum ii->i": lambda t, a: t.einsum("ii->i", a),
    "einsum ij->j": lambda t, a: t.einsum("ij->j", a),
    "trace": lambda t, a: t.diagonal(a).sum(-1),
    "matrix_power": lambda t, a: t.linalg.matrix_power(a, 3),
    "inv": lambda t, a: t.linalg.inv(regular(t, a)),
    "solve": solve,
    "det": lambda t, a: t.linalg.det(regular(t, a)),
    "logabsdet": lambda t, a: t.linalg.slogdet(regular(t, a))[1],
    "cholesky": lambda t, a: t.linalg.cholesky(spd(t, a)),
    "pinv": lambda t, a: t.linalg.pinv(regular(t, a)),
    "norm": lambda t, a: t.linalg.vector_norm(a),
    "norm of order 1": lambda t, a: t.linalg.vector_norm(a, 1, dim=-1),
    "norm of order 3": lambda t, a: t.linalg.vector_norm(a, 3, dim=-1),
    "vector_norm": lambda t, a: t.linalg.vector_norm(a, dim=-1, keepdim=True),
    "nuclear norm": lambda t, a: t.linalg.matrix_norm(regular(t, a), "nuc"),
    "transpose": lambda t, a: reverse(a),
    "moveaxis": lambda t, a: t.moveaxis(a, 0, -1),
    "swapaxes": lambda t, a: t.swapaxes(a, 0, 1),
    "reshape(-1, 1)": lambda t, a: a.reshape(-1, 1),
    "expand_dims": lambda t, a: a.unsqueeze(0),
    "broadcast_to": lambda t, a: t.broadcast_to(a, (2, *a.shape)),
    "concatenate": lambda t, a, b: t.cat([a, b]),
    "concatenate with itself": lambda t, a: t.cat([a, a, a], -1),
    "stack": lambda t, a, b: t.stack([a, b], -1),
    "hstack": lambda t, a, b: t.hstack([a, b]),
    "vstack": lambda t, a, b: t.vstack([a, b]),
    "block": block,
    "append": lambda t, a, b: t.cat([a.ravel(), b.ravel()]),
    "second of a split": lambda t, a: t.tensor_split(a, 2)[1],
    "flip": lambda t, a: t.flip(a, tuple(range(a.ndim))),
    "windows of two": lambda t, a: a.unfold(-1, 2, 1),
    "roll": lambda t, a: t.roll(a, 1),
    "roll along the last axis": lambda t, a: t.roll(a, -1, -1),
    "tile": lambda t, a: t.tile(a, (2,)),
    "repeat": lambda t, a: t.repeat_interleave(a.ravel(), 2),
    "repeat along the last axis": lambda t, a: t.repeat_interleave(t.atleast_1d(a), 2, dim=-1),
    "pad with 0": lambda t, a: t.nn.functional.pad(a, (1,) * (2 * a.ndim)),
    "pad by the edge": lambda t, a: pad(t, a, lambda n: (0, n - 1)),
    "pad by reflection": lambda t, a: pad(t, a, lambda n: (min(1, n - 1), max(n - 2, 0))),
    "resize": lambda t, a: a.ravel()[t.arange(8) % a.numel()].reshape(4, 2),
    "tril": lambda t, a: t.tril(a),
    "triu": lambda t, a: t.triu(a, 1),
    "diag": lambda t, a: t.diag(a),
    "a[::-1]": lambda t, a: t.flip(a, (0,)),
    "take": lambda t, a: a.ravel()[[0, 2, 0]],
    "take along the last axis": lambda t, a: a[..., [1, 0, 1]],
    "take_along_axis": lambda t, a: t.take_along_dim(a, t.argsort(a, -1)[..., :2], -1),
    "delete": lambda t, a: a[..., 1:],
    "compress": lambda t, a: a[..., [0, 2]],
    "gelu by tanh": lambda t, a: t.nn.functional.gelu(a, approximate="tanh"),
    "softplus": lambda t, a: t.nn.functional.softplus(a, threshold=700),  # no cut at 20
    "logit": lambda t, a: t.logit(0.5 + 0.4 * t.tanh(a)),
    "softmax": lambda t, a: t.softmax(a, -1),
    "softmax over the first axis": lambda t, a: t.softmax(a, 0),
    "log_softmax": lambda t, a: t.log_softmax(a, -1),
    "logsumexp": lambda t, a: t.logsumexp(a.ravel(), 0),
}


# -- programs --------------------------------------------------------------------------------------


def values(program: Program, args: Any, apply: Callable[..., Any]) -> list[Any]:
    """The arguments and every result."""
    found = list(args)
    for step in program.steps:
        found.append(apply(step.name, *(found[i] for i in step.operands)))
    return found


def test_the_table_is_the_menu_less_what_pytorch_has_not() -> None:
    assert set(IN_TORCH) | LEFT_OUT == set(MENU)


def test_values_and_gradients_are_those_of_pytorch(
    torch: Any, request: pytest.FixtureRequest
) -> None:
    drawn, largest = set(), 0.0

    @reproducible
    @given(programs(names=IN_TORCH))
    def compare(program: Program) -> None:
        nonlocal largest
        drawn.update(step.name for step in program.steps)
        leaves = [tg.Tensor(a, requires_grad=True) for a in program.args]
        theirs = [torch.tensor(a, requires_grad=True) for a in program.args]
        ours = values(program, leaves, lambda name, *xs: MENU[name][1](*xs))
        witness = values(program, theirs, lambda name, *xs: IN_TORCH[name](torch, *xs))
        weights = [np.random.default_rng(i).standard_normal(y.shape) for i, y in enumerate(ours)]
        sum(np.sum(y * w) for y, w in zip(ours, weights, strict=True)).backward()
        sum(
            torch.sum(y * torch.tensor(w)) for y, w in zip(witness, weights, strict=True)
        ).backward()
        pairs = [
            *zip(ours, witness, strict=True),
            *((a.grad, b.grad) for a, b in zip(leaves, theirs, strict=True)),
        ]
        for a, b in pairs:
            a, b = a.data if isinstance(a, tg.Tensor) else a, b.detach().numpy()
            assert a.shape == b.shape
            assert_allclose(a, b, rtol=1e-9, atol=1e-9)
            largest = max(largest, float(np.max(np.abs(a - b) / (1 + np.abs(b)))))

    compare()
    request.node.user_properties.append(("largest difference", largest))
    assert drawn == set(IN_TORCH)
