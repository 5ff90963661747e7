"""`debug()` names the operation and the user's line; outside it nothing is checked."""

import inspect
import re
import sys
import threading
from typing import Any

import numpy as np
import pytest
from cases import CASES
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.core.mode import recording
from tinygrad_rnn.errors import GradientError, NonFiniteError


def leaf(x: Any, name: str | None = None, dtype: Any = float) -> tg.Tensor:
    return tg.Tensor(np.asarray(x, dtype), requires_grad=True, name=name)


def here(offset: int = 0) -> str:
    """`file:line in function` of the caller, `offset` lines on."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno + offset} in {frame.f_back.f_code.co_name}"


@pytest.fixture
def op(registry: None) -> Any:
    """A user's operation x -> 2 x whose rule can be set."""

    @tg.primitive
    def double(x: Any) -> Any:
        return x * 2

    return double


@pytest.mark.parametrize(
    ("f", "x", "kind"),
    [
        (np.log, [1.0, -1.0], "np.log gave NaN"),
        (np.exp, [1e3], "np.exp gave infinity"),
        (lambda x: x / np.zeros(1), [1.0], "np.divide gave infinity"),
        (lambda x: x @ np.array([1e308, 1e308]), [1e3, 1.0], "np.matmul gave infinity"),
    ],
)
def test_the_first_result_that_is_not_finite_is_named(f: Any, x: Any, kind: str) -> None:
    with pytest.raises(NonFiniteError) as error, tg.debug():
        f(leaf(x, "x"))
    assert f"{kind} from finite operands (x), made at {__file__}:" in str(error.value)


def test_the_line_is_the_users() -> None:
    x = leaf([-1.0], "x")
    place = here(2)
    with pytest.raises(NonFiniteError) as error, tg.debug():
        np.sqrt(x)
    assert f"made at {place}: `np.sqrt(x)`." in str(error.value)


def test_a_nan_that_came_in_is_not_blamed_on_what_follows() -> None:
    x = leaf([np.nan])
    with tg.debug():
        assert np.isnan((x + 1.0).data).all()


def test_the_first_share_that_is_not_finite_is_named() -> None:
    x = leaf([0.0, 1.0], "x")
    with pytest.raises(NonFiniteError) as error, tg.debug():
        np.sum(np.sqrt(x)).backward()
    assert "the rule of np.sqrt for argument 0 (x) returned infinity for a finite cotangent" in str(
        error.value
    )
    assert x.grad is None


@pytest.mark.parametrize("which", ["argument", "tensor", "result"])
def test_an_array_that_was_changed_is_caught_before_it_does_harm(which: str) -> None:
    x, w = leaf(np.ones(10_000), "x"), np.full(10_000, 2.0)
    with tg.debug():
        y = np.exp(x * w)
        loss = np.sum(y)
        {"argument": w, "tensor": x.data, "result": y._data}[which][0] = 9.0
        fun, operand = {
            "argument": ("multiply", "1"),
            "tensor": ("multiply", "0 (x)"),
            "result": ("sum", "0"),
        }[which]
        words = f"np.{fun} kept an array that was changed afterwards: its argument {operand}, made"
        with pytest.raises(GradientError, match=re.escape(words)):
            loss.backward()
    assert x.grad is None


def test_a_wrong_dtype_is_named_with_its_place(op: Any) -> None:
    tg.defvjp(op, lambda g, y, x: (2 * g).astype(np.float32))
    with (
        pytest.raises(
            GradientError,
            match=r"rule of double for argument 0 \(x\) returned dtype float32; .*float64; made",
        ),
        tg.debug(),
    ):
        np.sum(op(leaf([1.0], "x"))).backward()


def test_a_wrong_shape_is_named_with_its_place(op: Any) -> None:
    tg.defvjp(op, lambda g, y, x: 2 * g[:1])
    with (
        pytest.raises(
            GradientError,
            match=r"rule of double .* shape \(1,\); the argument has shape \(3,\); made at .*debug",
        ),
        tg.debug(),
    ):
        np.sum(op(leaf([1.0, 2.0, 3.0]))).backward()


def test_operations_of_two_dtypes_are_right_as_they_are() -> None:
    x = leaf([1.0, 2.0], dtype=np.float32)
    with tg.debug():
        np.sum(x * np.array([3.0, 4.0])).backward()
    assert x.grad.dtype == np.float32
    assert_array_equal(x.grad, [3, 4])


def test_what_was_made_before_is_not_watched_and_a_bad_share_says_so() -> None:
    x, w = leaf([0.0, 1.0], "x"), np.array([1.0, 1.0])
    y = np.sum(np.sqrt(x * w))
    w[0] = 2.0  # nobody saw the value that was recorded
    words = r"rule of np\.sqrt .* returned infinity .*, made before debug\(\) was entered\."
    with pytest.raises(NonFiniteError, match=words), tg.debug():
        y.backward()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_rule_of_the_table_is_a_false_alarm(dtype: Any) -> None:
    blamed = {}
    for case in CASES:
        args = [leaf(a, dtype=dtype) if i in case.variables else a for i, a in enumerate(case.args)]
        try:
            with tg.debug():
                y = case.fun(*args)
                y.backward(np.ones(y.shape))
        except (GradientError, NonFiniteError) as error:
            blamed[case.id] = str(error)
    assert blamed == {}


@pytest.mark.parametrize("kind", ["bool", "int8", "int16", "float32"])
def test_powers_with_small_numbers_stay_float32(kind: str) -> None:
    x, n = leaf([0.5, 2.0, 3.0], dtype=np.float32), np.array([1, 0, 1], kind)
    with tg.debug():
        np.sum(x**n).backward()
        np.sum(np.power(n + np.array(1, kind), x)).backward()
    base = (n + np.array(1, kind)).astype(float)
    assert_allclose(
        x.grad, n * x.data ** (n - 1.0) + base**x.data * np.log(base), rtol=1e-6
    )  # float16 has 1e-3


def test_where_every_frame_is_the_packages_the_outermost_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        sys.modules["tinygrad_rnn.transforms.debug"], "_NOT_THE_USERS", ("",)
    )  # no file is the user's
    outermost = sys._getframe()
    while outermost.f_back is not None:
        outermost = outermost.f_back
    place = re.escape(f"made at {outermost.f_code.co_filename}:{outermost.f_lineno} ")
    with pytest.raises(NonFiniteError, match=place), tg.debug():
        np.log(leaf([-1.0]))


def test_derivatives_of_every_order_and_cells_pass() -> None:
    with tg.debug():
        assert tg.grad(tg.grad(np.tanh))(0.0) == 0.0
        rng = np.random.default_rng(0)
        for cell in (
            tg.nn.RNNCell(2, 3, rng=rng),
            tg.nn.LSTMCell(2, 3, rng=rng),
            tg.nn.GRUCell(2, 3, rng=rng),
        ):
            run = tg.unroll(
                cell,
                rng.standard_normal((3, 2)),
                loss=tg.functional.half_squared_error,
                targets=np.zeros((3, 3)),
            )
            run.loss.backward()
            assert_array_equal(
                tg.gradient_flow(run.losses, run.hidden).total[-1], run.hidden[-1].data
            )


def test_it_ends_with_its_context_thread_and_exceptions() -> None:
    seen = []
    with tg.debug():
        thread = threading.Thread(target=lambda: seen.append(recording.get()))
        thread.start()
        thread.join()
    with pytest.raises(NonFiniteError), tg.debug():
        np.log(leaf([-1.0]))
    assert seen == [True]
    assert recording.get() is True
    with np.errstate(all="ignore"):
        assert np.isnan(np.log(leaf([-1.0])).data).all()


def test_it_shows_how_much_was_checked() -> None:
    x = leaf([1.0, 2.0])
    with tg.debug() as watch:
        assert repr(watch) == "debug(0 operations recorded, 0 visited by walks)"
        y = np.tanh(x)
        assert repr(watch) == "debug(1 operation recorded, 0 visited by walks)"
        np.sum(y * y).backward()
    assert repr(watch) == "debug(3 operations recorded, 3 visited by walks)"


def test_no_grad_inside_and_grad_inside_keep_watching() -> None:
    with tg.debug():
        with tg.no_grad():
            assert not np.log(leaf([1.0])).requires_grad
        with pytest.raises(NonFiniteError):
            tg.grad(lambda x: np.sum(np.log(x)))(np.array([-1.0]))
