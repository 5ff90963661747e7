"""Temporal XOR (Elman 1990, doi:10.1207/s15516709cog1402_1): the error falls at every third bit,
which can be known.

    python examples/temporal_xor.py

An Elman RNN predicts the next of 3,000 bits; the stream is read in segments and the hidden state is
carried on.
"""

import time

import numpy as np
from _report import options, report
from _training import descend
from tqdm import tqdm

import tinygrad_rnn as tg
from tinygrad_rnn.data import columns, segments, temporal_xor

HIDDEN, BATCH, STEPS = 8, 10, 30


def squared_errors(cell: tg.nn.RNNCell, readout: tg.nn.Readout, bits: np.ndarray) -> np.ndarray:
    """(prediction - bit)^2 for the second bit to the last, (T - 1,)."""
    hs, _ = tg.scan(cell, bits[:-1, None])
    return ((readout(hs).data[:, 0] - bits[1:]) ** 2)[:, 0]


def main() -> None:
    """Train, then print and draw the error by place."""
    chosen = options(__doc__)
    started, rng = time.perf_counter(), np.random.default_rng(chosen.seed)
    cell = tg.nn.RNNCell(1, HIDDEN, rng=rng)
    readout = tg.nn.Readout(HIDDEN, 1, tg.functional.sigmoid, rng=rng)
    optimizer = tg.optim.Adam([*cell.parameters(), *readout.parameters()], lr=0.01)
    side_by_side = columns(temporal_xor(1_000, rng=rng), BATCH)  # 300 rows
    for _ in tqdm(range(2 if chosen.quick else 60), desc="training", unit="pass"):
        state = None
        for xs, targets in segments(side_by_side, STEPS):
            hs, state = tg.scan(cell, xs, state)
            state = state.detach()
            descend(tg.functional.mean_squared_error(readout(hs), targets), optimizer)

    errors = squared_errors(cell, readout, temporal_xor(1_001, rng=rng))[2:]  # from a first bit on
    by_place = np.sqrt(errors[: len(errors) // 12 * 12].reshape(-1, 12).mean(axis=0))
    first, second, third = np.sqrt(errors.reshape(-1, 3).mean(axis=0))
    rows = [
        ("error of the first bit, root mean square", "about 0.5", f"{first:.3f}"),
        ("error of the second bit", "about 0.5", f"{second:.3f}"),
        ("error of the third bit, their exclusive or", "lower", f"{third:.3f}"),
    ]
    report(rows, started)
    places = range(1, 13)
    figure = tg.draw.curves(
        [
            tg.draw.Curve("Elman RNN", places, by_place, names=["", "", "xor"] * 4),
            tg.draw.Curve("guessing 1/2", places, np.full(12, 0.5), dotted=True),
        ],
        title="Temporal XOR: the error of predicting the next bit",
        x_label="place of the predicted bit, in cycles of 12",
        y_label="root mean squared error",
        y_range=(0.0, 0.6),
        note="every third bit is the exclusive or of the two before it; the others are random",
    )
    print("wrote", figure.save("temporal_xor.svg"))


if __name__ == "__main__":
    main()
