"""An operation of your own: the inverse square root unit (Carlile et al. 2017, arXiv:1710.09967),
checked and drawn.

    python examples/own_op.py

It looks like tanh but needs no exponential.  One line of calculus makes it an operation; gradients
of every order, the check against finite differences and its box in the pictures come with it.
"""

import numpy as np

import tinygrad_rnn as tg


@tg.primitive
def isru(x):
    """x / sqrt(1 + x^2), elementwise: between -1 and 1."""
    return x / np.sqrt(1.0 + x * x)


tg.defvjp(isru, lambda g, y, x: g * (1.0 - y * y) ** 1.5)  # 1 - y^2 = 1 / (1 + x^2)


def main() -> None:
    """Check the rule, compare its reach with tanh's, draw an RNN made of it."""
    rng = np.random.default_rng(0)
    tg.check_grads(isru, [rng.standard_normal((2, 3))], order=3)
    print("its derivatives agree with finite differences to order 3")

    xs, targets = rng.standard_normal((4, 2)), rng.standard_normal((4, 1))
    for f in (np.tanh, isru):
        cell = tg.nn.RNNCell(2, 3, f=f, rng=np.random.default_rng(1))
        readout = tg.nn.Readout(3, 1, rng=np.random.default_rng(2))
        run = tg.unroll(
            cell, xs, readout=readout, loss=tg.functional.half_squared_error, targets=targets
        )
        reach = tg.gradient_flow(run.losses, run.states).norms()[3, 0]
        print(f"{f.__name__:>5}: norm of dL_4/dh_4 . dh_4/dh_1 is {reach:.4f}")
    print("wrote", tg.draw.ops(run).save("own_op.svg"))


if __name__ == "__main__":
    main()
