"""What optimisers and schedules show of themselves."""

from collections.abc import Callable

import numpy as np
import pytest

from tinygrad_rnn import nn, optim

LAYER = nn.LSTM(3, 8, num_layers=2, rng=0)
FIRST, SECOND = LAYER.cells.values()
SGD = "momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False"


def test_an_optimiser_shows_its_settings_and_counts_parameters() -> None:
    sizes = (3 + 8 + 1) * 32 + (8 + 8 + 1) * 32
    assert repr(optim.SGD(LAYER, lr=0.1)) == f"SGD(lr=0.1, {SGD})  # {sizes} parameters"
    large = optim.Adam(nn.Linear(30, 40, bias=False, rng=0))
    assert repr(large) == (
        "Adam(lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False)"
        "  # 1,200 parameters"
    )


def test_groups_are_shown_where_they_differ() -> None:
    same = optim.SGD([{"params": FIRST}, {"params": SECOND}], lr=0.1)
    assert len(repr(same).splitlines()) == 1
    differing = optim.SGD([{"params": FIRST}, {"params": SECOND, "lr": 0.5}], lr=0.1)
    assert repr(differing).splitlines()[1:] == [
        f"  group 0: lr=0.1, {SGD}  # {(3 + 8 + 1) * 32} parameters",
        f"  group 1: lr=0.5, {SGD}  # {(8 + 8 + 1) * 32} parameters",
    ]


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda o: optim.StepLR(o, 3), "StepLR(step_size=3, gamma=0.1)  # t = 2, lr = 0.5"),
        (lambda o: optim.ExponentialLR(o, 0.5), "ExponentialLR(gamma=0.5)  # t = 2, lr = 0.125"),
        (
            lambda o: optim.LinearLR(o, total_iters=2),
            "LinearLR(start_factor=0.333333, end_factor=1.0, total_iters=2)  # t = 2, lr = 0.5",
        ),
        (
            lambda o: optim.CosineAnnealingLR(o, 4),
            "CosineAnnealingLR(T_max=4, eta_min=0.0)  # t = 2, lr = 0.25",
        ),
        (
            lambda o: optim.SequentialLR(
                o, [optim.ExponentialLR(o, 0.5), optim.StepLR(o, 9)], milestones=[1]
            ),
            "SequentialLR(schedulers=[ExponentialLR, StepLR], milestones=[1])  # t = 2, lr = 0.5",
        ),
    ],
)
def test_a_schedule_shows_its_settings_and_where_it_is(
    make: Callable[[optim.Optimizer], optim.Schedule], shown: str
) -> None:
    schedule = make(optim.SGD(LAYER, lr=0.5))
    schedule.step()
    schedule.step()
    assert repr(schedule) == shown


def test_a_plateau_shows_its_settings() -> None:
    schedule = optim.ReduceLROnPlateau(optim.SGD(LAYER, lr=0.5), patience=3)
    assert repr(schedule) == (
        "ReduceLROnPlateau(mode='min', factor=0.1, patience=3, threshold=0.0001, "
        "threshold_mode='rel', cooldown=0, min_lr=0.0, eps=1e-08)  # t = 0, lr = 0.5"
    )


def test_numbers_are_shown_as_one_would_write_them() -> None:
    optimizer = optim.SGD(LAYER, lr=np.float32(0.1))
    assert repr(optimizer).startswith("SGD(lr=0.1, momentum=0.0, ")
    schedule = optim.StepLR(optimizer, np.int64(1))
    for _ in range(3):
        schedule.step()
    assert repr(schedule) == "StepLR(step_size=1, gamma=0.1)  # t = 3, lr = 0.0001"
    assert "group 0: lr=0.0001, " in repr(optimizer)
