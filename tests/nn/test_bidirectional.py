"""Two networks over the same inputs, from both ends of time: their gradients, and the two rows of
their map.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.scenes import bounds, inside, labels, of, overlap

import tinygrad_rnn as tg
from tinygrad_rnn.draw.scene import Box, Line, Scene, Text, Triangle, below, mirrored
from tinygrad_rnn.errors import RangeError, ShapeError, UsageError
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import LSTMCell, Readout, RNNCell

T = 6


@pytest.fixture(scope="module", params=[RNNCell, LSTMCell])
def runs(request):
    rng = np.random.default_rng(0)
    cells = request.param(2, 3, rng=rng), request.param(2, 3, rng=rng)
    xs, targets = rng.standard_normal((T, 2)), rng.standard_normal((T, 1))
    readout = Readout(6, 1, rng=rng)
    return tg.bidirectional(*cells, xs, readout=readout, loss=half_squared_error, targets=targets)


def test_each_direction_is_its_own_network(runs):
    forward, backward = runs
    xs = [x.data for x in forward.xs]
    for run, inputs in ((forward, xs), (backward, xs[::-1])):
        alone = tg.unroll(run.cell, np.array(inputs))
        for a, b in zip(run.hidden, alone.hidden, strict=True):
            assert_allclose(a.data, b.data)
    assert [x.name for x in backward.xs] == [f"x_{t}" for t in range(T, 0, -1)]
    assert [h.name for h in backward.hidden] == [f"h′_{t}" for t in range(T, 0, -1)]
    assert all(a is b for a, b in zip(forward.losses, backward.losses[::-1], strict=True))


def test_the_terms_of_each_direction_add_up_to_the_gradient_of_backward(runs):
    for run in runs:
        flow = tg.gradient_flow(run.losses, run.states)
        for h in run.hidden:
            h.grad = None
            h.retain_grad()
        run.loss.backward()
        for t, h in enumerate(run.hidden, 1):
            terms = [flow.term(k, t) for k in range(t, T + 1)]
            first = [term[0] if isinstance(term, tuple) else term for term in terms]
            assert_allclose(sum(first), h.grad, rtol=1e-9)  # (3.1)
        for p in flow.parameters.values():
            p.grad = None


def test_time_goes_from_left_to_right_in_both_rows(runs):
    scene = tg.draw.paths(runs, 3).scene
    texts = [x for x in of(Text, scene) if x.label.startswith("t = ")]
    assert [x.label for x in sorted(texts, key=lambda x: (x.y, x.x))] == [
        f"t = {t}" for t in range(1, T + 1)
    ] * 2
    upper, lower = (sorted(x.x for x in texts if x.y == y) for y in sorted({x.y for x in texts}))
    assert upper == pytest.approx(lower)
    chosen = [box.x for box in of(Box, scene) if box.fill == "#FFF6DC"]
    assert chosen == pytest.approx([upper[2]] * 2)
    assert {"h₃", "h′₃", "h₀", "h′₇"} <= set(labels(scene))
    boxes = [b for b in of(Box, scene) if b.label]
    assert all(inside(item, scene) for item in [*of(Box, scene), *of(Text, scene)])
    assert not [(a.label, b.label) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)]


def test_lines_of_the_lower_row_come_from_earlier_losses(runs):
    backward = runs[1]
    scene = tg.draw.paths(runs, 3).scene
    middle = scene.height / 2
    flow = tg.gradient_flow(backward.losses, backward.states)
    symbol = "h′" if isinstance(backward.cell, RNNCell) else "s"  # s = (h′, c′)
    lower = {line.tip: line for line in of(Line, scene) if line.tip and line.points[0][1] > middle}
    for t in (1, 2, 3):  # loss t reaches h'_3 from the left
        end = "direct" if t == 3 else f"at {symbol}_3"
        norm = flow.norms()[T - t, T - 3]
        (line,) = (x for tip, x in lower.items() if tip.startswith(f"loss {t}, {end}: "))
        assert float(line.tip.split("norm ")[1]) == pytest.approx(norm, rel=1e-5)
        assert t == 3 or line.points[0][0] < line.points[-1][0]
    assert not any(tip.startswith("loss 4") for tip in lower)


def test_operations_of_the_forward_network_stop_at_the_states_of_the_other(runs):
    scene = tg.draw.ops(runs[0]).scene
    shown = labels(scene)
    assert [label for label in shown if label.startswith("h′_")] == [
        f"h′_{t}" for t in range(1, T + 1)
    ]
    assert sum("concatenate" in box.tip for box in of(Box, scene)) == T
    boxes = [b for b in of(Box, scene) if b.label]
    assert not [(a.label, b.label) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)]


def test_a_page_and_the_operations_of_the_backward_network_are_refused(runs):
    for draw in (tg.draw.page, tg.draw.ops):
        with pytest.raises(UsageError, match=r"unrolled backwards.*draw\.paths"):
            draw(runs[1])


def test_what_is_wrong_is_told(runs):
    with pytest.raises(RangeError, match="t is 7"):
        tg.draw.paths(runs, 7)
    cell, readout = RNNCell(2, 3, rng=0), Readout(6, 1, rng=0)
    with pytest.raises(ShapeError, match="xs has T = 4 time steps and targets 3"):
        tg.bidirectional(
            cell,
            cell,
            np.ones((4, 2)),
            readout=readout,
            loss=half_squared_error,
            targets=np.ones((3, 1)),
        )
    with pytest.raises(ShapeError, match=r"the loss at t = 1 has shape \(1,\)|must be a scalar"):
        tg.bidirectional(
            cell,
            cell,
            np.ones((2, 2)),
            readout=lambda h: h,
            loss=lambda y, _: y,
            targets=np.ones(2),
        )


def test_mirrored_and_below():
    items = (
        Box(10, 5, 4, 2, key="a"), Text(10, 5, "x", anchor="start"),
        Triangle(8, 5, "left", 2, 2, "#000000"),
        Line(((0, 0), (8, 5)), "#000000", ends=("a", "")),
    )  # fmt: skip
    box, text, head, line = mirrored(items, 10)
    assert (box.x, text.anchor, head.x, head.toward, line.points) == (
        10,
        "end",
        12,
        "right",
        ((20, 0), (12, 5)),
    )
    assert mirrored(mirrored(items, 10), 10) == list(items)
    both = below(Scene(30, 20, "upper", items), Scene(40, 10, "lower", items))
    assert (both.width, both.height, both.title) == (40, 30, "upper")
    assert bounds(both.items[4])[1] == bounds(items[0])[1] + 20
    assert [item.key for item in both.items if isinstance(item, Box)] == ["a", "a'"]
    assert both.items[7].ends == ("a'", "")


def test_a_name_that_h0_was_given_stays():
    cells, h0 = (
        [RNNCell(2, 3, rng=s) for s in (0, 1)],
        [tg.Tensor(np.zeros(3), name=name) for name in ("left", "right")],
    )
    runs = tg.bidirectional(
        *cells,
        np.ones((4, 2)),
        h0,
        readout=Readout(6, 1, rng=2),
        loss=half_squared_error,
        targets=np.ones((4, 1)),
    )
    assert [run.initial.name for run in runs] == ["left", "right"]
    assert [h.name for h in runs[1].hidden] == ["h′_4", "h′_3", "h′_2", "h′_1"]
