"""Copy memory: over which wait LSTM and tanh RNN can hold ten symbols, and where they stay at
guessing.

    python examples/copy_memory.py

Ten symbols out of eight kinds are to be written out after a delay.  Without memory the best mean
cross-entropy is 10 ln 8 / (delay + 20): Arjovsky, Shah and Bengio (2016), arXiv:1511.06464.

The LSTM starts with time spans spread from 1 step to as many as a symbol must be held: the chrono
initialisation of Tallec and Ollivier (2018), arXiv:1804.11188.  Recurrent weights start orthogonal.
Adam's rate falls evenly to 0.
"""

import time

import numpy as np
from _report import options, report
from _training import descend
from tqdm import tqdm

import tinygrad_rnn as tg
from tinygrad_rnn.data import copy_memory, copy_memory_baseline
from tinygrad_rnn.functional import cross_entropy
from tinygrad_rnn.nn.initialisers import orthogonal

HIDDEN, BATCH, UPDATES, EVERY = 128, 20, 7_000, 250
DELAYS, CELLS = (5, 20, 100, 200), {"LSTM": tg.nn.LSTMCell, "tanh RNN": tg.nn.RNNCell}
RATES = {"LSTM": 0.01, "tanh RNN": 0.001}


def start(name: str, delay: int, rng: np.random.Generator) -> tg.nn.LSTMCell | tg.nn.RNNCell:
    """Orthogonal recurrent weights; for the LSTM biases log u of the forget gates and -log u of the
    input gates.
    """
    cell = CELLS[name](10, HIDDEN, rng=rng, dtype=np.float32)
    cell.W_hh = orthogonal("W_hh", cell.W_hh.shape, rng, np.float32, blocks=len(cell.gates) or 1)
    if name == "LSTM":
        span = np.log(
            rng.uniform(1, delay + 9, HIDDEN)
        )  # a symbol is wanted delay + 10 steps later
        cell.b_h.data = np.concatenate([-span, span, 0 * span, 0 * span]).astype(np.float32)
    return cell


def learn(name: str, delay: int, updates: int, rng: np.random.Generator) -> dict[int, float]:
    """{updates: mean cross-entropy on 200 new sequences, as a share of the baseline}."""
    cell = start(name, delay, rng)
    readout = tg.nn.Readout(HIDDEN, 10, rng=rng, dtype=np.float32)
    optimizer = tg.optim.Adam([*cell.parameters(), *readout.parameters()], lr=RATES[name])
    falling = tg.optim.LinearLR(optimizer, 1.0, 0.0, updates)
    test_xs, test_targets = copy_memory(delay, 200, rng=rng, dtype=np.float32)
    shares: dict[int, float] = {}
    for n in (
        progress := tqdm(
            range(updates + 1), desc=f"{name}, delay {delay}", unit="update", leave=False
        )
    ):
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
        falling.step()
    return shares


def main() -> None:
    """Train both for each delay, print where they come, draw how."""
    chosen = options(__doc__)
    started, rng = time.perf_counter(), np.random.default_rng(chosen.seed)
    rows, lines = [], []
    for delay in (3,) if chosen.quick else DELAYS:
        baseline = copy_memory_baseline(delay)
        rows.append(
            (
                f"delay {delay}: without memory",
                f"{10 * np.log(8) / (delay + 20):.4f}",
                f"{baseline:.4f}",
            )
        )
        for name in CELLS:
            shares = learn(name, delay, 2 if chosen.quick else UPDATES, rng)
            rows.append(
                (f"delay {delay}: {name}", "-", f"{list(shares.values())[-1] * baseline:.4f}")
            )
            left = next((f"{n:,}" for n, share in shares.items() if share < 0.95), "none")
            rows.append((f"delay {delay}: {name}, updates until 5 % below", "-", left))
            color = "" if name == "LSTM" else "#8C959F"
            lines.append(
                tg.draw.Curve(
                    f"{name}, delay {delay}", list(shares), list(shares.values()), color=color
                )
            )
    report(rows, started)
    longest = max(max(line.x) for line in lines)
    lines.append(
        tg.draw.Curve("without memory", [0, longest], [1, 1], dotted=True, color="#57606A")
    )
    figure = tg.draw.curves(
        lines,
        title="Copy memory",
        x_label=f"updates, {BATCH} sequences each",
        y_label="mean cross-entropy as a share of 10 ln 8 / (delay + 20)",
        y_range=(0.0, 1.2),
        note=f"H = {HIDDEN}, Adam with a rate that falls to 0",
    )
    print("wrote", figure.save("copy_memory.svg"))


if __name__ == "__main__":
    main()
