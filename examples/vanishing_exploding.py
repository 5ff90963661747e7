"""The same RNN with recurrent weights of spectral radius 0.5, 1 and 1.5: gradients vanish, last, or explode.

    python examples/vanishing_exploding.py

writes three maps and three heat maps and prints how the norm of dL_k/dh_k . dh_k/dh_1 goes with k - 1.
"""

import numpy as np

import tinygrad_rnn as tg


def network(radius: float, steps: int = 10, hidden: int = 6, seed: int = 0) -> tg.Unrolled:
    """An RNN near the linear part of tanh whose W_hh is `radius` times an orthogonal matrix."""
    rng = np.random.default_rng(seed)
    cell, readout = tg.nn.RNNCell(1, hidden, rng=rng), tg.nn.Readout(hidden, 1, rng=rng)
    orthogonal, _ = np.linalg.qr(rng.standard_normal((hidden, hidden)))
    cell.W_hh.data = radius * orthogonal
    cell.b_h.data = np.zeros(hidden)
    xs = 0.001 * rng.standard_normal((steps, 1))
    targets = rng.standard_normal((steps, 1))
    return tg.unroll(cell, xs, readout=readout, loss=tg.functional.half_squared_error, targets=targets)


def main() -> None:
    """Print and draw the three."""
    for radius in (0.5, 1.0, 1.5):
        run = network(radius)
        norms = tg.gradient_flow(run.losses, run.states).norms()
        ratios = norms[:, 0] / np.diag(norms)
        print(f"radius {radius}: |dL_k/dh_k . dh_k/dh_1| / |dL_k/dh_k| =", *(f"{r:.3g}" for r in ratios))
        for name, figure in (("paths", tg.draw.paths(run, t=1)), ("heatmap", tg.draw.heatmap(run, t=1))):
            print("wrote", figure.save(f"radius_{radius}_{name}.svg"))


if __name__ == "__main__":
    main()
