"""Numbers, colours, sizes and lines have one home;
the scripts of the page read what Python wrote.
"""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.networks import make

import tinygrad_rnn as tg
from tinygrad_rnn.draw import measures, palette
from tinygrad_rnn.draw.page_data import page_data
from tinygrad_rnn.draw.strands import strands
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.guards.numbers import number, percent, typeset

WEB = Path(tg.draw.__file__).parent / "web"
SCRIPTS = {path.name: path.read_text("utf-8") for path in sorted(WEB.iterdir())}
NUMBERS = [
    (0.0, 3, "0"),
    (-0.0, 3, "0"),
    (12.3, 3, "12.3"),
    (12.3, 6, "12.3"),
    (0.00123, 3, "0.00123"),
    (0.0854, 3, "0.0854"),
    (1.2e-5, 3, "1.2e-05"),
    (9.9996e-5, 3, "0.0001"),
    (99.96, 3, "100"),
    (1 / 3, 3, "0.333"),
    (1 / 3, 6, "0.333333"),
    (12.25, 3, "12.3"),
    (-12.25, 3, "-12.3"),
    (1.125, 3, "1.13"),
    (2500.5, 3, "2501"),
    (1234.56, 3, "1235"),
    (1234.56, 6, "1234.56"),
    (999999.4, 3, "999999"),
    (999999.6, 3, "1e+06"),
    (1e6, 6, "1e+06"),
    (1.797e308, 3, "1.8e+308"),
    (-1e300, 3, "-1e+300"),
    (5e-324, 3, "4.94e-324"),
    (math.inf, 3, "inf"),
    (-math.inf, 3, "-inf"),
    (math.nan, 3, "nan"),
]
SHARES = [
    (1.0, "100.0 %"),
    (-0.136, "-13.6 %"),
    (0.0625, "6.3 %"),
    (-0.0625, "-6.3 %"),
    (-0.0004, "0.0 %"),
    (0.0, "0.0 %"),
    (1e12, "1e+14 %"),
    (-1e300, "-1e+302 %"),
    (math.nan, "-"),
    (math.inf, "-"),
]


@pytest.mark.parametrize(("x", "digits", "text"), NUMBERS)
def test_a_number_has_as_many_digits_as_mean_something(x, digits, text):
    assert number(x, digits) == text


@pytest.mark.parametrize(("share", "text"), SHARES)
def test_a_share_is_told_to_a_tenth_of_a_percent(share, text):
    assert percent(share) == text


def test_a_picture_has_true_minus_signs():
    assert [typeset(x) for x in ("-1.2e-05", "3", "-")] == ["−1.2e-05", "3", "–"]


def test_the_scripts_print_numbers_as_python_does():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; the browser tests compare the same table")
    assert told_by(lambda program: subprocess.check_output([node, "-e", program])) == expected()


def told_by(engine):
    """What the functions of words.js say of NUMBERS and SHARES,
    run by some engine of JavaScript.
    """
    functions = re.sub(r"^const sub(.|\n)*", "", SCRIPTS["words.js"], flags=re.M)
    asked = [f"number({_js(x)}, {digits})" for x, digits, _ in NUMBERS]
    asked += [f"percent({_js(share)})" for share, _ in SHARES]
    return json.loads(engine(f"{functions}\nconsole.log(JSON.stringify([{', '.join(asked)}]))"))


def expected():
    return [typeset(text) for *_, text in [*NUMBERS, *SHARES]]


def _js(x):
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(x), repr(x))


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_writes_a_colour(name):
    """Neither as #D55E00 nor as channels; a style sheet names what palette.py has."""
    assert re.findall(r"#[0-9A-Fa-f]{3,8}\b(?=[\s;\"',)])", SCRIPTS[name]) == []
    assert re.findall(r"\[\s*\d+,\s*\d+,\s*\d+", SCRIPTS[name]) == []
    named = set(re.findall(r"var\(--([\w-]+)\)", SCRIPTS[name]))
    assert named <= {*palette.COLORS, "font", "strand"}


def test_every_colour_of_the_table_is_on_the_page_and_in_both_themes():
    html = tg.draw.page(make("RNN", 3)).html
    for name, pair in palette.COLORS.items():
        assert re.findall(rf"--{name}: (#\w+);", html) == list(pair)


def test_the_sizes_of_the_map_are_those_of_the_pictures():
    sizes = measures.page_sizes()
    assert [s["columns"] for s in sizes] == [measures.LABELLED, measures.CHIPPED, None]
    for (_, picture), size in zip(measures.SIZES, sizes, strict=True):
        for name in ("pitch", "node", "height", "track", "thick"):
            assert size[name] == getattr(picture, name)
    bounds = f"{measures.LABELLED}|{measures.CHIPPED}|{measures.EVERY.most}"
    for text in SCRIPTS.values():
        assert re.findall(rf"\b(?:T|columns|columns\.length) [<>]=? (?:{bounds})\b", text) == []


@pytest.mark.parametrize(("name", "T"), [("RNN", 4), ("LSTM", 13), ("RNN", 60)])
def test_the_lines_of_the_page_are_those_of_the_pictures(name, T):
    run = make(name, T)
    flow = gradient_flow(run.losses, run.states)
    support, data = Support(flow), page_data(run, flow, 1)
    for t in range(1, T + 1):
        columns = measures.shown_columns(t, T)
        drawn = strands(flow, support, t, columns)
        assert [way[:2] for way in data["strands"][t - 1]] == [(s.ks[0], s.ks[-1]) for s in drawn]
        for (k, _, end, shade), strand in zip(data["strands"][t - 1], drawn, strict=True):
            assert sorted(strand.norms) == [j for j in columns if end <= j <= k and j > 0]
            color = palette.DIRECT if k == t else palette.blend(palette.INDIRECT, shade)
            assert color == strand.color
