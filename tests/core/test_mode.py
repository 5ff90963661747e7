"""The recording mode belongs to a thread and a task; nothing is left behind by an exception or an
abandoned walk.
"""

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.mode import _waiting_frame, current, recording
from tinygrad_rnn.core.tables import JVP, VJP
from tinygrad_rnn.errors import GradientError, NonFiniteError

X = np.array([0.5, -1.0, 2.0])


def in_threads(*functions: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result(timeout=30) for future in [pool.submit(f) for f in functions]]


# -- threads ---------------------------------------------------------------------------------------


def test_one_thread_under_no_grad_one_under_debug_one_plain() -> None:
    together = Barrier(3, timeout=10)
    w = tg.Tensor(X, requires_grad=True)

    def step(scale: float) -> Any:
        together.wait()
        y = np.sum(np.tanh(scale * w) ** 2)
        together.wait()
        return y

    def slope(scale: float) -> Any:
        t = np.tanh(scale * X)
        return 2 * t * (1 - t * t) * scale

    def quiet() -> None:
        with tg.no_grad():
            for n in range(1, 20):
                assert not step(n).requires_grad
                assert_allclose(tg.grad(lambda x, n=n: np.sum(np.tanh(n * x) ** 2))(X), slope(n))

    def watched() -> None:
        with tg.debug():
            for n in range(1, 20):
                y = step(n)
                assert_allclose(tg.grad(lambda x, n=n: np.sum(np.tanh(n * x) ** 2))(X), slope(n))
                assert y.requires_grad
                with pytest.raises(NonFiniteError):
                    np.log(w)

    def plain() -> None:
        for n in range(1, 20):
            leaf = tg.Tensor(X, requires_grad=True)
            np.sum(np.tanh(n * leaf) ** 2).backward()
            assert_allclose(leaf.grad, slope(n))
            assert step(n).requires_grad
            with np.errstate(invalid="ignore"):
                assert np.isnan(np.log(w).data[1])

    in_threads(quiet, watched, plain)
    assert recording.get() is True


def test_threads_that_share_a_parameter_have_graphs_of_their_own() -> None:
    w = tg.Tensor(X, requires_grad=True)
    start = Barrier(4, timeout=10)

    def work(scale: float) -> tuple[list[int], Any]:
        start.wait()
        y, serials = w, []
        for _ in range(500):
            y = np.tanh(y * scale)
            serials.append(y.serial)
        (g,) = tg.vjp(lambda x: np.tanh(scale * x), w.data)[1](np.ones(3))
        return serials, g

    found = in_threads(*[lambda n=n: work(float(n)) for n in range(1, 5)])
    for n, (serials, g) in enumerate(found, 1):
        assert serials == sorted(serials)
        assert_allclose(g, n * (1 - np.tanh(n * X) ** 2))
    every = [serial for serials, _ in found for serial in serials]
    assert len(set(every)) == len(every)  # a number is given once


@pytest.mark.skipif(
    getattr(sys.flags, "thread_inherit_context", False), reason="threads inherit the context"
)
def test_a_new_thread_starts_recording_unless_the_context_is_carried_over() -> None:
    w = tg.Tensor(X, requires_grad=True)
    with ThreadPoolExecutor(1) as pool, tg.no_grad():
        assert pool.submit(lambda: (w * 2.0).requires_grad).result()
        context = contextvars.copy_context()
        assert not pool.submit(context.run, lambda: (w * 2.0).requires_grad).result()


def test_tasks_that_take_turns_have_modes_of_their_own() -> None:
    w = tg.Tensor(X, requires_grad=True)

    async def quiet() -> list[bool]:
        seen = []
        with tg.no_grad():
            for _ in range(3):
                seen.append((w * 2.0).requires_grad)
                await asyncio.sleep(0)
        return seen

    async def loud() -> list[bool]:
        seen = []
        for _ in range(3):
            seen.append((w * 2.0).requires_grad)
            await asyncio.sleep(0)
        return seen

    async def both() -> list[list[bool]]:
        return list(await asyncio.gather(quiet(), loud()))

    assert asyncio.run(both()) == [[False] * 3, [True] * 3]


# -- exceptions ------------------------------------------------------------------------------------


def broken(*args: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("context", [None, tg.no_grad, tg.debug], ids=["plain", "no_grad", "debug"])
@pytest.mark.parametrize(
    "f",
    [
        broken,
        lambda: tg.grad(broken)(1.0),
        lambda: tg.value_and_grad(lambda x: tg.grad(broken)(x))(1.0),
        lambda: tg.jvp(broken, (1.0,), (1.0,)),
        lambda: tg.vjp(broken, 1.0),
        lambda: tg.jacobian(broken)(X),
        lambda: tg.hessian(broken)(X),
        lambda: tg.hvp(broken, X, X),
        lambda: tg.check_grads(broken, [X]),
    ],
)
def test_an_exception_leaves_the_mode_as_it_was(f: Callable[[], Any], context: Any) -> None:
    if context is None:
        with pytest.raises(ZeroDivisionError):
            f()
    else:
        with pytest.raises(ZeroDivisionError), context():
            f()
    assert recording.get() is True
    assert tg.grad(lambda x: x * x)(3.0) == 6.0


def test_a_rule_that_fails_leaves_the_mode_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tg.Tensor(X, requires_grad=True)
    monkeypatch.setitem(VJP, np.sin, (broken,))
    monkeypatch.setitem(JVP, np.cos, (broken,))
    for f in (
        lambda: np.sum(np.sin(x)).backward(),
        lambda: tg.grad(lambda x: np.sum(np.sin(x)))(x),
        lambda: tg.jvp(np.sin, (X,), (X,)),
        lambda: tg.jvp(np.cos, (x,), (X,)),
    ):
        with pytest.raises(ZeroDivisionError):
            f()
        assert recording.get() is True
    assert x.grad is None


# -- generators ------------------------------------------------------------------------------------


def test_a_walk_that_is_abandoned_leaves_nothing_behind() -> None:
    x = tg.Tensor(X, requires_grad=True)
    y = np.sum(np.sin(x) ** 2)
    walk = pullback({y: np.ones(())}, differentiable=True)
    next(walk)
    assert recording.get() is True
    del walk
    y.backward()
    assert_allclose(x.grad, np.sin(2 * X))


def test_two_walks_over_one_graph_may_take_turns() -> None:
    x = tg.Tensor(X, requires_grad=True)
    y = np.sin(x) * x
    visits = [
        {a[0]: a[1], "other": b[1]}
        for a, b in zip(pullback({y: np.ones(3)}), pullback({y: np.full(3, 2.0)}), strict=True)
    ]
    assert_allclose(visits[-1][x], np.cos(X) * X + np.sin(X))
    assert_allclose(visits[-1]["other"], 2 * visits[-1][x])


def test_a_generator_keeps_no_grad_to_itself_if_it_yields_outside() -> None:
    w = tg.Tensor(X, requires_grad=True)

    def values() -> Iterator[Any]:
        for n in range(3):
            with tg.no_grad():
                y = n * w
            yield y

    for n, y in enumerate(values()):
        assert not y.requires_grad
        assert_array_equal(y.data, n * X)
        assert (w * 2.0).requires_grad


def test_a_generator_that_is_closed_inside_no_grad_ends_it() -> None:
    def inside() -> Iterator[None]:
        with tg.no_grad():
            yield

    generator = inside()
    next(generator)
    assert current() is True  # it waits
    generator.close()
    assert recording.get() is True


def test_an_error_inside_debug_is_the_users_own() -> None:
    x = tg.Tensor(X, requires_grad=True)
    with pytest.raises(GradientError, match="not a scalar"), tg.debug():
        (x * 2.0).backward()
    assert recording.get() is True


# -- processes -------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_fork_while_another_thread_looks_for_a_plan_does_not_hang_the_child() -> None:
    """The thread holds the lock of the plans, for sure, while the process forks."""
    from tinygrad_rnn.scan import cache

    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with cache._lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python, for a fork beside threads
        child = os.fork()
    if child == 0:  # no test of the child may run on
        code = 1
        try:
            signal.alarm(20)  # it ends in any case
            outputs = tg.scan(lambda x, h: 0.5 * h + x, np.ones((3, 2)), np.zeros(2)).outputs
            code = 0 if np.allclose(outputs.data[-1], 1.75) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0


FORKING = """
import os, signal, sys, threading, time, warnings
import tinygrad_rnn as tg

warnings.simplefilter("ignore")  # of Python, for a fork beside threads
begun = threading.Event()

def status_of_child():
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # it ends in any case
        os._exit(0 if len(tg.data.sunspots()[0]) == 309 else 2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "tinygrad_rnn.data" and not begun.is_set():
            begun.set()
            WHILE_IMPORTING

sys.meta_path.insert(0, Finder())
thread = threading.Thread(target=lambda: tg.data)
thread.start()
begun.wait()
THEN
thread.join()
sys.exit(status_of_child())  # the lock is free again
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
@pytest.mark.parametrize(
    ("importing", "then"),
    [
        ("time.sleep(0.5)", "status = status_of_child(); status and sys.exit(status)"),
        (
            "tg.checkpoint; os.fork() or os._exit(0)",
            "tg.data",
        ),  # an import in an import, and a fork in it
    ],
    ids=["another thread forks", "the thread itself forks"],
)
def test_a_fork_while_a_thread_imports_a_part_of_the_package_does_not_hang(
    importing: str, then: str
) -> None:
    program = FORKING.replace("WHILE_IMPORTING", importing).replace("THEN", then)
    ended = subprocess.run(
        [sys.executable, "-c", program], timeout=60, check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_thread_may_begin_in_a_context_manager() -> None:
    assert _waiting_frame(None) is None  # nobody has called it
