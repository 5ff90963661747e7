"""Truncated backpropagation with the wrong sign: influence balancing (Tallec and Ollivier 2017,
arXiv:1702.05043).

    python examples/influence_balancing.py

23 states are linked in a chain.  One parameter pushes the first 10 up and the other 13 down, and
everything flows toward the first state.  A gradient that reaches back fewer than 41 steps sees
mostly the states that are pushed up and has the wrong sign; the whole gradient is -6.
"""

import time

import numpy as np
from _report import options, report

import tinygrad_rnn as tg
from tinygrad_rnn.data import influence_balancing

WINDOWS = {10: "+10", 20: "+16.476", 40: "+0.566", 41: "negative"}


def influence(steps: int) -> tuple[tg.GradientFlow, np.ndarray]:
    """The gradient flow of s_T[0] over T steps, and ds_T[0]/dtheta with windows of 1 .. T, (T,)."""
    A, signs = influence_balancing(n=23, p=10)
    theta = tg.Tensor(0.0, requires_grad=True, name="theta")
    run = tg.unroll(lambda _, s: s @ A.T + theta * signs, np.zeros((steps, 1)), np.zeros(23))
    flow = tg.gradient_flow(run.states[-1][0], run.states)
    return flow, np.cumsum(flow.contribution(theta)[::-1])


def main() -> None:
    """Print and draw the gradient for each window."""
    options(__doc__)
    started = time.perf_counter()
    _, truncated = influence(200)
    full = truncated[-1]
    right = int(np.max(np.flatnonzero(np.sign(truncated) != np.sign(full)))) + 2
    rows = [("whole gradient ds[0]/dtheta", "-6", f"{full:+.6f}")]
    rows += [
        (f"truncated after {w} steps", exact, f"{truncated[w - 1]:+.3f}")
        for w, exact in WINDOWS.items()
    ]
    report([*rows, ("right sign from this window on", "41", str(right))], started, against="exact")
    windows = range(1, 81)
    figure = tg.draw.curves(
        [
            tg.draw.Curve("truncated", windows, truncated[:80]),
            tg.draw.Curve("whole: \N{MINUS SIGN}6", windows, np.full(80, full), dotted=True),
            tg.draw.Curve("zero", windows, np.zeros(80), dotted=True, color="#57606A"),
        ],
        title="Influence balancing: the gradient by how far back it reaches",
        x_label="window of truncated BPTT, in steps",
        y_label="ds[0]/dθ",
        note=f"n = 23, p = 10; the sign is right from a window of {right} on",
    )
    print("wrote", figure.save("influence_balancing.svg"))


if __name__ == "__main__":
    main()
