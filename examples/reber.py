"""The embedded Reber grammar: an LSTM learns it, Elman's network does not (Hochreiter and
Schmidhuber 1997, Table 1).

    python examples/reber.py

One string is shown for each update, and the next symbol is to be predicted.  A string counts as
solved if after each of its symbols the legal successors are the most active outputs.  The last
symbol but one repeats the second, over a gap of 5 symbols or more.  Elman's network is trained as
Elman did it, with the gradient cut after one step, and with backpropagation through all of time.
"""

import time
from functools import partial
from typing import Any

import numpy as np
from _report import options, report
from _training import descend
from tqdm import tqdm

import tinygrad_rnn as tg
from tinygrad_rnn.data import embedded_reber, encode_reber

Array = Any
MOST, EVERY = 40_000, 500  # strings shown at most, and between tests
NETWORKS = {
    "LSTM": (partial(tg.nn.LSTMCell, forget_bias=1.0), 8),
    "RNN": (tg.nn.RNNCell, 15),
    "RNN, gradient cut": (tg.nn.RNNCell, 15),
}
PUBLISHED = {"LSTM": "8,440 to 39,740", "RNN": "-", "RNN, gradient cut": "never in 200,000"}


def solved(outputs: Array, legal: Array) -> float:
    """The share of strings for which the legal symbols are the most active at every step; (T, B, 7)
    each.
    """
    weakest_legal = np.where(legal, outputs, np.inf).min(axis=-1)
    strongest_other = np.where(legal, -np.inf, outputs).max(axis=-1)
    return float(np.mean(np.all((weakest_legal > strongest_other) | ~legal.any(axis=-1), axis=0)))


def learn(
    name: str, train: list[str], test: list[str], most: int, rng: np.random.Generator
) -> dict[int, float]:
    """{strings shown: share of the test strings solved}, until all are."""
    Cell, hidden = NETWORKS[name]
    cell, readout = Cell(7, hidden, rng=rng), tg.nn.Readout(hidden, 7, rng=rng)
    optimizer = tg.optim.Adam([*cell.parameters(), *readout.parameters()], lr=0.01)

    def step(x: Array, h: Array) -> Array:
        return cell(x, h.detach()) if name.endswith("cut") else cell(x, h)

    shown = [encode_reber([string]) for string in train]
    test_xs, _, legal = encode_reber(test)
    shares: dict[int, float] = {}
    for n in tqdm(range(most + 1), desc=name, unit="string", leave=False):
        if n % EVERY == 0:
            with tg.no_grad():
                hs, _ = tg.scan(cell, test_xs)
                shares[n] = solved(readout(hs).data, legal)
            if shares[n] == 1.0:
                break
        xs, targets, _ = shown[rng.integers(len(shown))]
        hs, _ = tg.scan(step, xs, cell.initial_state((1,)))
        descend(tg.functional.cross_entropy(readout(hs), targets), optimizer)
    return shares


def main() -> None:
    """Train the three, print when each solved all test strings, draw how it came there."""
    chosen = options(__doc__)
    started, rng = time.perf_counter(), np.random.default_rng(chosen.seed)
    strings = list(dict.fromkeys(embedded_reber(20_000, rng=rng)))[:512]  # different ones
    train, test = strings[::2], strings[1::2]
    rows, lines = [], []
    for name in NETWORKS:
        shares = learn(name, train, test, 20 if chosen.quick else MOST, rng)
        last, share = list(shares.items())[-1]
        ours = f"{last:,}" if share == 1.0 else f"not in {last:,} ({100 * share:.0f} %)"
        rows.append(
            (f"strings until all 256 test strings are solved, {name}", PUBLISHED[name], ours)
        )
        lines.append(tg.draw.Curve(name, list(shares), [100 * s for s in shares.values()]))
    report(rows, started)
    figure = tg.draw.curves(
        lines,
        title="Embedded Reber grammar",
        x_label="training strings shown",
        y_label="test strings solved, %",
        y_range=(0.0, 100.0),
        note='"cut": the gradient ends after one step, as Elman trained',
    )
    print("wrote", figure.save("reber.svg"))


if __name__ == "__main__":
    main()
