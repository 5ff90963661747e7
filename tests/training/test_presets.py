"""Pictures for papers and posters: sizes in print, type, and labels that LaTeX sets."""

import re
import shutil

import numpy as np
import pytest
from support.networks import make
from support.scenes import inside, labels, of, overlap
from support.written import hostile, scene_of

import tinygrad_rnn as tg
from tinygrad_rnn.draw.scene import Box, Line, Text, Triangle
from tinygrad_rnn.draw.tikz import latex, to_tikz
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.functional import half_squared_error, sigmoid
from tinygrad_rnn.nn import Module

pytestmark = pytest.mark.tiny

LENGTHS = [
    ("RNN", 1, 1),
    ("RNN", 4, 1),
    ("RNN", 9, 3),
    ("LSTM", 4, 2),
    ("GRU", 30, 12),
    ("LSTM", 100, 50),
    ("tuple", 7, 1),
]


def sizes(scene):
    return [x.size for x in (*of(Box, scene), *of(Text, scene)) if x.label]


@pytest.mark.parametrize(("name", "T", "t"), LENGTHS)
def test_a_paper_is_one_column_wide_and_can_be_read(name, T, t):
    for scene in (
        tg.draw.paths(make(name, T), t, preset="paper").scene,
        tg.draw.heatmap(make(name, T), t, preset="paper").scene,
    ):
        assert scene.width == pytest.approx(3.4 * 72)
        assert scene.height < 3.4 * 72 * 1.3
        assert min(sizes(scene)) >= 7
        assert all(inside(item, scene) for item in [*of(Box, scene), *of(Text, scene)])
        assert not any("how to read it" in label or "eq. (3.1)" in label for label in labels(scene))


@pytest.mark.parametrize(("name", "T", "t"), LENGTHS)
def test_nothing_of_a_paper_overlaps(name, T, t):
    scene = tg.draw.paths(make(name, T), t, preset="paper").scene
    boxes = [b for b in of(Box, scene) if b.width]
    assert not [(a.label, b.label) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)]


@pytest.mark.parametrize("draw", [tg.draw.paths, tg.draw.heatmap])
def test_a_poster_is_three_times_the_lecture(draw):
    run = make("RNN", 5)
    small, large = draw(run).scene, draw(run, preset="poster").scene
    assert (large.width, large.height) == pytest.approx((3 * small.width, 3 * small.height))
    assert labels(large) == labels(small)
    assert sizes(large) == pytest.approx([3 * size for size in sizes(small)])
    for a, b in zip(of(Line, small), of(Line, large), strict=True):
        assert b.width == pytest.approx(3 * a.width)
        assert b.points[-1] == pytest.approx((3 * a.points[-1][0], 3 * a.points[-1][1]))


@pytest.mark.parametrize("draw", [tg.draw.paths, tg.draw.heatmap])
def test_other_presets_are_told(draw):
    with pytest.raises(
        UsageError, match=r"there is no preset 'thesis'\. Use lecture, paper, poster"
    ):
        draw(make("RNN", 3), preset="thesis")


def test_a_pdf_holds_text(tmp_path):
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    content = (
        tg.draw.paths(make("RNN", 4), preset="paper").save(tmp_path / "paths.pdf").read_bytes()
    )
    assert re.search(rb"/Font\b|/ObjStm\b", content)  # characters of a font, not outlines
    width = float(re.search(rb"/MediaBox \[ ?0 0 ([\d.]+)", content)[1])
    assert width == pytest.approx(3.4 * 72, abs=1.5)


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("h₁₂", "$h_{12}$"),
        ("W_hh", "$W_{hh}$"),
        ("W_hh, b_h", "$W_{hh}$, $b_{h}$"),
        (
            "∂L₅/∂h₅ · ∂h₅/∂h₃",
            r"$\partial$$L_{5}$/$\partial$$h_{5}$ $\cdot$ $\partial$$h_{5}$/$\partial$$h_{3}$",
        ),
        ("‖J₂‖ = 0.5", r"$\|$$J_{2}$$\|$ = 0.5"),
        ("s2₇", "$s2_{7}$"),
        ("100 %", r"100 \%"),
        ("∂⁺L/∂h₁", r"$\partial$$^+$L/$\partial$$h_{1}$"),
        ("a_long_name", r"a\_long\_name"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("$ ^ ~ # & <", r"\$ \textasciicircum{} \textasciitilde{} \# \& \textless{}"),
        ("é🙂", "??"),
    ],
)
def test_labels_are_mathematics_or_text(label, written):
    assert latex(label) == written


@hostile
def test_hostile_labels_are_no_commands(name):
    tex = to_tikz(scene_of(Box(20, 20, 30, 10, name), Text(50, 20, name), title=name))
    first, *rest = tex.split("\n")
    assert first.startswith("% ")
    known = {
        "begin",
        "end",
        "definecolor",
        "useasboundingbox",
        "path",
        "node",
        "fontsize",
        "selectfont",
    }
    known |= {
        "textasciitilde",
        "textasciicircum",
        "textbackslash",
        "textless",
        "textgreater",
        "textquotedbl",
        "cdots",
    }
    known |= {"textasciigrave", "ldots", "partial"}
    assert set(re.findall(r"\\([A-Za-z]+)", "\n".join(rest))) <= known
    "\n".join(rest).encode("ascii")
    plain = re.sub(r"\\[{}\\]", "", "\n".join(rest))
    assert plain.count("{") == plain.count("}")


@pytest.mark.parametrize("name", ["RNN", "LSTM"])
def test_every_item_is_in_the_tikz_picture(name, tmp_path):
    run = make(name, 4)
    for figure in (
        tg.draw.paths(run),
        tg.draw.ops(run),
        tg.draw.heatmap(run),
        tg.draw.graph(run.loss),
    ):
        tex = figure.save(tmp_path / "x.tex").read_text("utf-8")
        assert tex.count("\\draw[") == len(of(Line, figure.scene))
        assert tex.count("\\fill[") == len(of(Triangle, figure.scene))
        assert tex.count("\\path[") == len(of(Box, figure.scene))
        assert tex.count("\\node[") == len(labels(figure.scene))
        defined = set(re.findall(r"definecolor\{(c\w{6})\}", tex))
        assert set(re.findall(r"\bc[0-9A-F]{6}\b", tex)) == defined


def test_gates_are_named_on_the_op_level():
    lstm, gru = (
        labels(tg.draw.ops(make("LSTM", 2)).scene),
        labels(tg.draw.ops(make("GRU", 2)).scene),
    )
    assert [lstm.count(gate) for gate in "ifgo"] == [2, 2, 2, 2]
    assert [gru.count(gate) for gate in "rzn"] == [4, 4, 4]  # of x_t and of h_(t-1)
    assert "[ ]" not in (*lstm, *gru)


@pytest.mark.parametrize(("name", "parts"), [("LSTM", "hc"), ("tuple", ("s1", "s2"))])
def test_each_part_of_a_state_has_a_row_of_its_own(name, parts):
    scene = tg.draw.paths(make(name, 4)).scene
    rows = {
        part: {x.y for x in of(Text, scene) if re.fullmatch(part + "[₁-₄]", x.label)}
        for part in parts
    }
    heights = [row.pop() for row in rows.values() if len(row) == 1]
    assert len(set(heights)) == 2
    within = [
        x
        for x in of(Line, scene)
        if x.points[0][0] == x.points[1][0] and min(heights) < x.points[0][1] < max(heights)
    ]
    assert len(within) == 4  # c -> h, and layer -> layer, at each t


class Gated(Module):
    """z = x W, h' = sigmoid(z_a) h + tanh(z_b), and the first of all pre-activations, which is no
    gate.
    """

    gates = "ab"

    def __init__(self):
        self.W = tg.Tensor(np.full((3, 4), 0.1), requires_grad=True)

    def __call__(self, x, h):
        z = x @ self.W
        return sigmoid(z[..., :2]) * h + np.tanh(z[..., 2:]) * z[..., :1]


def test_a_slice_that_is_no_gate_is_a_slice():
    run = tg.unroll(
        Gated(), np.ones((2, 3)), np.zeros(2), loss=half_squared_error, targets=np.ones((2, 2))
    )
    found = labels(tg.draw.ops(run).scene)
    assert [found.count(label) for label in ("a", "b", "[ ]")] == [2, 2, 2]


def test_parts_of_a_state_that_are_not_neighbours_have_no_line_between():
    """b is computed from a, and c from both: only rows next to each other are joined."""
    W = tg.Tensor(0.5, requires_grad=True, name="W")

    def cell(x, state):
        a, b, c = state
        a = np.tanh(x + W * a)
        b = np.tanh(x + b) * a
        return a, b, np.tanh(a + b + c)

    zeros = (np.zeros(2), np.zeros(2), np.zeros(2))
    run = tg.unroll(cell, np.ones((3, 2)), zeros, loss=half_squared_error, targets=np.ones((3, 2)))
    scene = tg.draw.paths(run).scene
    rows = sorted({x.y for x in of(Text, scene) if re.fullmatch("s[123][₁-₃]", x.label)})
    joined = [
        x
        for x in of(Line, scene)
        if x.points[0][0] == x.points[1][0] and rows[0] < x.points[0][1] < rows[2]
    ]
    assert len(rows) == 3
    assert len(joined) == 2 * 3  # a - b and b - c at each t, but not a - c
