"""Pictures of graphs that are no RNN: scopes, folding, the limit, and the two layouts."""

import math
import shutil
import threading

import numpy as np
import pytest
from support.scenes import inside, labels, of, overlap
from support.written import check_is_plain, hostile

import tinygrad_rnn as tg
from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import seed
from tinygrad_rnn.draw.scene import Box, Line, Text
from tinygrad_rnn.errors import DrawError, RangeError, UsageError
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.transforms.scope import innermost


def weight(name, *shape):
    return tg.Tensor(
        np.random.default_rng(len(name)).standard_normal(shape), requires_grad=True, name=name
    )


def transformer():
    """One attention head and a multi-layer perceptron; returns (weights, loss)."""
    x = tg.Tensor(np.random.default_rng(0).standard_normal((5, 4)), name="x")
    weights = [weight(name, 4, 4) for name in ("W_q", "W_k", "W_v")]
    W = weight("W_1", 4, 4)
    with tg.scope("attention"):
        q, k, v = (x @ each for each in weights)
        with tg.scope("softmax"):
            e = np.exp(q @ k.T / 2.0)
            a = e / np.sum(e, axis=-1, keepdims=True)
        h = a @ v
    with tg.scope("mlp"):
        y = np.tanh(h @ W) + h
    L = np.sum(y * y)
    L.name = "L"
    return [*weights, W], L


def folded(scene):
    """{name of a fold: how many operations it says it holds}."""
    texts = of(Text, scene)
    pairs = zip(texts, texts[1:], strict=False)
    return {
        name.label: int(n.label.split()[0])
        for name, n in pairs
        if n.label.endswith((" ops", " op"))
    }


def arriving(scene, name):
    """The norms of the gradients that come back to a value, one for each line."""
    return [
        float(x.tip.split("gradient norm ")[1])
        for x in of(Line, scene)
        if x.tip.startswith(f"from {name}:")
    ]


def test_results_know_their_innermost_scope():
    _, L = transformer()
    found = {x: s.name for x, s in innermost(ancestors([L])).items()}
    assert sorted(set(found.values())) == ["attention", "mlp", "softmax"]
    assert sum(name == "softmax" for name in found.values()) == 6
    assert L not in found


def test_scopes_may_be_nested_repeated_and_left_by_an_exception():
    x = tg.Tensor(1.0, requires_grad=True)
    made = []
    for _ in range(3):
        with tg.scope("step"):
            made.append(x * x)

    def broken():
        with tg.scope("broken"):
            made.append(x * x)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    after = x * x
    found = innermost([*made, after])
    assert [found[y].name for y in made] == ["step", "step", "step", "broken"]
    assert len({found[y] for y in made}) == 4  # each use of a name is a scope of its own
    assert after not in found


def test_an_open_scope_counts():
    x = tg.Tensor(1.0, requires_grad=True)
    with tg.scope("open"):
        y = x * x
        assert innermost([y])[y].name == "open"


def test_threads_nest_their_own_scopes():
    def other():
        with tg.scope("theirs"):
            pass

    with tg.scope("mine"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        x = tg.Tensor(1.0, requires_grad=True)
        y = x * x
    assert innermost([y])[y].outer is None


def test_the_tape_carries_nothing_for_scopes():
    assert "scope" not in tg.Tensor.__slots__
    x = tg.Tensor(1.0, requires_grad=True)
    with tg.scope("a"):
        y = x * x
    assert (y.args, y.name) == ((x, x), None)


@pytest.mark.parametrize("name", ["", None, 3, b"a"])
def test_a_scope_is_named(name):
    with pytest.raises(UsageError, match="a scope is named by a text"), tg.scope(name):
        pass


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        (True, {"attention": 12, "mlp": 3}),
        ("softmax", {"softmax": 6}),
        (["mlp", "softmax"], {"mlp": 3, "softmax": 6}),
        (False, {}),
        (None, {}),
        ("absent", {}),
    ],
)
def test_scopes_are_folded_as_asked(fold, expected):
    weights, L = transformer()
    scene = tg.draw.graph(L, fold=fold).scene
    found = folded(scene)
    if "attention" in expected:
        expected = {**expected, "attention": found["attention"]}
        assert found["attention"] >= 10
    assert found == expected
    assert {w.name.replace("_1", "₁") for w in weights} <= set(
        labels(scene)
    )  # parameters stay in sight


@pytest.mark.parametrize("fold", [True, "softmax", False])
@pytest.mark.parametrize("layout", ["layered", "dot"])
def test_gradients_that_reach_the_parameters_are_those_of_backward(fold, layout):
    if layout == "dot" and shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    weights, L = transformer()
    scene = tg.draw.graph(L, fold=fold, layout=layout).scene
    whole = {x: g for x, g, _ in pullback({L: seed(L)})}
    for w in weights:
        (norm,) = arriving(scene, w.name)
        assert norm == pytest.approx(np.linalg.norm(whole[w]), rel=1e-5)
    boxes = of(Box, scene)
    assert all(inside(item, scene) for item in [*boxes, *of(Text, scene)])
    assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_fold_says_what_is_inside():
    _, L = transformer()
    (tip,) = (
        box.tip for box in of(Box, tg.draw.graph(L, fold=True).scene) if box.tip.startswith("mlp")
    )
    assert tip == "mlp: 3 operations; np.matmul, np.tanh, np.add"


def test_a_value_that_several_use_has_one_number():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    scene = tg.draw.graph(np.sum(np.sin(x) * np.cos(x))).scene
    whole = float(np.linalg.norm(np.cos(2 * x.data)))
    assert sum(number(whole) == label for label in labels(scene)) == 1


@pytest.mark.parametrize("limit", [2, 5, 30])
def test_above_the_limit_the_oldest_are_one_box(limit):
    z = weight("W", 3)
    for _ in range(400):
        z = np.tanh(z)
    scene = tg.draw.graph(np.sum(z), limit=limit).scene
    found = folded(scene)
    assert list(found) == ["older"]
    shown = [box for box in of(Box, scene) if "→" in box.tip]
    assert found["older"] + len(shown) == 401
    assert len(shown) == limit - 1


def test_too_many_scopes_are_folded_before_the_limit_cuts():
    z = weight("W", 3)
    for i in range(20):
        with tg.scope(f"block {i}"):
            for _ in range(30):
                z = np.tanh(z)
    assert list(folded(tg.draw.graph(np.sum(z)).scene)) == [f"block {i}" for i in range(20)]
    found = folded(tg.draw.graph(np.sum(z), limit=6).scene)
    assert len(found) <= 6
    assert sum(found.values()) == 600


def test_too_many_leaves_are_one_box():
    root = np.sum(np.stack([tg.Tensor(float(i), requires_grad=True) for i in range(1000)]))
    scene = tg.draw.graph(root).scene
    assert folded(scene) == {"leaves": 1000}
    (line,) = (
        x
        for x in of(Line, scene)
        if x.tip.startswith("from unnamed: shape () = 0.;") and "gradient" in x.tip
    )
    assert float(line.tip.split("norm ")[1]) == pytest.approx(math.sqrt(1000), rel=1e-5)


def test_shapes_and_numbers_are_written_below_values():
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="x")
    assert {"2×3", "6"} <= set(labels(tg.draw.graph(np.sum(x)).scene))


@hostile
def test_hostile_scopes_are_text(name):
    x = tg.Tensor([1.0], requires_grad=True, name=name)
    with tg.scope(name):
        y = x * x
    figure = tg.draw.graph(np.sum(y), fold=True)
    check_is_plain(figure.svg)
    figure.source.encode()


def test_what_is_wrong_is_told(monkeypatch):
    x = tg.Tensor([1.0], requires_grad=True)
    with pytest.raises(UsageError, match=r"there is no layout 'neato'\. Use layered or dot"):
        tg.draw.graph(np.sum(x), layout="neato")
    with pytest.raises(RangeError, match="limit is 1"):
        tg.draw.graph(np.sum(x), limit=1)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(
        DrawError, match=r'layout="dot" needs the Graphviz programs.*or use layout="layered"'
    ):
        tg.draw.graph(np.sum(x), layout="dot")
