"""The heat map: the colour of every cell against the norm of its term."""

import math
import re

import numpy as np
import pytest
from support.networks import make
from support.scenes import cells, inside, labels, luminance, of, overlap

import tinygrad_rnn as tg
from tinygrad_rnn.draw.axis import step_ticks
from tinygrad_rnn.draw.palette import BELOW, CIVIDIS, NOT_A_NUMBER
from tinygrad_rnn.draw.scene import Box, Line, Scene, Text
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.guards.numbers import number

DIRECT, INK = "#D55E00", "#1F2328"


def cividis(share):
    """Straight lines between the samples."""
    samples = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CIVIDIS])
    return [
        np.interp(share * (len(samples) - 1), range(len(samples)), channel) for channel in samples.T
    ]


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
    assert f"orange frames: the direct terms; black frame: the terms of ∂L/∂h at t = {t}" in labels(
        scene
    )


def test_no_column_is_framed_unless_one_is_chosen():
    assert not [
        line for line in of(Line, tg.draw.heatmap(make("RNN", 5)).scene) if line.color == INK
    ]


def test_the_scale_is_told(drawn):
    flow, scene = drawn
    bottom, top = span([n for n in flow.norms().ravel() if n > 0])
    bar = [box for box in of(Box, scene) if not box.tip and box.fill not in (BELOW, "#FFFFFF")]
    lights = [luminance(box.fill) for box in sorted(bar, key=lambda box: -box.y)]
    assert lights == sorted(lights)
    told = labels(scene)
    assert "smaller" in told
    assert {number(top), number(bottom)} <= set(told)


@pytest.mark.parametrize(("name", "symbol"), [("RNN", "h"), ("LSTM", "s"), ("tuple", "s")])
def test_the_title_names_the_state(name, symbol):
    assert f"∂L_k/∂{symbol}_k" in tg.draw.heatmap(make(name, 3)).scene.title


@pytest.mark.parametrize("T", [1, 12, 13, 100, 300])
def test_ticks_are_few_and_begin_at_one(T):
    ticks = step_ticks(T)
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
    assert any(f"the largest of {block} × {block} terms" in label for label in labels(scene)) == (
        block > 1
    )
    for box in drawn[:: max(1, len(drawn) // 200)]:
        k, k_last, t, t_last, norm = re.fullmatch(
            (
                r"k = (\d+)(?: to (\d+))?, t = (\d+)(?: to (\d+))?: norm (?:up to "
                r")?(\S+)(?: \(direct\))?"
            ),
            box.tip,
        ).groups()
        terms = norms[int(k) - 1 : int(k_last or k), int(t) - 1 : int(t_last or t)]
        assert float(norm) == pytest.approx(np.max(terms), rel=1e-5)
    assert all(inside(item, scene) for item in [*of(Box, scene), *of(Text, scene)])


@pytest.mark.long
def test_a_thousand_steps_are_drawn_small():
    run = make("RNN", 1000)
    flow = gradient_flow(run.losses, run.states)
    for made in (tg.draw.heatmap(flow, 1), tg.draw.paths(run, 1, flow), tg.draw.ops(run)):
        assert len(made.svg) < 5e6
    assert len(tg.draw.page(run, flow=flow).html) < 5e6


# -- several networks ------------------------------------------------------------------------------


def maps(scene, *lengths):
    """[{(k, t): (norm, its box)}] of each map."""
    boxes = iter([box for box in of(Box, scene) if box.tip])
    found = []
    for T in lengths:
        own = Scene(0, 0, "", tuple(next(boxes) for _ in range(T * (T + 1) // 2)))
        found.append(cells(own))
    assert next(boxes, None) is None
    return found


def scaled_run(T, factor):
    """The network of `make`, its losses times a factor."""
    run = make("RNN", T)
    return gradient_flow([factor * loss for loss in run.losses], run.states)


@pytest.mark.parametrize(("T", "factor"), [(5, 0.01), (7, 1000.0), (30, 1.0)])
def test_maps_side_by_side_have_one_scale(T, factor):
    first, second = make("RNN", 5), scaled_run(T, factor)
    scene = tg.draw.heatmap({"before": first, "after": second}).scene
    norms = [
        n
        for flow in (gradient_flow(first.losses, first.states), second)
        for n in flow.norms().ravel()
        if n > 0
    ]
    own = [
        span([n for n in flow.norms().ravel() if n > 0])
        for flow in (tg.gradient_flow(first.losses, first.states), second)
    ]
    bottom, top = min(low for low, _ in own), max(norms)
    left, right = maps(scene, 5, T)
    for norm, box in [*left.values(), *right.values()]:
        if norm < bottom * (1 - 1e-5):
            assert box.fill == BELOW
            continue
        share = math.log10(max(norm, bottom) / bottom) / math.log10(top / bottom)
        fill = [int(box.fill[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.max(np.abs(np.subtract(fill, cividis(share)))) <= 1
    told = labels(scene)
    assert [number(top) in told, told.count("smaller")] == [True, 1]


def test_each_map_has_its_title_above_it_and_its_own_axes():
    scene = tg.draw.heatmap(
        {"before": make("RNN", 6), "after": make("RNN", 6)}, 2, unit="nats", note="an RNN"
    ).scene
    left, right = maps(scene, 6, 6)
    assert max(box.x for _, box in left.values()) < min(box.x for _, box in right.values()) - 20
    for title, found in (("before", left), ("after", right)):
        (text,) = [t for t in of(Text, scene) if t.label == title]
        assert abs(text.x - min(box.x for _, box in found.values())) < 30
        assert text.y < min(box.y for _, box in found.values()) - 30
    told = labels(scene)
    assert [told.count(label) for label in ("k (which loss sends it)", "t (which h receives it)",
                                            "6", "nats")] == [
        2, 2, 4, 1]  # fmt: skip
    assert any(label.endswith("column t receives; an RNN") for label in told)
    assert len([line for line in of(Line, scene) if line.color == INK]) == 2  # the column t of each


def test_a_scale_of_many_decades_ends_somewhere():
    scene = tg.draw.heatmap({"a": scaled_run(4, 1.0), "b": scaled_run(4, 1e-20)}).scene
    one, other = maps(scene, 4, 4)
    assert {box.fill for _, box in other.values()} == {BELOW}
    assert BELOW not in {box.fill for _, box in one.values()}
    nothing = tg.draw.heatmap({"a": scaled_run(4, 1.0), "b": scaled_run(4, 0.0)}).scene
    alone = tg.draw.heatmap(scaled_run(4, 1.0)).scene
    assert [box.fill for _, box in maps(nothing, 4, 4)[0].values()] == [
        box.fill for _, box in cells(alone).values()
    ]


@pytest.mark.parametrize(
    ("preset", "T", "last"),
    [
        ("lecture", 3, False),
        ("paper", 3, True),
        ("poster", 3, True),
        ("paper", 30, False),
        ("lecture", 100, True),
        pytest.param("paper", 400, True, marks=pytest.mark.long),
        pytest.param("poster", 100, False, marks=pytest.mark.long),
    ],
)
def test_several_maps_lie_inside_and_their_words_apart(preset, T, last):
    runs = [make("LSTM", n) for n in (T, T + 2)]
    flows = {
        f"after {i} epochs": gradient_flow(r.losses[-1] if last else r.losses, r.states)
        for i, r in enumerate(runs)
    }
    scene = tg.draw.heatmap(
        flows, T, preset=preset, unit="squared deviations per unit of s", note="a text " * 12
    ).scene
    texts = of(Text, scene)
    assert all(inside(item, scene) for item in [*of(Box, scene), *texts])
    assert not [(a.label, b.label) for i, a in enumerate(texts) for b in texts[:i] if overlap(a, b)]


@pytest.mark.parametrize("T", [2, 50, 200])
def test_where_only_the_last_loss_sends_a_map_is_its_row_alone(T):
    runs = [make("RNN", T, seed=seed) for seed in (0, 1)]
    flows = [gradient_flow(run.losses[-1], run.states) for run in runs]
    scene = tg.draw.heatmap(dict(zip("ab", flows, strict=True)), 1).scene
    boxes = [box for box in of(Box, scene) if box.tip]
    columns = math.ceil(T / math.ceil(T / 150))
    assert len(boxes) == 2 * columns
    for flow, row in zip(flows, (boxes[:columns], boxes[columns:]), strict=True):
        assert len({box.y for box in row}) == 1
        assert [box.x for box in row] == [box.x for box in boxes[:columns]]  # one below the other
        norm = float(re.search(r"norm (?:up to )?(\S+)", row[0].tip)[1])
        block = T // columns
        assert norm == pytest.approx(flow.norms()[-1, :block].max(), rel=1e-5)
    assert boxes[0].y < boxes[-1].y
    assert any("only L_T sends" in label for label in labels(scene))
    assert len([line for line in of(Line, scene) if line.color == DIRECT]) == 2
    assert len(labels(tg.draw.heatmap(flows[0]).scene)) < len(labels(scene))


def test_a_norm_that_is_not_a_number_is_not_painted_as_a_small_one():
    run = make("RNN", 3)
    factors = [1.0, math.nan, 1.0]
    losses = [L * factor for L, factor in zip(run.losses, factors, strict=True)]
    scene = tg.draw.heatmap(gradient_flow(losses, run.states)).scene
    found = {spot: box.fill == NOT_A_NUMBER for spot, (_, box) in cells(scene).items()}
    assert found == {(k, t): k == 2 for k in (1, 2, 3) for t in range(1, k + 1)}
    assert any("pink: not a number" in label for label in labels(scene))


@pytest.mark.parametrize(
    ("names", "symbol", "meaning"),
    [
        (("RNN", "GRU"), "h", None),
        (("LSTM", "LSTM"), "s", "s = (h, c)"),
        (("LSTM", "RNN"), "s", "s: the whole state"),
        (("LSTM", "tuple"), "s", "s: the whole state"),
    ],
)
def test_states_of_several_networks_have_one_symbol(names, symbol, meaning):
    scene = tg.draw.heatmap({str(i): make(name, 3) for i, name in enumerate(names)}).scene
    assert f"∂L_k/∂{symbol}_k" in scene.title
    about = next(label for label in labels(scene) if label.startswith("norm of every term"))
    assert about.endswith(f"; {meaning}" if meaning else "column t receives")


def test_what_cannot_be_drawn():
    with pytest.raises(UsageError, match="there is no network to draw"):
        tg.draw.heatmap({})
    with pytest.raises(RangeError, match=r"t is 6; it must lie in 1\.\.5\."):
        tg.draw.heatmap({"a": make("RNN", 5), "b": make("RNN", 3)}, 6)
    tg.draw.heatmap({"a": make("RNN", 5), "b": make("RNN", 3)}, 5)
