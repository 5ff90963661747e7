"""Copy memory: over which wait LSTM and tanh RNN can hold ten symbols, and where they stay at guessing.

    python examples/copy_memory.py

Ten symbols out of eight kinds are to be written out after a delay.  Without memory the best mean cross-entropy is
10 ln 8 / (delay + 20): Arjovsky, Shah and Bengio (2016), arXiv:1511.06464.
"""

import time
from functools import partial

import numpy as np
from _report import options, report
from _training import descend
from tqdm import tqdm

import tinygrad_rnn as tg
from tinygrad_rnn.data import copy_memory, copy_memory_baseline
from tinygrad_rnn.functional import cross_entropy

HIDDEN, BATCH, UPDATES, EVERY = 64, 20, 16_000, 400
DELAYS = (5, 20, 100)
CELLS = {"LSTM": partial(tg.nn.LSTMCell, forget_bias=1.0), "tanh RNN": tg.nn.RNNCell}


def learn(name: str, delay: int, updates: int, rng: np.random.Generator) -> dict[int, float]:
    """{updates: mean cross-entropy on 200 new sequences, as a share of the baseline}."""
    cell = CELLS[name](10, HIDDEN, rng=rng, dtype=np.float32)
    readout = tg.nn.Readout(HIDDEN, 10, rng=rng, dtype=np.float32)
    optimizer = tg.optim.Adam([*cell.parameters(), *readout.parameters()], lr=0.01)
    test_xs, test_targets = copy_memory(delay, 200, rng=rng, dtype=np.float32)
    shares: dict[int, float] = {}
    for n in (progress := tqdm(range(updates + 1), desc=f"{name}, delay {delay}", unit="update", leave=False)):
        if n % EVERY == 0:
            with tg.no_grad():
                hs, _ = tg.scan(cell, test_xs)
                loss = cross_entropy(readout(hs), test_targets).item()
            shares[n] = loss / copy_memory_baseline(delay)
            progress.set_postfix(share=f"{shares[n]:.3f}", refresh=False)
            if shares[n] < 0.01:
                break
        xs, targets = copy_memory(delay, BATCH, rng=rng, dtype=np.float32)
        hs, _ = tg.scan(cell, xs)
        descend(cross_entropy(readout(hs), targets), optimizer, max_norm=1.0)
    return shares


def main() -> None:
    """Train both for each delay, print where they come, draw how."""
    chosen = options(__doc__)
    started, rng = time.perf_counter(), np.random.default_rng(chosen.seed)
    rows, lines = [], []
    for delay in (3,) if chosen.quick else DELAYS:
        baseline = copy_memory_baseline(delay)
        rows.append((f"delay {delay}: without memory", f"{10 * np.log(8) / (delay + 20):.4f}", f"{baseline:.4f}"))
        for name in CELLS:
            shares = learn(name, delay, 2 if chosen.quick else UPDATES, rng)
            rows.append((f"delay {delay}: {name}", "-", f"{min(shares.values()) * baseline:.4f}"))
            lines.append(tg.draw.Curve(f"{name}, delay {delay}", list(shares), list(shares.values())))
    report(rows, started)
    longest = max(max(line.x) for line in lines)
    lines.append(tg.draw.Curve("without memory", [0, longest], [1, 1], dotted=True, color="#57606A"))
    figure = tg.draw.curves(
        lines,
        title="Copy memory",
        x_label=f"updates, {BATCH} sequences each",
        y_label="mean cross-entropy as a share of 10 ln 8 / (delay + 20)",
        y_range=(0.0, 1.5),
        note=f"H = {HIDDEN}",
    )
    print("wrote", figure.save("copy_memory.svg"))


if __name__ == "__main__":
    main()
