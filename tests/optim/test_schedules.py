"""Learning rates against closed formulas of t."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tinygrad_rnn import Tensor, optim
from tinygrad_rnn.errors import DataError, UsageError


def optimiser(*rates):
    return optim.SGD(
        [{"params": [Tensor(1.0, requires_grad=True)], "lr": lr} for lr in rates or (0.4,)]
    )


def rates(schedule, steps):
    """The rate of the first group at t = 0, 1, .., steps."""
    found = [schedule.get_last_lr()[0]]
    for _ in range(steps):
        schedule.step()
        found.append(schedule.get_last_lr()[0])
    return np.array(found)


t = np.arange(41)
CLOSED = {  # name: (schedule, rate at t from the rate 0.4)
    "step": (lambda o: optim.StepLR(o, 7, gamma=0.5), 0.4 * 0.5 ** (t // 7)),
    "exponential": (lambda o: optim.ExponentialLR(o, 0.9), 0.4 * 0.9**t),
    "warm-up": (
        lambda o: optim.LinearLR(o, start_factor=0.1, total_iters=20),
        0.4 * (0.1 + 0.9 * np.minimum(t, 20) / 20),
    ),
    "to nothing": (
        lambda o: optim.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=8),
        0.4 * (1 - np.minimum(t, 8) / 8),
    ),
    "cosine": (
        lambda o: optim.CosineAnnealingLR(o, 40, eta_min=0.1),
        0.1 + 0.3 * (1 + np.cos(np.pi * t / 40)) / 2,
    ),
    "cosine, several times": (
        lambda o: optim.CosineAnnealingLR(o, 6),
        0.4 * (1 + np.cos(np.pi * t / 6)) / 2,
    ),
    "warm-up, cosine, constant": (
        lambda o: optim.SequentialLR(
            o,
            [
                optim.LinearLR(o, start_factor=0.1, total_iters=10),
                optim.CosineAnnealingLR(o, 20),
                optim.StepLR(o, 1000),
            ],
            milestones=[10, 30],
        ),
        0.4
        * np.where(
            t < 10,
            0.1 + 0.9 * t / 10,
            np.where(t < 30, (1 + np.cos(np.pi * (t - 10) / 20)) / 2, 1.0),
        ),
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_formulas(name):
    make, expected = CLOSED[name]
    assert_allclose(rates(make(optimiser()), 40), expected, rtol=0, atol=1e-13)


def test_every_group_has_its_own_rate():
    opt = optimiser(0.4, 0.1)
    schedule = optim.ExponentialLR(opt, 0.5)
    opt.add_param_group({"params": [Tensor(1.0, requires_grad=True)], "lr": 0.8})
    schedule.step()
    assert schedule.get_last_lr() == [0.2, 0.05, 0.4]


def test_two_schedules_act_together():
    opt = optimiser()
    first, second = optim.ExponentialLR(opt, 0.5), optim.StepLR(opt, 2, gamma=0.1)
    for _ in range(4):
        first.step()
        second.step()
    assert_allclose(opt.param_groups[0]["lr"], 0.4 * 0.5**4 * 0.1**2)


def test_plateau_waits_reduces_and_rests():
    opt = optimiser()
    schedule = optim.ReduceLROnPlateau(opt, factor=0.5, patience=1, cooldown=2, min_lr=0.15)
    measures = [1.0, 0.9, 0.9, 0.89999, float("nan"), 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    found = []
    for measure in measures:
        schedule.step(measure)
        found.append(schedule.get_last_lr()[0])
    # not better from the third on (the fourth by too little): reduced at once past patience, then
    # two calls of rest
    assert found == [0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.15, 0.15, 0.15, 0.15, 0.15]


def test_plateau_for_what_should_grow():
    opt = optimiser()
    schedule = optim.ReduceLROnPlateau(opt, "max", patience=0, threshold=0.5, threshold_mode="abs")
    for measure in (1.0, 1.6, 2.0):
        schedule.step(measure)
    assert_allclose(schedule.get_last_lr(), [0.04])


MAKERS = {
    **{name: make for name, (make, _) in CLOSED.items()},
    "plateau": lambda o: optim.ReduceLROnPlateau(o, patience=2, cooldown=1),
}


def turn(schedule, metric):
    schedule.step(*[metric] * isinstance(schedule, optim.ReduceLROnPlateau))
    return schedule.get_last_lr()


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("stop", [0, 5, 10, 17])
def test_a_loaded_schedule_goes_on_exactly(name, stop):
    metrics = np.random.default_rng(1).standard_normal(40)
    one, two = (optimiser(0.4, 0.1) for _ in range(2))
    first, second = MAKERS[name](one), MAKERS[name](two)
    for metric in metrics[:stop]:
        turn(first, metric)
    two.load_state_dict(one.state_dict())
    second.load_state_dict(first.state_dict())
    assert [turn(first, m) for m in metrics[stop:]] == [turn(second, m) for m in metrics[stop:]]


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        ({"schedule": "StepLR", "last_epoch": 3}, "the state is of StepLR, this schedule is"),
        ({"last_epoch": 3}, "the state is of something else"),
        ({"schedule": "ExponentialLR", "last_epoch": "3"}, "last_epoch is '3'"),
        (3, "the state is of type int"),
    ],
)
def test_the_state_of_another_schedule(saved, words):
    schedule = optim.ExponentialLR(optimiser(), 0.5)
    with pytest.raises(DataError) as error:
        schedule.load_state_dict(saved)
    assert words in str(error.value)
    assert schedule.last_epoch == 0


def test_the_state_of_another_schedule_is_none_of_the_plateaus():
    schedule = optim.ReduceLROnPlateau(optimiser())
    with pytest.raises(
        DataError, match="the state is of StepLR, this schedule is ReduceLROnPlateau"
    ):
        schedule.load_state_dict(optim.StepLR(optimiser(), 3).state_dict())


def test_the_best_metric_of_a_plateau_is_a_number():
    schedule = optim.ReduceLROnPlateau(optimiser())
    with pytest.raises(DataError, match="best is 'x'; it must be a number, or None"):
        schedule.load_state_dict({**schedule.state_dict(), "best": "x"})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda o: optim.StepLR(3, 5), "a schedule needs an optimiser; this is one int"),
        (lambda o: optim.ReduceLROnPlateau(3), "a schedule needs an optimiser; this is one int"),
        (lambda o: optim.StepLR(o, 0), "step_size is 0; it must be 1 or more"),
        (lambda o: optim.StepLR(o, float("nan")), "step_size is nan; it must be 1 or more"),
        (lambda o: optim.ExponentialLR(o, -1.0), "gamma is -1.0; it must be a number from 0 up"),
        (lambda o: optim.CosineAnnealingLR(o, 0), "T_max is 0"),
        (lambda o: optim.LinearLR(o, start_factor=0.0), "start_factor 0.0 must lie in (0, 1]"),
        (lambda o: optim.LinearLR(o, total_iters=0), "total_iters is 0"),
        (lambda o: optim.ReduceLROnPlateau(o, "down"), "mode 'down' must be 'min' or 'max'"),
        (lambda o: optim.ReduceLROnPlateau(o, factor=1.0), "factor 1.0 must lie in [0, 1)"),
        (lambda o: optim.SequentialLR(o, [], []), "milestones [] must rise"),
        (
            lambda o: optim.SequentialLR(o, [optim.StepLR(o, 1)] * 3, [4, 4]),
            "milestones [4, 4] must rise from 1 on",
        ),
        (
            lambda o: optim.SequentialLR(o, [optim.StepLR(o, 1)] * 2, [0]),
            "milestones [0] must rise from 1 on",
        ),
        (
            lambda o: optim.SequentialLR(o, [optim.StepLR(optimiser(), 1)], []),
            "a Schedule of this optimiser",
        ),
    ],
)
def test_what_is_no_schedule(make, words):
    with pytest.raises(UsageError) as error:
        make(optimiser())
    assert words in str(error.value)
