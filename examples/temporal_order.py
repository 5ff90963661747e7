"""Temporal order with and without clipping of the gradient's norm (Pascanu, Mikolov and Bengio
2013, arXiv:1211.5063).

    python examples/temporal_order.py

A tanh RNN of 50 states reads T symbols and says in which order two of them came.  Stochastic
gradient descent with the rate, the batch and the threshold of the paper is run from several starts
for each T, once with the norm of the gradient clipped and once as it is; the two differ in nothing
else.  A third time it runs unclipped at a tenth of the rate. A run succeeds if it errs on fewer
than 1 % of new sequences.

The recurrent weights start as a rotation by small angles, the Cayley transform of an antisymmetric
matrix (Helfrich, Willmott and Ye 2018, arXiv:1707.09520): what was read neither fades nor turns
fast.  The paper starts from random weights and gives a run five million updates.
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
from tinygrad_rnn.nn.initialisers import normal

HIDDEN, BATCH, RATE, THRESHOLD = 50, 20, 0.01, 1.0
ARMS = {
    "clipped": (RATE, THRESHOLD),
    "plain": (RATE, np.inf),
    f"plain, rate {RATE / 10}": (RATE / 10, np.inf),
}
LENGTHS, STARTS, UPDATES, EVERY = (50, 100, 150, 200), 8, 5_000, 250


def network(rng: np.random.Generator) -> tuple[tg.nn.RNNCell, tg.nn.Readout]:
    """Weights normal with deviation 0.01 into the network and 0.1 out of it, a rotation between,
    biases 0.
    """
    cell = tg.nn.RNNCell(6, HIDDEN, rng=rng, dtype=np.float32)
    readout = tg.nn.Readout(HIDDEN, 4, rng=rng, dtype=np.float32)
    G = rng.standard_normal((HIDDEN, HIDDEN))
    A, eye = 0.1 * (G - G.T) / np.sqrt(2 * HIDDEN), np.eye(HIDDEN)
    cell.W_hh.data = np.linalg.solve(eye - A, eye + A).astype(np.float32)  # angles up to 0.4
    cell.W_xh = normal("W_xh", (6, HIDDEN), 0.01, rng, np.float32)
    readout.W_hy = normal("W_hy", (HIDDEN, 4), 0.1, rng, np.float32)
    for p in (cell.b_h, readout.b_y):
        p.data = np.zeros_like(p.data)
    return cell, readout


def succeeds(T: int, arm: str, updates: int, rng: np.random.Generator) -> bool:
    """Whether one run of descent comes below 1 % errors on 1,000 new sequences."""
    (rate, max_norm), (cell, readout) = ARMS[arm], network(rng)
    optimizer = tg.optim.SGD([*cell.parameters(), *readout.parameters()], lr=rate)
    test_xs, test_targets = temporal_order(T, 1_000, rng=rng, dtype=np.float32)
    for n in range(1, updates + 1):
        xs, targets = temporal_order(T, BATCH, rng=rng, dtype=np.float32)
        hs, _ = tg.scan(cell, xs)
        try:
            descend(cross_entropy(readout(hs[-1]), targets), optimizer, max_norm)
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
    wins: dict[str, list[int]] = {arm: [] for arm in ARMS}
    with tqdm(total=len(ARMS) * starts * len(lengths), unit="run") as progress:
        for T in lengths:
            for arm, counts in wins.items():
                progress.set_description(f"T = {T}, {arm}")
                counts.append(0)
                for seed in range(starts):
                    counts[-1] += succeeds(
                        T, arm, updates, np.random.default_rng((chosen.seed, T, seed))
                    )
                    progress.update()
    published = {"clipped": "higher", "plain": "lower"}
    report(
        [
            (f"T = {T}, {arm}", published.get(arm, "-"), f"{counts[i]} of {starts}")
            for i, T in enumerate(lengths)
            for arm, counts in wins.items()
        ],
        started,
    )
    figure = tg.draw.curves(
        [
            tg.draw.Curve(arm, lengths, [100 * n / starts for n in counts])
            for arm, counts in wins.items()
        ],
        title="Temporal order: runs that succeed",
        x_label="length T of the sequences",
        y_label="runs with fewer than 1 % errors, %",
        y_range=(0.0, 100.0),
        note=(
            f"tanh RNN, H = {HIDDEN}, gradient descent at rate {RATE} if no other "
            f"is named, {starts} starts each"
        ),
    )
    print("wrote", figure.save("temporal_order.svg"))


if __name__ == "__main__":
    main()
