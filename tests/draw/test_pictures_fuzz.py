"""Every renderer on names and numbers that nobody would choose: valid output every time, and no
exception.
"""

import json
import math
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.written import HOSTILE, check_is_its_own, check_is_plain

import tinygrad_rnn as tg
from tinygrad_rnn.draw import dot, figure

SETTINGS = settings(max_examples=6, suppress_health_check=list(HealthCheck))
NAMES = st.one_of(st.sampled_from(sorted(HOSTILE.values())), st.text(st.characters(), max_size=30))
NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan]),
    st.floats(),
)


def network(name, number, T, tuple_state):
    """A network whose every Tensor has this name,
    and whose losses are multiplied by this number.
    """
    W = tg.Tensor(np.full((2, 2), 0.5), requires_grad=True, name=name)

    def cell(x, state):
        if not tuple_state:
            return np.tanh(x + state @ W)
        h, c = state
        return np.tanh(x + h @ W) * c, c + h

    cell.__name__ = cell.__qualname__ = (
        name.replace("\0", "0").encode(errors="replace").decode() or "cell"
    )
    start = (np.ones(2), np.ones(2)) if tuple_state else np.ones(2)
    run = tg.unroll(
        cell, np.ones((T, 2)), start, loss=lambda y, _: np.sum(y) * number, targets=np.zeros(T)
    )
    states = [x for state in run.states for x in (state if isinstance(state, tuple) else (state,))]
    for x in (*run.xs, *states, *run.losses, run.loss):
        x.name = name
    return run


def check_figure(made):
    check_is_plain(made.svg)
    check_is_plain(made._repr_svg_())
    for text in (made.svg, made.source):
        text.encode()
        for coordinate in re.findall(
            r' (?:x|y|d|width|height|points|stroke-width|pos)="([^"]*)"', text
        ):
            assert not re.search("nan|inf", coordinate)
    tikz = figure.to_tikz(made.scene)
    assert not re.search(r"\((?:nan|inf|-inf)|, (?:nan|inf|-inf)\)", tikz)
    assert tikz.rstrip().endswith("\\end{tikzpicture}")


@SETTINGS
@given(NAMES, NUMBERS, st.sampled_from([1, 2, 5, 14, 33]), st.booleans())
@example("</script>", math.nan, 5, True)
@example("\\N<b>", 1e300, 33, False)
@example("", 0.0, 14, True)
@example("", 5e-324, 5, False)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_picture_of_a_network(name, number, T, tuple_state):
    with np.errstate(all="ignore"):
        run = network(name, number, T, tuple_state)
        for preset in ("lecture", "paper", "poster"):
            check_figure(tg.draw.paths(run, (T + 1) // 2, preset=preset))
            check_figure(tg.draw.heatmap(run, T, preset=preset))
        check_figure(tg.draw.ops(run))
        page = tg.draw.page(run)
    check_is_its_own(page.html)
    data = re.search(r'id="data">(.*?)</script>', page.html, re.S)[1]
    json.loads(data, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert page._repr_html_().count("<") == 2


@SETTINGS
@given(NAMES, NUMBERS, st.integers(2, 40), st.one_of(st.none(), st.booleans(), NAMES))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_graph(name, number, limit, fold):
    x = tg.Tensor([1.0, number], requires_grad=True, name=name)
    with np.errstate(all="ignore"), tg.scope(name or "scope"):
        y = np.sin(x * number) + x
        for _ in range(12):
            y = y * x - np.exp(y)
    y.name = name
    with np.errstate(all="ignore"):
        check_figure(tg.draw.graph(np.sum(y * x), limit=limit, fold=fold))


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_graphviz_reads_every_name(name):
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    with np.errstate(all="ignore"):
        run = network(name, 1.0, 2, True)
        made = tg.draw.graph(run.loss, layout="dot")
    assert dot.render(made.source, "svg").rstrip().endswith(b"</svg>")


def test_graphviz_runs_under_a_time_limit(monkeypatch):
    def slow(command, *, timeout, **options):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(dot.shutil, "which", lambda name: name)
    monkeypatch.setattr(dot.subprocess, "run", slow)
    x = tg.Tensor([1.0], requires_grad=True)
    with pytest.raises(tg.errors.DrawError, match="Graphviz did not finish within 60 s"):
        tg.draw.graph(np.sum(x * x), layout="dot")
