"""The metro map: every line, width, colour and number of it against the gradient flow it stands
for.
"""

import itertools
import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.flow_models import Model
from support.networks import CELLS, H, I, make
from support.scenes import bounds, hops, inside, labels, luminance, of, overlap, table

import tinygrad_rnn as tg
from tinygrad_rnn.draw.links import across, main_links
from tinygrad_rnn.draw.measures import shown_columns
from tinygrad_rnn.draw.roles import roles
from tinygrad_rnn.draw.scene import Box, Line, Text, Triangle
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow.terms import gradient_flow
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.guards.numbers import number, percent, typeset
from tinygrad_rnn.nn import Readout, RNNCell
from tinygrad_rnn.nn.states import parts

DIRECT, FADED, CHOSEN, COLUMN = "#D55E00", "#D5D9DE", "#FFF6DC", "#F6F7F9"
LENGTHS = [(1, 1), (4, 1), (4, 4), (10, 5), (30, 1), (31, 16), (31, 31), (100, 1)]
GAPS = [
    (31, 8),
    (32, 8),
    (100, 4),
    (100, 77),
    (100, 85),
]  # t where a gap would be of one step, or of none


def expected_norms(run, t):
    """{(ks, j): norm} of every term that the map shows, those of the steps left out as one vector
    sum.
    """
    T, flow = len(run), gradient_flow(run.losses, run.states)
    norms = flow.norms()
    shown = [k for k in shown_columns(t, T) if k >= t]
    hidden = [k for k in range(t, T + 1) if k not in shown]
    found = {((k,), j): norms[k - 1, j - 1] for k in shown for j in shown if j <= k}
    if hidden:
        alone = gradient_flow(
            [L if k in hidden else None for k, L in enumerate(run.losses, 1)], run.states
        )
        found |= {(tuple(hidden), j): alone.total_norm(j) for j in shown if j < hidden[0]}
    return found


def span(norms):
    """Bottom and top of the scale: one to four decades below the largest norm."""
    top = max(norms)
    return min(max(min(n for n in norms if n > 0), top / 1e4), top / 10), top


def columns(scene):
    """{step: its column}."""
    return {
        box.x: box
        for box in of(Box, scene)
        if box.fill in (CHOSEN, COLUMN) and not box.key and not box.width
    }


def solid(scene):
    """The boxes that stand for something: all but the columns behind them."""
    return [box for box in of(Box, scene) if box not in columns(scene).values()]


CASES = [
    *[("RNN", T, t) for T, t in [*LENGTHS, *GAPS]],
    *[(name, T, t) for name in CELLS[1:] for T, t in [(1, 1), (4, 2), (10, 1), (31, 1)]],
]


@pytest.fixture(scope="module", params=CASES, ids=lambda c: "{}-T{}-t{}".format(*c))
def picture(request):
    """(network, t, scene of its map)."""
    name, T, t = request.param
    run = make(name, T)
    return run, t, tg.draw.paths(run, t).scene


@pytest.fixture(scope="module")
def expected(picture):
    run, t, _ = picture
    return expected_norms(run, t)


def test_every_number_of_the_map_is_a_norm_of_3_1(picture, expected):
    run, t, scene = picture
    bottom, _ = span(expected.values())
    compact = len(shown_columns(t, len(run))) > 12
    visible = {key for key, norm in expected.items() if norm >= bottom * (1 - 1e-9)}
    drawn = {
        (ks, j)
        for ks, j in expected
        if not compact or any((ks, i) in visible for i in range(t, j + 1))
    }
    found = {(hop.ks, hop.j): hop for hop in hops(scene)}
    assert set(found) == drawn
    assert len(found) == len(hops(scene))
    for key, hop in found.items():
        assert hop.norm == pytest.approx(expected[key], rel=1e-5)


def test_a_loss_that_is_met_exactly_has_no_line_on_a_compact_map():
    T, met, rng = 14, 9, np.random.default_rng(0)
    cell, readout = RNNCell(I, H, rng=0), Readout(H, 1, rng=0)
    xs, targets = rng.standard_normal((T, I)), rng.standard_normal((T, 1))
    targets[met - 1] = (
        tg.unroll(cell, xs, readout=readout).outputs[met - 1].data
    )  # so dL/dy is 0 there
    run = tg.unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets)
    assert len(shown_columns(1, T)) > 12
    assert {hop.ks for hop in hops(tg.draw.paths(run, 1).scene)} == {
        (k,) for k in range(1, T + 1) if k != met
    }


def test_widths_are_the_logarithm_of_the_norm(picture, expected):
    run, t, scene = picture
    bottom, top = span(expected.values())
    count = len(shown_columns(t, len(run)))
    thick = 6.5 if count <= 6 else 5.5 if count <= 12 else 3.6
    for hop in hops(scene):
        norm = expected[hop.ks, hop.j]
        share = math.log10(norm / bottom) / math.log10(top / bottom) if norm > bottom else 0.0
        assert_allclose(hop.line.width, 0.6 + (thick - 0.6) * share, rtol=1e-9)
        assert hop.line.dotted == (norm < bottom * (1 - 1e-9))


def test_one_strand_for_each_loss_direct_orange_and_indirect_dark_to_light(picture):
    run, t, scene = picture
    shown = [k for k in shown_columns(t, len(run)) if k >= t]
    hidden = tuple(k for k in range(t, len(run) + 1) if k not in shown)
    color = {}
    for hop in hops(scene):
        color.setdefault(hop.ks, set()).add(hop.line.color)
    assert all(len(colors) == 1 for colors in color.values())
    color = {ks: colors.pop() for ks, colors in color.items()}
    assert set(color) == {(k,) for k in shown} | ({hidden} if hidden else set())
    assert color.pop((t,)) == DIRECT
    assert DIRECT not in color.values()
    lights = [luminance(color[ks]) for ks in sorted(color)]
    assert lights == sorted(lights)


def test_a_strand_runs_from_its_loss_without_a_break_to_h_t(picture):
    _, t, scene = picture
    x = {
        int(box.key[1:]): box
        for box in of(Box, scene)
        if box.key.startswith("h") and box.key != "h0"
    }
    heads = of(Triangle, scene)
    strands = {}
    for hop in hops(scene):
        strands.setdefault(hop.ks, []).append(hop)
    for ks, line in strands.items():
        line.sort(key=lambda hop: -hop.j)
        if len(ks) == 1:
            start, box = (
                line[0].line.points[0],
                next(b for b in of(Box, scene) if b.key == f"L{ks[0]}"),
            )
            assert start[1] == box.y + box.h / 2
            assert abs(start[0] - box.x) < box.w / 2
        for a, b in itertools.pairwise(line):
            assert a.line.points[-1] == b.line.points[0]
        if line[-1].j == t:
            side = (x[t].x + x[t].w / 2, line[-1].line.points[-1][1])
            top = (line[-1].line.points[-1][0], x[t].y - x[t].h / 2)
            spot = top if ks == (t,) else side
            assert any(
                math.dist(spot, (a.x, a.y)) < 1e-9 and a.fill == line[-1].line.color for a in heads
            )


def test_numbers_stand_at_every_hop_up_to_six_columns_and_at_none_beyond(picture):
    run, t, scene = picture
    floor = next(x.y for x in of(Text, scene) if x.label.startswith("eq. (3.1)"))
    written = sorted(
        x.label for x in of(Text, scene) if x.y < floor and x.size in (9, 9.5) and x.anchor != "end"
    )
    if len(shown_columns(t, len(run))) <= 6:
        assert written == sorted(map(number, expected_norms(run, t).values()))
    else:
        assert written == []


def test_the_table_is_the_table_of_the_flow(picture):
    run, t, scene = picture
    flow = gradient_flow(run.losses, run.states)
    *rows, total = table(scene)
    expected = flow.table(t, most=7)
    assert [row[2:] for row in rows] == [
        (number(r.norm), typeset(percent(r.share))) for r in expected
    ]
    assert [row[0] for row in rows] == [
        "direct" if r.ks == (t,) else f"k = {r.ks[0]}" if len(r.ks) == 1 else f"{len(r.ks)} others"
        for r in expected
    ]
    assert (total[0], *total[2:]) == ("sum", number(flow.total_norm(t)), "100 %")
    shares = [float(row[3].replace("−", "-").removesuffix(" %")) for row in rows]
    assert abs(sum(shares) - 100) <= 0.05 * len(shares) + 1e-9


def test_every_step_is_in_a_column_or_counted(picture):
    run, t, scene = picture
    shown = {int(box.key[1:]) for box in of(Box, scene) if box.key.startswith("L")}
    left_out = [int(m[1]) for label in labels(scene) if (m := re.fullmatch(r"(\d+) steps", label))]
    assert len(shown) + sum(left_out) == len(run)
    assert len(run) > 30 or left_out == []
    assert [box.x for box in columns(scene).values() if box.fill == CHOSEN] == [
        box.x for box in of(Box, scene) if box.key == f"h{t}"
    ]


def test_one_box_for_each_value_and_none_twice(picture):
    run, t, scene = picture
    shown = [k for k in shown_columns(t, len(run)) if k > 0]
    keys = [box.key for box in of(Box, scene) if box.key]
    expected = [f"{kind}{k}" for k in shown for kind in ("hxyL" if run.outputs else "hxL")]
    assert sorted(keys) == sorted([*expected, *(["h0"] if shown[0] == 1 else [])])


def test_steps_before_t_are_faded(picture):
    _, t, scene = picture
    for box in of(Box, scene):
        if box.key and box.key != "h0":
            assert (box.stroke == FADED) == (int(box.key[1:]) < t)
    assert all(hop.j >= t for hop in hops(scene))


def test_nothing_overlaps_and_all_lies_inside(picture):
    scene = picture[-1]
    boxes, texts = solid(scene), of(Text, scene)
    assert all(inside(item, scene) for item in [*boxes, *texts])
    assert [(a.label, b.label) for a, b in itertools.combinations(boxes, 2) if overlap(a, b)] == []
    assert [(a.label, b.label) for a, b in itertools.combinations(texts, 2) if overlap(a, b)] == []
    for line in of(Line, scene):
        assert all(0 <= x <= scene.width and 0 <= y <= scene.height for x, y in line.points)
    for text, box in itertools.product(texts, boxes):
        assert not overlap(text, box) or bounds(box)[0] <= text.x <= bounds(box)[2], (
            text.label,
            box.label,
        )


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("T", [2, 4, 6])
def test_jacobian_norms_under_the_recurrent_weights(T, name):
    run = make(name, T)
    flow = gradient_flow(run.losses, run.states)
    norms = [
        np.linalg.norm(flow.jacobian(k), 2) for k in range(2, T + 1)
    ]  # the largest singular value
    written = [
        x.label.split(" = ")[1]
        for x in of(Text, tg.draw.paths(run).scene)
        if re.match("‖J.+‖ = ", x.label)
    ]
    assert written == [number(n) for n in norms]


def test_a_cell_whose_jacobian_does_not_exist_is_drawn_without_its_norm():
    rng = np.random.default_rng(0)
    W = tg.Tensor(rng.standard_normal((2, 3)), requires_grad=True, name="W")
    mixing = lambda x, h: np.tanh(
        x @ W + h - np.mean(h, axis=0)
    )  # rows of the batch depend on each other
    run = tg.unroll(mixing, rng.standard_normal((4, 2, 2)), np.zeros((2, 3)),
                    loss=half_squared_error,
                    targets=np.zeros((4, 2, 3)))  # fmt: skip
    scene = tg.draw.paths(run).scene
    assert len(hops(scene)) == len(run) * (len(run) + 1) / 2
    assert [x for x in of(Text, scene) if x.label.startswith("‖J₂")] == []


@pytest.mark.parametrize("kind", ["stacked", "skip", "twice", "idle"])
@pytest.mark.parametrize("T", [4, 33])
def test_cells_that_pass_tensors_on_are_drawn(kind, T):
    model = Model(kind, length=T)
    run = tg.unroll(model.cell, model.xs, model.h0, readout=model.readout, loss=half_squared_error,
                    targets=model.targets)  # fmt: skip
    expected = expected_norms(run, 2)
    for hop in hops(tg.draw.paths(run, 2).scene):
        assert hop.norm == pytest.approx(expected[hop.ks, hop.j], rel=1e-5)


def test_a_flow_at_hand_gives_the_same_map():
    run = make("GRU", 5)
    assert (
        tg.draw.paths(run, 2, gradient_flow(run.losses, run.states)).scene
        == tg.draw.paths(run, 2).scene
    )


def test_a_batch_is_one_state():
    rng = np.random.default_rng(0)
    cell, readout = tg.nn.RNNCell(I, H, rng=rng), Readout(H, 1, rng=rng)
    xs, targets = rng.standard_normal((3, 4, I)), rng.standard_normal((3, 4, 1))
    run = tg.unroll(cell, xs, readout=readout, loss=half_squared_error, targets=targets)
    expected = expected_norms(run, 1)
    assert {(h.ks, h.j): h.norm for h in hops(tg.draw.paths(run).scene)} == pytest.approx(
        expected, rel=1e-5
    )


# -- gradients that vanish, or are not numbers -----------------------------------------------------


def test_zero_gradients_are_dotted_and_have_no_share():
    run = make("RNN", 4)
    run = tg.unroll(run.cell, [x.data for x in run.xs], readout=lambda h: np.sum(0.0 * h),
                    loss=half_squared_error,
                    targets=np.zeros(4))  # fmt: skip
    scene = tg.draw.paths(run).scene
    assert {hop.norm for hop in hops(scene)} == {0.0}
    assert all(hop.line.dotted for hop in hops(scene))
    assert {row[3] for row in table(scene)} == {"–"}  # of the sum too


@pytest.mark.parametrize("huge", [1e154, 1e200, 1e300, math.inf, math.nan])
def test_gradients_without_a_finite_norm_are_drawn_all_the_same(huge):
    run = make("RNN", 4)
    states = run.states
    with np.errstate(all="ignore"):
        run = tg.unroll(run.cell, [x.data for x in run.xs],
                        readout=lambda h: np.sum(huge * h) * np.float64(1e10),
                        loss=lambda y, target: y - target, targets=np.zeros(4))  # fmt: skip
        figure = tg.draw.paths(run)
    assert len(of(Box, figure.scene)) > 4 * len(states)
    assert re.search(r"nan|inf|e\+(16|21)", figure.svg)
    for coordinate in re.findall(r'(?:x|y|d|width)="([^"]*)"', figure.svg + figure.source):
        assert "nan" not in coordinate
        assert "inf" not in coordinate


# -- which weight does what ------------------------------------------------------------------------


@pytest.mark.parametrize("T", [1, 3])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("RNN", {"W_xh": "input", "W_hh": "recurrent", "b_h": "bias", "W_hy": "readout",
                 "b_y": "bias"}),
        ("relu", {"W_xh": "input", "W_hh": "recurrent", "b_h": "bias", "W_hy": "readout",
                  "b_y": "bias"}),
        ("LSTM", {"W_xh": "input", "W_hh": "recurrent", "b_h": "bias", "W_hy": "readout",
                  "b_y": "bias"}),
        ("GRU", {"W_xh": "input", "W_hh": "recurrent", "b_xh": "bias", "b_hh": "bias",
                 "W_hy": "readout", "b_y": "bias"}),
        ("bare", {"W_xh": "input", "W_hh": "recurrent", "b_h": "bias"}),
        ("function", {"U": "input", "V": "recurrent", "c": "bias", "W_hy": "readout",
                      "b_y": "bias"}),
    ],
)  # fmt: skip
def test_roles_come_from_the_graph_and_not_from_names(kind, expected, T):
    assert {p.name: role for p, role in roles(make(kind, T)).items()} == expected


def test_roles_of_a_product_and_of_a_difference():
    gain, shift = (tg.Tensor(np.ones(H), requires_grad=True, name=n) for n in ("gain", "shift"))
    run = tg.unroll(lambda x, h: np.tanh(gain * h + np.sum(x) - shift), np.ones((2, I)),
                    np.zeros(H),
                    loss=half_squared_error, targets=np.zeros((2, H)))  # fmt: skip
    assert {p.name: role for p, role in roles(run).items()} == {
        "gain": "recurrent",
        "shift": "bias",
    }


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "function"])
def test_a_weight_has_one_colour_and_one_chip_in_each_column(kind):
    run = make(kind, 4)
    names = ("U", "V", "W_hy") if kind == "function" else ("W_xh", "W_hh", "W_hy")
    chips = [box for box in of(Box, tg.draw.paths(run).scene) if box.label in names]
    strong = [(box.label, box.fill) for box in chips if box.stroke != FADED]
    colors = dict(zip(names, ("#BFE6D6", "#F0D3E2", "#FAF3B0"), strict=True))
    assert set(strong) == set(colors.items())
    assert [sum(label == n for label, _ in strong) for n in names] == [
        4,
        3,
        4,
    ]  # h_0 -> h_1 carries no gradient


@pytest.mark.parametrize("last", [1, 2])
def test_roles_do_not_mind_a_graph_that_was_cut_at_the_end(last):
    cell, count = tg.nn.RNNCell(I, H, rng=0), itertools.count(1)
    run = tg.unroll(lambda x, h: cell(x, h.detach() if next(count) > 5 - last else h),
                    np.ones((5, I)), np.zeros(H),
                    loss=half_squared_error, targets=np.zeros((5, H)))  # fmt: skip
    assert {p.name: role for p, role in roles(run).items()} == {
        "W_xh": "input",
        "W_hh": "recurrent",
        "b_h": "bias",
    }


# -- which parts lead to which ---------------------------------------------------------------------

MOVED = {  # cell -> the arrows from the parts at t - 1 to those at t
    "kept": (lambda x, s, W: (np.tanh(x + s[0] @ W + s[1] @ W), s[0]), {(0, 0), (0, 1), (1, 0)}),
    "alternate": (lambda x, s, W: (np.tanh(x + s[1] @ W), s[0]), {(0, 1), (1, 0)}),
    "input": (lambda x, s, W: (np.tanh(x + s[0] @ W + s[1]), x), {(0, 0), (1, 0)}),
    "memory": (lambda x, s, W: (np.tanh(x + s[0] @ W + s[1]), s[1]), {(0, 0), (1, 1)}),
    "apart": (lambda x, s, W: (np.tanh(x + s[0] @ W), np.tanh(x + s[1])), {(0, 0), (1, 1)}),
    "two back": (lambda x, s, W: (np.tanh(x + s[2] @ W), s[0], s[1]), {(0, 1), (1, 2), (2, 0)}),
}


def moved(kind, T):
    W = tg.Tensor(0.5 * np.eye(3), requires_grad=True, name="W")
    step, _ = MOVED[kind]
    cell, parts = lambda x, s: step(x, s, W), 3 if kind == "two back" else 2
    cell.states = ("h", "p", "q")[:parts]
    rng = np.random.default_rng(0)
    return tg.unroll(cell, rng.standard_normal((T, 3)), tuple(np.zeros((parts, 3))),
                     loss=half_squared_error,
                     targets=np.zeros((T, 3)))  # fmt: skip


@pytest.mark.parametrize("kind", MOVED)
@pytest.mark.parametrize("T", [4, 10, 33])
def test_arrows_join_the_parts_that_the_graph_joins(kind, T):
    scene = tg.draw.paths(moved(kind, T)).scene
    heights = [x.y for name in "hpq" for x in of(Text, scene) if x.label == f"{name}₃"]
    pieces = [line.points for line in of(Line, scene) if line.ends == ("h2", "h3")]
    left, right = min(p[0][0] for p in pieces), max(p[-1][0] for p in pieces)
    expected = MOVED[kind][1]
    assert {heights.index(p[0][1]) for p in pieces if p[0][0] == left} == {i for i, _ in expected}
    assert {heights.index(p[-1][1]) for p in pieces if p[-1][0] == right} == {
        j for _, j in expected
    }
    assert set(main_links(moved(kind, T), 3)) == expected


@pytest.mark.parametrize("T", [1, 4])
@pytest.mark.parametrize("learns", [False, True])
def test_an_arrow_leads_from_a_start_that_is_read_by_functions_alone(T, learns):
    W = tg.Tensor(np.eye(3), requires_grad=True, name="W")
    start = tg.Tensor(np.ones(3), requires_grad=learns)
    xs = np.random.default_rng(0).standard_normal((T, 3))
    run = tg.unroll(lambda x, h: np.tanh(x @ W + np.exp(-h)), xs, start, loss=half_squared_error,
                    targets=np.zeros((T, 3)))  # fmt: skip
    ends = {line.ends for line in of(Line, tg.draw.paths(run).scene)}
    assert {(f"h{t - 1}", f"h{t}") for t in range(1, T + 1)} <= ends


@pytest.mark.parametrize("kind", MOVED)
def test_a_line_keeps_clear_of_a_weight(kind):
    for T in (4, 10):
        scene = tg.draw.paths(moved(kind, T)).scene
        for chip in (box for box in of(Box, scene) if box.label == "W"):
            for line in (line for line in of(Line, scene) if line.ends[0][:1] == "h"):
                for (a, low), (b, high) in itertools.pairwise(line.points):
                    for share in np.linspace(0.01, 0.99, 50):
                        x, y = a + share * (b - a), low + share * (high - low)
                        assert not (
                            abs(x - chip.x) < chip.w / 2 - 0.01
                            and abs(y - chip.y) < chip.h / 2 - 0.01
                        )


@pytest.mark.parametrize("kind", MOVED)
def test_arrows_are_there_where_gradients_are(kind):
    """What the graph says agrees with the Jacobian of generic numbers."""
    run = moved(kind, 4)
    J = gradient_flow(run.losses, run.states).jacobian(3)
    for i, j in itertools.product(range(len(run.states[0])), repeat=2):
        assert ((i, j) in across(run, 3)) == bool(np.any(J[3 * j : 3 * j + 3, 3 * i : 3 * i + 3]))


# -- what cannot be drawn --------------------------------------------------------------------------


@pytest.mark.parametrize("picture_of", [tg.draw.paths, tg.draw.heatmap, tg.draw.ops])
def test_without_a_loss_there_is_nothing_to_draw(picture_of):
    run = tg.unroll(tg.nn.RNNCell(I, H, rng=0), np.ones((3, I)))
    with pytest.raises(
        UsageError, match=r"unrolled without a loss\. Pass loss= and targets= to unroll"
    ):
        picture_of(run)


@pytest.mark.parametrize("picture_of", [tg.draw.paths, tg.draw.heatmap])
@pytest.mark.parametrize("t", [0, -1, 5])
def test_t_must_be_a_step(picture_of, t):
    with pytest.raises(RangeError, match=rf"t is {t}; it must lie in 1\.\.4"):
        picture_of(make("RNN", 4), t)


def test_parts_of_a_tuple_are_one_box():
    scene = tg.draw.paths(make("LSTM", 2)).scene
    assert {"h₁", "c₁"} <= set(labels(scene))
    assert len(parts(make("LSTM", 2).states[0])) == 2
    assert sum(box.key == "h1" for box in of(Box, scene)) == 1


def test_links_of_a_count_and_of_what_is_handed_on():
    W = tg.Tensor(0.5 * np.eye(3), requires_grad=True)

    def cell(x, state):
        h, count, _ = state
        return np.tanh(x + h @ W), count + 1, h

    run = tg.unroll(cell, np.ones((3, 3)), (np.zeros(3), np.zeros((), int), np.zeros(3)))
    assert sorted(across(run, 3)) == [(0, 0), (0, 2), (1, 1)]
