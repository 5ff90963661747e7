"""The read-out, equation (1.2)."""

from collections.abc import Callable

from tinygrad_rnn._typing import ArrayLike, DTypeLike, Seed
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.functional import identity
from tinygrad_rnn.guards.arguments import check_counts
from tinygrad_rnn.guards.boundary import name_of, public_class
from tinygrad_rnn.nn.equation import Equation


@public_class
class Readout(Equation):
    """y_t = g(h_t W_hy + b_y), (1.2).  h: (B, H) -> (B, O).

    g    functional.identity (regression), sigmoid, softmax, or any function of the row
    rng  a seed or a Generator; weights start uniform in +-1/sqrt(H)

    Raises ShapeError, naming W_hy, if h has another H.
    """

    equation = "y_t = g(h_t W_hy + b_y) (1.2)"
    symbols = {"W_hy": "H O", "b_y": "O", "h": "B H"}
    W_hy: Tensor
    b_y: Tensor

    def __init__(
        self,
        hidden: int,
        outputs: int,
        g: Callable[[Tensor], Tensor] = identity,
        *,
        rng: Seed,
        dtype: DTypeLike = float,
    ):
        hidden, outputs = check_counts(hidden=hidden, outputs=outputs)
        self.g = g
        self._draw({"H": hidden, "O": outputs}, hidden**-0.5, rng, dtype)

    def __call__(self, h: ArrayLike | Tensor) -> Tensor:
        """y_t from h_t."""
        try:
            return self.g(h @ self.W_hy + self.b_y)  # (1.2)
        except ShapeError as error:
            raise self._explained(error, h=h) from error

    def _settings(self) -> list[str]:
        return super()._settings() + [name_of(self.g)] * (self.g is not identity)
