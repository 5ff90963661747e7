"""help(nn.LSTM): a signature without detours, and examples that give what they say."""

import doctest
import inspect

import numpy as np
import pytest

from tinygrad_rnn import nn

CLASSES = [getattr(nn, name) for name in nn.__all__ if inspect.isclass(getattr(nn, name))]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_examples_of_docstrings_run(cls):
    text, runner = inspect.getdoc(cls), doctest.DocTestRunner()
    runner.run(doctest.DocTestParser().get_doctest(text, {"nn": nn, "np": np}, cls.__name__, "", 0))
    assert runner.summarize(verbose=False).failed == 0
    recurrent = issubclass(cls, (nn.Cell, nn.Recurrent)) and cls not in (nn.Cell, nn.Recurrent)
    assert ">>>" in text or not recurrent


@pytest.mark.parametrize("cls", [nn.RNN, nn.LSTM, nn.GRU])
def test_signatures_list_every_option_and_name_types_briefly(cls):
    told = str(inspect.signature(cls))
    for option in ("num_layers", "bidirectional", "dropout", "rng", "dtype"):
        assert f" {option}: " in told
    assert "**" not in told
    assert len(told) < 300
