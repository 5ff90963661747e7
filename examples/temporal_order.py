"""Temporal order with and without clipping of the gradient's norm (Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063).

    python examples/temporal_order.py

A tanh RNN of 50 states reads T symbols and says in which order two of them came.  Plain stochastic gradient descent is
run from several starts for each T, once as it is and once with the norm of the gradient clipped.  A run succeeds
if it errs on fewer than 1 % of new sequences.  The rate is three times that of the paper, where runs had five
million updates.
"""

import time

import numpy as np
from _report import options, report
from _training import descend
from tqdm import tqdm

import tinygrad_rnn as tg
from tinygrad_rnn.data import temporal_order
from tinygrad_rnn.errors import NonFiniteError
from tinygrad_rnn.functional import cross_entropy

HIDDEN, BATCH, RATE, THRESHOLD = 50, 20, 0.03, 1.0
LENGTHS, STARTS, UPDATES, EVERY = (30, 50, 70), 4, 10_000, 250


def network(rng: np.random.Generator) -> tuple[tg.nn.RNNCell, tg.nn.Readout]:
    """Weights normal with deviation 0.1, the recurrent ones orthogonal, biases 0."""
    cell = tg.nn.RNNCell(6, HIDDEN, rng=rng, dtype=np.float32)
    readout = tg.nn.Readout(HIDDEN, 4, rng=rng, dtype=np.float32)
    for p in (*cell.parameters(), *readout.parameters()):
        p.data = (0.1 * rng.standard_normal(p.shape) if p.ndim == 2 else np.zeros(p.shape)).astype(np.float32)
    cell.W_hh.data, _ = np.linalg.qr(cell.W_hh.data)
    return cell, readout


def succeeds(T: int, clip: bool, updates: int, rng: np.random.Generator) -> bool:
    """Whether one run of descent ends with fewer than 1 % of 1,000 new sequences wrong."""
    cell, readout = network(rng)
    optimizer = tg.optim.SGD([*cell.parameters(), *readout.parameters()], lr=RATE)
    test_xs, test_targets = temporal_order(T, 1_000, rng=rng, dtype=np.float32)
    for n in range(1, updates + 1):
        xs, targets = temporal_order(T, BATCH, rng=rng, dtype=np.float32)
        hs, _ = tg.scan(cell, xs)
        try:
            descend(cross_entropy(readout(hs[-1]), targets), optimizer, THRESHOLD if clip else np.inf)
        except NonFiniteError:
            return False
        if n % EVERY == 0:
            with tg.no_grad():
                hs, _ = tg.scan(cell, test_xs)
            if np.mean(readout(hs[-1]).data.argmax(axis=-1) != test_targets) < 0.01:
                return True
    return False


def main() -> None:
    """Count the successes for each length, print and draw them side by side."""
    chosen = options(__doc__)
    started = time.perf_counter()
    lengths, starts, updates = ((10, 12), 1, 2) if chosen.quick else (LENGTHS, STARTS, UPDATES)
    rates: dict[bool, list[float]] = {False: [], True: []}
    with tqdm(total=2 * starts * len(lengths), unit="run") as progress:
        for T in lengths:
            for clip, rate in rates.items():
                wins = 0
                for seed in range(starts):
                    progress.set_description(f"T = {T}, {'clipped' if clip else 'plain'}")
                    wins += succeeds(T, clip, updates, np.random.default_rng((chosen.seed, T, seed)))
                    progress.update()
                rate.append(100 * wins / starts)
    rows = [
        (f"T = {T}: successes, plain / clipped", "lower / higher", f"{rates[False][i]:.0f} % / {rates[True][i]:.0f} %")
        for i, T in enumerate(lengths)
    ]
    report(rows, started)
    figure = tg.draw.curves(
        [
            tg.draw.Curve("clipped", lengths, rates[True]),
            tg.draw.Curve("plain", lengths, rates[False]),
        ],
        title="Temporal order: runs that succeed",
        x_label="length T of the sequences",
        y_label="runs with fewer than 1 % errors, %",
        y_range=(0.0, 100.0),
        note=f"tanh RNN, H = {HIDDEN}, gradient descent at rate {RATE}, {starts} starts each, {updates:,} updates",
    )
    print("wrote", figure.save("temporal_order.svg"))


if __name__ == "__main__":
    main()
