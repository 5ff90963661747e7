"""The losses against closed formulas, at their kinks, far out,
and given what does not go together.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DataError, DTypeError, ShapeError, UsageError
from tinygrad_rnn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    huber_loss,
    l1_loss,
    log_softmax,
    mean_squared_error,
    mse_loss,
    nll_loss,
    sigmoid,
    softmax,
    squared_error,
)
from tinygrad_rnn.transforms.gradcheck import check_grads
from tinygrad_rnn.transforms.gradients import grad

Y = np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])
TARGET = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, 0.5]])
E = Y - TARGET
EVERY = [half_squared_error, squared_error, mean_squared_error, mse_loss, l1_loss, huber_loss]


# -- errors of numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "value", "derivative"),
    [
        (half_squared_error, np.sum(E**2) / 2, E),  # above (3.2): dL/dy = y - target
        (squared_error, np.sum(E**2), 2 * E),
        (mean_squared_error, np.mean(E**2), 2 * E / E.size),
        (mse_loss, np.mean(E**2), 2 * E / E.size),
    ],
)
def test_squared_errors(loss: Callable[..., Any], value: float, derivative: Any) -> None:
    assert_allclose(loss(Y, TARGET), value)
    assert loss(Tensor(Y), TARGET).shape == ()
    dy, dt = grad(loss, (0, 1))(Y, TARGET)
    assert_allclose(dy, derivative)
    assert_allclose(dt, -derivative)
    check_grads(loss, [Y, TARGET])
    assert loss(Tensor(np.float32(Y)), np.float32(TARGET)).dtype == np.float32


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("loss", "each"),
    [
        (mse_loss, E**2),
        (l1_loss, np.abs(E)),
        (huber_loss, np.where(np.abs(E) <= 1, E**2 / 2, np.abs(E) - 1 / 2)),
    ],
)
def test_reductions(loss: Callable[..., Any], each: Any, reduction: str) -> None:
    expected = each if reduction == "none" else getattr(np, reduction)(each)
    assert_allclose(loss(Tensor(Y), TARGET, reduction=reduction).data, expected)
    assert loss(Tensor(np.float32(Y)), np.float32(TARGET), reduction=reduction).dtype == np.float32
    # at E + 1/8, away from the kinks
    check_grads(lambda y, target: loss(y, target, reduction=reduction), [Y + 0.125, TARGET])


def test_l1_and_huber_at_their_kinks() -> None:
    error = np.array([-2.0, -0.5, 0.0, 0.5, 2.0, -1000.0, 1000.0])
    zero = np.zeros(7)
    assert_array_equal(grad(lambda y: l1_loss(y, zero, reduction="sum"))(error), np.sign(error))
    assert_array_equal(
        grad(lambda y: huber_loss(y, zero, delta=0.5, reduction="sum"))(error),
        [-0.5, -0.5, 0.0, 0.5, 0.5, -0.5, 0.5],
    )
    assert_array_equal(huber_loss(error, zero, delta=0.5, reduction="none")[:3], [0.875, 0.125, 0])


@pytest.mark.parametrize("delta", [0.0, -1.0, np.nan])
def test_huber_needs_a_positive_delta(delta: float) -> None:
    with pytest.raises(UsageError, match="must be positive"):
        huber_loss(Y, TARGET, delta=delta)


@pytest.mark.parametrize("loss", EVERY)
def test_a_loss_does_not_broadcast_its_target(loss: Callable[..., Any]) -> None:
    for target in (TARGET[0], TARGET[:, :1], 1.0, TARGET.T):
        with pytest.raises(ShapeError) as error:
            loss(Tensor(Y, requires_grad=True), target)
        assert str(error.value) == (
            f"y has shape (2, 3) and target {np.shape(target)}; a loss needs the same shape."
        )


# -- cross entropy ---------------------------------------------------------------------------------

CLASSES = np.array([2, 0])
ONE_HOT = np.eye(3)[CLASSES]


def test_cross_entropy_of_class_indices() -> None:
    p = np.exp(Y) / np.exp(Y).sum(axis=1, keepdims=True)
    assert_allclose(cross_entropy(Y, CLASSES), -np.mean(np.log(p[[0, 1], CLASSES])))
    assert_allclose(grad(cross_entropy)(Y, CLASSES), (p - ONE_HOT) / 2)
    check_grads(cross_entropy, [Y, CLASSES])


def test_cross_entropy_of_probabilities() -> None:
    p, q = (
        np.exp(Y) / np.exp(Y).sum(axis=1, keepdims=True),
        np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]]),
    )
    assert_allclose(cross_entropy(Y, q), -np.sum(q * np.log(p)) / 2)
    assert_allclose(grad(cross_entropy)(Y, q), (p - q) / 2)
    assert_allclose(cross_entropy(Y, ONE_HOT), cross_entropy(Y, CLASSES))
    check_grads(lambda y: cross_entropy(y, q), [Y])


def test_cross_entropy_of_one_row_and_of_time_major_sequences() -> None:
    assert_allclose(cross_entropy(Y[0], 2), -log_softmax(Y[0])[2])
    assert_allclose(grad(cross_entropy)(Y[0], np.array(2)), softmax(Y[0]) - ONE_HOT[0])
    assert_allclose(cross_entropy(Y[0], ONE_HOT[0]), -log_softmax(Y[0])[2])
    logits = np.random.default_rng(0).standard_normal((4, 2, 3))  # (T, B, O)
    classes = np.random.default_rng(1).integers(3, size=(4, 2))
    rows = [cross_entropy(logits[t, b], classes[t, b]) for t in range(4) for b in range(2)]
    assert_allclose(cross_entropy(logits, classes), np.mean(rows))
    assert_allclose(cross_entropy(logits, np.eye(3)[classes]), np.mean(rows))
    check_grads(cross_entropy, [logits, classes])


def test_cross_entropy_far_out_is_exact() -> None:
    logits = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])
    assert cross_entropy(logits, np.array([0, 1])) == 0.0
    assert cross_entropy(logits, np.array([1, 1])) == 1000.0
    assert_array_equal(grad(cross_entropy)(logits, np.array([1, 1])), [[0.5, -0.5], [0, 0]])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_stays_float32(smoothing: float, reduction: str) -> None:
    for target, ignored in ((CLASSES, None), (CLASSES, 0), (np.float32(ONE_HOT), None)):
        logits = Tensor(np.float32(Y), requires_grad=True)
        loss = cross_entropy(
            logits, target, ignore_index=ignored, label_smoothing=smoothing, reduction=reduction
        )
        loss.backward(np.ones(loss.shape))
        assert (loss.dtype, logits.grad.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (
            np.array([0, 1, 2]),
            ShapeError,
            ["class indices have shape (3,)", "logits (2, 3) need (2,)", "each row"],
        ),
        (np.array([[0], [1]]), ShapeError, ["class indices have shape (2, 1)", "need (2,)"]),
        (1, ShapeError, ["class indices have shape ()", "need (2,)"]),
        (np.array([0, 3]), DataError, ["3 is no class index", "with 3 logits", "0..2"]),
        (np.array([-1, 0]), DataError, ["-1 is no class index", "0..2"]),
        (np.array([0.0, 1.0]), ShapeError, ["shape (2, 3) and target (2,)", "same shape"]),
        (np.ones((2, 1)), ShapeError, ["shape (2, 3) and target (2, 1)"]),
    ],
)
def test_cross_entropy_of_what_does_not_go_together(
    target: Any, error: type[Exception], words: list[str]
) -> None:
    for logits in (Y, Tensor(Y, requires_grad=True)):
        with pytest.raises(error) as raised:
            cross_entropy(logits, target)
        for word in words:
            assert word in str(raised.value)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_label_smoothing_is_a_target_spread_over_all_classes(smoothing: float) -> None:
    spread = (1 - smoothing) * ONE_HOT + smoothing / 3
    for target in (CLASSES, ONE_HOT):
        smoothed = cross_entropy(Y, target, label_smoothing=smoothing)
        assert_allclose(smoothed, cross_entropy(Y, spread))
        g = grad(lambda y, target=target: cross_entropy(y, target, label_smoothing=smoothing))(Y)
        assert_allclose(g, (softmax(Y) - spread) / 2)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}], ids=["plain", "smoothed"])
def test_ignored_rows_are_as_if_they_were_not_there(options: dict[str, Any]) -> None:
    logits = np.random.default_rng(0).standard_normal((2, 3, 4))
    classes = np.array([[1, -1, 3], [-1, -1, 0]])
    counted = classes >= 0
    logits[1, 0] = [np.nan, np.inf, 0.0, 0.0]  # whatever they hold
    for reduction in ("mean", "sum"):
        alone = cross_entropy(logits[counted], classes[counted], reduction=reduction, **options)
        together = cross_entropy(logits, classes, ignore_index=-1, reduction=reduction, **options)
        assert_allclose(together, alone)
    g = grad(lambda y: cross_entropy(y, classes, ignore_index=-1, **options))(logits)
    assert_array_equal(g[~counted], 0)
    assert_allclose(
        g[counted], grad(lambda y: cross_entropy(y, classes[counted], **options))(logits[counted])
    )
    each = cross_entropy(logits, classes, ignore_index=-1, reduction="none", **options)
    assert_array_equal(each[~counted], 0)
    assert_allclose(
        each[counted], cross_entropy(logits[counted], classes[counted], reduction="none", **options)
    )
    logits[1, 0] = 0.0
    check_grads(
        lambda y: cross_entropy(y, classes, ignore_index=-1, reduction="none", **options), [logits]
    )


def test_one_row_may_be_ignored() -> None:
    assert cross_entropy(Y[0], -1, ignore_index=-1, reduction="none") == 0
    assert cross_entropy(Y[0], -1, ignore_index=-1, reduction="sum") == 0
    assert_allclose(cross_entropy(Y[0], 2, ignore_index=-1), cross_entropy(Y[0], 2))


def test_nll_loss_of_log_softmax_is_cross_entropy() -> None:
    for target, options in [
        (CLASSES, {}),
        (np.array([2, -1]), {"ignore_index": -1}),
        (CLASSES, {"reduction": "none"}),
    ]:
        assert_allclose(
            nll_loss(log_softmax(Y), target, **options), cross_entropy(Y, target, **options)
        )
        check_grads(
            lambda y, target=target, options=options: nll_loss(y, target, **options),
            [log_softmax(Y)],
        )


def test_a_class_that_cannot_be() -> None:
    logits = np.array([[0.0, -np.inf, 0.0]])
    q = np.array([[0.5, 0.0, 0.5]])
    for target in (np.array([2]), q):
        assert_allclose(cross_entropy(logits, target), np.log(2.0))
        assert_allclose(
            grad(cross_entropy)(logits, target), [[0, 0, 0]] if target is q else [[0.5, 0, -0.5]]
        )
    assert cross_entropy(logits, np.array([1])) == np.inf


def test_probabilities_are_differentiated_too() -> None:
    q = softmax(TARGET)
    assert_allclose(grad(cross_entropy, 1)(Y, q), -log_softmax(Y) / 2)
    check_grads(lambda y, q: cross_entropy(y, q, label_smoothing=0.1), [Y, q])


# -- yes or no -------------------------------------------------------------------------------------

Q = np.array([[0.0, 0.25, 1.0], [1.0, 0.5, 0.0]])


def test_binary_cross_entropy_with_logits() -> None:
    p = 1 / (1 + np.exp(-Y))
    each = -Q * np.log(p) - (1 - Q) * np.log(1 - p)
    assert_allclose(binary_cross_entropy_with_logits(Y, Q, reduction="none"), each)
    assert_allclose(binary_cross_entropy_with_logits(Y, Q, reduction="sum"), np.sum(each))
    assert_allclose(binary_cross_entropy_with_logits(Y, Q), np.mean(each))
    assert_allclose(grad(binary_cross_entropy_with_logits)(Y, Q), (p - Q) / 6)
    assert_allclose(grad(binary_cross_entropy_with_logits, 1)(Y, Q), -Y / 6)
    check_grads(lambda y: binary_cross_entropy_with_logits(y, Q), [Y])
    assert_allclose(binary_cross_entropy_with_logits(Y[0, 0], 1), -np.log(sigmoid(Y[0, 0])))


def test_binary_cross_entropy_far_out_is_exact() -> None:
    logits, target = (
        np.array([-1000.0, 1000.0, -1000.0, 1000.0, 40.0]),
        np.array([0.0, 1.0, 1.0, 0.0, 1.0]),
    )
    each = binary_cross_entropy_with_logits(logits, target, reduction="none")
    assert_allclose(each, [0, 0, 1000, 1000, np.exp(-40.0)], rtol=1e-15)  # the small tail is kept
    g = grad(lambda y: binary_cross_entropy_with_logits(y, target, reduction="sum"))(logits)
    assert_allclose(g, [0, 0, -1, 1, -np.exp(-40.0)], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
def test_binary_targets_of_any_dtype_keep_float32(dtype: Any) -> None:
    logits = Tensor(np.float32(Y), requires_grad=True)
    loss = binary_cross_entropy_with_logits(logits, (Q > 0.3).astype(dtype))
    loss.backward()
    assert (loss.dtype, logits.grad.dtype) == (np.float32, np.float32)
    assert_allclose(loss.data, binary_cross_entropy_with_logits(Y, np.float64(Q > 0.3)), rtol=1e-6)


# -- what is refused -------------------------------------------------------------------------------


def refused(
    error: type[Exception], words: str, loss: Callable[..., Any], *args: Any, **options: Any
) -> None:
    with pytest.raises(error) as raised:
        loss(*args, **options)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (mse_loss, TARGET),
        (l1_loss, TARGET),
        (huber_loss, TARGET),
        (binary_cross_entropy_with_logits, Q),
        (cross_entropy, CLASSES),
        (cross_entropy, ONE_HOT),
        (nll_loss, CLASSES),
    ],
)
def test_reductions_that_are_unknown_or_have_nothing_to_average(
    loss: Callable[..., Any], target: Any
) -> None:
    refused(
        UsageError,
        "reduction is 'avg'; it is 'mean', 'sum' or 'none'",
        loss,
        Y,
        target,
        reduction="avg",
    )
    refused(DataError, "the batch is empty, so there is no mean", loss, Y[:0], target[:0])
    assert loss(Y[:0], target[:0], reduction="sum") == 0
    assert loss(Y[:0], target[:0], reduction="none").size == 0


def test_a_mean_needs_a_row_that_counts() -> None:
    for loss in (cross_entropy, nll_loss):
        ignored = np.array([7, 7])
        refused(DataError, "every target is ignored", loss, Y, ignored, ignore_index=7)
        refused(DataError, "the batch is empty", loss, Y[:0], ignored[:0], ignore_index=7)
        assert loss(Y, ignored, ignore_index=7, reduction="sum") == 0
        assert_array_equal(loss(Y, ignored, ignore_index=7, reduction="none"), [0, 0])


def test_scores_must_be_floats_with_an_axis_of_classes() -> None:
    for loss, target in [
        (cross_entropy, CLASSES),
        (nll_loss, CLASSES),
        (binary_cross_entropy_with_logits, Q),
    ]:
        refused(
            DTypeError,
            "they must be floats. Are they and the target swapped?",
            loss,
            Y.astype(int),
            target,
        )
    refused(
        ShapeError,
        "logits have shape (); the last axis is that of the classes",
        cross_entropy,
        np.array(1.0),
        0,
    )
    refused(
        DTypeError,
        "class indices have dtype float64; they must be integers",
        nll_loss,
        Y,
        np.array([0.0, 1.0]),
    )
    refused(ShapeError, "log_probs (2, 3) need (2,)", nll_loss, Y, np.array([0, 1, 2]))


def test_classes_out_of_range_may_be_meant_as_no_target() -> None:
    for loss in (cross_entropy, nll_loss):
        refused(DataError, "pass it as ignore_index", loss, Y, np.array([0, -100]))
        refused(DataError, "3 is no class index", loss, Y, np.array([3, -100]), ignore_index=-100)


def test_options_of_cross_entropy() -> None:
    for smoothing in (-0.1, 1.1, np.nan):
        refused(UsageError, "lies in [0, 1]", cross_entropy, Y, CLASSES, label_smoothing=smoothing)
    refused(
        UsageError, "ignore_index is for class indices", cross_entropy, Y, ONE_HOT, ignore_index=0
    )


def test_binary_targets_are_probabilities() -> None:
    for wrong in (Q - 0.1, 2 * Q, Tensor(2 * Q)):
        refused(DataError, "outside [0, 1]", binary_cross_entropy_with_logits, Y, wrong)
    refused(ShapeError, "a loss needs the same shape", binary_cross_entropy_with_logits, Y, Q[0])
