"""Optimisers against the formulas of their papers, written out here for one parameter; groups,
state and errors.
"""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import Tensor, optim
from tinygrad_rnn.errors import DataError, ShapeError, TinygradError, UsageError
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import LSTMCell

pytestmark = pytest.mark.tiny

EVERY = [optim.SGD, optim.RMSprop, optim.Adagrad, optim.Adam, optim.AdamW]
every = pytest.mark.parametrize("make", EVERY, ids=[make.__name__ for make in EVERY])


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def path(optimiser, x, gradients):
    """Where x is after each of the gradients."""
    found = []
    for g in gradients:
        x.grad = np.asarray(g)
        optimiser.step()
        found.append(x.data)
    return np.stack(found)


# -- closed formulas -------------------------------------------------------------------------------


def decayed_sum(gs, rate, first=1.0):
    """sum over k <= t of rate^(t - k) g_k, the first with its own weight, for every t."""
    weights = np.ones(len(gs))
    weights[0] = first
    return np.stack(
        [sum(rate ** (t - k) * weights[k] * gs[k] for k in range(t + 1)) for t in range(len(gs))]
    )


def mean(gs, rate):
    """The exponential mean (1 - rate) sum over k <= t of rate^(t - k) g_k, from zero."""
    return (1 - rate) * decayed_sum(gs, rate)


def adam(gs, lr=1e-3, b1=0.9, b2=0.999, eps=1e-8):
    t = np.arange(1, len(gs) + 1)[:, None]
    return lr * (mean(gs, b1) / (1 - b1**t)) / (np.sqrt(mean(gs**2, b2) / (1 - b2**t)) + eps)


def variance(gs, rate):
    return mean(gs**2, rate) - mean(gs, rate) ** 2


FORMULAS = {  # name: (optimiser of x, the step at each t from all gradients)
    "SGD": (lambda x: optim.SGD([x], 0.1), lambda gs: 0.1 * gs),
    "momentum": (
        lambda x: optim.SGD([x], 0.1, momentum=0.8),
        lambda gs: 0.1 * decayed_sum(gs, 0.8),
    ),
    "dampening": (
        lambda x: optim.SGD([x], 0.1, momentum=0.8, dampening=0.75),
        lambda gs: 0.1 * 0.25 * decayed_sum(gs, 0.8, first=4.0),
    ),
    "Nesterov": (
        lambda x: optim.SGD([x], 0.1, momentum=0.8, nesterov=True),
        lambda gs: 0.1 * (gs + 0.8 * decayed_sum(gs, 0.8)),
    ),
    "RMSprop": (
        lambda x: optim.RMSprop([x], 0.1, alpha=0.9, eps=1e-3),
        lambda gs: 0.1 * gs / (np.sqrt(mean(gs**2, 0.9)) + 1e-3),
    ),
    "RMSprop with momentum": (
        lambda x: optim.RMSprop([x], 0.1, momentum=0.5),
        lambda gs: 0.1 * decayed_sum(gs / (np.sqrt(mean(gs**2, 0.99)) + 1e-8), 0.5),
    ),
    "RMSprop, centered": (
        lambda x: optim.RMSprop([x], 0.1, alpha=0.9, centered=True),
        lambda gs: 0.1 * gs / (np.sqrt(variance(gs, 0.9)) + 1e-8),
    ),
    "Adagrad": (
        lambda x: optim.Adagrad([x], 0.1, lr_decay=0.5, initial_accumulator_value=2.0, eps=1e-3),
        lambda gs: (
            0.1
            / (1 + 0.5 * np.arange(len(gs))[:, None])
            * gs
            / (np.sqrt(2 + np.cumsum(gs**2, axis=0)) + 1e-3)
        ),
    ),
    "Adam": (lambda x: optim.Adam([x]), adam),
    "Adam with options": (
        lambda x: optim.Adam([x], 0.1, betas=(0.5, 0.7), eps=1e-2),
        lambda gs: adam(gs, 0.1, 0.5, 0.7, 1e-2),
    ),
    "amsgrad": (
        lambda x: optim.Adam([x], 0.1, amsgrad=True),
        lambda gs: (
            0.1
            * (mean(gs, 0.9) / (1 - 0.9 ** np.arange(1, len(gs) + 1)[:, None]))
            / (
                np.sqrt(
                    np.maximum.accumulate(mean(gs**2, 0.999))
                    / (1 - 0.999 ** np.arange(1, len(gs) + 1)[:, None])
                )
                + 1e-8
            )
        ),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name):
    make, change = FORMULAS[name]
    start, gs = draw(4), draw(50, 4, seed=1)
    x = Tensor(start, requires_grad=True)
    assert_allclose(path(make(x), x, gs), start - np.cumsum(change(gs), axis=0), rtol=0, atol=1e-12)


@every
def test_weight_decay_is_a_gradient_of_half_its_square(make):
    """0.3 x is added to g; AdamW shrinks x by lr * 0.3 instead and leaves g alone."""
    x, plain = (Tensor(draw(4), requires_grad=True) for _ in range(2))
    with_decay, without = make([x], 0.1, weight_decay=0.3), make([plain], 0.1, weight_decay=0.0)
    for g in draw(50, 4, seed=1):
        x.grad = g
        before = plain.data = x.data
        plain.grad = g if make is optim.AdamW else g + 0.3 * before
        with_decay.step()
        without.step()
        assert_allclose(
            x.data, plain.data - (0.03 * before if make is optim.AdamW else 0), rtol=0, atol=1e-12
        )


def test_centered_rmsprop_with_a_constant_gradient_stays_finite():
    """The variance is 0 but for rounding, which may fall below."""
    x = Tensor(draw(100), requires_grad=True)
    found = path(
        optim.RMSprop([x], 1e-12, alpha=0.5, centered=True), x, np.tile(draw(100, seed=1), (200, 1))
    )
    assert np.all(np.isfinite(found))


@every
def test_training_a_cell_lowers_its_loss(make):
    cell = LSTMCell(2, 3, rng=1)
    xs, targets = draw(4, 5, 2), np.tanh(draw(4, 5, 3, seed=1))
    optimiser, losses = make(cell, 0.05), []
    for _ in range(30):
        loss = tg.unroll(cell, xs, loss=tg.functional.half_squared_error, targets=targets).loss
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.9 * losses[0]
    optimiser.zero_grad()
    assert [p.grad for p in cell.parameters()] == [None] * 3


# -- arrays ----------------------------------------------------------------------------------------

OPTIONS = [
    (optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (optim.RMSprop, {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    (optim.Adagrad, {"weight_decay": 0.1}),
    (optim.Adam, {"amsgrad": True, "weight_decay": 0.1}),
    (optim.AdamW, {}),
]
with_options = pytest.mark.parametrize(
    ("make", "options"), OPTIONS, ids=[make.__name__ for make, _ in OPTIONS]
)


@with_options
@pytest.mark.parametrize("shape", [(), (3,), (0, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_shape_stay_and_no_array_is_written_into(make, options, dtype, shape):
    x = Tensor(np.asarray(draw(*shape), dtype), requires_grad=True)
    optimiser = make([x], np.float64(0.1), **options)
    for _ in range(3):
        before, g = x.data, np.asarray(draw(*shape, seed=1), dtype)
        kept, x.grad = before.copy(), g.copy()
        optimiser.step()
        assert type(x.data) is np.ndarray
        assert (x.data.dtype, x.data.shape) == (dtype, shape)
        assert_array_equal(before, kept)
        assert_array_equal(x.grad, g)
        assert not x.size or np.all(x.data != before)
    assert all(np.asarray(v).dtype == dtype for k, v in optimiser.state[x].items() if k != "step")


def test_a_graph_from_before_a_step_keeps_its_gradient():
    x = Tensor(3.0, requires_grad=True)
    y = x * x
    y.backward()
    optim.SGD([x], 0.5).step()
    assert x.data == 0.0
    x.grad = None
    y.backward()
    assert x.grad == 6.0


def test_parameters_without_a_gradient_are_left_alone():
    x, y = Tensor(1.0, requires_grad=True), Tensor(1.0, requires_grad=True)
    optimiser = optim.AdamW([x, y])
    x.grad = np.array(1.0)
    optimiser.step()
    assert y.data == 1.0
    assert y not in optimiser.state


# -- groups ----------------------------------------------------------------------------------------


def test_groups_have_their_own_options():
    x, y, z = (Tensor(1.0, requires_grad=True, name=name) for name in "xyz")
    optimiser = optim.SGD([{"params": [x]}, {"params": [y], "lr": 0.5}], lr=0.25)
    optimiser.add_param_group({"params": [("a name", z)], "weight_decay": 1.0})
    for p in (x, y, z):
        p.grad = np.array(1.0)
    optimiser.step()
    assert (x.data, y.data, z.data) == (0.75, 0.5, 0.5)
    assert [group["lr"] for group in optimiser.param_groups] == [0.25, 0.5, 0.25]


def test_parameters_may_be_a_module_tensors_or_pairs():
    cell = LSTMCell(1, 2, rng=0)
    for given in (
        cell,
        cell.parameters(),
        iter(cell.parameters()),
        cell.named_parameters(),
        [{"params": cell}],
    ):
        assert optim.SGD(given).param_groups[0]["params"] == cell.parameters()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: optim.SGD([]), "no parameters to optimise. Is requires_grad=True set"),
        (lambda x: optim.SGD(x), "this is one Tensor. Pass model, model.parameters(), or [W, b]"),
        (lambda x: optim.SGD(3), "this is one int"),
        (lambda x: optim.SGD("W"), "this is one str"),
        (lambda x: optim.SGD([np.ones(3)]), "this is one ndarray"),
        (lambda x: optim.SGD([x, x]), "W is given twice"),
        (lambda x: optim.SGD([{"params": [x]}, {"params": [x]}]), "W is given twice"),
        (lambda x: optim.SGD([2.0 * x]), "parameter 0 is no parameter: only leaves"),
        (lambda x: optim.SGD([Tensor(1)]), "only leaves of a floating dtype"),
        (
            lambda x: optim.SGD([{"lr": 1.0}]),
            "a group is a dict with \"params\"; this one is {'lr': 1.0}",
        ),
        (lambda x: optim.SGD([{"params": [x]}, x]), 'a group is a dict with "params"'),
        (
            lambda x: optim.SGD([{"params": [x], "rate": 1.0}]),
            "SGD has no option rate. It has lr, momentum",
        ),
        (lambda x: optim.SGD([x], -1.0), "lr of SGD is -1.0; it must lie in [0, infinity)"),
        (lambda x: optim.SGD([x], float("nan")), "lr of SGD is nan"),
        (lambda x: optim.SGD([x], None), "lr of SGD is None"),
        (
            lambda x: optim.SGD([x], nesterov=True),
            "nesterov=True needs momentum above 0 and dampening 0",
        ),
        (
            lambda x: optim.Adam([x], betas=(0.9, 1.0)),
            "betas of Adam is (0.9, 1.0); it must lie in [0, 1), twice",
        ),
        (lambda x: optim.Adam([x], betas=0.9), "betas of Adam is 0.9"),
        (lambda x: optim.AdamW([x], eps=-1e-8), "eps of AdamW is -1e-08"),
    ],
)
def test_what_cannot_be_optimised(make, words):
    with pytest.raises(UsageError) as error:
        make(Tensor(1.0, requires_grad=True, name="W"))
    assert words in str(error.value)


def test_a_gradient_of_another_shape_changes_nothing():
    x, y = (
        Tensor(np.ones(3), requires_grad=True, name="x"),
        Tensor(np.ones(3), requires_grad=True, name="y"),
    )
    x.grad = np.ones(3)
    with pytest.raises(
        ShapeError, match=r"a gradient of shape \(2, 3\) does not fit Tensor y of shape \(3,\)"
    ):
        y.grad = np.ones((2, 3))
    assert y.grad is None


# -- state -----------------------------------------------------------------------------------------


def model(seed=0):
    return [
        Tensor(draw(2, 3, seed=seed), requires_grad=True, name="W"),
        Tensor(0.5, requires_grad=True, name="b"),
    ]


def run(parameters, optimiser, steps, seed):
    for g in draw(steps, 7, seed=seed):
        parameters[0].grad, parameters[1].grad = g[:6].reshape(2, 3), np.asarray(g[6])
        optimiser.step()


def plain(x):
    """x with arrays as lists; everything else must be of JSON's kinds already."""
    return json.loads(json.dumps(x, default=lambda a: a.tolist()))


@with_options
def test_a_loaded_state_goes_on_bit_for_bit(make, options):
    first, second = model(), model(seed=9)
    one = make([{"params": first[:1]}, {"params": first[1:], "lr": 0.3}], 0.1, **options)
    run(first, one, 5, seed=1)
    two = make([{"params": second[:1]}, {"params": second[1:]}], 0.7, **options)
    saved = one.state_dict()
    kept = plain(saved)
    two.load_state_dict(saved)
    for p, q in zip(first, second, strict=True):
        q.data = p.data
    run(first, one, 5, seed=2)
    run(second, two, 5, seed=2)
    assert plain(saved) == kept  # copies: neither run wrote into it
    for p, q in zip(first, second, strict=True):
        assert_array_equal(p.data, q.data)
    assert plain(one.state_dict()) == plain(two.state_dict())


def saved_adam():
    parameters = model()
    optimiser = optim.Adam(parameters)
    run(parameters, optimiser, 2, seed=1)
    return optimiser.state_dict()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda s: s.clear(),
            "this is not the state of an optimiser. Pass what Adam.state_dict() returned",
        ),
        (lambda s: s.update(param_groups=3), "this is not the state of an optimiser"),
        (lambda s: s.update(optimizer="SGD"), "the state is of SGD, this optimiser is Adam"),
        (
            lambda s: s["param_groups"][0].update(params=[0]),
            "the saved groups have [1] parameters, these [2]",
        ),
        (lambda s: s["state"].pop(), "Give the optimiser the parameters it was saved with"),
        (lambda s: s["param_groups"][0].pop("eps"), "param_groups.0 has no eps"),
        (lambda s: s["param_groups"][0].update(lr=-1), "lr of Adam is -1"),
        (lambda s: s["param_groups"][0].update(rho=1), "Adam has no option rho"),
        (
            lambda s: s["state"][1].update(exp_avg="x"),
            "state.1.exp_avg, of b, of type str, has dtype <U1",
        ),
        (
            lambda s: s.update(param_groups=np.zeros(1, [("params", "i4", 2)])),
            "not the state of an optimiser",
        ),
        (lambda s: s.update(state={"0": {}, "1": {}}), "state.0, the state of W, has no step"),
        (lambda s: s["state"][1].pop("step"), "state.1, the state of b, has no step"),
        (
            lambda s: s["state"][0].update(exp_avg=np.ones(3)),
            "state.0.exp_avg, of W, has shape (3,), but (2, 3) in the model.",
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, words):
    saved = saved_adam()
    change(saved)
    optimiser = optim.Adam(model(), 0.3)
    before = plain(optimiser.state_dict())
    with pytest.raises(TinygradError) as error:
        optimiser.load_state_dict(saved)
    assert words in str(error.value)
    assert plain(optimiser.state_dict()) == before


def test_the_errors_of_a_state_are_of_their_kind():
    with pytest.raises(DataError):
        optim.Adam(model()).load_state_dict({})


class SignDescent(optim.Optimizer):
    """x - lr sign(g): a user's optimiser that remembers nothing."""

    def updated(self, x, g, state, group):
        return x - group["lr"] * np.sign(g)


def test_an_optimiser_of_the_users_own():
    x = Tensor(np.array([3.0, -2.0, 0.0]), requires_grad=True)
    optimiser = SignDescent([x], lr=0.5)
    for _ in range(3):
        optimiser.zero_grad()
        half_squared_error(x, np.zeros(3)).backward()
        optimiser.step()
    assert_allclose(x.data, [1.5, -0.5, 0.0])
    assert optimiser.state_dict()["state"] == [{"step": 3}]
