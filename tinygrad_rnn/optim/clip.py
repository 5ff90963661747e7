"""Clipping of gradients, against the explosions that long products of Jacobians bring."""

import math
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import NonFiniteError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.optim.parameters import Parameters, named


@public
def clip_grad_norm(parameters: Parameters, max_norm: float) -> float:
    """Scale all gradients together so that their norm is at most max_norm; returns the norm before.

    The norm is the Euclidean one of all entries of all gradients; the factor is
    max_norm / (norm + 1e-6), as in torch.nn.utils.clip_grad_norm_, and never above 1.  Parameters
    without a gradient are left out.

    Raises NonFiniteError, naming the parameters, if a gradient has a NaN or an infinity; nothing is
    changed then.
    Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063, algorithm 1.
    """
    _check_limit("max_norm", max_norm)
    pairs = _with_gradient(parameters)
    with np.errstate(all="ignore"):
        return _clip(pairs, max_norm)


@public
def clip_grad_value(parameters: Parameters, clip_value: float) -> None:
    """Clip every entry of every gradient to -clip_value .. clip_value.

    Raises NonFiniteError, naming the parameters, if a gradient has a NaN or an infinity; nothing is
    changed then.
    """
    _check_limit("clip_value", clip_value)
    pairs = _with_gradient(parameters)
    _check_finite(pairs)
    with np.errstate(under="ignore"):
        for _, p in pairs:
            p.grad = np.asarray(np.clip(_wide(p), -clip_value, clip_value), p.grad.dtype)


def _clip(pairs: list[tuple[str, Tensor]], max_norm: float) -> float:
    scale: Any = 1.0
    norm = _norm(pairs, scale)
    if not 1e-140 < norm < math.inf:  # not finite, or squares too large or too small
        _check_finite(pairs)
        scale = max((np.max(np.abs(_wide(p)), initial=0.0) for _, p in pairs), default=0.0)
        if scale == 0.0:
            return 0.0
        norm = _norm(pairs, scale)
        if scale < 1.0:
            scale, norm = 1.0, norm * float(scale)
    shrunk = max_norm / (norm + 1e-6 / scale)
    if shrunk < scale:
        for _, p in pairs:
            p.grad = np.asarray(_over(p, scale) * shrunk, p.grad.dtype)
    return norm * float(scale)


def _wide(p: Tensor) -> Array:
    """The gradient in float64 at least: float16 has no room for its square."""
    wide: Array = p.grad.astype(np.result_type(p.grad.dtype, np.float64), copy=False)
    return wide


def _over(p: Tensor, scale: Any) -> Array:
    return _wide(p) if scale == 1.0 else _wide(p) / scale


def _norm(pairs: list[tuple[str, Tensor]], scale: Any) -> float:
    """The Euclidean norm of all gradients over a scale."""
    scaled = (_over(p, scale) for _, p in pairs)
    return math.sqrt(sum(float(np.vdot(g, g)) for g in scaled))


def _with_gradient(parameters: Parameters) -> list[tuple[str, Tensor]]:
    return [(name, p) for name, p in named(parameters) if p.grad is not None]


def _check_limit(name: str, limit: float) -> None:
    if not limit >= 0:
        raise UsageError(f"{name} is {limit}; it must be a number from 0 up.")


def _check_finite(pairs: list[tuple[str, Tensor]]) -> None:
    bad = [
        f"{name} ({np.sum(~np.isfinite(p.grad))} of {p.grad.size})"
        for name, p in pairs
        if not np.all(np.isfinite(p.grad))
    ]
    if bad:
        raise NonFiniteError(
            f"gradients with entries that are NaN or infinite: {', '.join(bad)}. Lower the "
            "learning rate, or run the step under tinygrad_rnn.debug() to see where they arise."
        )
