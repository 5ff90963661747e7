"""The op-level picture and the picture of any graph: every operation once, every gradient as wide
as its norm.
"""

import math
from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.networks import CELLS, H, I, O, make
from support.scenes import gradient_lines, inside, labels, of, operations, overlap, recorded

import tinygrad_rnn as tg
from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw import palette
from tinygrad_rnn.draw.scene import Box, Text, Triangle
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn import RNNCell
from tinygrad_rnn.nn.states import parts

COLUMN = "#F6F7F9"
DIRECT, INDIRECT, TOTAL = (palette.readable(c) for c in ("#D55E00", "#1F4E96", "#000000"))


def numbers(scene, color):
    return sorted(x.label for x in of(Text, scene) if x.size == 8.5 and x.color == color)


def sent(root):
    """{(result, operand): the gradient along this edge}, and {Tensor: its whole gradient}, from one
    pullback.
    """
    along, whole = {}, {}
    for x, g, shares in pullback({root: np.ones(root.shape)}):
        whole[x] = np.linalg.norm(g)
        for i, share in zip(x.argnums, shares, strict=False):
            along[x, x.args[i]] = along.get((x, x.args[i]), 0) + share
    return {edge: np.linalg.norm(share) for edge, share in along.items()}, whole


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("T", [1, 2, 8])
def test_every_operation_is_drawn_once(name, T):
    run = make(name, T)
    expected = recorded(ancestors(run.losses))
    if name == "tuple":  # the last step's GRU feeds no loss
        expected = recorded(ancestors([*run.losses, *(x for state in run.states for x in state)]))
    assert operations(tg.draw.ops(run).scene) == expected


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "function"])
def test_above_eight_steps_those_in_the_middle_are_counted(name):
    run = make(name, 11)
    scene = tg.draw.ops(run).scene
    upto = [recorded(ancestors(run.losses[:t])) if t else Counter() for t in range(12)]
    assert operations(scene) == sum(
        (upto[t] - upto[t - 1] for t in (1, 2, 3, 4, 10, 11)), Counter()
    )
    assert {"× 5", "⋯ the same ⋯"} <= set(labels(scene))
    assert [x for x in labels(scene) if x.startswith("t = ")] == [
        f"t = {t}" for t in (1, 2, 3, 4, 10, 11)
    ]


def test_steps_left_out_that_differ_are_not_called_the_same():
    W = tg.Tensor(np.eye(2), requires_grad=True, name="W")
    count = iter(range(20))

    def cell(x, h):
        return np.tanh(x + h @ W) if next(count) != 6 else np.sin(x + h @ W)

    run = tg.unroll(
        cell, np.ones((12, 2)), np.ones(2), loss=lambda y, _: np.sum(y), targets=np.zeros(12)
    )
    assert {"× 6", "⋯ others ⋯"} <= set(labels(tg.draw.ops(run).scene))


@pytest.mark.parametrize("name", ["RNN", "relu", "LSTM", "GRU", "function", "bare"])
def test_beside_each_forward_edge_runs_its_gradient(name):
    run = make(name, 3)
    along, whole = sent(run.loss)
    drawn = set(ancestors(run.losses))
    expected = [n for (x, a), n in along.items() if x in drawn and a.fun is not None]
    values = [*run.outputs, *run.losses, *(x for state in run.states for x in parts(state))]
    expected += [whole[x] for x in values]
    found = gradient_lines(tg.draw.ops(run).scene)
    assert_allclose(sorted(n for n, _ in found), sorted(expected), rtol=1e-5)
    top = max(along.values())
    bottom = min(max(min(n for n in along.values() if n > 0), top / 1e4), top / 10)
    for norm, line in found:
        share = min(
            1.0, max(0.0, math.log10(max(norm, bottom) / bottom) / math.log10(top / bottom))
        )
        assert line.dotted == (norm < bottom * (1 - 1e-6))
        assert line.dotted or line.width == pytest.approx(0.6 + 4.4 * share, abs=1e-4)


@pytest.mark.parametrize("name", ["RNN", "relu", "GRU", "function"])
def test_orange_and_blue_are_black(name):
    run = make(name, 4)
    scene = tg.draw.ops(run).scene
    run.loss.backward()
    flow = gradient_flow(run.losses, run.states)
    _, whole = sent(run.loss)
    for t in range(4):
        assert_allclose(flow.direct[t] + flow.indirect[t], flow.total[t])
        assert_allclose(np.linalg.norm(flow.total[t]), whole[run.states[t]])
    orange = [np.linalg.norm(g) for g in flow.direct] + [whole[y] for y in run.outputs]
    blue = [np.linalg.norm(g) for g in flow.indirect[:-1]]  # nothing comes to h_T from later
    black = [np.linalg.norm(g) for g in flow.total]
    for color, norms in ((DIRECT, orange), (INDIRECT, blue), (TOTAL, black)):
        assert numbers(scene, color) == sorted(map(number, norms))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("T", [1, 3, 10])
def test_no_circle_lies_on_another(name, T):
    scene = tg.draw.ops(make(name, T)).scene
    boxes = [box for box in of(Box, scene) if box.fill != COLUMN]
    assert all(inside(item, scene) for item in [*boxes, *of(Text, scene)])
    assert [
        (a.label, b.label) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)
    ] == []


def test_states_and_losses_have_boxes_and_arrows_reach_them():
    run = make("LSTM", 3)
    scene = tg.draw.ops(run).scene
    values = Counter(box.label for box in of(Box, scene) if box.size == 14)
    assert values == Counter(
        [f"{v}{s}" for v in ("x", "h", "c", "y", "L") for s in "₁₂₃"] + ["h₀", "c₀", "L = Σ"]
    )
    heads = of(Triangle, scene)
    for box in (b for b in of(Box, scene) if b.label in ("h₂", "c₂", "L₂")):
        near = [
            a
            for a in heads
            if abs(a.x - box.x) <= box.w / 2 + 5 and abs(a.y - box.y) <= box.h / 2 + 5
        ]
        assert near, box.label


def test_the_same_colour_is_the_same_weight():
    run = make("LSTM", 3)
    chips = Counter(
        (box.label, box.fill) for box in of(Box, tg.draw.ops(run).scene) if box.size == 9
    )
    bias = "#E6E9EE"
    assert chips == dict.fromkeys(
        [
            ("W_xh", "#BFE6D6"),
            ("W_hh", "#F0D3E2"),
            ("W_hy", "#FAF3B0"),
            ("b_h", bias),
            ("b_y", bias),
        ],
        3,
    )


def test_an_input_that_the_cell_does_not_read_has_no_box():
    W = tg.Tensor(0.5 * np.eye(2), requires_grad=True, name="W")
    run = tg.unroll(lambda x, h: np.tanh(h @ W), np.ones((2, 1)), np.ones(2),
                    loss=half_squared_error,
                    targets=np.zeros((2, 2)))  # fmt: skip
    scene = tg.draw.ops(run).scene
    assert operations(scene) == recorded(ancestors(run.losses))
    assert [x for x in labels(scene) if x.startswith("x")] == []
    assert [x for x in labels(tg.draw.ops(make("RNN", 2)).scene) if x.startswith("x")] == [
        "x₁",
        "x₂",
    ]


def test_a_read_out_of_two_branches_is_drawn_with_bent_gradients():
    rng = np.random.default_rng(0)
    A, B = (tg.Tensor(rng.standard_normal((H, O)), requires_grad=True, name=name) for name in "AB")
    run = tg.unroll(RNNCell(I, H, rng=0), rng.standard_normal((2, I)), loss=half_squared_error,
                    readout=lambda h: np.tanh(h @ A) + np.exp(h @ B),
                    targets=np.zeros((2, O)))  # fmt: skip
    scene = tg.draw.ops(run).scene
    assert operations(scene) == recorded(ancestors(run.losses))
    along, _ = sent(run.loss)
    norms = [
        norm for (_, operand), norm in along.items() if operand is run.states[1]
    ]  # of A's branch, and of B's
    direct = {
        line.points: norm for norm, line in gradient_lines(scene) if line.color == palette.DIRECT
    }
    found = [
        norm
        for points, norm in direct.items()
        if any(norm == pytest.approx(n, rel=1e-5) for n in norms)
    ]
    assert len(found) == len(norms) == 2
    bent = [points for points in direct if len(points) == 4]
    assert bent
    for a, b, c, d in bent:  # up, across, up
        assert a[0] == b[0]
        assert b[1] == c[1]
        assert c[0] == d[0]


def test_the_same_network_gives_the_same_picture():
    assert tg.draw.ops(make("GRU", 3)).source == tg.draw.ops(make("GRU", 3)).source


# -- any graph -------------------------------------------------------------------------------------


def chain():
    """L = sum((tanh(x W) W) * tanh(x W)) / 2: W and h are used twice."""
    W = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="W")
    x = tg.Tensor([1.0, -0.5], name="x")
    h = np.tanh(x @ W)
    h.name = "h_1"
    L = np.sum((h @ W) * h) / 2
    L.name = "L"
    return W, h, L


def test_a_graph_shows_operations_leaves_and_named_results_once():
    _, _, L = chain()
    scene = tg.draw.graph(L).scene
    assert operations(scene) == recorded(ancestors([L]))
    assert Counter(b.label for b in of(Box, scene) if "→" not in b.tip) == Counter(
        ["W", "x", "h₁", "L"]
    )
    assert scene.title == "Graph of L: 6 operations"


def test_a_graph_has_one_gradient_line_for_each_edge():
    W, h, L = chain()
    along, whole = sent(L)
    found = sorted(n for n, _ in gradient_lines(tg.draw.graph(L).scene))
    assert_allclose(found, sorted([*along.values(), whole[h], whole[L]]), rtol=1e-5)
    L.backward()
    assert_allclose(whole[W], np.linalg.norm(W.grad))


def test_an_operand_used_twice_has_one_line_with_both_shares():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    scene = tg.draw.graph(np.sum(x * x)).scene
    lines = [n for n, line in gradient_lines(scene) if line.tip.startswith("from x:")]
    assert lines == pytest.approx([np.linalg.norm([2.0, 4.0])], rel=1e-5)  # d(x x)/dx = 2 x


@pytest.mark.parametrize(
    "root",
    [
        lambda: chain()[1],
        lambda: np.sum(tg.Tensor([1.0, 2.0])),
        lambda: tg.Tensor([[1.0, 2.0]], requires_grad=True),
    ],
    ids=["vector", "constant", "leaf"],
)
def test_without_a_scalar_that_requires_a_gradient_there_is_no_backward_pass(root):
    scene = tg.draw.graph(root()).scene
    assert gradient_lines(scene) == []
    assert "not a scalar that requires a gradient: no backward pass" in labels(scene)


@pytest.mark.parametrize(
    "root",
    [
        pytest.param(lambda: tg.Tensor(2.0, requires_grad=True, name="theta"), id="a scalar leaf"),
        pytest.param(
            lambda: np.sum(np.stack([tg.Tensor(float(i), requires_grad=True) for i in range(40)])),
            id="wide",
        ),
        pytest.param(lambda: make("LSTM", 3).loss, id="LSTM"),
        pytest.param(lambda: np.exp(2.0 * tg.Tensor(1.0, requires_grad=True)) ** 0.5, id="unnamed"),
    ],
)
def test_nodes_of_a_graph_do_not_overlap(root):
    tensor = root()
    scene = tg.draw.graph(tensor).scene
    boxes = of(Box, scene)
    assert operations(scene) == recorded(ancestors([tensor]))
    assert all(inside(item, scene) for item in [*boxes, *of(Text, scene)])
    assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_numbers_among_the_operands_are_written_beside_the_sign():
    x = tg.Tensor(3.0, requires_grad=True)
    assert {"0.5 ×", "^ 2", "− 1"} <= set(labels(tg.draw.graph(0.5 * x**2 - 1).scene))


@pytest.mark.parametrize(
    "name",
    [
        "<lambda>",
        "<b>x</b>",
        "\\N",
        "a\\",
        "n1:p",
        'say "x"',
        "&amp;",
        "a | b {c}",
        "]]>",
        "\0",
        "🙂",
        "",
    ],
)
def test_names_full_of_syntax_are_names(name):
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name=name)
    scene = tg.draw.graph(np.sum(x)).scene
    shown = name.replace("\0", "\ufffd") or "2"
    assert shown in labels(scene)


@pytest.mark.parametrize("thing", [3.0, np.ones(2), None, "L"])
def test_only_a_tensor_has_a_graph(thing):
    with pytest.raises(
        UsageError, match=rf"draw\.graph draws a Tensor, not {type(thing).__name__}"
    ):
        tg.draw.graph(thing)


def test_drawing_changes_nothing():
    run = make("RNN", 3)
    tg.draw.ops(run), tg.draw.graph(run.loss), tg.draw.paths(run)
    assert all(p._grad is None for p in ancestors([run.loss]) if isinstance(p, Tensor))
