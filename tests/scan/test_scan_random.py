"""Cells drawn at random from the table of operations: `scan` against the unrolled tape."""

import numpy as np
import pytest
from support.scans import agree
from support.stress_cells import Case, Draw

import tinygrad_rnn as tg
from tinygrad_rnn.functional import log_softmax, logsumexp, relu, sigmoid, softmax, softplus

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

# Every operation keeps values (B, H), of moderate size; `p` draws a new parameter.
ONE = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": relu,
    "softplus": softplus,
    "sin": np.sin,
    "exp": lambda a: np.exp(-a * a),
    "log1p": lambda a: np.log1p(a * a),
    "sqrt": lambda a: np.sqrt(a * a + 0.5),
    "power": lambda a: (0.1 * a) ** 3,
    "reciprocal": lambda a: 1.0 / (1.0 + a * a),
    "negative": np.negative,
    "clip": lambda a: np.clip(a, -0.5, 0.5),
    "softmax": softmax,
    "log_softmax": lambda a: log_softmax(a, axis=-1),
    "centred": lambda a: a - np.mean(a, axis=-1, keepdims=True),
    "normed": lambda a: a / np.sqrt(np.mean(a * a, axis=-1, keepdims=True) + 0.1),
    "largest": lambda a: a * np.max(a, axis=-1, keepdims=True),
    "logsumexp": lambda a: a - logsumexp(a, axis=-1, keepdims=True),
    "sorted": lambda a: np.sort(a, axis=-1) * a,
    "looked up": lambda a: a + a[np.arange(a.shape[0]), np.argmin(a, axis=-1)][:, None],
    "rows looked up": lambda a: a + np.tanh(a[np.argmax(a, axis=0)[0]]),
    "batch sum": lambda a: a + 0.1 * np.sum(a, axis=0),
    "reversed": lambda a: a[:, ::-1],
    "permuted": lambda a: a[:, np.arange(a.shape[1]) // 2],
    "moved": lambda a: np.swapaxes(np.reshape(a, (a.shape[0], 1, -1)), 0, 1)[0],
    "transposed": lambda a: (0.5 * a.T).T,
    "halves": lambda a: np.concatenate([np.tanh(a[:, :1]), a[:, 1:] * a[:, :1]], axis=-1),
    "stacked": lambda a: np.sum(np.stack([a, np.cos(a)], axis=1), axis=1),
}
TWO = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": lambda a, b: np.tanh(a) * b,
    "divide": lambda a, b: a / (1.0 + b * b),
    "maximum": np.maximum,
    "where": lambda a, b: np.where(a > b, a, 0.5 * b),
    "blend": lambda a, b: (1.0 - sigmoid(a)) * np.tanh(b) + sigmoid(a) * a,
}
PARAMETER = {
    "product": (lambda a, W: np.tanh(a @ W), "square"),
    "scaled": (lambda a, w: a * w, "row"),
    "shifted": (lambda a, w: a + w, "row"),
    "gated": (
        lambda a, W: sigmoid((a @ W)[:, : a.shape[1]]) * np.tanh((a @ W)[:, a.shape[1] :]),
        "wide",
    ),
}

steps = st.lists(
    st.tuples(
        st.sampled_from([*ONE, *TWO, *PARAMETER]),
        st.integers(0, 50),
        st.integers(0, 50),  # which values it takes
    ),
    min_size=1,
    max_size=12,
)


@hypothesis.settings(max_examples=50)
@hypothesis.given(
    steps=steps,
    T=st.integers(1, 5),
    B=st.integers(1, 3),
    H=st.integers(2, 4),
    parts=st.integers(1, 2),
    checkpoint=st.sampled_from([None, 2]),
)
def test_random_cells_agree_with_the_tape(steps, T, B, H, parts, checkpoint):
    d = Draw(T, B, H, H, np.float64)
    shapes = {"square": (H, H), "wide": (H, 2 * H), "row": (H,)}
    weights = [
        d.parameter(*shapes[PARAMETER[name][1]]) if name in PARAMETER else None
        for name, _, _ in steps
    ]

    def cell(x, state):
        values = [x, *(state if isinstance(state, tuple) else (state,))]
        for (name, i, j), W in zip(steps, weights, strict=True):
            a, b = values[-1 - i % len(values)], values[-1 - j % len(values)]
            if name in ONE:
                values.append(ONE[name](a))
            elif name in TWO:
                values.append(TWO[name](a, b))
            else:
                values.append(PARAMETER[name][0](a, W))
        new = np.tanh(values[-1])
        return (
            (new, (np.sin(values[-2]), new)[: parts - 1])
            if parts == 1
            else ((new, values[1]), np.cos(values[-2]))
        )

    def one_part(x, state):
        return cell(x, state)[0], np.sum(state * x)

    for size in (B, B + 1, B + 3, B + 4):  # later plans are made of earlier ones
        d.B = size
        h0 = d.h() if parts == 1 else (d.h(), tg.Tensor(d.array(size, H), requires_grad=True))
        case = Case(one_part if parts == 1 else cell, d.xs(), h0, d.parameters)
        agree(case, rtol=1e-8, **({"checkpoint": checkpoint} if checkpoint else {}))
