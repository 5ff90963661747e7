"""A gradient is of the numbers the forward pass saw, whoever writes into an array between forward
and backward.
"""

import array
from collections import UserList, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import functional as fn
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.fingerprints import COPIED, fingerprint

SMALL, LARGE = 4, 100  # a square of this side is copied, or marked
rng = np.random.default_rng(11)


def leaf(*shape: int) -> tg.Tensor:
    return tg.Tensor(rng.standard_normal(shape), requires_grad=True, name="W")


class Case:
    """A loss of W, an array that it was computed from, and what writes into that."""

    def __init__(self, n: int):
        self.n, self.W = n, leaf(n, n)
        self.a = rng.standard_normal((n, n))

    def gradient(self, loss: Any) -> Any:
        self.W.grad = None
        loss.backward()
        return self.W.grad


def attempt(loss: Any, W: tg.Tensor) -> tuple[Any, str | None]:
    """The gradient, or None and what was said."""
    W.grad = None
    try:
        loss.backward()
    except GradientError as error:
        return W.grad, str(error)
    return W.grad, None


CONSTANTS: dict[str, Callable[[tg.Tensor, Any], Any]] = {
    "factor": lambda W, a: np.sum(W * a),
    "factor on the left": lambda W, a: np.sum(a * W),
    "product": lambda W, a: np.sum(a @ W),
    "product on the right": lambda W, a: np.sum(W @ a),
    "divisor": lambda W, a: np.sum(W / a),
    "exponent": lambda W, a: np.sum(np.abs(W) ** a),
    "bound": lambda W, a: np.sum(np.maximum(W, a)),
    "clip": lambda W, a: np.sum(np.clip(W, a, None)),
    "mask": lambda W, a: np.sum(np.where(a > 0, W, 0.0)),
    "mask as it is": lambda W, a: np.sum(W * (a > 0)),
    "key": lambda W, a: np.sum(W[a > 0]),
    "einsum": lambda W, a: np.sum(np.einsum("ij,jk->ik", W, a)),
    "stack of it": lambda W, a: np.sum(np.stack([W, a]) ** 2),
    "summand": lambda W, a: np.sum((W + a) ** 2),
    "target": lambda W, a: fn.mse_loss(W, a),
    "logits' target": lambda W, a: fn.binary_cross_entropy_with_logits(W, (a > 0).astype(float)),
    "Tensor of it": lambda W, a: np.sum(W * tg.Tensor(a)),
    "view": lambda W, a: np.sum(W * a.T),
    "view backwards": lambda W, a: np.sum(W * a[::-1]),
    "broadcast": lambda W, a: np.sum(W * np.broadcast_to(a[0], a.shape)),
    "list": lambda W, a: np.sum(W * a.tolist()),
    "seed": lambda W, a: np.sum(np.tanh(W) * np.asarray(a)),
    "hypot": lambda W, a: np.sum(np.hypot(W, a)),
    "arctan2": lambda W, a: np.sum(np.arctan2(a, W)),
    "solve": lambda W, a: np.sum(np.linalg.solve(a + 9 * np.eye(len(a)), W)),
    "where's other": lambda W, a: np.sum(np.where(W > 0, W, a) ** 2),
    "select": lambda W, a: np.sum(np.select([a > 0], [W], a)),
    "weights of a mean": lambda W, a: np.average(W, weights=np.abs(a)),
    "masked sum": lambda W, a: np.sum(W * W, where=a > 0),
    "layer norm": lambda W, a: np.sum(fn.layer_norm(W, tg.Tensor(a[0])) ** 3),
}
WRITES: dict[str, Callable[[Any], None]] = {
    "refilled": lambda a: a.fill(7.0),
    "one entry": lambda a: a.__setitem__((-1, -1), 7.0),
    "scaled": lambda a: np.multiply(a, 2.0, out=a),
    "rows exchanged": lambda a: a.__setitem__([0, 1], a[[1, 0]]),
    "columns exchanged": lambda a: a.__setitem__((slice(None), [0, 1]), a[:, [1, 0]]),
    "shuffled": lambda a: np.random.default_rng(0).shuffle(a),
    "negated": lambda a: np.negative(a, out=a),
    "by a view": lambda a: a.T[1:].__setitem__(0, 3.0),
}


@pytest.mark.tiny
@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
@pytest.mark.parametrize("f", CONSTANTS.values(), ids=list(CONSTANTS))
@pytest.mark.parametrize("n", [SMALL, LARGE], ids=["small", "large"])
def test_a_plain_array_written_into_is_right_or_noticed(n: int, f: Any, write: Any) -> None:
    case = Case(n)
    expected = case.gradient(f(case.W, case.a.copy()))
    loss = f(case.W, case.a)
    write(case.a)
    found, said = attempt(loss, case.W)
    if said is None:
        assert_array_equal(found, expected)
    else:
        assert n == LARGE, "a small array is copied"
        assert "was written into afterwards" in said


def test_an_array_written_through_its_base_is_noticed() -> None:
    base = rng.standard_normal((2, LARGE, LARGE))
    view = base[1]
    view.flags.writeable = False
    W = leaf(LARGE, LARGE)
    loss = np.sum(W * view)
    base += 1.0
    with pytest.raises(
        GradientError,
        match=r"np\.multiply kept argument 1, of shape \(100, 100\), and it was written",
    ):
        loss.backward()


LEAVES: dict[str, Callable[[tg.Tensor, tg.Tensor], Any]] = {
    "squared": lambda W, x: np.sum(W * W),
    "product": lambda W, x: np.sum(x @ W),
    "tanh": lambda W, x: np.sum(np.tanh(W) * x),
    "of a view": lambda W, x: np.sum(W.T[1:] ** 3),
    "of a view of a view": lambda W, x: np.sum(W[1:][..., ::2].reshape(-1) ** 3),
    "detached": lambda W, x: np.sum(W * W.detach()),
    "detached view": lambda W, x: np.sum(W * W.detach().T),
    "in many steps": lambda W, x: np.sum(np.tanh(np.tanh(x @ W) @ W) @ W),
}


@pytest.mark.parametrize("which", ["W", "x"])
@pytest.mark.parametrize("f", LEAVES.values(), ids=list(LEAVES))
@pytest.mark.parametrize("n", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("handle", ["before", "after"])
def test_a_leaf_written_into_is_noticed(handle: str, n: int, f: Any, which: str) -> None:
    W, x = leaf(n, n), tg.Tensor(rng.standard_normal((n, n)), name="x")
    written = W if which == "W" else x
    array = written.data if handle == "before" else None
    f(W, x).backward()
    expected, W.grad = W.grad, None
    loss = f(W, x)
    (written.data if array is None else array)[1] = 7.0
    found, said = attempt(loss, W)
    if said is None:
        assert_array_equal(found, expected)  # what was written is not read by any rule
        assert which == "x"
    else:
        assert f"({written.name})" in said or "an array" in said
        assert found is None


def test_a_leaf_that_is_written_into_between_two_forward_passes_is_that_of_each() -> None:
    W = leaf(3, 3)
    for _ in range(3):
        np.sum(np.sin(W)).backward()
        assert_array_equal(W.grad, np.cos(W.data))
        W.data -= 0.1 * W.grad  # descent in place, after backward
        W.grad = None
    array = W.data
    for _ in range(3):  # with one hand on the array all the time
        np.sum(np.sin(W)).backward()
        assert_array_equal(W.grad, np.cos(array))
        array -= 0.1 * W.grad
        W.grad = None
    slope = np.zeros((3, 3))
    for i in np.ndindex(3, 3):  # finite differences in place, recorded all the while
        ends = []
        for step in (1e-5, -2e-5):
            W.data[i] += step
            ends.append(np.sum(np.sin(W)).item())
        W.data[i] += 1e-5
        slope[i] = (ends[0] - ends[1]) / 2e-5
    np.sum(np.sin(W)).backward()
    np.testing.assert_allclose(W.grad, slope, rtol=1e-6)


def test_new_data_is_a_copy_and_older_graphs_keep_theirs() -> None:
    W, new = leaf(2, 2), np.ones((2, 2))
    old = W.data.copy()
    loss = np.sum(W * W)
    W.data = new
    new[...] = 5.0
    loss.backward()
    assert_array_equal(W.grad, 2 * old)
    assert_array_equal(W.data, np.ones((2, 2)))


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_a_buffer_of_inputs_filled_at_every_step(n: int) -> None:
    rows, W = rng.standard_normal((5, n, n)), leaf(n, n)
    sum(np.sum((row @ W) ** 2) for row in rows).backward()
    expected, W.grad = W.grad, None
    buffer, total = np.empty((n, n)), 0.0
    for row in rows:
        buffer[...] = row
        total = total + np.sum((buffer @ W) ** 2)
    found, said = attempt(total, W)
    if said is None:
        assert_array_equal(found, expected)
    else:
        assert n == LARGE
        assert "np.matmul kept argument 0" in said


def test_an_operation_that_returns_a_buffer_of_its_own(registry: None) -> None:
    buffer = np.empty(3)

    @tg.primitive
    def doubled(x: Any) -> Any:
        return np.multiply(x, 2.0, out=buffer)

    tg.defvjp(doubled, lambda g, y, x: 2.0 * g)
    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    a = doubled(x)
    b = doubled(a)
    assert_array_equal(a.data, [2, 4, 6])
    assert_array_equal(b.data, [4, 8, 12])
    np.sum(a * b).backward()
    assert_array_equal(x.grad, 16 * x.data)


@pytest.mark.tiny
def test_the_data_of_a_result_cannot_be_written_to() -> None:
    W = leaf(2, 2)
    with tg.no_grad():
        quiet = W * 2.0
    for y in (np.tanh(W), W.T, W[0], W.detach(), np.tanh(W).detach(), quiet, W.detach().T):
        with pytest.raises(ValueError, match="read-only"):
            y.data[...] = 1.0
        with pytest.raises(ValueError, match="read-only"):
            y.data += 1.0
    assert np.asarray(quiet).flags.writeable is False


def test_pulling_later() -> None:
    mask, x = rng.standard_normal(20_000), rng.standard_normal(20_000)
    pull = tg.vjp(lambda x: x * mask, x)[1]
    expected = mask.copy()
    x[:] = 0.0  # it was copied
    assert_array_equal(pull(np.ones(20_000))[0], expected)
    mask[3] = 0.5
    with pytest.raises(GradientError, match=r"of shape \(20000,\), and it was written into"):
        pull(np.ones(20_000))


def test_forward_mode_looks_too() -> None:
    mask = rng.standard_normal(20_000)

    def f(x: Any) -> Any:
        y = x * mask
        mask[0] = 9.0
        return y

    with pytest.raises(GradientError, match="was written into afterwards"):
        tg.jvp(f, (np.ones(20_000),), (np.ones(20_000),))


def test_gradient_flow_and_second_derivatives_look_too() -> None:
    cell, xs = tg.nn.RNNCell(2, 3, rng=0), rng.standard_normal((4, 2))
    run = tg.unroll(cell, xs, loss=fn.half_squared_error, targets=np.zeros((4, 3)))
    flow = tg.gradient_flow(run.losses, run.states)
    cell.W_hh.data[0, 0] += 1.0
    with pytest.raises(GradientError, match=r"np\.matmul kept argument 1 \(W_hh\)"):
        flow.jacobian(3)
    with pytest.raises(GradientError, match=r"\(W_hh\)"):
        tg.gradient_flow(run.losses, run.states)
    with pytest.raises(GradientError, match=r"\(W_hh\)"):
        run.loss.backward()


@pytest.mark.parametrize("T", [4, 4000])
@pytest.mark.parametrize("what", ["xs", "h0"])
def test_a_scan_looks_too(T: int, what: str) -> None:
    W = leaf(3, 3)
    xs, h0 = rng.standard_normal((T, 2, 3)), rng.standard_normal((2, 3))
    sparing = {"checkpoint": "auto"} if T > 4 else {}  # of memory, so a copy is out of the question
    run = lambda xs, h0: np.sum(
        tg.scan(lambda x, h: np.tanh(x @ W + 0.5 * h), xs, h0, **sparing).outputs
    )
    run(xs.copy(), h0.copy()).backward()
    expected, W.grad = W.grad, None
    loss = run(xs, h0)
    (xs if what == "xs" else h0)[:] = 7.0
    if what == "xs" and T > 4:
        with pytest.raises(
            GradientError, match=r"scan kept .* of shape \(4000, 2, 3\), and it was written into"
        ):
            loss.backward()
    else:
        loss.backward()
        assert_array_equal(W.grad, expected)


@pytest.mark.tiny
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.uint8, bool])
@pytest.mark.parametrize("layout", ["C", "F", "strided", "reversed"])
def test_a_fingerprint_sees_every_entry_and_the_order(dtype: Any, layout: str) -> None:
    x = (rng.uniform(0, 100, (300, 2 * 407)) % 100).astype(dtype)
    x = {"C": x, "F": np.asfortranarray(x), "strided": x[:, ::2], "reversed": x[::-1]}[layout]
    assert x.nbytes > COPIED
    before = fingerprint(x)
    assert fingerprint(x.copy()) == before or layout != "C"
    for i in [(0, 0), (299, x.shape[1] - 1), (123, 45)]:
        old = x[i]
        x[i] = not old if dtype is bool else old + 1
        assert fingerprint(x) != before
        x[i] = old
    assert fingerprint(x) == before
    for a, b in [((0, 0), (0, 1)), ((0, 0), (299, 5)), ((7, 3), (8, 3))]:
        x[a], x[b] = 0, 1
        ordered = fingerprint(x)
        x[a], x[b] = 1, 0
        assert fingerprint(x) != ordered


def test_what_is_written_by_nobody_costs_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training by an optimiser: no array of a parameter is fingerprinted, nor one of unrolled
    inputs.
    """
    looked = []
    monkeypatch.setattr(
        "tinygrad_rnn.guards.fingerprints.fingerprint", lambda x: looked.append(x.shape)
    )
    cell = tg.nn.LSTMCell(2, 3, rng=0)
    optimizer = tg.optim.Adam(cell)
    for _ in range(3):
        run = tg.unroll(
            cell,
            rng.standard_normal((4, 5, 2)),
            loss=fn.half_squared_error,
            targets=np.zeros((4, 5, 3)),
        )
        optimizer.zero_grad()
        run.loss.backward()
        optimizer.step()
    assert looked == []


# -- what trades places or signs, and what is neither array nor list -------------------------------

WRITES: dict[str, Callable[[Any], Any]] = {
    "signs": lambda a: -a if a.dtype.kind != "b" else ~a,
    "every second sign": lambda a: (
        a * np.where(np.arange(len(a)) % 2, 1, -1).astype(a.dtype)[:, None]
    ),
    "powers of two": lambda a: a * a.dtype.type(256) if a.dtype.kind == "f" else a[::-1],
    "rows": lambda a: a[::-1],
    "columns": lambda a: a[:, ::-1],
    "rolled": lambda a: np.roll(a, 1, 0),
    "shuffled": lambda a: np.random.default_rng(0).permutation(a),
    "two rows": lambda a: a[[1, 0, *range(2, len(a))]],
}


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i4", "i1", "?", "g"])
@pytest.mark.parametrize("shape", [(512, 512), (300, 700)])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_fingerprint_sees_regular_changes(write: str, shape: tuple[int, int], dtype: str) -> None:
    normal = np.random.default_rng(0).standard_normal(shape)
    arrays = (
        np.ones(shape),
        np.eye(*shape),
        10 * normal,
        np.sign(normal),
        np.arange(normal.size).reshape(shape) % 113,
    )
    for a in (a.astype(dtype) for a in arrays):
        changed = np.ascontiguousarray(WRITES[write](a).astype(dtype))
        assert (fingerprint(changed) == fingerprint(a)) == (changed.tobytes() == a.tobytes())


def test_options_of_any_kind_are_copied(registry: None) -> None:
    @tg.primitive
    def weighted(x: Any, *more: Any, options: Any = None) -> Any:
        return x * np.asarray(more[0] if more else options["w"])

    tg.defvjp(
        weighted,
        lambda g, y, x, *more, options=None: g * np.asarray(more[0] if more else options["w"]),
    )
    numbers = [1.0, 2.0, 3.0]
    for kept in (
        array.array("d", numbers),
        deque(numbers),
        UserList(numbers),
        memoryview(array.array("d", numbers)),
    ):
        x = tg.Tensor(np.ones(3), requires_grad=True)
        y = weighted(x, kept)
        kept[1] = 7.0
        y.backward(np.ones(3))
        assert_array_equal(x.grad, numbers)
    x, options = tg.Tensor(np.ones(3), requires_grad=True), {"w": np.array(numbers)}
    y = weighted(x, options=options)
    options["w"][:] = 0.0
    options["w"] = None
    y.backward(np.ones(3))
    assert_array_equal(x.grad, numbers)
