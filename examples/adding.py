"""The adding problem: LSTM, GRU and IRNN learn to add two numbers that were marked long ago; a tanh
RNN hardly does.

    python examples/adding.py

T = 100 steps, two of them marked, one in each half; always predicting 1 has a mean squared error of
1/6. Arjovsky, Shah and Bengio (2016), arXiv:1511.06464; the IRNN, ReLU with the identity for W_hh,
is of Le, Jaitly and Hinton (2015), arXiv:1504.00941.
"""

import time
from functools import partial
from typing import Any

import numpy as np
from _report import options, report
from _training import descend
from tqdm import tqdm

import tinygrad_rnn as tg
from tinygrad_rnn.data import adding_problem
from tinygrad_rnn.functional import mean_squared_error, relu

STEPS, HIDDEN, BATCH, UPDATES, EVERY = 100, 64, 50, 4_000, 100
BASELINE, SOLVED = 1 / 6, 0.01


def irnn(inputs: int, hidden: int, *, rng: np.random.Generator, dtype: Any) -> tg.nn.RNNCell:
    """An RNN of rectified linear units that begins by remembering everything: W_hh = 1, b_h = 0."""
    cell = tg.nn.RNNCell(inputs, hidden, relu, rng=rng, dtype=dtype)
    cell.W_hh.data, cell.b_h.data = np.eye(hidden, dtype=dtype), np.zeros(hidden, dtype)
    return cell


PUBLISHED = {"LSTM": "solved", "GRU": "-", "IRNN": "solved", "tanh RNN": "-"}
CELLS = {
    "LSTM": partial(tg.nn.LSTMCell, forget_bias=1.0),
    "GRU": tg.nn.GRUCell,
    "IRNN": irnn,
    "tanh RNN": tg.nn.RNNCell,
}
RATES = {"LSTM": 5e-3, "GRU": 5e-3, "IRNN": 1e-3, "tanh RNN": 1e-3}


def learn(name: str, steps: int, updates: int, rng: np.random.Generator) -> dict[int, float]:
    """{updates: mean squared error on 1,000 new sequences}, until it is below SOLVED."""
    cell = CELLS[name](2, HIDDEN, rng=rng, dtype=np.float32)
    readout = tg.nn.Readout(HIDDEN, 1, rng=rng, dtype=np.float32)
    optimizer = tg.optim.Adam([*cell.parameters(), *readout.parameters()], lr=RATES[name])
    test_xs, test_targets = adding_problem(steps, 1_000, rng=rng, dtype=np.float32)
    errors: dict[int, float] = {}
    for n in (progress := tqdm(range(updates + 1), desc=name, unit="update", leave=False)):
        if n % EVERY == 0:
            with tg.no_grad():
                hs, _ = tg.scan(cell, test_xs)
                errors[n] = mean_squared_error(readout(hs[-1]), test_targets).item()
            progress.set_postfix(mse=f"{errors[n]:.4f}", refresh=False)
            if errors[n] < SOLVED:
                break
        xs, targets = adding_problem(steps, BATCH, rng=rng, dtype=np.float32)
        hs, _ = tg.scan(cell, xs)
        descend(mean_squared_error(readout(hs[-1]), targets), optimizer, max_norm=1.0)
    return errors


def main() -> None:
    """Train the four, print their errors, draw how they fell."""
    chosen = options(__doc__)
    started, rng = time.perf_counter(), np.random.default_rng(chosen.seed)
    steps, updates = (10, 2) if chosen.quick else (STEPS, UPDATES)
    _, targets = adding_problem(steps, 100_000, rng=rng)
    rows, lines = [("always 1", f"{BASELINE:.4f}", f"{np.mean((targets - 1) ** 2):.4f}")], []
    for name in CELLS:
        errors = learn(name, steps, updates, rng)
        n, best = min(errors.items(), key=lambda item: item[1])
        rows.append(
            (f"{name}, mean squared error", PUBLISHED[name], f"{best:.4f} after {n} updates")
        )
        lines.append(tg.draw.Curve(name, list(errors), list(errors.values())))
    report(rows, started)
    longest = max(max(line.x) for line in lines)
    lines.append(
        tg.draw.Curve("always 1", [0, longest], [BASELINE, BASELINE], dotted=True, color="#57606A")
    )
    figure = tg.draw.curves(
        lines,
        title=f"Adding problem, T = {steps}",
        x_label=f"updates, {BATCH} sequences each",
        y_label="mean squared error",
        log=True,
        note=f"H = {HIDDEN}; a curve ends when its error is below {SOLVED}",
    )
    print("wrote", figure.save("adding.svg"))


if __name__ == "__main__":
    main()
