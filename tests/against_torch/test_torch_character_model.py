"""The character model of the examples beside a plain loop in PyTorch: same weights, same batches,
same loss curve.

Run with `pytest -m torch`, as test_torch.py.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest

import tinygrad_rnn as tg
from tinygrad_rnn.data import Vocabulary, columns, python_topics, segments
from tinygrad_rnn.io.interop import to_torch

pytestmark = pytest.mark.torch
FOLDER = Path(__file__).parents[2] / "examples"
HIDDEN, RATE, UPDATES = 32, 0.003, 60


def torch_curve(torch, arrays, size, pieces, dtype):
    """Losses of the same training in PyTorch's words."""
    lstm, linear = (
        torch.nn.LSTM(size, HIDDEN, dtype=dtype),
        torch.nn.Linear(HIDDEN, size, dtype=dtype),
    )
    for module, prefix in ((lstm, "lstm."), (linear, "linear.")):
        module.load_state_dict(
            {
                k.removeprefix(prefix): torch.from_numpy(a)
                for k, a in arrays.items()
                if k.startswith(prefix)
            }
        )
    lstm.bias_hh_l0.requires_grad_(False)  # b_h is one vector here; two would both be moved
    parameters = [p for p in (*lstm.parameters(), *linear.parameters()) if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    state, losses = None, []
    for symbols, following in pieces:
        xs = torch.nn.functional.one_hot(torch.from_numpy(symbols), size).to(dtype)
        hs, state = lstm(xs, state)
        state = tuple(part.detach() for part in state)
        loss = torch.nn.functional.cross_entropy(
            linear(hs).flatten(0, 1), torch.from_numpy(following).flatten()
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(("name", "tolerance"), [("float32", 1e-3), ("float64", 1e-9)])
def test_the_loss_curves_are_equal(torch, monkeypatch, name, tolerance) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    example = runpy.run_path(str(FOLDER / "character_model.py"))
    text = python_topics()[:40_000]
    vocabulary = Vocabulary(text)
    size = len(vocabulary)
    pieces = list(segments(columns(vocabulary.encode(text), 16), 40))[:UPDATES]
    model = example["CharacterModel"](
        size, HIDDEN, rng=np.random.default_rng(0), dtype=np.dtype(name).type
    )
    arrays = to_torch(model, {"cell": "lstm.*_l0", "readout": "linear.*"})
    ours = list(example["learn"](model, tg.optim.Adam(model, lr=RATE), pieces))
    theirs = torch_curve(torch, arrays, size, pieces, getattr(torch, name))
    assert len(ours) == UPDATES
    assert abs(ours[0] - np.log(size)) < 0.1
    assert ours[-1] < ours[0] - 0.8
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)
