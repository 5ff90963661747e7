"""The cells of the scan benchmark, each written once for every library: `lib` has tanh, sigmoid,
mean and sqrt.
"""

from typing import Any

import numpy as np

Params = dict[str, Any]


def gates(a: Any, n: int, H: int) -> list[Any]:
    return [a[:, k * H : (k + 1) * H] for k in range(n)]


def rnn(lib, p, x, h):
    return lib.tanh(x @ p["W"] + h @ p["U"] + p["b"])


def lstm(lib, p, x, state):
    h, c = state
    i, f, g, o = gates(x @ p["W"] + h @ p["U"] + p["b"], 4, p["U"].shape[0])
    c = lib.sigmoid(f) * c + lib.sigmoid(i) * lib.tanh(g)
    return lib.sigmoid(o) * lib.tanh(c), c


def gru(lib, p, x, h):
    r_x, z_x, n_x = gates(x @ p["W"] + p["b"], 3, p["U"].shape[0])
    r_h, z_h, n_h = gates(h @ p["U"] + p["d"], 3, p["U"].shape[0])
    r, z = lib.sigmoid(r_x + r_h), lib.sigmoid(z_x + z_h)
    n = lib.tanh(n_x + r * n_h)
    return (1.0 - z) * n + z * h


def minimal_gated_unit(lib, p, x, h):
    f = lib.sigmoid(x @ p["W"] + h @ p["U"] + p["b"])
    return (1.0 - f) * h + f * lib.tanh(x @ p["V"] + (f * h) @ p["Q"] + p["d"])


def layer_norm(lib, p, x, h):
    a = x @ p["W"] + h @ p["U"]
    a = a - lib.mean(a)
    return lib.tanh(a / lib.sqrt(lib.mean(a * a) + 1e-5) * p["g"] + p["b"])


def multiplicative(lib, p, x, h):
    return lib.tanh(x @ p["W"] + ((x @ p["M"]) * (h @ p["V"])) @ p["U"] + p["b"])


# name: (cell, shapes of its parameters, parts of its state, recurrent products by blocks of H
# columns, tanhs)
CELLS = {
    "RNN": (rnn, {"W": "IH", "U": "HH", "b": "H"}, 1, 1, 1),
    "GRU": (gru, {"W": "I3", "U": "H3", "b": "3", "d": "3"}, 1, 3, 3),
    "LSTM": (lstm, {"W": "I4", "U": "H4", "b": "4"}, 2, 4, 5),
    "MGU": (
        minimal_gated_unit,
        {"W": "IH", "U": "HH", "b": "H", "V": "IH", "Q": "HH", "d": "H"},
        1,
        2,
        2,
    ),
    "LN-RNN": (layer_norm, {"W": "IH", "U": "HH", "g": "H", "b": "H"}, 1, 1, 1),
    "mRNN": (multiplicative, {"W": "IH", "M": "IH", "V": "HH", "U": "HH", "b": "H"}, 1, 2, 1),
}


def parameters(
    name: str, I: int, H: int, rng: np.random.Generator, dtype: Any = np.float32
) -> Params:
    """Weights uniform in +-1/sqrt(H)."""
    length = {"I": I, "H": H, "3": 3 * H, "4": 4 * H}
    shapes = CELLS[name][1]
    return {
        k: rng.uniform(-1, 1, [length[s] for s in shape]).astype(dtype) / dtype(H**0.5)
        for k, shape in shapes.items()
    }
