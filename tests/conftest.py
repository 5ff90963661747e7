"""What the comparisons with PyTorch share."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def torch():
    import torch

    torch.set_num_threads(1)
    return torch


@pytest.fixture
def agree(request):
    """`agree(name, ours, theirs)`: equal shapes and entries; `--junitxml` lists the largest differences."""

    def compare(name, ours, theirs):
        theirs = theirs.detach().numpy()
        assert ours.shape == theirs.shape, name
        difference = float(np.max(np.abs(ours - theirs), initial=0.0))
        request.node.user_properties.append((name, difference))
        assert difference < 1e-10, f"{name} differs by {difference}"

    return compare
