"""Every picture of the gallery, made anew from seeds.

    python docs/gallery.py

writes them to docs/pictures/, or to the folder that is named as an argument.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_rnn as tg
from tinygrad_rnn.draw import Figure
from tinygrad_rnn.io.files import write_whole

Run = tg.Unrolled


def network(make: Callable[..., Any], steps: int, hidden: int = 3, gain: float = 1.0) -> Run:
    """A network of two inputs and one output with a loss at each step.

    gain: a factor of its recurrent weights
    """
    rng = np.random.default_rng(0)
    cell, readout = make(2, hidden, rng=rng), tg.nn.Readout(hidden, 1, rng=rng)
    if gain != 1.0:
        cell.W_hh.data = gain * cell.W_hh.data
    xs, targets = rng.standard_normal((steps, 2)), rng.standard_normal((steps, 1))
    return tg.unroll(
        cell, xs, readout=readout, loss=tg.functional.half_squared_error, targets=targets
    )


def exploding(steps: int) -> Run:
    """Recurrent weights of spectral radius 1.6 near the linear part of tanh."""
    rng = np.random.default_rng(0)
    cell, readout = tg.nn.RNNCell(2, 6, rng=rng), tg.nn.Readout(6, 1, rng=rng)
    cell.W_hh.data, cell.b_h.data = 1.6 * np.linalg.qr(rng.standard_normal((6, 6)))[0], np.zeros(6)
    xs, targets = 0.001 * rng.standard_normal((steps, 2)), rng.standard_normal((steps, 1))
    return tg.unroll(
        cell, xs, readout=readout, loss=tg.functional.half_squared_error, targets=targets
    )


def stacked(steps: int) -> Run:
    """Two layers: the state is the pair (upper, lower)."""
    rng = np.random.default_rng(0)
    lower, upper, readout = (
        tg.nn.RNNCell(2, 3, rng=rng),
        tg.nn.RNNCell(3, 3, rng=rng),
        tg.nn.Readout(3, 1, rng=rng),
    )

    def cell(x: Any, state: Any) -> Any:
        below = lower(x, state[1])
        return upper(below, state[0]), below

    cell.states = ("u", "l")  # type: ignore[attr-defined]
    xs, targets = rng.standard_normal((steps, 2)), rng.standard_normal((steps, 1))
    start = np.zeros(3), np.zeros(3)
    return tg.unroll(
        cell, xs, start, readout=readout, loss=tg.functional.half_squared_error, targets=targets
    )


def bidirectional(steps: int) -> tuple[Run, Run]:
    """Two cells over the same inputs, one from each end of time."""
    rng = np.random.default_rng(0)
    cells, readout = [tg.nn.RNNCell(2, 3, rng=rng) for _ in range(2)], tg.nn.Readout(6, 1, rng=rng)
    xs, targets = rng.standard_normal((steps, 2)), rng.standard_normal((steps, 1))
    loss = tg.functional.half_squared_error
    return tg.bidirectional(*cells, xs, readout=readout, loss=loss, targets=targets)


def attention() -> tg.Tensor:
    """One attention head and a perceptron, their parts named by scopes."""
    rng = np.random.default_rng(0)
    W_q, W_k, W_v, W = (
        tg.Tensor(0.5 * rng.standard_normal((4, 4)), requires_grad=True, name=n)
        for n in ("W_q", "W_k", "W_v", "W")
    )
    x = tg.Tensor(rng.standard_normal((5, 4)), name="x")
    with tg.scope("attention"):
        q, k, v = x @ W_q, x @ W_k, x @ W_v
        with tg.scope("softmax"):
            e = np.exp(q @ k.T / 2.0)
            a = e / np.sum(e, axis=-1, keepdims=True)
        h = x + a @ v
    with tg.scope("perceptron"):
        y = np.tanh(h @ W)
    L = np.sum((h + y) ** 2)
    L.name = "L"
    return L


def pictures() -> dict[str, Figure]:
    """Every picture by its file's name."""
    rnn, lstm = tg.nn.RNNCell, tg.nn.LSTMCell
    return {
        "paths_T4": tg.draw.paths(network(rnn, 4), t=1),
        "exploding_T10": tg.draw.paths(exploding(10), t=1),
        "paths_T30": tg.draw.paths(network(rnn, 30, 8), t=1),
        "paths_T300": tg.draw.paths(network(rnn, 300, 8), t=100),
        "lstm_T4": tg.draw.paths(network(lstm, 4), t=1),
        "stacked_T6": tg.draw.paths(stacked(6), t=1),
        "bidirectional_T6": tg.draw.paths(bidirectional(6), t=3),
        "operations_T4": tg.draw.ops(network(rnn, 4)),
        "lstm_operations_T2": tg.draw.ops(network(lstm, 2)),
        "operations_T300": tg.draw.ops(network(rnn, 300, 8)),
        "heatmap_T30": tg.draw.heatmap(network(rnn, 30, 8), t=1),
        "paper_T9": tg.draw.paths(network(rnn, 9, gain=1.5), t=2, preset="paper"),
        "attention": tg.draw.graph(attention()),
        "attention_folded": tg.draw.graph(attention(), fold=True),
    }


def main(folder: str = str(Path(__file__).parent / "pictures")) -> None:
    """Write them all."""
    for name, figure in pictures().items():
        print("wrote", write_whole(Path(folder) / f"{name}.svg", figure.svg.encode()))
    page = tg.draw.page(network(tg.nn.RNNCell, 10, gain=1.5), t=3)
    print("wrote", page.save(Path(folder) / "bptt.html"))


if __name__ == "__main__":
    main(*sys.argv[1:])
