"""Derivatives with respect to tuples, named tuples,
lists and dicts of arrays have their structure.
"""

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.core.tree import (
    LEAF,
    aligned,
    flat,
    is_container,
    leaves,
    matched,
    rebuild,
    structure,
)
from tinygrad_rnn.errors import DTypeError, GradientError, ShapeError, UsageError

X = np.array([0.5, -1.0, 2.0])


class State(NamedTuple):
    h: Any
    c: Any


# -- the containers themselves ---------------------------------------------------------------------


def test_leaves_are_listed_with_the_path_that_reaches_them() -> None:
    tree = {"W": [1.0, (2.0, None)], 3: State(h=X, c={"deep": 4.0})}
    found = leaves(tree)
    assert [path for path, _ in found] == ["['W'][0]", "['W'][1][0]", "[3].h", "[3].c['deep']"]
    for path, leaf in found:
        assert eval("tree" + path, {"tree": tree}) is leaf
    assert leaves(5.0, "x") == [("x", 5.0)]
    assert leaves(None) == []
    assert flat(tree) == [leaf for _, leaf in found]


def test_structures_are_equal_for_what_is_built_alike() -> None:
    assert structure({"W": [X, (2.0, None)]}) == {"W": [LEAF, (LEAF, None)]}
    assert structure(State(X, (1.0,))) == structure(State(2.0, (X,))) == (LEAF, (LEAF,))
    assert type(structure(State(X, X))) is State


def test_rebuild_keeps_types_order_and_none() -> None:
    tree = OrderedDict(b=[1, None], a=State((2, 3), {}))
    new = rebuild(tree, "pqr")
    assert new == OrderedDict(b=["p", None], a=State(("q", "r"), {}))
    assert [type(new), type(new["a"]), list(new)] == [OrderedDict, State, ["b", "a"]]
    assert tree["b"] == [1, None]


def test_aligned_follows_the_first_structure_only() -> None:
    assert aligned({"a": 1.0, "b": (2.0, None)}, {"b": ([5, 6], None), "a": None}, "g") == [
        None,
        [5, 6],
    ]
    assert aligned({"a": [1.0, 2.0], "b": 3.0}, {"a": None, "b": 4.0}, "g") == [None, None, 4.0]
    with pytest.raises(UsageError) as error:
        aligned({"a": [1.0, 2.0]}, {"a": [1.0]}, "the tangent")
    assert "the tangent['a'] is of type list with [0]" in str(error.value)
    assert "it needs the structure of what it belongs to, type list with [0], [1]" in str(
        error.value
    )


def test_what_is_a_container() -> None:
    assert all(map(is_container, [(), [], {}, None, State(1, 2)]))
    assert not any(map(is_container, [1.0, X, tg.Tensor(X), "text"]))


# -- gradients of containers -----------------------------------------------------------------------


def test_the_gradient_has_the_structure_of_the_argument() -> None:
    rng = np.random.default_rng(0)
    params = {
        "W": rng.standard_normal((2, 3)),
        "layers": [State(h=rng.standard_normal(3), c=None), ()],
        "scale": 2.0,
    }

    def f(p: Any, x: Any) -> Any:
        return p["scale"] * np.sum(p["W"] @ (x * p["layers"][0].h))

    y, g = tg.value_and_grad(f)(params, X)
    W, h = params["W"], params["layers"][0].h
    assert_allclose(y, 2 * np.sum(W @ (X * h)))
    assert list(g) == ["W", "layers", "scale"]
    assert type(g["layers"][0]) is State
    assert_allclose(g["W"], 2 * np.broadcast_to(X * h, (2, 3)))
    assert_allclose(g["layers"][0].h, 2 * X * np.sum(W, axis=0))
    assert g["layers"][0].c is None
    assert g["layers"][1] == ()
    assert_allclose(g["scale"], np.sum(W @ (X * h)))


def test_several_arguments_of_which_some_are_containers() -> None:
    gs, gx = tg.grad(lambda s, x: np.sum(s[0] * x) * s[1], (0, 1))((X, 3.0), X)
    assert_array_equal(gs[0], 3 * X)
    assert_array_equal(gs[1], X @ X)
    assert_array_equal(gx, 3 * X)


def test_each_place_keeps_its_dtype_and_an_unused_one_has_gradient_0() -> None:
    g = tg.grad(lambda p: np.sum(p[0] * 2.0))([np.ones(2, np.float32), np.ones((2, 3))])
    assert_array_equal(g[0], np.full(2, 2, np.float32), strict=True)
    assert_array_equal(g[1], np.zeros((2, 3)), strict=True)


def test_one_array_in_two_places_is_two_variables() -> None:
    a, b = tg.grad(lambda p: np.sum(p["a"] * p["a"] * p["b"]))({"a": X, "b": X}).values()
    assert_array_equal(a, 2 * X * X)
    assert_array_equal(b, X * X)


def test_the_callers_container_is_left_alone() -> None:
    params = {"w": X, "b": 1.0}

    def f(p: Any) -> Any:
        return np.sum(p.pop("w")) * p["b"]

    tg.grad(f)(params)
    assert params["w"] is X


def test_containers_of_tensors_that_require_gradients_stay_connected() -> None:
    w = tg.Tensor(X, requires_grad=True)
    g = tg.grad(lambda p: np.sum(p["w"] ** 3) + p["b"])({"w": w, "b": 1.0})
    np.sum(g["w"]).backward()
    assert_allclose(w.grad, 6 * X)
    assert g["b"] == 1.0
    with tg.no_grad():
        assert type(tg.grad(lambda p: np.sum(p["w"] ** 3))({"w": w})["w"]) is np.ndarray


def test_second_derivatives_of_a_container() -> None:
    # f = sum(a)^2 b:  f_aa = 2 b 1 1^T, f_ab = 2 sum(a) 1, f_bb = 0
    H = tg.hessian(lambda p: np.sum(p["a"]) ** 2 * p["b"])({"a": X, "b": 3.0})
    assert_allclose(H["a"]["a"], np.full((3, 3), 6.0))
    assert_allclose(H["a"]["b"], np.full(3, 2 * np.sum(X)))
    assert_allclose(H["b"]["a"], np.full(3, 2 * np.sum(X)))
    assert H["b"]["b"] == 0.0
    v = {"a": np.array([1.0, 0.0, 2.0]), "b": -1.0}
    Hv = tg.hvp(lambda p: np.sum(p["a"]) ** 2 * p["b"], {"a": X, "b": 3.0}, v)
    assert_allclose(Hv["a"], H["a"]["a"] @ v["a"] + H["a"]["b"] * v["b"])
    assert_allclose(Hv["b"], H["b"]["a"] @ v["a"])


def test_jacobian_has_the_structure_of_the_result_then_that_of_the_argument() -> None:
    J = tg.jacobian(lambda s: {"h": s.h * s.c, "twice": [2.0 * s.h[:2]], "none": None})(
        State(X, 3.0)
    )
    assert_array_equal(J["h"].h, 3 * np.eye(3))
    assert_array_equal(J["h"].c, X)
    assert_array_equal(J["twice"][0].h, 2 * np.eye(3)[:2])
    assert_array_equal(J["twice"][0].c, [0, 0])
    assert J["none"] is None
    (da, db), _ = tg.jacobian(lambda a, b: (a * b, a), (0, 1))(X, 2.0)
    assert_array_equal(da, 2 * np.eye(3))
    assert_array_equal(db, X)


def test_vjp_and_jvp_take_and_give_containers() -> None:
    def f(s: Any) -> Any:
        return {"sum": s.h + s.c, "product": s.h * s.c}

    h, c, dh, dc, gs, gp = np.random.default_rng(0).standard_normal((6, 4))
    y, pull = tg.vjp(f, State(h, c))
    assert_allclose(y["product"], h * c)
    (share,) = pull({"product": gp, "sum": gs})
    assert_allclose(share.h, gs + gp * c)
    assert_allclose(share.c, gs + gp * h)
    (share,) = pull({"product": None, "sum": gs})
    assert_allclose(share.h, gs)
    y, dy = tg.jvp(f, (State(h, c),), (State(dh, dc),))
    assert_allclose(y["sum"], h + c)
    assert_allclose(dy["sum"], dh + dc)
    assert_allclose(dy["product"], dh * c + h * dc)
    _, dy = tg.jvp(f, (State(h, c),), (State(dh, None),))
    assert_allclose(dy["product"], dh * c)


def test_one_tensor_returned_twice_gets_both_cotangents() -> None:
    def f(x: Any) -> Any:
        y = np.sin(x)
        return y, y, x

    _, pull = tg.vjp(f, X)
    assert_allclose(pull((np.ones(3), X, 2 * X))[0], np.cos(X) * (1 + X) + 2 * X)


def test_aux_is_handed_out_beside_the_value() -> None:
    def f(x: Any) -> Any:
        h = np.tanh(x)
        return np.sum(h), {"h": h, "text": "kept", "none": None}

    (y, aux), g = tg.value_and_grad(f, has_aux=True)(X)
    assert_allclose(y, np.sum(np.tanh(X)))
    assert type(aux["h"]) is np.ndarray
    assert_allclose(aux["h"], np.tanh(X))
    assert aux["text"] == "kept"
    assert_allclose(g, 1 - np.tanh(X) ** 2)
    g, aux = tg.grad(f, has_aux=True)(tg.Tensor(X, requires_grad=True))
    assert type(aux["h"]) is tg.Tensor  # connected, as the gradient is
    assert type(g) is tg.Tensor


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (
            lambda: tg.grad(lambda p: 0.0)({"n": [np.array([1, 2])]}),
            DTypeError,
            [
                "argument 0['n'][0] of dtype int64 cannot require a gradient",
                "Pass floats",
                "lambda w: f(w, x)",
            ],
        ),
        (
            lambda: tg.grad(lambda p: 0.0)(State(True, 1.0)),
            DTypeError,
            ["argument 0.h of dtype bool"],
        ),
        (
            lambda: tg.vjp(lambda x, s: x, 1.0, "text"),
            DTypeError,
            ["argument 1, of type str, has dtype <U4"],
        ),
        (
            lambda: tg.grad(lambda p: 0.0)({"f": [np.tanh]}),
            DTypeError,
            ["argument 0['f'][0], of type ufunc, has dtype object"],
        ),
        (
            lambda: tg.grad(lambda x: (np.sum(x), x))(X),
            GradientError,
            [
                "returns a scalar; this one returned type tuple with [0], [1]",
                "has_aux=True",
                "jacobian or vjp",
            ],
        ),
        (lambda: tg.grad(lambda x: None)(X), GradientError, ["this one returned type NoneType"]),
        (
            lambda: tg.grad(np.sum, has_aux=True)(X),
            UsageError,
            ["a pair (y, aux)", "returned shape ()"],
        ),
        (
            lambda: tg.vjp(lambda x: {"y": x}, X)[1](X),
            UsageError,
            ["the cotangent is of type ndarray; it needs the structure", "type dict with ['y']"],
        ),
        (
            lambda: tg.vjp(lambda x: {"y": x}, X)[1]({"y": X[:2]}),
            ShapeError,
            ["the cotangent['y'] has shape (2,); it needs the shape of what it belongs to, (3,)"],
        ),
        (
            lambda: tg.jvp(lambda p: p["a"], ({"a": X},), ({"a": 1.0},)),
            ShapeError,
            ["the tangent of argument 0['a'] has shape ()", "(3,)"],
        ),
        (
            lambda: tg.jvp(lambda p: p["a"], ({"a": X},), ({"b": X},)),
            UsageError,
            ["the tangent of argument 0 is of type dict with ['b']", "type dict with ['a']"],
        ),
        (
            lambda: tg.jvp(lambda a, b: a, (X, X), (X,)),
            UsageError,
            ["2 primals and 1 tangents", "or None"],
        ),
        (lambda: tg.jvp(np.sin, X, X), UsageError, ["for one argument jvp(f, (x,), (dx,))"]),
        (lambda: tg.jvp(lambda n: n, (3,), (1.0,)), DTypeError, ["argument 0 of dtype int64"]),
        (lambda: tg.jacobian(lambda x: "text")(X), DTypeError, ["hold real numbers", "dtype <U4"]),
        (
            lambda: tg.grad(lambda a, b: a, (0, 0))(1.0, 1.0),
            UsageError,
            ["argnum (0, 0) names argument 0 twice"],
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    f: Callable[[], Any], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as raised:
        f()
    for word in words:
        assert word in str(raised.value)


def test_matched_puts_leaves_into_the_order_of_a_form() -> None:
    pair, other = namedtuple("Pair", "a b"), namedtuple("Other", "b a")
    form = {"s": pair(0, 0), "t": [0, None]}
    assert matched(form, {"t": [3, None], "s": pair(1, 2)}) == [1, 2, 3]
    assert matched(form, {"t": [3, None], "s": (1, 2)}) == [1, 2, 3]
    assert matched((0, 0), pair(1, 2)) == [1, 2]
    wrong = [
        {"t": [3, None], "s": other(2, 1)},
        {"t": [3, None], "s": [1, 2]},
        {"t": [3, 4], "s": (1, 2)},
        {"t": [3, None], "s": (1, 2, 3)},
        {"t": [3, None], "u": (1, 2)},
        {"s": (1, 2)},
        [1, 2, 3],
        7,
    ]
    assert [matched(form, tree) for tree in wrong] == [None] * len(wrong)
    assert matched(0, (1,)) is None
