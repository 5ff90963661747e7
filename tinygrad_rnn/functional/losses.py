"""How far an output is from its target.  Numbers in brackets are those of docs/equations.md.

reduction  "mean": over all that counts; "sum"; "none": a loss for each entry or, with classes, for
           each row

All of them raise ShapeError where output and target do not go together (a target is never
broadcast), UsageError for a reduction or an option they do not know, DataError for the mean of an
empty batch.
"""

from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike
from tinygrad_rnn.core.operators import operand, value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DataError, DTypeError, ShapeError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.rules.nonlinear import log_softmax, softplus, weighted
from tinygrad_rnn.rules.piecewise import checked
from tinygrad_rnn.rules.scale import fitted, over, wide
from tinygrad_rnn.rules.shape import as_array

X = TypeVar("X", bound=Tensor | Array)  # the loss of a Tensor is a Tensor, of an array an array
Reduction: TypeAlias = Literal["mean", "sum", "none"]

# -- numbers ---------------------------------------------------------------------------------------


@public
def half_squared_error(y: X, target: ArrayLike) -> X:
    """1/2 sum (y - target)^2, the loss above (3.2); its derivative is y - target.

    y, target: (B, O) -> ().
    """
    error = _difference(y, target)
    loss: X = _fitted(0.5 * np.sum(_square(error)), error)
    return loss


@public
def squared_error(y: X, target: ArrayLike) -> X:
    """sum (target - y)^2, the E_t of the folded model.  y, target: (B, O) -> ()."""
    return mse_loss(y, target, reduction="sum")


@public
def mean_squared_error(y: X, target: ArrayLike) -> X:
    """The mean of (y - target)^2 over all entries.  y, target: (B, O) -> ()."""
    return mse_loss(y, target)


@public
def mse_loss(y: X, target: ArrayLike, *, reduction: Reduction = "mean") -> X:
    """(y - target)^2.  y, target: (...) -> (), or (...) with reduction="none"."""
    error = _difference(y, target)
    loss: X = _fitted(_reduced(_square(error), reduction), error)
    return loss


@public
def l1_loss(y: X, target: ArrayLike, *, reduction: Reduction = "mean") -> X:
    """|y - target|, with slope 0 where they are equal.

    y, target: (...) -> (), or (...) with reduction="none".
    """
    loss: X = _reduced(np.abs(_difference(y, target)), reduction)
    return loss


@public
def huber_loss(y: X, target: ArrayLike, *, delta: float = 1.0, reduction: Reduction = "mean") -> X:
    """e^2 / 2 for an error e = y - target up to delta > 0, beyond it delta * (|e| - delta / 2).

    y, target: (...) -> (), or (...) with reduction="none".
    Huber (1964), doi:10.1214/aoms/1177703732.

    >>> huber_loss(np.array([0.5, 3.0]), np.zeros(2), reduction="none").tolist()
    [0.125, 2.5]
    """
    if not delta > 0:
        raise UsageError(
            f"huber_loss with delta={delta}: delta is where the square ends, and must be positive."
        )
    error = _difference(y, target)
    near = np.clip(error, -delta, delta)
    loss: X = _fitted(_reduced(wide(near) * (error - 0.5 * near), reduction), error)
    return loss


# -- classes ---------------------------------------------------------------------------------------


@public
def cross_entropy(
    logits: X,
    target: ArrayLike,
    *,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> X:
    """-log softmax(logits)[target], averaged over the batch: the loss of a read-out before softmax.

    logits           (..., O), the classes last
    target           class indices (...), integers in 0..O-1, or probabilities (..., O)
    ignore_index     a class index that stands for "no target": such a row has loss 0, gradient 0,
                     and does not count for the mean.  None: every row counts (PyTorch: -100)
    label_smoothing  this share of the target is spread over all classes alike; Szegedy et al.
                     (2016), arXiv:1512.00567, section 7

    The result is (), or (...) with reduction="none".
    Raises DataError for a class out of range and for the mean where all rows are ignored,
    DTypeError for integer logits.

    >>> logits = np.array([[0.0, 0.0], [0.0, 9.0]])
    >>> cross_entropy(logits, np.array([0, -1]), ignore_index=-1).round(6).tolist()
    0.693147
    """
    if not 0 <= label_smoothing <= 1:
        raise UsageError(
            f"label_smoothing is {label_smoothing}; it is a share of the target and lies in [0, 1]."
        )
    scores, wanted = _check_scores(logits, "logits"), operand(target, "target")
    counted = None
    if wanted.dtype.kind in "iu":
        rows, classes, counted = _rows(scores, wanted, "logits", ignore_index)
        scores = log_softmax(rows)
        losses = -_at_classes(scores, classes)
        if label_smoothing:
            smooth = label_smoothing * np.mean(scores, axis=-1)
            losses = weighted(1 - label_smoothing, losses) - smooth
    else:
        if ignore_index is not None:
            raise UsageError(
                "ignore_index is for class indices. With probabilities, select the rows that count."
            )
        _check_same_shape(scores, wanted)
        if label_smoothing:
            wanted = (1 - label_smoothing) * wanted + label_smoothing / scores.shape[-1]
        losses = -np.sum(weighted(wanted, log_softmax(scores)), axis=-1)
    loss: X = _reduced(losses, reduction, counted)
    return loss


@public
def nll_loss(
    log_probs: X,
    target: ArrayLike,
    *,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> X:
    """-log_probs[target]: `cross_entropy` of class indices for the output of log_softmax.

    log_probs: (..., O); target: class indices (...).  ignore_index, result and errors as in
    `cross_entropy`.
    """
    scores = _check_scores(log_probs, "log_probs")
    rows, classes, counted = _rows(scores, target, "log_probs", ignore_index)
    loss: X = _reduced(-_at_classes(rows, classes), reduction, counted)
    return loss


@public
def binary_cross_entropy_with_logits(
    logits: X, target: ArrayLike, *, reduction: Reduction = "mean"
) -> X:
    """-target log p - (1 - target) log(1 - p) for p = sigmoid(logits): a yes or no at each entry.

    logits: (...); target: (...), probabilities in [0, 1] -> (), or (...) with reduction="none".
    Raises DataError for a target outside [0, 1], DTypeError for integer logits.

    >>> logits = np.array([-1000.0, 1000.0])
    >>> binary_cross_entropy_with_logits(logits, np.zeros(2), reduction="none").tolist()
    [0.0, 1000.0]
    """
    x, p = _check_floats(logits, "logits"), operand(target, "target")
    _check_same_shape(x, p)
    p = checked(
        p,
        0,
        1,
        "target holds {wrong}, outside [0, 1]; it is the probability of a yes, or 0 and 1.",
    )
    if p.dtype.kind != "f":
        p = p.astype(x.dtype)
    # -log sigmoid(x) = softplus(-x) and -log(1 - sigmoid(x)) = softplus(x)
    loss: X = _reduced(weighted(p, softplus(-x)) + weighted(1.0 - p, softplus(x)), reduction)
    return loss


# -- what they share -------------------------------------------------------------------------------


def _rows(
    scores: Array, target: ArrayLike, name: str, ignore_index: int | None
) -> tuple[Array, Array, Array | None]:
    """The scores and the class of each row, and which rows count, None for all.

    The others get zeros and class 0.
    """
    classes: Array = value(operand(target, "target"))
    if classes.dtype.kind not in "iu":
        raise DTypeError(f"class indices have dtype {classes.dtype}; they must be integers.")
    if classes.shape != scores.shape[:-1]:
        raise ShapeError(
            f"class indices have shape {classes.shape}; {name} {scores.shape} need "
            f"{scores.shape[:-1]}, one class for each row."
        )
    counted = None
    if ignore_index is not None:
        counted = np.not_equal(classes, ignore_index)
        scores, classes = np.where(counted[..., None], scores, 0.0), np.where(counted, classes, 0)
    last = scores.shape[-1] - 1
    complaint = (
        f"{{wrong}} is no class index; with {last + 1} {name} they lie in 0..{last}. "
        "If it stands for no target, pass it as ignore_index."
    )
    return scores, checked(classes, 0, last, complaint), counted


def _at_classes(scores: Array, classes: Array) -> Array:
    """scores[i, classes[i]] for every row i, however many axes the rows have."""
    return scores[(*np.indices(classes.shape, sparse=True), classes)]


def _reduced(losses: Array, reduction: Reduction, counted: Array | None = None) -> Any:
    if counted is not None:
        losses = np.where(counted, losses, 0.0)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return fitted(np.sum(wide(losses)), losses)
    if reduction != "mean":
        raise UsageError(f"reduction is {reduction!r}; it is 'mean', 'sum' or 'none'.")
    no_mean = "so there is no mean. Leave such a batch out, or use reduction='sum'."
    if losses.size == 0:
        raise DataError(f"the batch is empty, {no_mean}")
    if counted is None:
        return np.mean(losses)
    number = checked(np.sum(counted), 1, np.inf, f"every target is ignored, {no_mean}")
    return fitted(over(np.sum(wide(losses)), number), losses)


def _fitted(loss: Array, error: Array) -> Any:
    return fitted(loss, error)


def _difference(y: Tensor | Array, target: ArrayLike) -> Array:
    output, wanted = operand(y, "y"), operand(target, "target")
    _check_same_shape(output, wanted)
    return as_array(output - wanted)


def _square(error: Array) -> Array:
    error = wide(error)
    return error * error


def _check_same_shape(y: Array, target: Array) -> None:
    """Broadcasting a target against an output is a mistake that NumPy would not report."""
    if y.shape != target.shape:
        raise ShapeError(
            f"y has shape {y.shape} and target {target.shape}; a loss needs the same shape."
        )


def _check_floats(given: Tensor | Array, name: str) -> Array:
    scores: Array = operand(given, f"the array {name}")
    if scores.dtype.kind != "f":
        raise DTypeError(
            f"{name} have dtype {scores.dtype}; they must be floats. "
            "Are they and the target swapped?"
        )
    return scores


def _check_scores(given: Tensor | Array, name: str) -> Array:
    scores = _check_floats(given, name)
    if scores.ndim == 0:
        raise ShapeError(f"{name} have shape (); the last axis is that of the classes.")
    return scores
