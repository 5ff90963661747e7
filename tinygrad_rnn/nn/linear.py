"""The affine map."""

from tinygrad_rnn._typing import ArrayLike, DTypeLike, Seed
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.guards.arguments import check_counts
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.equation import Equation


@public_class
class Linear(Equation):
    """y = x W + b.  x: (..., I) -> (..., O); W is (I, O), the transpose of PyTorch's weight.

    bias  False: without b
    rng   a seed or a Generator; W and b start uniform in +-1/sqrt(I), PyTorch's way

    Raises ShapeError, naming W, if x has another I.
    """

    equation = "y = x W + b"
    symbols = {"W": "I O", "b": "O", "x": "B I"}
    W: Tensor
    b: Tensor | None

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        rng: Seed,
        dtype: DTypeLike = float,
    ):
        inputs, outputs = check_counts(inputs=inputs, outputs=outputs)
        sizes = {"I": inputs, "O": outputs}
        self._draw(sizes, inputs**-0.5, rng, dtype, without=() if bias else ("b",))
        if not bias:
            self.b = None

    def __call__(self, x: ArrayLike | Tensor) -> Tensor:
        """y from x."""
        try:
            y = x @ self.W
        except ShapeError as error:
            raise self._explained(error, x=x) from error
        return y if self.b is None else y + self.b

    def _settings(self) -> list[str]:
        return super()._settings() + ["bias=False"] * (self.b is None)
