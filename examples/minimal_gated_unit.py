"""A cell of your own: the minimal gated unit (Zhou et al. 2016, arXiv:1603.09420) in plain NumPy.

    cd examples
    tinygrad-rnn demo --cell minimal_gated_unit:MinimalGatedUnit

draws its gradient paths.  All that a cell needs is to map (x, state) to state; the class adds where
its weights come from and the state it starts with.
"""

import numpy as np

import tinygrad_rnn as tg
from tinygrad_rnn.functional import sigmoid


class MinimalGatedUnit:
    """One step: f = sigmoid(x W_f + h U_f + b_f), h' = (1 - f) * h + f * tanh(x W_n + (f * h) U_n +
    b_n).
    """

    def __init__(self, inputs: int, hidden: int, *, rng: np.random.Generator):
        def weight(name: str, *shape: int) -> tg.Tensor:
            return tg.Tensor(
                rng.uniform(-1, 1, shape) / np.sqrt(hidden), requires_grad=True, name=name
            )

        self.hidden = hidden
        self.W_f, self.W_n = weight("W_f", inputs, hidden), weight("W_n", inputs, hidden)
        self.U_f, self.U_n = weight("U_f", hidden, hidden), weight("U_n", hidden, hidden)
        self.b_f, self.b_n = weight("b_f", hidden), weight("b_n", hidden)

    def initial_state(self, batch: tuple[int, ...]) -> np.ndarray:
        """Zeros."""
        return np.zeros((*batch, self.hidden))

    def __call__(self, x, h):
        """h_t from x_t and h_(t-1)."""
        f = sigmoid(x @ self.W_f + h @ self.U_f + self.b_f)
        return (1.0 - f) * h + f * np.tanh(x @ self.W_n + (f * h) @ self.U_n + self.b_n)


def main() -> None:
    """Draw where dL/dh_1 of an untrained unit comes from."""
    rng = np.random.default_rng(0)
    cell, readout = MinimalGatedUnit(1, 4, rng=rng), tg.nn.Readout(4, 1, rng=rng)
    wave = np.sin(0.7 * np.arange(7))[:, None]
    run = tg.unroll(
        cell, wave[:-1], readout=readout, loss=tg.functional.half_squared_error, targets=wave[1:]
    )
    print("wrote", tg.draw.paths(run, t=1).save("minimal_gated_unit.svg"))


if __name__ == "__main__":
    main()
