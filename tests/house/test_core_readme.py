"""core/README.md lists the functions that one expression meets; here they are counted."""

import re
import sys
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn.core.tables import VJP

CORE = Path(tg.__file__).parent / "core"
README = (CORE / "README.md").read_text(encoding="utf-8")
TRACES = [
    re.findall(r"^ *(\w+)\.(\w+)", block, re.M)
    for block in re.findall(r"^```text\n(.*?)^```", README, re.M | re.S)
]


class Calls:
    """The functions of core that are called inside the context, as (module, name)."""

    def __enter__(self) -> list[tuple[str, str]]:
        self.found: list[tuple[str, str]] = []
        self.before = sys.getprofile()
        sys.setprofile(self._note)
        return self.found

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self.before)

    def _note(self, frame: FrameType, event: str, arg: object) -> None:
        path, name = Path(frame.f_code.co_filename), frame.f_code.co_name
        shape_of = name in ("shape", "size", "dtype")
        if event == "call" and path.parent == CORE and name[0] != "<" and not shape_of:
            self.found.append((path.stem, name))


@pytest.fixture
def operands() -> tuple[tg.Tensor, tg.Tensor]:
    W = tg.Tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], requires_grad=True, name="W")
    return tg.Tensor([[1.0, 2.0]], name="x"), W


def test_the_way_forward(operands: tuple[tg.Tensor, tg.Tensor]) -> None:
    x, W = operands
    with Calls() as found:
        y = np.tanh(x @ W)
    assert found == TRACES[0]
    product = y.args[0]
    assert (product.fun, product.args, product.argnums) == (np.matmul, (x, W), (1,))
    assert VJP[y.fun][0](2.0, 0.5, None) == 2.0 * (1 - 0.5**2)


def test_the_way_back(operands: tuple[tg.Tensor, tg.Tensor]) -> None:
    x, W = operands
    y = np.tanh(x @ W)
    with Calls() as found:
        y.backward(np.ones((1, 3)))
    once = [name for i, name in enumerate(found) if name not in found[:i]]  # a generator goes on
    assert once == TRACES[1]
    np.testing.assert_allclose(W.grad, x.data.T @ (1 - y.data**2), rtol=1e-15)


def test_every_file_is_in_the_text() -> None:
    files = {path.name for path in CORE.glob("*.py")} - {"__init__.py"}
    assert files == set(re.findall(r"`(\w+\.py)`", README))
