"""What no picture can be made of is refused in words of ours, whatever it is."""

import numpy as np
import pytest
from support.networks import make

import tinygrad_rnn as tg
from tinygrad_rnn import draw
from tinygrad_rnn.draw import Curve
from tinygrad_rnn.draw.figure import Figure
from tinygrad_rnn.draw.scene import Scene
from tinygrad_rnn.errors import DrawError, RangeError, TinygradError, UsageError

RUN = make("RNN", 3)
FLOW = tg.gradient_flow(RUN.losses, RUN.states)
X = tg.Tensor([1.0, 2.0], requires_grad=True)
WRONG = [None, 5, 1.5, "text", b"bytes", [], {}, (), object(), X, np.ones(2), [1], {"a": 1}, Scene]


def refused(call):
    """What is raised is ours; a TypeError of ours may be caught as one."""
    with pytest.raises(TinygradError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("picture", [draw.paths, draw.ops, draw.heatmap, draw.page])
@pytest.mark.parametrize("thing", WRONG, ids=lambda thing: type(thing).__name__)
def test_what_is_no_network(picture, thing):
    said = refused(lambda: picture(thing))
    assert "what unroll returned" in said or "there is no network to draw" in said


@pytest.mark.parametrize("picture", [draw.paths, draw.ops, draw.page])
def test_a_flow_alone_is_a_heat_map_only(picture):
    assert "Of a flow alone draw.heatmap makes a picture" in refused(lambda: picture(FLOW))
    assert draw.heatmap(FLOW).scene == draw.heatmap(RUN).scene


@pytest.mark.parametrize("picture", [draw.paths, draw.heatmap, draw.page])
@pytest.mark.parametrize("t", [0, 4, -1, 1.5, "1", "x", [1], np.float64(1.0), 10**30])
def test_what_is_no_time(picture, t):
    with pytest.raises(RangeError, match=r"t is .*; it must lie in 1\.\.3\."):
        picture(RUN, t=t)


@pytest.mark.parametrize("t", [2, np.int64(2), np.array(2)])
def test_what_is_a_time(t):
    assert draw.paths(RUN, t).scene == draw.paths(RUN, 2).scene
    assert draw.heatmap(RUN, t).scene == draw.heatmap(RUN, 2).scene


@pytest.mark.parametrize("picture", [draw.paths, draw.page])
def test_a_flow_of_other_states(picture):
    other = make("RNN", 3)
    shorter = tg.gradient_flow(RUN.losses[:2], RUN.states[:2])
    for flow in (tg.gradient_flow(other.losses, other.states), shorter):
        said = refused(lambda flow=flow: picture(RUN, flow=flow))
        assert "flow was measured on other states" in said
    assert "flow is ndarray; pass gradient_flow" in refused(lambda: picture(RUN, flow=np.ones(3)))
    lstm = make("LSTM", 3)
    only_h = tg.gradient_flow(lstm.losses, lstm.hidden)
    assert "other states" in refused(lambda: picture(lstm, flow=only_h))
    assert "of a single network" in refused(lambda: draw.paths((RUN, RUN), flow=FLOW))


@pytest.mark.parametrize("preset", [None, 5, "", "thesis", ["paper"], {}])
def test_what_is_no_preset(preset):
    for picture in (draw.paths, draw.heatmap):
        said = refused(lambda picture=picture: picture(RUN, preset=preset))
        assert "Use lecture, paper, poster" in said


@pytest.mark.parametrize("words", [None, 5, b"x", ["a"]])
def test_what_are_no_words(words):
    for call in (lambda: draw.heatmap(RUN, unit=words), lambda: draw.heatmap(RUN, note=words)):
        assert "it must be text" in refused(call)
    for name in ("title", "x_label", "y_label", "note"):
        given = {"title": "a", "x_label": "x", "y_label": "y", name: words}
        said = refused(lambda given=given: draw.curves([Curve("a", [0, 1], [0, 1])], **given))
        assert said == f"{name} is {type(words).__name__}; it must be text."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"limit": 1}, "limit is 1; a picture has at least 2 boxes"),
        ({"limit": "x"}, "limit is 'x'"),
        ({"limit": None}, "limit is None"),
        ({"fold": 5}, "fold is int; it is True, False, None or the names of scopes"),
        ({"layout": "circo"}, "there is no layout 'circo'"),
        ({"layout": ["dot"]}, r"there is no layout \['dot'\]"),
    ],
)
def test_options_of_a_graph(options, words):
    with pytest.raises(TinygradError, match=words):
        draw.graph(RUN.loss, **options)


@pytest.mark.parametrize("path", [None, 5, b"a.svg", ["a.svg"], object()])
def test_what_is_no_path(path):
    assert "a path is text or a pathlib.Path" in refused(lambda: draw.graph(X).save(path))
    if path is not None:
        assert "a path is text or a pathlib.Path" in refused(lambda: draw.page(RUN, path))


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ({"y": ["a", "b"]}, r"y of the curve 'c' is not a list of numbers: 'a' is a str"),
        ({"y": [1j, 2.0]}, "1j is a complex"),
        ({"y": [2.0, 1j]}, "1j is a complex"),
        ({"y": np.array([1j, 2.0])}, "is a complex128"),
        ({"x": np.array(["2020-01-01", "2020-01-02"], "M8[D]")}, "is a datetime64"),
        ({"y": [[1.0], [2.0]]}, r"y of the curve 'c' has shape \(2, 1\)"),
        ({"y": [[1.0], [2.0, 3.0]]}, "not a list of numbers"),
        ({"x": 0, "y": 1}, "x of the curve 'c' is not a list of numbers"),
        ({"x": None}, "x of the curve 'c' is not a list of numbers"),
        ({"y": [10**400, 1]}, "too large"),
        ({"color": "red"}, "the color of the curve 'c' is 'red'; write it as '#D55E00'"),
        ({"color": 5}, "is 5; write it as"),
        ({"names": 5}, "the names of the curve 'c' are int"),
    ],
)
def test_what_is_no_curve(curve, words):
    given = {"label": "c", "x": [0, 1], "y": [0, 1], **curve}
    with pytest.raises(UsageError if "shape" not in words else TinygradError, match=words):
        draw.curves([Curve(**given)], title="t", x_label="x", y_label="y")


@pytest.mark.parametrize(
    "lines",
    [None, 5, "text", [None], [1, 2], Curve("a", [0], [0])],
    ids=lambda thing: type(thing).__name__,
)
def test_what_are_no_curves(lines):
    said = refused(lambda: draw.curves(lines, title="t", x_label="x", y_label="y"))
    assert "draw.curves takes a list of draw.Curve" in said


def plot(y_range, log=False):
    line = Curve("a", [0], [1])
    return draw.curves([line], title="t", x_label="x", y_label="y", log=log, y_range=y_range)


@pytest.mark.parametrize(
    ("y_range", "log"),
    [((2, 1), False), ((np.nan, 1), False), ((0, np.inf), False), ((0, 1), True), ((-1, 1), True)],
)
def test_ends_of_an_axis_that_are_none(y_range, log):
    with pytest.raises(RangeError, match=r"y_range is \(.*\); it must be two finite numbers"):
        plot(y_range, log)
    for wrong in (5, "ab", (1,), (1, 2, 3), ("a", "b"), (None, 1)):
        assert "it must be two numbers" in refused(lambda wrong=wrong: plot(wrong))


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (-1, 5), (np.inf, 5), (5, np.nan)])
def test_a_picture_without_a_size(size):
    with pytest.raises(UsageError, match="points cannot be drawn"):
        Figure(Scene(*size, "nothing", ()))


def test_a_png_too_large_to_be_read_is_refused(tmp_path):
    with pytest.raises(DrawError, match=r"a png picture needs|too large for a png that can be"):
        Figure(Scene(3e5, 100, "wide", ())).save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
