"""The SVG writer: well-formed XML that says what the scene says, whatever the names and numbers
are.
"""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from support.networks import CELLS, make
from support.scenes import labels, of
from support.written import SVG, check_is_plain, hostile, scene_of

import tinygrad_rnn as tg
from tinygrad_rnn.draw import figure
from tinygrad_rnn.draw.scene import Box, Line, Text, Triangle, clean
from tinygrad_rnn.draw.svg import to_svg


def texts(svg):
    return [x.text or "" for x in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@hostile
def test_hostile_labels_are_text(name):
    items = (
        Box(20, 20, 30, 10, name, tip=name),
        Text(50, 20, name, tip=name),
        Line(((0, 0), (9, 9)), "#000000", tip=name),
    )
    svg = to_svg(scene_of(*items, title=name))
    check_is_plain(svg)
    assert texts(svg) == [clean(name)] * 2
    titles = [x.text for x in ElementTree.fromstring(svg).iter(f"{SVG}title")]
    assert titles == [clean(name), *[clean(name, 500)] * 3]
    svg.encode()  # no lone surrogate is left


@hostile
def test_hostile_names_in_every_picture(name):
    W = tg.Tensor(np.full((1, 1), 0.5), requires_grad=True, name=name)

    def cell(x, h):
        return np.tanh(x + h @ W)

    cell.__name__ = cell.__qualname__ = name.replace("\0", "0")
    h0 = tg.Tensor([0.1], name=name)
    run = tg.unroll(cell, np.ones((2, 1)), h0, loss=lambda y, _: np.sum(y), targets=np.zeros(2))
    for x in (*run.xs, *run.states, *run.losses, run.loss):
        x.name = name
    for made in (
        tg.draw.paths(run),
        tg.draw.ops(run),
        tg.draw.heatmap(run),
        tg.draw.graph(run.loss),
    ):
        check_is_plain(made.svg)
        assert len(texts(made.svg)) == len(labels(made.scene))
        made.source.encode()


@pytest.mark.parametrize(
    ("name", "T"), [*((name, 5) for name in CELLS), ("RNN", 1), ("RNN", 31), ("LSTM", 31)]
)
def test_every_text_of_the_scene_is_a_text_of_the_svg(name, T):
    run = make(name, T)
    for made in (tg.draw.paths(run), tg.draw.ops(run), tg.draw.heatmap(run, 1)):
        check_is_plain(made.svg)
        assert sorted(texts(made.svg)) == sorted(labels(made.scene))
        root = ElementTree.fromstring(made.svg)
        for tag, kind in (("polygon", Triangle), ("path", Line)):
            assert len(list(root.iter(SVG + tag))) == len(of(kind, made.scene))
        assert (
            len([*root.iter(f"{SVG}rect"), *root.iter(f"{SVG}ellipse")])
            == len(of(Box, made.scene)) + 1
        )  # paper
        assert [float(x) for x in root.attrib["viewBox"].split()[2:]] == pytest.approx(
            [made.scene.width, made.scene.height], abs=0.01
        )


@pytest.mark.parametrize("value", [0.0, -0.0, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan])
def test_values_of_every_kind(value):
    x = tg.Tensor([value, value], requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        made = tg.draw.graph(np.sum(x * value))
    check_is_plain(made.svg)
    for coordinate in re.findall(
        r' (?:x|y|d|width|height|points|stroke-width)="([^"]*)"', made.svg
    ):
        assert "nan" not in coordinate
        assert "inf" not in coordinate


def test_shapes_are_written_as_they_are():
    svg = to_svg(
        scene_of(
            Box(20, 10, 8, 4, shape="ellipse", fill="#AABBCC"),
            Box(20, 10, 8, 4, shape="round", width=0),
            Box(20, 10, 8, 4, dashed=True),
            Triangle(10, 10, "left", 4, 2, "#112233"),
            Line(((0, 0), (3, 0)), "#445566", 2.5, dotted=True),
        )
    )
    root = ElementTree.fromstring(svg)
    assert root.find(f"{SVG}ellipse").attrib | {} == {
        "cx": "20", "cy": "10", "rx": "4", "ry": "2", "fill": "#AABBCC", "stroke": "#1F2328",
        "stroke-width": "1",
    }  # fmt: skip
    _, rounded, dashed = root.findall(f"{SVG}rect")
    assert (rounded.attrib["x"], rounded.attrib["y"], rounded.attrib["rx"]) == ("16", "8", "2")
    assert "stroke" not in rounded.attrib
    assert dashed.attrib["stroke-dasharray"] == "4 3"
    assert root.find(f"{SVG}polygon").attrib["points"] == "10,10 14,11 14,9"
    line = root.find(f"{SVG}path")
    assert line.attrib["d"] == "M0 0C1 0 2 0 3 0"
    assert (line.attrib["stroke-width"], line.attrib["stroke-linecap"]) == ("2.5", "round")


@pytest.mark.parametrize(
    ("toward", "points"),
    [("left", {(0, 0), (4, 1), (4, -1)}), ("right", {(0, 0), (-4, 1), (-4, -1)}),
     ("up", {(0, 0), (1, 4), (-1, 4)}), ("down", {(0, 0), (1, -4), (-1, -4)})],
)  # fmt: skip
def test_triangles_point_where_they_should(toward, points):
    (found,) = ElementTree.fromstring(
        to_svg(scene_of(Triangle(0, 0, toward, 4, 2, "#000000")))
    ).iter(f"{SVG}polygon")
    assert {tuple(map(float, p.split(","))) for p in found.attrib["points"].split()} == points


def test_a_notebook_shows_the_svg():
    made = tg.draw.paths(make("RNN", 2))
    assert made._repr_svg_() == made.svg


@pytest.mark.parametrize("draw", [tg.draw.paths, tg.draw.ops, tg.draw.heatmap])
def test_a_notebook_is_not_flooded(draw):
    made = draw(make("LSTM", 30))
    root = ElementTree.fromstring(made._repr_svg_())
    width, height = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    assert width <= 900.01
    assert height <= 700.01
    assert width / height == pytest.approx(made.scene.width / made.scene.height, rel=1e-3)
    assert len(made._repr_svg_()) < 250_000


def test_a_notebook_display_never_raises(monkeypatch):
    def broken(scene, scale):
        raise RuntimeError("no picture today")

    monkeypatch.setattr(figure, "to_svg", broken)
    assert tg.draw.paths(make("RNN", 2))._repr_svg_() is None
