"""Letter sequences (Elman 1990, doi:10.1207/s15516709cog1402_1): vowels can be known, consonants
cannot.

    python examples/letters.py

Consonants b, d, g come at random, each with its vowels: ba, dii, guuu.  An Elman RNN with 20 hidden
states predicts the six phonetic features of the next letter.  Low errors at the vowels and high
ones at the consonants show where a syllable ends; of a consonant the feature "consonant" is known
and the feature "high" is not.
"""

import time

import numpy as np
from _report import options, report
from _training import descend
from tqdm import tqdm

import tinygrad_rnn as tg
from tinygrad_rnn.data import LETTER_FEATURES, columns, letter_sequence, letter_vectors, segments

HIDDEN, BATCH, STEPS = 20, 10, 30
SHOWN = slice(40, 70)  # letters in the picture


def main() -> None:
    """Train, then print and draw the error letter by letter."""
    chosen = options(__doc__)
    started, rng = time.perf_counter(), np.random.default_rng(chosen.seed)
    cell = tg.nn.RNNCell(6, HIDDEN, rng=rng)
    readout = tg.nn.Readout(HIDDEN, 6, tg.functional.sigmoid, rng=rng)
    optimizer = tg.optim.Adam([*cell.parameters(), *readout.parameters()], lr=0.01)
    side_by_side = columns(letter_vectors(letter_sequence(1_000, rng=rng)), BATCH)
    for _ in tqdm(range(2 if chosen.quick else 60), desc="training", unit="pass"):
        state = None
        for xs, targets in segments(side_by_side, STEPS):
            hs, state = tg.scan(cell, xs, state)
            state = state.detach()
            descend(tg.functional.mean_squared_error(readout(hs), targets), optimizer)

    letters = letter_sequence(200, rng=rng)
    vectors = letter_vectors(letters)
    hs, _ = tg.scan(cell, vectors[:-1, None])
    squares = (readout(hs).data[:, 0] - vectors[1:]) ** 2  # of letters 2 .. T
    errors, vowel = np.sqrt(squares.mean(axis=1)), vectors[1:, LETTER_FEATURES.index("vowel")] == 1
    of_consonants = dict(zip(LETTER_FEATURES, np.sqrt(squares[~vowel].mean(axis=0)), strict=True))
    rows = [
        ("error at vowels, root mean square", "low", f"{np.sqrt(squares[vowel].mean()):.3f}"),
        ("error at consonants", "high", f"{np.sqrt(squares[~vowel].mean()):.3f}"),
        ('feature "consonant" of a consonant', "low", f"{of_consonants['consonant']:.3f}"),
        ('feature "high" of a consonant', "high", f"{of_consonants['high']:.3f}"),
    ]
    report(rows, started)
    figure = tg.draw.curves(
        [tg.draw.Curve("Elman RNN", range(42, 72), errors[SHOWN], names=letters[1:][SHOWN])],
        title="Letters: the error of predicting the next one",
        x_label="place in the sequence",
        y_label="root mean squared error over six features",
        y_range=(-0.05, 0.35),
        note="beside each point the letter that came; errors rise where a new syllable begins",
    )
    print("wrote", figure.save("letters.svg"))


if __name__ == "__main__":
    main()
