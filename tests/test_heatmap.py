"""The heat map: the colour of every cell against the norm of its term."""

import math
import re

import numpy as np
import pytest
from test_scene import inside, labels, luminance, make, of

import tinygrad_rnn as tg
from tinygrad_rnn.draw.palette import BELOW, CIVIDIS
from tinygrad_rnn.draw.scene import Box, Line, Text
from tinygrad_rnn.flow import gradient_flow

DIRECT, INK = "#D55E00", "#1F2328"


def cells(scene):
    """{(k, t): its box} by what the tooltip says."""
    found = {}
    for box in of(Box, scene):
        if m := re.fullmatch(r"k = (\d+), t = (\d+): norm (\S+)( \(direct\))?", box.tip):
            k, t = int(m[1]), int(m[2])
            assert (k == t) == bool(m[4])
            found[k, t] = (float(m[3]), box)
    return found


def cividis(share):
    """Straight lines between the samples."""
    samples = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CIVIDIS])
    return [np.interp(share * (len(samples) - 1), range(len(samples)), channel) for channel in samples.T]


def span(norms):
    top = max(norms)
    return min(max(min(n for n in norms if n > 0), top / 1e4), top / 10), top


@pytest.fixture(
    params=[("RNN", 1), ("RNN", 2), ("RNN", 100), ("LSTM", 7), ("GRU", 7), ("function", 12)],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def drawn(request):
    run = make(*request.param)
    flow = gradient_flow(run.losses, run.states)
    return flow, tg.draw.heatmap(flow).scene


def test_one_cell_for_each_term(drawn):
    flow, scene = drawn
    T, norms = len(flow), flow.norms()
    found = cells(scene)
    assert set(found) == {(k, t) for k in range(1, T + 1) for t in range(1, k + 1)}
    for (k, t), (norm, _) in found.items():
        assert norm == pytest.approx(norms[k - 1, t - 1], rel=1e-5, abs=1e-300)


def test_colours_are_the_logarithm_of_the_norm(drawn):
    flow, scene = drawn
    norms = flow.norms()
    bottom, top = span([norms[k, t] for k in range(len(flow)) for t in range(k + 1)])
    for (k, t), (_, box) in cells(scene).items():
        norm = norms[k - 1, t - 1]
        if norm < bottom * (1 - 1e-9):
            assert box.fill == BELOW
            continue
        share = math.log10(max(norm, bottom) / bottom) / math.log10(top / bottom)
        fill = [int(box.fill[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.max(np.abs(np.subtract(fill, cividis(share)))) <= 1


def test_rows_send_and_columns_receive(drawn):
    _, scene = drawn
    boxes = {spot: box for spot, (_, box) in cells(scene).items()}
    for (k, t), box in boxes.items():
        assert box.x == pytest.approx(boxes[t, t].x)  # all of one t stand in one column
        assert box.y == pytest.approx(boxes[k, 1].y)  # all of one k in one row
        assert box.y <= boxes[t, t].y + 1e-9  # later losses above
    assert [boxes[t, t].x for t, _ in sorted(boxes)] == sorted(boxes[t, t].x for t, _ in boxes)


def test_the_direct_diagonal_is_framed(drawn):
    flow, scene = drawn
    frames = [line for line in of(Line, scene) if line.color == DIRECT]
    assert len(frames) == len(flow)
    found = cells(scene)
    for t, frame in enumerate(frames, 1):
        box = found[t, t][1]
        assert np.mean([p[0] for p in frame.points[:4]]) == pytest.approx(box.x)
        assert np.mean([p[1] for p in frame.points[:4]]) == pytest.approx(box.y)


def test_everything_lies_inside(drawn):
    _, scene = drawn
    assert all(inside(item, scene) for item in [*of(Box, scene), *of(Text, scene)])


@pytest.mark.parametrize("t", [1, 3, 5])
def test_the_chosen_column_is_framed(t):
    run = make("RNN", 5)
    scene = tg.draw.heatmap(run, t).scene
    (frame,) = [line for line in of(Line, scene) if line.color == INK]
    boxes = {spot: box for spot, (_, box) in cells(scene).items()}
    xs, ys = [p[0] for p in frame.points], [p[1] for p in frame.points[:4]]
    assert (min(xs) + max(xs)) / 2 == pytest.approx(boxes[t, t].x)
    assert min(ys) <= boxes[5, t].y <= boxes[t, t].y <= max(ys)
    assert f"orange frames: the direct terms; black frame: the terms of ∂L/∂h at t = {t}" in labels(scene)


def test_no_column_is_framed_unless_one_is_chosen():
    assert not [line for line in of(Line, tg.draw.heatmap(make("RNN", 5)).scene) if line.color == INK]


def test_the_scale_is_told(drawn):
    flow, scene = drawn
    bottom, top = span([n for n in flow.norms().ravel() if n > 0])
    bar = [box for box in of(Box, scene) if not box.tip and box.fill not in (BELOW, "#FFFFFF")]
    lights = [luminance(box.fill) for box in sorted(bar, key=lambda box: -box.y)]
    assert lights == sorted(lights)
    told = labels(scene)
    assert "smaller" in told
    assert f"{top:.3f}" in told
    assert (f"{bottom:.3f}" if bottom >= 1e-3 else f"{bottom:.1e}".replace("e-0", "e-")) in told


@pytest.mark.parametrize(("name", "symbol"), [("RNN", "h"), ("LSTM", "s"), ("tuple", "s")])
def test_the_title_names_the_state(name, symbol):
    assert f"∂L_k/∂{symbol}_k" in tg.draw.heatmap(make(name, 3)).scene.title


@pytest.mark.parametrize("T", [1, 12, 13, 100, 300])
def test_ticks_are_few_and_begin_at_one(T):
    from tinygrad_rnn.draw.heat import _ticks

    ticks = _ticks(T)
    assert ticks[0] == 1
    assert ticks == sorted(set(ticks))
    assert len(ticks) <= 13
    assert max(ticks) <= T


@pytest.mark.parametrize(("T", "block"), [(150, 1), (151, 2), (310, 3)])
def test_a_long_sequence_is_drawn_in_blocks_of_which_the_largest_is_shown(T, block):
    run = make("RNN", T)
    flow = gradient_flow(run.losses, run.states)
    norms, scene = flow.norms(), tg.draw.heatmap(flow, T // 2).scene
    drawn = [box for box in of(Box, scene) if box.tip]
    count = math.ceil(T / block)
    assert len(drawn) == count * (count + 1) // 2
    assert any(f"the largest of {block} × {block} terms" in label for label in labels(scene)) == (block > 1)
    for box in drawn[:: max(1, len(drawn) // 200)]:
        k, k_last, t, t_last, norm = re.fullmatch(
            r"k = (\d+)(?: to (\d+))?, t = (\d+)(?: to (\d+))?: norm (?:up to )?(\S+)(?: \(direct\))?", box.tip
        ).groups()
        terms = norms[int(k) - 1 : int(k_last or k), int(t) - 1 : int(t_last or t)]
        assert float(norm) == pytest.approx(np.max(terms), rel=1e-5)
    assert all(inside(item, scene) for item in [*of(Box, scene), *of(Text, scene)])


def test_a_thousand_steps_are_drawn_small():
    run = make("RNN", 1000)
    flow = gradient_flow(run.losses, run.states)
    for made in (tg.draw.heatmap(flow, 1), tg.draw.paths(run, 1, flow), tg.draw.ops(run)):
        assert len(made.svg) < 5e6
    assert len(tg.draw.page(run, flow=flow).html) < 5e6
