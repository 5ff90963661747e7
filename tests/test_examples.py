"""Every example runs as its docstring says and writes what it says."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    written = {line.removeprefix("wrote ") for line in capsys.readouterr().out.splitlines() if line.startswith("wrote")}
    assert written == {p.name for p in tmp_path.iterdir()} != set()


def test_near_zero_the_norms_go_as_powers_of_the_radius() -> None:
    network = runpy.run_path(str(Path(__file__).parent.parent / "examples" / "vanishing_exploding.py"))["network"]
    import tinygrad_rnn as tg

    for radius in (0.5, 1.0, 1.5):
        run = network(radius)
        norms = tg.gradient_flow(run.losses, run.states).norms()
        np.testing.assert_allclose(norms[:, 0], np.diag(norms) * radius ** np.arange(len(run)), rtol=0.02)
