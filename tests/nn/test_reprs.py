"""What modules and unrolled networks show of themselves."""

import typing

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn import nn
from tinygrad_rnn.errors import ShapeError
from tinygrad_rnn.functional import half_squared_error, relu, sigmoid


class Tagger(nn.Module):
    """A module of the user's."""

    def __init__(self) -> None:
        self.rnn = nn.GRU(3, 8, rng=0)
        self.scale = tg.Tensor(1.0, requires_grad=True)
        self.out = nn.Linear(8, 2, bias=False, rng=0)


def count(module: nn.Module) -> int:
    return sum(p.size for p in module.parameters())


def test_a_module_is_a_tree_with_its_parameters_counted() -> None:
    tagger = Tagger()
    lines = repr(tagger).splitlines()
    assert lines[0].startswith(f"Tagger()  # {count(tagger)} parameters")
    assert lines[1:] == [
        f"  rnn: GRU(3, 8)  # {count(tagger.rnn)} parameters",
        f"    cells.l0: GRUCell(3, 8)  # {3 * 24 + 8 * 24 + 2 * 24} parameters: "
        "W_xh (3, 24), W_hh (8, 24), b_xh (24,), b_hh (24,)",
        f"  out: Linear(8, 2, bias=False)  # {8 * 2} parameters: W (8, 2)",
    ]
    assert "scale ()" in lines[0]


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        (nn.RNN(2, 3, f=relu, rng=0), "RNN(2, 3)"),
        (nn.LSTM(3, 8, num_layers=2, rng=0), "LSTM(3, 8, num_layers=2)"),
        (
            nn.GRU(3, 8, num_layers=3, bidirectional=True, dropout=0.5, rng=0),
            "GRU(3, 8, num_layers=3, bidirectional=True, dropout=0.5)",
        ),
        (nn.Readout(3, 1, sigmoid, rng=0), "Readout(3, 1, sigmoid)"),
        (nn.Dropout(0.25, rng=0), "Dropout(p=0.25)"),
        (nn.Embedding(5, 2, rng=0), "Embedding(5, 2)"),
        (nn.LayerNorm(4), "LayerNorm(4)"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_settings_are_those_that_made_it(module: nn.Module, shown: str) -> None:
    assert repr(module).split("  #")[0].startswith(shown)


def test_thousands_are_set_apart() -> None:
    assert "1,200 parameters" in repr(nn.Linear(30, 40, bias=False, rng=0))


def test_an_unrolled_network_is_one_line() -> None:
    cell, readout = nn.LSTMCell(2, 3, rng=0), nn.Readout(3, 1, rng=0)
    xs, targets = np.ones((5, 4, 2)), np.zeros((5, 4, 1))
    silent = tg.unroll(cell, xs)
    assert repr(silent) == "Unrolled(LSTMCell, T=5, x: (4, 2), h: (4, 3), c: (4, 3), no loss)"
    run = tg.unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets)
    start, _, shown = repr(run).rstrip(")").rpartition("L=")
    assert start == "Unrolled(LSTMCell, T=5, x: (4, 2), h: (4, 3), c: (4, 3), "
    np.testing.assert_allclose(float(shown), run.loss.item(), rtol=5e-3)

    def leaky(x: np.ndarray, h: tg.Tensor) -> tg.Tensor:
        return 0.5 * h

    assert repr(tg.unroll(leaky, [1.0, 2.0], tg.Tensor(1.0))).startswith("Unrolled(leaky, T=2, ")


def test_a_cell_that_names_no_axes_is_shown_and_explains_itself() -> None:
    class Plain(nn.Cell[tg.Tensor]):
        def __init__(self) -> None:
            self.W = tg.Tensor(np.eye(3), requires_grad=True)
            self.hidden, self.dtype = 3, np.dtype(float)

        def step(self, x: np.ndarray, state: tg.Tensor) -> tg.Tensor:
            return np.tanh(x + state @ self.W)

    assert repr(Plain()) == "Plain()  # 9 parameters: W (3, 3)"
    with pytest.raises(ShapeError, match=r"np\.add of an array \(4,\) and a Tensor \(3,\)"):
        Plain()(np.ones(4), np.ones(3))


def test_functions_in_a_sequence_are_named() -> None:
    linear = nn.Linear(2, 2, rng=0)
    shown = repr(nn.Sequential(linear, np.tanh, relu, linear))
    assert shown.startswith("Sequential(Linear, np.tanh, relu, Linear)  # 6 parameters")


def test_types_of_the_layers_are_there_at_run_time() -> None:
    for layer in (nn.RNN, nn.LSTM, nn.GRU):
        assert typing.get_type_hints(layer.__init__)["num_layers"] is int
        assert "state" in typing.get_type_hints(layer.__call__)
