"""Every example runs as its docstring says, experiments with --quick, and writes what it says."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_rnn as tg

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("_"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr("sys.argv", [str(path), "--quick"])
    runpy.run_path(str(path), run_name="__main__")
    written = {
        line.removeprefix("wrote ")
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("wrote")
    }
    assert written == {p.name for p in tmp_path.iterdir()} != set()


def test_near_zero_the_norms_go_as_powers_of_the_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    network = runpy.run_path(str(FOLDER / "vanishing_exploding.py"))["network"]
    for radius in (0.5, 1.0, 1.5):
        run = network(radius)
        norms = tg.gradient_flow(run.losses, run.states).norms()
        np.testing.assert_allclose(
            norms[:, 0], np.diag(norms) * radius ** np.arange(len(run)), rtol=0.02
        )


def test_influence_balancing_agrees_with_truncated_bptt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    flow, truncated = runpy.run_path(str(FOLDER / "influence_balancing.py"))["influence"](200)
    np.testing.assert_allclose(truncated[-1], -6)
    np.testing.assert_allclose(truncated[[9, 19, 39]], [10, 16.476, 0.566], atol=5e-4)
    assert np.all(truncated[:40] > 0)
    assert np.all(truncated[40:] < 0)
    for window in (1, 10, 41, 200):
        np.testing.assert_allclose(flow.truncated(window).gradients["theta"], truncated[window - 1])
