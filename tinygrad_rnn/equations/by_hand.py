"""The network of the BPTT equations in bare NumPy, each formula once, without the library.

It keeps the text's columns, h_t = f(W_xh x_t + W_hh h_(t-1) + b_h), while the library multiplies
rows: W is the library's W transposed, so the two share neither code nor convention.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
PARAMETERS = ("W_xh", "W_hh", "b_h", "W_hy", "b_y")

# f, and f' from h = f(a)
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "relu": (lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(float)),
}
# g, and its Jacobian dg/da from y = g(a): diagonal unless g mixes the entries
READOUTS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "identity": (lambda a: a, lambda y: np.eye(len(y))),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda y: np.diag(y * (1 - y))),
    "softmax": (lambda a: np.exp(a) / np.sum(np.exp(a)), lambda y: np.diag(y) - np.outer(y, y)),
}


@dataclass(frozen=True)
class ByHand:
    """The network, its data and every quantity of the equations; t, j and k count from 1.

    Columns: W_xh (H, I), W_hh (H, H), b_h (H,), W_hy (O, H), b_y (O,), h0 (H,); xs (T, I), targets
    (T, O). Vectors are 1-d; a gradient has the shape of what it is the gradient of.
    """

    W_xh: Array
    W_hh: Array
    b_h: Array
    W_hy: Array
    b_y: Array
    xs: Array
    targets: Array
    h0: Array
    f: str = "tanh"
    g: str = "identity"

    @property
    def T(self) -> int:
        """The number of time steps."""
        return len(self.xs)

    def each(self, quantity: Callable[[int], Any]) -> list[Any]:
        """quantity(1) .. quantity(T)."""
        return [quantity(t) for t in range(1, self.T + 1)]

    def pairs(self) -> list[tuple[int, int]]:
        """All (k, t) with k >= t, the terms of (3.1)."""
        return [(k, t) for t in range(1, self.T + 1) for k in range(t, self.T + 1)]

    def x(self, t: int) -> Array:
        """x_t: (I,)."""
        x: Array = self.xs[t - 1]
        return x

    def target(self, t: int) -> Array:
        """What y_t should be: (O,)."""
        target: Array = self.targets[t - 1]
        return target

    # -- forward -----------------------------------------------------------------------------------

    def h(self, t: int) -> Array:
        """h_t: (H,)."""
        if t == 0:
            return self.h0
        f, _ = ACTIVATIONS[self.f]
        return f(self.W_xh @ self.x(t) + self.W_hh @ self.h(t - 1) + self.b_h)  # (1.1)

    def y(self, t: int) -> Array:
        """y_t: (O,)."""
        return self._read_out(self.h(t))

    def _read_out(self, h: Array) -> Array:
        g, _ = READOUTS[self.g]
        return g(self.W_hy @ h + self.b_y)  # (1.2)

    def L_t(self, t: int) -> float:
        """The loss of step t."""
        return float(0.5 * np.sum((self.y(t) - self.target(t)) ** 2))  # 1/2 (y_t - target_t)^2

    def L(self) -> float:
        """The total loss."""
        return float(sum(self.each(self.L_t)))  # (2.1)

    def L_at(self, name: str, value: Array) -> float:
        """The total loss as a function of one parameter."""
        return self.changed(**{name: value}).L()

    def L_from(self, t: int, h: Array) -> float:
        """L_t + ... + L_T as a function of h_t = h."""
        now = float(0.5 * np.sum((self._read_out(h) - self.target(t)) ** 2))
        return now + replace(self, xs=self.xs[t:], targets=self.targets[t:], h0=h).L()

    # -- backward: derivatives of the loss ---------------------------------------------------------

    def error(self, t: int) -> Array:
        """dL_t/dy_t: (O,)."""
        return self.y(t) - self.target(t)

    def dg(self, t: int) -> Array:
        """g'(W_hy h_t + b_y), a Jacobian: (O, O)."""
        _, jacobian = READOUTS[self.g]
        return jacobian(self.y(t))

    def direct(self, t: int) -> Array:
        """dL_t/dh_t along y_t alone: (H,)."""
        return self.W_hy.T @ self.dg(t).T @ self.error(t)  # (3.2), as a column

    def slope(self, t: int) -> Array:
        """f'(W_xh x_t + W_hh h_(t-1) + b_h), elementwise: (H,)."""
        _, derivative = ACTIVATIONS[self.f]
        return derivative(self.h(t))

    def J(self, j: int) -> Array:
        """dh_j/dh_(j-1): (H, H), row i the gradient of entry i of h_j."""
        return np.diag(self.slope(j)) @ self.W_hh

    def dh(self, k: int, t: int) -> Array:
        """dh_k/dh_t: (H, H)."""
        product = np.eye(len(self.b_h))
        for j in range(k, t, -1):
            product = product @ self.J(j)  # (3.3): J_k J_(k-1) ... J_(t+1)
        return product

    def term(self, k: int, t: int) -> Array:
        """dL_k/dh_k . dh_k/dh_t, as a column: (H,)."""
        return self.dh(k, t).T @ self.direct(k)

    def total(self, t: int) -> Array:
        """dL/dh_t: (H,)."""
        return self.direct(t) + sum(self.term(k, t) for k in range(t + 1, self.T + 1))  # (3.1)

    def total_by_recursion(self, t: int) -> Array:
        """lambda_t = dL_t/dh_t + W_hh^T (f'_(t+1) * lambda_(t+1)): (H,), the same in T steps."""
        if t == self.T:
            return self.direct(t)
        later = self.slope(t + 1) * self.total_by_recursion(t + 1)
        total: Array = self.direct(t) + self.W_hh.T @ later
        return total

    # -- parameters --------------------------------------------------------------------------------

    def immediate(self, name: str, t: int) -> Array:
        """dh_t/d(parameter), h_(t-1) held fixed: entry (i, ...) is of entry i of h_t, others 0."""
        sources = {"W_xh": self.x(t), "W_hh": self.h(t - 1)}
        return np.outer(self.slope(t), sources[name]) if name in sources else self.slope(t)

    def contribution(
        self, name: str, t: int, signal: Callable[[int], Array] | None = None
    ) -> Array:
        """What step t adds to dL/d(parameter).

        signal(t) is the gradient that arrives at h_t: `total` if left out.
        """
        delta = self.slope(t) * (signal or self.total)(t)
        epsilon = self.dg(t).T @ self.error(t)
        if name == "W_xh":
            return np.outer(delta, self.x(t))  # 3.2
        if name == "W_hh":
            return np.outer(delta, self.h(t - 1))  # 3.3
        if name == "b_h":
            return delta  # 3.4
        return np.outer(epsilon, self.h(t)) if name == "W_hy" else epsilon  # 3.5

    def gradient(self, name: str, signal: Callable[[int], Array] | None = None) -> Array:
        """dL/d(parameter), the sum of all contributions."""
        total: Array = sum(self.each(lambda t: self.contribution(name, t, signal)))
        return total

    def changed(self, **values: Any) -> "ByHand":
        """The same network with other values of some parameters."""
        return replace(self, **values)

    def updated(
        self, eta: float, *names: str, signal: Callable[[int], Array] | None = None
    ) -> "ByHand":
        """The network after theta <- theta - eta dL/dtheta for the parameters named."""
        return replace(
            self,
            **{name: getattr(self, name) - eta * self.gradient(name, signal) for name in names},
        )  # (4)


def example(
    T: int = 3, outputs: int = 1, f: str = "tanh", g: str = "identity", seed: int = 0
) -> ByHand:
    """The example of docs/equations.md: two inputs, two hidden units, random data, h_0 = 0."""
    rng = np.random.default_rng(seed)
    W_xh, W_hh, b_h = (0.5 * rng.standard_normal(shape) for shape in ((2, 2), (2, 2), 2))
    W_hy, b_y, xs, targets = (
        rng.standard_normal(shape) for shape in ((outputs, 2), outputs, (T, 2), (T, outputs))
    )
    return ByHand(W_xh, W_hh, b_h, W_hy, b_y, xs, targets, np.zeros(2), f, g)
