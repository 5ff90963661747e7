"""The alphabet of the pictures: scales, colours, numbers, texts, lines, and which steps a map
shows.
"""

import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.networks import CELLS, START, H, I, make, stacked_cell
from support.scenes import labels, luminance, of

import tinygrad_rnn as tg
from tinygrad_rnn.draw import measures, palette, symbols
from tinygrad_rnn.draw.page_data import page_data
from tinygrad_rnn.draw.scene import (
    Box,
    Line,
    Text,
    clean,
    corners,
    extent,
    fitted,
    stacked,
    subscript,
)
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import RNNCell

pytestmark = pytest.mark.tiny

# -- scales and colours ----------------------------------------------------------------------------


def test_a_log_scale_is_linear_in_the_logarithm():
    scale = palette.LogScale([1e-3, 10.0, 1.0])
    assert (scale.bottom, scale.top) == (1e-3, 10.0)
    assert_allclose([scale.share(n) for n in (1e-3, 1e-2, 0.1, 1.0, 10.0)], [0, 0.25, 0.5, 0.75, 1])
    assert_allclose([scale.width(n) for n in (1e-3, 10.0)], [0.6, 6.5])


@pytest.mark.parametrize(
    ("norms", "bottom", "top"),
    [
        ([5.0], 0.5, 5.0),  # one decade at the least
        ([5.0, 4.0], 0.5, 5.0),
        ([1e-9, 1.0], 1e-4, 1.0),  # four at the most
        ([0.0, 0.01, 1.0], 0.01, 1.0),
        ([0.0, 0.0], 0.1, 1.0),
        ([], 0.1, 1.0),
        ([math.nan, math.inf, 2.0], 0.2, 2.0),
    ],
)
def test_a_log_scale_spans_one_to_four_decades(norms, bottom, top):
    scale = palette.LogScale(norms)
    assert_allclose((scale.bottom, scale.top), (bottom, top))


def test_what_lies_off_the_scale_is_at_its_ends():
    scale = palette.LogScale([1e-2, 1.0])
    assert [scale.share(n) for n in (0.0, 1e-5, math.nan, math.inf, 1e300)] == [0, 0, 0, 1, 1]
    assert [scale.visible(n) for n in (0.0, 0.99e-2, math.nan, 1e-2, math.inf)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_blending_passes_through_every_colour():
    colors = ("#000000", "#FF0000", "#FFFF00")
    assert [palette.blend(colors, s) for s in (-1, 0, 0.5, 1, 2)] == [
        "#000000",
        "#000000",
        *colors[1:],
        "#FFFF00",
    ]
    assert palette.blend(colors, 0.25) == "#800000"


@pytest.mark.parametrize(
    "color", ["#FFFFFF", *palette.INDIRECT, palette.DIRECT, palette.TOTAL, palette.FADED]
)
def test_coloured_numbers_stand_out_from_white(color):
    assert 1.05 / (luminance(palette.readable(color)) + 0.05) >= 4.5


def test_indirect_terms_run_from_dark_to_light():
    lights = [
        luminance(palette.blend(palette.INDIRECT, palette.distance(k, 1, 9))) for k in range(2, 10)
    ]
    assert lights == sorted(lights)
    assert [palette.distance(k, 1, 9) for k in (2, 9)] == [0, 1]
    assert palette.distance(2, 1, 2) == 0  # one indirect term


# -- texts and lines -------------------------------------------------------------------------------


def test_clean_text():
    assert clean("a\nb") == "a b"
    assert clean("\0\x1b\ud800\u202e\ufffe") == "\ufffd" * 5
    assert clean("<b> & \\N ü 🙂 שלום") == "<b> & \\N ü 🙂 שלום"
    assert len(clean("x" * 20_000)) == 200
    assert clean("x" * 20_000).endswith("x…")
    assert clean("x" * 200) == "x" * 200


def test_fitted_text_fits():
    assert fitted("W_hh", 9, 100) == "W_hh"
    assert fitted("recurrent_weight", 9, 40).endswith("…")
    assert extent(fitted("recurrent_weight", 9, 40), 9) <= 40
    assert fitted("wide", 9, 1) == "…"


def test_subscripts():
    assert subscript(1203) == "₁₂₀₃"


def test_a_straight_line_is_one_piece():
    assert corners(Line(((0, 0), (3, 0)), "#000000")) == [((0, 0), (1, 0), (2, 0), (3, 0))]


def test_a_rounded_line_joins_end_to_end():
    pieces = corners(Line(((0, 0), (10, 0), (10, 10), (20, 10)), "#000000", radius=4))
    assert [p[0] for p in pieces[1:]] == [p[-1] for p in pieces[:-1]]
    assert (pieces[0][0], pieces[-1][-1]) == ((0, 0), (20, 10))
    assert pieces[1][0] == pytest.approx((6, 0))
    assert pieces[1][-1] == pytest.approx((10, 4))


def test_a_corner_of_two_equal_points_is_none():
    pieces = corners(Line(((0, 0), (5, 0), (5, 0), (5, 5)), "#000000", radius=4))
    assert np.all(np.isfinite(np.ravel(pieces)))


def test_lines_are_drawn_last_and_in_order():
    a, b = Line(((0, 0), (1, 0)), "#000001"), Line(((0, 0), (1, 0)), "#000002")
    box, text = Box(0, 0, 1, 1), Text(0, 0, "x")
    assert stacked((a, box, b, text)) == (box, text, a, b)


# -- the steps of a map ----------------------------------------------------------------------------


@pytest.mark.parametrize("T", [1, 7, 30])
def test_up_to_thirty_steps_every_step_has_a_column(T):
    assert all(measures.shown_columns(t, T) == list(range(1, T + 1)) for t in range(1, T + 1))


@pytest.mark.parametrize("T", [31, 32, 40, 100, 257])
def test_above_thirty_steps_a_gap_stands_for_two_or_more(T):
    for t in range(1, T + 1):
        columns = measures.shown_columns(t, T)
        steps = [k for k in columns if k > 0]
        gaps = [measures.left_out(columns, k) for k in columns if k <= 0]
        assert steps == sorted(set(steps))
        assert {t, T} <= set(steps)
        assert len(steps) + sum(gaps) == T
        assert min(gaps, default=2) >= 2
        assert len(columns) <= 30


@pytest.mark.parametrize(
    ("columns", "numbers", "chips"), [(6, True, True), (12, False, True), (13, False, False)]
)
def test_long_maps_say_less(columns, numbers, chips):
    size = measures.Measures.of(columns)
    assert (size.numbers, size.chip > 0) == (numbers, chips)


@pytest.mark.parametrize("name", CELLS)
def test_states_are_written_as_the_cell_calls_them(name):
    run = make(name, 2)
    scene = tg.draw.paths(run, 2).scene
    title, symbol = scene.title, "s₂" if name in ("LSTM", "tuple") else "h₂"
    cell = {"relu": "RNN", "bare": "RNN", "function": "leaky_cell", "tuple": "cell"}.get(name, name)
    assert title == f"Unrolled {cell}, T = 2: where ∂L/∂{symbol} comes from"
    meaning = {"LSTM": ", s = (h, c)", "tuple": ", s = (s1, s2)"}.get(name, "")
    assert f"eq. (3.1) at t = 2{meaning}" in labels(scene)
    assert re.match(r"Figure\('Unrolled .*', \d+ x \d+ pt\)", repr(tg.draw.paths(run, 2)))


def test_a_state_of_several_parts_is_a_vector_of_its_own_name():
    assert symbols.joint_name(["h"]) == "h"
    assert symbols.definition(["h"]) == ""
    assert symbols.definition(["h", "c"]) == "s = (h, c)"
    assert symbols.definition(["s", "m"]) == "S = (s, m)"
    named = (tg.Tensor(0.0, name="my_part"), tg.Tensor(0.0, name="c_12"), tg.Tensor(0.0))
    assert symbols.part_names([named]) == ["my_part", "c", "s3"]


@pytest.mark.parametrize("names", [("h", "p", "m"), None])
@pytest.mark.parametrize("shared", [False, True])
def test_a_state_that_keeps_tensors_of_other_names_has_its_own(names, shared):
    W = tg.Tensor(0.5 * np.eye(H), requires_grad=True, name="W")
    cell = lambda x, s: (np.tanh(x + s[0] @ W + s[1] @ W + s[2]), s[0], x)
    if names:
        cell.states = names
    start = (tg.Tensor(np.zeros(H)),) * 3 if shared else tuple(np.zeros((3, H)))
    run = tg.unroll(cell, np.ones((4, H)), start, loss=half_squared_error, targets=np.zeros((4, H)))
    shown = list(names or ("s1", "s2", "x"))  # without a word from the cell, what is kept of x is x
    assert symbols.state_names(run) == shown
    words = f"s = ({', '.join(shown)})"
    assert any(words in label for label in labels(tg.draw.heatmap(run).scene))
    assert any(words in label for label in labels(tg.draw.paths(run, 2).scene))
    written = {f"{name}{subscript(t)}" for name in shown for t in range(5)}
    assert written <= set(labels(tg.draw.paths(run).scene))
    assert written <= set(labels(tg.draw.ops(run).scene))
    flow = tg.gradient_flow(run.losses, run.states)  # alone it does not know the cell
    assert len(set(symbols.part_names(flow.states))) == 3
    h, p, m = shown
    first, second, _ = page_data(run, flow, 1)["equations"]["h"]
    assert first == f"{h}_t = tanh(x_t + {h}_(t−1) @ W + {p}_(t−1) @ W + {m}_(t−1))"
    assert second == f"{p}_t = {h}_(t−1)"


def test_an_attribute_of_another_meaning_does_not_name_the_parts():
    class Remembers:
        def __init__(self):
            self.states = []

        def __call__(self, x, h):
            self.states.append(np.tanh(x + h))
            return self.states[-1]

    run = tg.unroll(Remembers(), np.ones((1, H)), tg.Tensor(np.zeros(H), requires_grad=True),
                    loss=half_squared_error,
                    targets=np.zeros((1, H)))  # fmt: skip
    assert symbols.state_names(run) == ["h"]


@pytest.mark.parametrize("name", ["LSTM", "tuple"])
def test_no_picture_of_a_pair_names_the_derivative_of_one_part(name):
    """What is drawn and measured is ds_k/ds_t of the pair s."""
    run = make(name, 4)
    for figure in (tg.draw.paths(run), tg.draw.heatmap(run, 1), tg.draw.ops(run)):
        scene = figure.scene
        tips = [item.tip for item in scene.items if getattr(item, "tip", "")]
        for words in (scene.title, *labels(scene), *tips):
            assert not re.search(r"∂(h|c|s1|s2|\()", words), words
            assert not re.search(r"at h_\d", words), words
    legend = next(x for x in labels(tg.draw.paths(run).scene) if x.startswith("J = "))
    pair = "(h, c)" if name == "LSTM" else "(s1, s2)"
    assert legend == f"J = ∂s(t)/∂s(t−1), s = {pair}; ‖J‖: largest singular value"


def test_the_law_of_the_elman_cell_is_written_for_it_alone():
    told = {name: labels(tg.draw.paths(make(name, 3)).scene) for name in ("RNN", "relu", "GRU")}
    law = "J = ∂h(t)/∂h(t−1) = diag(1−h²)·W_hhᵀ; ‖J‖: largest singular value"
    assert [law in words for words in told.values()] == [True, False, False]

    class Leaky(RNNCell):
        def step(self, x, h):
            return 0.5 * h + 0.5 * super().step(x, h)

    cell = Leaky(I, H, rng=0)
    run = tg.unroll(cell, np.ones((3, I)), loss=lambda y, _: np.sum(y), targets=np.zeros(3))
    assert law not in labels(tg.draw.paths(run).scene)


def test_weights_of_one_name_are_told_apart():
    rng = np.random.default_rng(0)
    run = tg.unroll(stacked_cell(rng), np.ones((3, I)), START["tuple"], loss=half_squared_error,
                    targets=np.ones((3, H)))  # fmt: skip
    for figure in (tg.draw.ops(run), tg.draw.paths(run)):
        tips = {tip for box in of(Box, figure.scene) for tip in (*box.tip.split(", "), box.label)}
        assert {"W_hh", "W_hh#2"} <= tips
