"""Plots: every point at its place on the axes, gaps where nothing can be drawn, labels apart from
each other.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.scenes import inside, labels, of

import tinygrad_rnn as tg
from tinygrad_rnn import draw
from tinygrad_rnn.draw import Curve
from tinygrad_rnn.draw.curves import Axis
from tinygrad_rnn.draw.palette import CURVES
from tinygrad_rnn.draw.scene import Box, Line, Text
from tinygrad_rnn.errors import ShapeError, UsageError


def plot(*curves, **options):
    return draw.curves(curves, title="title", x_label="x", y_label="y", **options).scene


def drawn(scene, label):
    """The pieces of a curve."""
    return [line.points for line in of(Line, scene) if line.tip == label]


def ticks(scene):
    """{value: y} of the upward axis, read from its labels."""
    return {float(text.label): text.y for text in of(Text, scene) if text.anchor == "end"}


def test_points_lie_where_the_axes_say():
    x, y = [0, 1, 2, 4], [0.0, 3.0, -1.0, 2.0]
    scene = plot(Curve("a", x, y))
    (points,) = drawn(scene, "a")
    px, py = np.array(points).T
    assert_allclose((px - px[0]) / (px[-1] - px[0]), np.array(x) / 4)
    (v0, y0), *_, (v1, y1) = ticks(scene).items()
    assert_allclose(v0 + (py - y0) / (y1 - y0) * (v1 - v0), y, atol=1e-9)
    assert_allclose([[box.x, box.y] for box in of(Box, scene)], points)
    assert [box.tip for box in of(Box, scene)] == ["a: 0, 0", "a: 1, 3", "a: 2, -1", "a: 4, 2"]


def test_a_log_axis():
    scene = plot(Curve("a", range(4), [1e-3, 1e-1, 1e3, 1e1]), log=True)
    (points,) = drawn(scene, "a")
    heights = [-y for _, y in points]
    assert_allclose(np.diff(heights) / (heights[1] - heights[0]), [1, 2, -1])
    assert list(ticks(scene)) == [1e-3, 1e-2, 1e-1, 1, 10, 100, 1e3]
    assert_allclose(np.diff(list(ticks(scene).values())), np.diff(list(ticks(scene).values()))[0])


@pytest.mark.parametrize(
    ("y", "log", "pieces"),
    [
        ([1, 2, math.nan, 3, 4], False, [2, 2]),
        ([1, 2, math.inf, 3, 4], False, [2, 2]),
        ([1, 2, 0, 3, 4], True, [2, 2]),
        ([1, 2, 3, math.nan, 4], False, [3]),
        ([math.nan, 1, 2, 3, 4], False, [4]),
    ],
)
def test_what_cannot_be_drawn_leaves_a_gap(y, log, pieces):
    assert [len(points) for points in drawn(plot(Curve("a", range(5), y), log=log), "a")] == pieces


def test_a_point_without_an_x_leaves_a_gap_too():
    scene = plot(Curve("a", [0, 1, math.inf, 3, 4], range(5)))
    assert [len(points) for points in drawn(scene, "a")] == [2, 2]
    assert len(of(Box, scene)) == 4


def test_a_curve_is_cut_where_it_leaves_the_frame():
    scene = plot(Curve("a", [0, 1, 2, 3], [0, 2, 2, 0]), y_range=(0.0, 1.0))
    up, down = drawn(scene, "a")
    top = min(y for line in of(Line, scene) if not line.tip for _, y in line.points)
    left, right = up[0][0], down[-1][0]
    assert up[1] == pytest.approx((left + (right - left) / 6, top))  # half way to x = 1
    assert down[0] == pytest.approx((right - (right - left) / 6, top))
    assert len(of(Box, scene)) == 2  # the points above are not marked


def test_the_label_of_a_curve_that_left_stands_where_it_left():
    above, below = (plot(Curve("a", [0, 1], [0.5, end]), y_range=(0.0, 1.0)) for end in (9.0, -9.0))
    at = [next(text.y for text in of(Text, scene) if text.label == "a") for scene in (above, below)]
    assert at == [ticks(above)[1.0], ticks(below)[0.0]]


def test_dots_only_where_there_are_few_and_the_curve_is_measured():
    assert len(of(Box, plot(Curve("a", range(40), range(40))))) == 40
    assert of(Box, plot(Curve("a", range(41), range(41)))) == []
    both = plot(Curve("many", range(41), range(41)), Curve("few", [0, 1], [0, 1]))
    assert [box.tip for box in of(Box, both)] == ["few: 0, 0", "few: 1, 1"]
    assert (
        len(
            of(Box, plot(Curve("a", range(41), range(41), dotted=True), Curve("b", [0, 1], [0, 1])))
        )
        == 2
    )
    assert len(of(Box, plot(Curve("a", range(41), range(41), names="x" * 41)))) == 41
    assert of(Box, plot(Curve("a", range(3), range(3), dotted=True))) == []
    assert all(
        line.dotted for line in of(Line, plot(Curve("a", [0, 1], [0, 1], dotted=True))) if line.tip
    )


def test_names_stand_where_the_curve_does_not_go():
    scene = plot(Curve("a", range(3), [0.0, 1.0, 0.0], names=["p", "q", "r"]))
    dots = {text.label: text.y for text in of(Text, scene) if text.label in "pqr"}
    _, peak, _ = of(Box, scene)
    assert dots["q"] < peak.y
    assert dots["p"] > of(Box, scene)[0].y
    assert dots["r"] > of(Box, scene)[2].y


def test_labels_stand_apart_in_the_order_of_the_ends():
    ends = [0.5, 0.49, 0.0, 0.51, 0.005, 0.5]
    scene = plot(*(Curve(f"c{i}", [0, 1], [1.0, end]) for i, end in enumerate(ends)))
    places = {text.label: text.y for text in of(Text, scene) if text.label.startswith("c")}
    ys = sorted(places.values())
    assert min(np.diff(ys)) >= 13.9
    for i, a in enumerate(ends):
        for j, b in enumerate(ends):
            assert a <= b or places[f"c{i}"] < places[f"c{j}"]
    assert all(inside(item, scene) for item in (*of(Box, scene), *of(Text, scene)))
    assert {line.color for line in of(Line, scene) if line.tip} == set(CURVES[:6])


def test_title_note_and_labels_of_the_axes_are_there():
    assert {"title", "x", "y", "a note", "a"} <= set(
        labels(plot(Curve("a", [0, 1], [0, 1]), note="a note"))
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (-0.05, 0.35, [0, 0.1, 0.2, 0.3]),
        (-6, 17.4, [-5, 0, 5, 10, 15]),
        (1, 80, [10, 20, 30, 40, 50, 60, 70, 80]),
        (3, 3, [2, 2.5, 3, 3.5, 4]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert [float(label) for _, label in Axis(low, high, log=False).ticks()] == pytest.approx(
        expected
    )


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3e-7, 2e-7), (1e6, 3e6), (12, 12.1), (0, 7)])
def test_four_to_ten_ticks_within_the_ends(low, high):
    found = [value for value, _ in Axis(low, high, log=False).ticks()]
    assert 4 <= len(found) <= 11
    assert low - 1e-9 * (high - low) <= min(found)
    assert max(found) <= high + 1e-9 * (high - low)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1e-9, 1e6, 6), (0.01, 1, 3), (0.2, 0.3, 2), (2.0, 2.0, 2)],
)
def test_ticks_of_a_log_axis(low, high, expected):
    found = [value for value, _ in Axis(low, high, log=True).ticks()]
    assert len(found) == expected
    assert found == sorted(found)


def test_numpy_numbers_draw_the_same():
    x, y = [0, 1, 2], [1.5, 0.5, 2.5]
    for log in (False, True):
        plain = draw.curves([Curve("a", x, y)], title="t", x_label="x", y_label="y", log=log)
        arrays = draw.curves(
            [Curve("a", np.array(x), np.array(y))], title="t", x_label="x", y_label="y", log=log
        )
        single = draw.curves(
            [Curve("a", np.array(x), np.array(y, np.float32))],
            title="t",
            x_label="x",
            y_label="y",
            log=log,
        )
        assert plain.source == arrays.source == single.source
        assert plain.svg == arrays.svg


def test_curves_that_are_no_curves():
    with pytest.raises(
        ShapeError, match=r"the curve 'a' has 2 x, 3 y and 0 names; each point needs an x and a y"
    ):
        plot(Curve("a", [0, 1], [0, 1, 2]))
    with pytest.raises(ShapeError, match="names are for all or none"):
        plot(Curve("a", [0, 1], [0, 1], names=["p"]))
    for nothing in ([], [Curve("a", [], [])], [Curve("a", [0], [math.nan])]):
        with pytest.raises(UsageError, match="there is no point to draw"):
            plot(*nothing)
    with pytest.raises(UsageError, match="not positive on a log scale"):
        plot(Curve("a", [0], [-1.0]), log=True)


# -- any length, any range -------------------------------------------------------------------------


def test_a_point_between_gaps_is_a_dot_on_any_curve():
    y = [i if i % 3 == 0 else math.nan for i in range(99)]
    for dotted in (False, True):
        scene = plot(Curve("a", range(99), y, dotted))
        assert drawn(scene, "a") == []
        assert [box.tip for box in of(Box, scene)] == [f"a: {i}, {i}" for i in range(0, 99, 3)]
    assert len(of(Box, plot(Curve("a", [3], [4], dotted=True)))) == 1
    assert len(of(Box, plot(Curve("a", [3] * 60, [4] * 60)))) == 1  # all at one place
    mixed = plot(Curve("a", range(6), [1, 2, None, 3, None, 4], dotted=True))
    assert [len(points) for points in drawn(mixed, "a")] == [2]
    assert [box.tip for box in of(Box, mixed)] == ["a: 3, 3", "a: 5, 4"]


@pytest.mark.parametrize("n", [10_000, 10_001, 60_000])
def test_a_long_curve_keeps_all_that_can_be_seen(n):
    y = np.random.default_rng(0).standard_normal(n).cumsum()
    y[n // 3], y[n // 2] = 900.0, -900.0
    (points,) = drawn(plot(Curve("a", range(n), y)), "a")
    assert len(points) == n if n <= 10_000 else len(points) <= 4 * (470 * 8 + 1)
    px, py = np.array(points).T
    assert np.all(np.diff(px) >= 0)
    places = np.interp(np.arange(n), [0, n - 1], [px[0], px[-1]])
    scale = (py.max() - py.min()) / 1800.0
    expected = py.min() + (900.0 - y) * scale
    index = np.rint((px - px[0]) / (px[-1] - px[0]) * (n - 1)).astype(int)  # all are of the curve
    assert_allclose(py, expected[index], atol=1e-6)
    for strip in (0.125, 1.0, 10.0):  # in every strip the same range
        ours, theirs = ({}, {})
        for found, xs, ys in ((ours, px, py), (theirs, places, expected)):
            for x, height in zip(xs // strip, ys, strict=True):
                low, high = found.get(x, (height, height))
                found[x] = min(low, height), max(high, height)
        same = [np.allclose(ours[x], theirs[x], atol=1e-6) for x in ours if x in theirs]
        assert np.mean(same) > 0.99  # but for points on the edge of a strip


LARGEST, SMALLEST = 1.7976931348623157e308, 5e-324


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([-LARGEST, 0.0, LARGEST], [-LARGEST, LARGEST, 0.0]),
        ([0.0, SMALLEST, 3 * SMALLEST], [SMALLEST, 0.0, 2 * SMALLEST]),
        ([1e300, 2e300], [1e-300, 1e300]),
        ([1.0, 1.0 + 2e-16, 1.0 + 1e-15], [1e16, 1e16 + 2, 1e16 + 8]),
        ([1e300, np.nextafter(1e300, 2e300)], [LARGEST, np.nextafter(LARGEST, 0)]),
        ([LARGEST], [LARGEST]),
        ([-LARGEST] * 2, [SMALLEST] * 2),
        ([1e16], [-1e16]),
        ([0, 1], [1e-290, 1e-310]),
    ],
)
@pytest.mark.parametrize("log", [False, True])
def test_ranges_of_every_size(x, y, log):
    if log and max(y) <= 0:
        y = np.abs(y)
    scene = plot(Curve("a", x, y), log=log)
    dots = of(Box, scene)
    assert len(dots) == sum(v > 0 or not log for v in y)
    for box in dots:
        assert 69.9 <= box.x <= 540.1
        assert 77.9 <= box.y <= 348.1
    assert all(inside(item, scene) for item in (*dots, *of(Text, scene)))
    ys = [box.y for box in dots]
    kept = [v for v in y if v > 0 or not log]
    order = np.argsort(kept, kind="stable")
    assert np.all(np.diff(np.array(ys)[order]) <= 1e-9)  # higher values stand higher
    told = [(text.y, text.label) for text in of(Text, scene) if text.anchor == "end"]
    assert len(set(told)) == len(told) >= 2
    assert len({label for _, label in told}) == len(told)  # no two places have one name


@pytest.mark.parametrize(
    "y_range",
    [(1e-3, 1e-2), (-LARGEST, LARGEST), (1.0, 1.0), (0.0, SMALLEST)],
)
def test_points_far_outside_a_given_range_lead_out_of_the_frame(y_range):
    scene = plot(Curve("a", range(5), [0.005, LARGEST, 0.005, -LARGEST, 0.005]), y_range=y_range)
    for points in drawn(scene, "a"):
        for x, y in points:
            assert 69.9 <= x <= 540.1
            assert 77.9 <= y <= 348.1
    if y_range[0] == 1e-3:
        assert len(drawn(scene, "a")) == 3


@pytest.mark.parametrize(
    ("low", "high"),
    [(1.0, 1.0 + 1e-12), (1e16, 1e16 + 8), (-1e300, -1e300 * (1 - 1e-10))],
)
def test_ends_that_look_alike_are_written_as_their_distance(low, high):
    (a, first), (b, last) = Axis(low, high, log=False).ticks()
    assert (a, b) == (low, high)
    assert last.startswith("+")
    assert float(last) == pytest.approx(high - low, rel=0.05)
    assert float(first) == pytest.approx(low, rel=1e-3)


def test_labels_of_very_many_curves_go_on_below():
    scene = plot(*(Curve(f"c{i}", [0, 1], [i % 7, i % 5]) for i in range(60)))
    places = [text.y for text in of(Text, scene) if text.label.startswith("c")]
    assert min(np.diff(sorted(places))) >= 13.9
    assert all(inside(text, scene) for text in of(Text, scene))


def test_long_words_do_not_widen_a_picture_without_end():
    scene = plot(Curve("label " * 2000, [0, 1], [0, 1]), note="note " * 2000)
    assert scene.width < 1500
    assert all(inside(text, scene) for text in of(Text, scene))


def test_points_come_in_whatever_holds_numbers():
    x, y = [0, 1, 2], [1.0, math.nan, 3.0]
    wanted = plot(Curve("a", x, y))
    tensor = tg.Tensor(y, requires_grad=True)
    masked = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
    tensors = [tg.Tensor(1.0, requires_grad=True), None, tg.Tensor(3.0)]
    for given in (np.array(y), tensor, masked, [1, None, 3], iter(y), tensors):
        assert plot(Curve("a", iter(x), given)) == wanted


def test_a_series_of_pandas_goes_by_position():
    pandas = pytest.importorskip("pandas")
    x = pandas.Series([0, 1, 2], index=[2, 0, 1])
    y = pandas.Series([5.0, 7.0, 6.0], index=list("abc"))
    assert plot(Curve("a", x, y)) == plot(Curve("a", [0, 1, 2], [5.0, 7.0, 6.0]))
