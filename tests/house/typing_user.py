"""Code as users write it: what an editor knows of it.  mypy reads this file, and a test runs it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import tinygrad_rnn as tg
from tinygrad_rnn import nn, optim
from tinygrad_rnn.functional import cross_entropy, half_squared_error, sigmoid

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(x, kind):
        """Nothing, but for a type checker."""


def arrays() -> None:
    """A Tensor where an array would be."""
    x = tg.Tensor(np.ones((2, 3)))
    W = tg.Tensor(np.ones((3, 4)), requires_grad=True, name="W")
    assert_type(x @ W, tg.Tensor)
    assert_type(x + 1, tg.Tensor)
    assert_type(2.0 * x, tg.Tensor)
    assert_type(1 / x, tg.Tensor)
    assert_type(-x, tg.Tensor)
    assert_type(x[0], tg.Tensor)
    assert_type(x.T, tg.Tensor)
    assert_type(x.sum(axis=0), tg.Tensor)
    assert_type(x.shape, tuple[int, ...])
    assert_type(x.data, NDArray[Any])
    assert_type(x.item(0), float | int | bool)
    assert_type(sigmoid(x), tg.Tensor)
    assert_type(half_squared_error(x, x.data), tg.Tensor)
    assert_type(cross_entropy(x, np.array([0, 1])), tg.Tensor)


def functions_of_numpy(x: tg.Tensor) -> None:
    """What NumPy's own stubs say of its functions: anything, or an array, where a Tensor comes."""
    assert_type(np.sum(x), Any)
    assert_type(np.mean(x, axis=0), Any)
    assert_type(np.tanh(x), NDArray[Any])


def cells() -> None:
    """Cells, layers, and the loop over time."""
    rng = np.random.default_rng(0)
    x, xs = np.ones((4, 2)), np.ones((5, 4, 2))
    rnn, lstm, gru = nn.RNNCell(2, 3, rng=rng), nn.LSTMCell(2, 3, rng=rng), nn.GRUCell(2, 3, rng=0)
    assert_type(rnn(x, np.zeros((4, 3))), tg.Tensor)
    assert_type(gru(x, np.zeros((4, 3))), tg.Tensor)
    assert_type(lstm(x, (np.zeros((4, 3)), np.zeros((4, 3)))), tuple[tg.Tensor, tg.Tensor])
    outputs, (h, c) = nn.LSTM(2, 3, num_layers=2, rng=0)(xs)
    assert_type(outputs, tg.Tensor)
    assert_type(h, tg.Tensor)
    assert_type(c, tg.Tensor)
    assert_type(nn.GRU(2, 3, rng=0)(xs).state, tg.Tensor)
    assert_type(lstm.state_dict(), dict[str, NDArray[Any]])


def gradients() -> None:
    """Equation (3.1), its pictures, and derivatives of functions."""
    cell, readout = nn.RNNCell(2, 3, rng=0), nn.Readout(3, 1, rng=0)
    xs, targets = np.ones((5, 4, 2)), np.zeros((5, 4, 1))
    run = tg.unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets)
    assert_type(run, tg.Unrolled)
    assert_type(run.loss, tg.Tensor)
    assert_type(run.hidden, list[tg.Tensor])
    run.loss.backward()
    flow = tg.gradient_flow(run.losses, run.states)
    assert_type(flow, tg.GradientFlow)
    assert_type(flow.norms(), NDArray[Any])
    assert_type(tg.draw.paths(run, t=1), tg.draw.Figure)
    assert_type(tg.draw.heatmap(run), tg.draw.Figure)

    def f(x: tg.Tensor, power: int) -> tg.Tensor:
        return (x**power).sum()

    derivative = tg.grad(f)
    assert_type(derivative(tg.Tensor([1.0, 2.0]), 3), Any)
    assert_type(derivative(tg.Tensor([1.0, 2.0]), power=3), Any)


def training() -> None:
    """One step of descent."""
    layer = nn.GRU(2, 3, rng=0)
    adam = optim.Adam(layer, lr=1e-2)
    schedule = optim.StepLR(adam, step_size=10)
    layer(np.ones((5, 4, 2))).outputs.sum().backward()
    assert_type(optim.clip_grad_norm(layer, 1.0), float)
    adam.step()
    schedule.step()
    assert_type(schedule.get_last_lr(), list[float])


def mistakes() -> None:
    """What a type checker refuses: each comment is an error of mypy's if it is not needed."""
    nn.LSTM("a", 3, rng=0)  # type: ignore[arg-type]
    nn.GRU(2, 3, rng=0, hidden_size=5)  # type: ignore[call-arg]
    nn.RNN(2)  # type: ignore[call-arg]
    tg.unrol  # type: ignore[attr-defined]  # noqa: B018 (a name that is none)


def numbers_of_the_flow(flow: tg.GradientFlow) -> float:
    """Sums over terms, as the README writes them."""
    terms = sum([flow.term(2, 1), flow.direct[0]])
    return float(np.sum(terms - flow.total[0].sum()))


ALL: list[Callable[[], None]] = [arrays, cells, gradients, training]
