"""The same RNN with recurrent weights of spectral radius 0.5, 1 and 1.5: gradients vanish, last, or
explode.

    python examples/vanishing_exploding.py

writes three maps, three heat maps, and curves that show how far a loss reaches back: the norm of
dL_k/dh_k . dh_k/dh_t against k - t, with the bound of Pascanu, Mikolov and Bengio (2013),
arXiv:1211.5063, section 2, and an LSTM and a GRU beside it.
"""

import time
from functools import partial
from typing import Any

import numpy as np
from _report import options, report

import tinygrad_rnn as tg

RADII = (0.5, 1.0, 1.5)
WIDE = 64  # states of the networks in the curves


def network(
    radius: float, steps: int = 10, hidden: int = 6, seed: int = 0, scale: float = 0.001
) -> tg.Unrolled:
    """An RNN whose W_hh is `radius` times an orthogonal matrix; inputs of a small scale keep tanh
    nearly linear.
    """
    rng = np.random.default_rng(seed)
    cell, readout = tg.nn.RNNCell(1, hidden, rng=rng), tg.nn.Readout(hidden, 1, rng=rng)
    orthogonal, _ = np.linalg.qr(rng.standard_normal((hidden, hidden)))
    cell.W_hh.data = radius * orthogonal
    cell.b_h.data = np.zeros(hidden)
    xs = scale * rng.standard_normal((steps, 1))
    targets = rng.standard_normal((steps, 1))
    return tg.unroll(
        cell, xs, readout=readout, loss=tg.functional.half_squared_error, targets=targets
    )


def gated(make: Any, steps: int, hidden: int, seed: int = 0) -> tg.Unrolled:
    """An LSTM or a GRU before training."""
    rng = np.random.default_rng(seed)
    cell, readout = make(1, hidden, rng=rng), tg.nn.Readout(hidden, 1, rng=rng)
    xs, targets = rng.standard_normal((steps, 1)), rng.standard_normal((steps, 1))
    return tg.unroll(
        cell, xs, readout=readout, loss=tg.functional.half_squared_error, targets=targets
    )


def reach(run: tg.Unrolled) -> np.ndarray:
    """|dL_T/dh_T . dh_T/dh_t| / |dL_T/dh_T| for t = T, T - 1 .. 1."""
    norms = tg.gradient_flow(run.losses, run.states).norms()[-1, ::-1]
    return norms / norms[0]


def main() -> None:
    """Print and draw the three, and how far each reaches."""
    steps = 15 if options(__doc__).quick else 60
    started = time.perf_counter()
    rows, lines, far = [], [], range(steps)
    for radius, color in zip(RADII, ("#2A6BB5", "#1F2328", "#D55E00"), strict=True):
        for name, draw in (("paths", tg.draw.paths), ("heatmap", tg.draw.heatmap)):
            print("wrote", draw(network(radius), t=1).save(f"radius_{radius}_{name}.svg"))
        near_zero, measured = reach(network(radius)), reach(network(radius, steps, WIDE, scale=1.0))
        bound = radius ** np.arange(
            steps
        )  # the largest singular value of W_hh, times the largest slope of tanh, 1
        assert np.all(measured <= bound * (1 + 1e-9))
        rows.append(
            (
                f"radius {radius}, factor of a step near h = 0",
                f"{radius}",
                f"{near_zero[1] / near_zero[0]:.4f}",
            )
        )
        rows.append(
            (
                f"radius {radius}, after {steps - 1} steps",
                f"<= {bound[-1]:.2g}",
                f"{measured[-1]:.2g}",
            )
        )
        lines.append(tg.draw.Curve(f"RNN, radius {radius}", far, measured, color=color))
        lines.append(
            tg.draw.Curve(
                f"bound, {radius}^(k \N{MINUS SIGN} t)", far, bound, dotted=True, color=color
            )
        )
    for name, make, color in (
        ("LSTM", partial(tg.nn.LSTMCell, forget_bias=1.0), "#009E73"),
        ("GRU", tg.nn.GRUCell, "#B5548A"),
    ):
        measured = reach(gated(make, steps, WIDE))
        rows.append((f"{name}, after {steps - 1} steps", "no bound", f"{measured[-1]:.2g}"))
        lines.append(tg.draw.Curve(name, far, measured, color=color))
    report(rows, started, against="theory")
    figure = tg.draw.curves(
        lines,
        title="How far a loss reaches back",
        x_label="k \N{MINUS SIGN} t, in steps",
        y_label="‖∂L_k/∂h_k · ∂h_k/∂h_t‖, relative to k = t",
        log=True,
        y_range=(1e-9, 1e6),
        note=(
            f"untrained networks, H = {WIDE}, standard normal inputs; dotted: the "
            f"bound of Pascanu et al. (2013)"
        ),
    )
    print("wrote", figure.save("vanishing_exploding.svg"))


if __name__ == "__main__":
    main()
