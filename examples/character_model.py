"""A character model of an English text against counting: bits per character of an LSTM and of
n-gram models.

    python examples/character_model.py

The text is the help topics that come with every Python; its last tenth is held out.  The loss
starts at ln V, the entropy of V equally likely characters.  Counting is done by interpolated
n-grams: Witten and Bell (1991),
doi:10.1109/18.87000.  Texts differ from one version of Python to the next, and so do the figures.
"""

import time
from collections.abc import Iterator

import numpy as np
from _report import options, report
from _training import descend
from tqdm import tqdm

import tinygrad_rnn as tg
from tinygrad_rnn.data import NGram, Vocabulary, columns, one_hot, python_topics, segments
from tinygrad_rnn.functional import cross_entropy

HIDDEN, BATCH, STEPS, PASSES, RATE = 256, 32, 50, 10, 0.004
ORDERS = (1, 2, 3, 4, 5)
LN2 = np.log(2)


class CharacterModel(tg.nn.Module):
    """An LSTM that reads characters as unit vectors, and a linear read-out of the next one."""

    def __init__(
        self, size: int, hidden: int, *, rng: np.random.Generator, dtype: type = np.float32
    ):
        self.size, self.dtype = size, dtype
        self.cell = tg.nn.LSTMCell(size, hidden, rng=rng, dtype=dtype, forget_bias=1.0)
        self.readout = tg.nn.Readout(hidden, size, rng=rng, dtype=dtype)

    def loss(
        self, symbols: np.ndarray, following: np.ndarray, state: tuple | None
    ) -> tuple[tg.Tensor, tuple]:
        """Mean cross-entropy in nats of the symbols that follow, (T, B) each, and the state to go
        on from.
        """
        hs, (h, c) = tg.scan(self.cell, one_hot(symbols, self.size, self.dtype), state)
        return cross_entropy(self.readout(hs), following), (h.detach(), c.detach())


def learn(model: CharacterModel, optimizer: tg.optim.Optimizer, pieces: list) -> Iterator[float]:
    """One pass: truncated backpropagation, the state carried from segment to segment; yields the
    losses.
    """
    state = None
    for symbols, following in pieces:
        loss, state = model.loss(symbols, following, state)
        yield descend(loss, optimizer, max_norm=1.0)


def bits(model: CharacterModel, pieces: list) -> float:
    """Bits per character, without training."""
    state, losses = None, []
    with tg.no_grad():
        for symbols, following in pieces:
            loss, state = model.loss(symbols, following, state)
            losses.append(loss.item())
    return float(np.mean(losses)) / LN2


def main() -> None:
    """Train, compare with counting, draw the learning curve."""
    chosen = options(__doc__)
    started, rng = time.perf_counter(), np.random.default_rng(chosen.seed)
    text = python_topics()[: 20_000 if chosen.quick else None]
    hidden, passes = (8, 2) if chosen.quick else (HIDDEN, PASSES)
    vocabulary = Vocabulary(text)
    stream, size = vocabulary.encode(text), len(vocabulary)
    train, test = stream[: -len(stream) // 10], stream[-len(stream) // 10 :]
    pieces = list(segments(columns(train, BATCH), STEPS))
    held_out = list(segments(columns(test, 8), STEPS))
    model = CharacterModel(size, hidden, rng=rng)
    optimizer = tg.optim.Adam(model, lr=RATE)
    curve = {0: bits(model, held_out)}
    with tqdm(total=passes * len(pieces), desc="training", unit="update", leave=False) as progress:
        for n in range(1, passes + 1):
            if n > passes - 3:  # the last ones slower and slower
                optimizer.param_groups[0]["lr"] /= 2
            for loss in learn(model, optimizer, pieces):
                progress.set_postfix(bits=f"{loss / LN2:.3f}", refresh=False)
                progress.update()
            curve[n] = bits(model, held_out)
    counted = {order: NGram(train, order, size).bits(test) for order in ORDERS}
    rows = [
        (
            "before training, bits per character",
            f"log2 {size} = {np.log2(size):.3f}",
            f"{curve[0]:.3f}",
        )
    ]
    rows += [(f"counting, order {order}", "-", f"{value:.3f}") for order, value in counted.items()]
    rows.append((f"LSTM, H = {hidden}, after {passes} passes", "-", f"{curve[passes]:.3f}"))
    report(rows, started, "exact")
    lines = [tg.draw.Curve("LSTM", list(curve), list(curve.values()))]
    for order, color in zip((1, 3, 5), ("#8C959F", "#57606A", "#1F2328"), strict=True):
        lines.append(
            tg.draw.Curve(
                f"counting, order {order}", [0, passes], [counted[order]] * 2, True, color
            )
        )
    figure = tg.draw.curves(
        lines,
        title="Characters: bits for each on text that was held out",
        x_label=f"passes through {len(train):,} characters",
        y_label="bits per character",
        note=(
            f"LSTM, H = {hidden}, truncated backpropagation over {STEPS} steps; V "
            f"= {size} characters"
        ),
    )
    print("wrote", figure.save("character_model.svg"))


if __name__ == "__main__":
    main()
