"""Fixtures that several files of tests share."""

import gc
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

from tinygrad_rnn.core.calls import FORM
from tinygrad_rnn.core.tables import COMPOSITE, CONSTANT, JVP, VJP

# The same examples in every run, of whatever else is run: a failure is one that anybody can repeat.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """What describes the tests stays to the end, so the collector of cycles need not walk it."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def registry() -> Iterator[None]:
    """Functions that a test declares are forgotten when it ends."""
    before = [(table, table.copy()) for table in (VJP, JVP, COMPOSITE, CONSTANT, FORM)]
    yield
    for table, content in before:
        table.clear()
        table.update(content)


@pytest.fixture
def quiet() -> Iterator[None]:
    """NumPy does not warn of infinite slopes and of values out of a domain: both are tested."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


@pytest.fixture(scope="module")
def torch():
    import torch

    torch.set_num_threads(1)
    return torch


@pytest.fixture
def agree(request):
    """`agree(name, ours, theirs)`: equal; `--junitxml` lists the largest differences."""

    def compare(name, ours, theirs):
        theirs = theirs.detach().numpy()
        assert ours.shape == theirs.shape, name
        difference = float(np.max(np.abs(ours - theirs), initial=0.0))
        request.node.user_properties.append((name, difference))
        assert difference < 1e-10, f"{name} differs by {difference}"

    return compare
