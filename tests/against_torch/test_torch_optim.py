"""Optimisers and schedules step by step beside torch.optim, in float64: parameters agree to 1e-12.

Run with `pytest -m torch`, as test_torch.py.
"""

import inspect

import numpy as np
import pytest

from tinygrad_rnn import Tensor, optim

pytestmark = pytest.mark.torch

STEPS = 50
SHAPES = [(3, 4), (5,), ()]
OPTIMISERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.03, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.8}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.8, "weight_decay": 0.1}),
    ("Adagrad", {}),
    (
        "Adagrad",
        {
            "lr": 0.3,
            "lr_decay": 0.1,
            "weight_decay": 0.1,
            "initial_accumulator_value": 0.5,
            "eps": 1e-3,
        },
    ),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.1, "amsgrad": True}),
]
SCHEDULES = {  # name: what makes it, from optim or torch.optim.lr_scheduler, for an optimiser
    "step": lambda m, o: m.StepLR(o, 7, gamma=0.5),
    "exponential": lambda m, o: m.ExponentialLR(o, 0.9),
    "linear": lambda m, o: m.LinearLR(o, start_factor=0.1, total_iters=20),
    "linear, down": lambda m, o: m.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=8),
    "cosine": lambda m, o: m.CosineAnnealingLR(o, 50, eta_min=0.001),
    "cosine, down and up": lambda m, o: m.CosineAnnealingLR(o, 6),
    "warm-up and cosine": lambda m, o: m.SequentialLR(
        o, [m.LinearLR(o, total_iters=10), m.CosineAnnealingLR(o, 40)], milestones=[10]
    ),
    "three in turn": lambda m, o: m.SequentialLR(
        o,
        [m.LinearLR(o, total_iters=3), m.StepLR(o, 4), m.ExponentialLR(o, 0.8)],
        milestones=[5, 21],
    ),
}


@pytest.fixture(scope="module")
def torch():
    import torch
    import torch.optim.lr_scheduler

    torch.set_num_threads(1)
    return torch


@pytest.fixture
def agree(request):
    """`agree(name, ours, theirs)`: equal shapes, entries to 1e-12; `--junitxml` lists the largest
    differences.
    """
    largest = {}

    def compare(name, ours, theirs):
        theirs = np.asarray(theirs)
        assert np.shape(ours) == theirs.shape, name
        largest[name] = max(
            largest.get(name, 0.0), float(np.max(np.abs(ours - theirs), initial=0.0))
        )
        assert largest[name] < 1e-12, f"{name} differs by {largest[name]}"

    yield compare
    request.node.user_properties.extend(largest.items())


def parameters(torch):
    rng = np.random.default_rng(1)
    values = [rng.standard_normal(shape) for shape in SHAPES]
    return [Tensor(v, requires_grad=True) for v in values], [
        torch.tensor(v, requires_grad=True) for v in values
    ]


def gradients(torch, ours, theirs, rng):
    """The same gradients for both: of a bowl, with noise; now and then a parameter has none."""
    for p, q in zip(ours, theirs, strict=True):
        if rng.random() < 0.1:
            p.grad = q.grad = None
        else:
            p.grad = np.asarray(p.data + rng.standard_normal(p.shape))
            q.grad = torch.tensor(p.grad)


def descend(torch, agree, ours, theirs, optimiser, other, after=lambda: None):
    rng = np.random.default_rng(2)
    for _ in range(STEPS):
        gradients(torch, ours, theirs, rng)
        optimiser.step()
        other.step()
        for p, q in zip(ours, theirs, strict=True):
            agree("parameter", p.data, q.detach())
        after()


@pytest.mark.parametrize(
    ("name", "options"), OPTIMISERS, ids=[f"{n} {' '.join(o)}" for n, o in OPTIMISERS]
)
def test_fifty_steps(torch, agree, name, options):
    ours, theirs = parameters(torch)
    optimiser, other = (
        getattr(optim, name)(ours, **options),
        getattr(torch.optim, name)(theirs, **options),
    )
    descend(torch, agree, ours, theirs, optimiser, other)
    for p, q in zip(ours, theirs, strict=True):  # the buffers have PyTorch's names
        for key, value in other.state[q].items():
            if value is not None:
                agree(key, optimiser.state[p][key], value)


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adagrad", "Adam", "AdamW"])
def test_the_defaults_are_pytorchs(torch, name):
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    for key, parameter in inspect.signature(getattr(optim, name)).parameters.items():
        assert parameter.default == theirs[key].default, key


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adagrad", "Adam", "AdamW"])
def test_groups(torch, agree, name):
    ours, theirs = parameters(torch)
    optimiser, other = (
        cls([{"params": ps[:2]}, {"params": ps[2:], "lr": 0.3, "weight_decay": 0.2}], lr=0.05)
        for cls, ps in ((getattr(optim, name), ours), (getattr(torch.optim, name), theirs))
    )
    descend(torch, agree, ours, theirs, optimiser, other)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(torch, agree, schedule, name):
    ours, theirs = parameters(torch)
    optimiser, other = (
        cls([{"params": ps[:2]}, {"params": ps[2:], "lr": 0.3}], lr=0.05, weight_decay=0.1)
        for cls, ps in ((getattr(optim, name), ours), (getattr(torch.optim, name), theirs))
    )
    schedule, its = (
        SCHEDULES[schedule](optim, optimiser),
        SCHEDULES[schedule](torch.optim.lr_scheduler, other),
    )

    def after():
        agree("rate", schedule.get_last_lr(), its.get_last_lr())
        schedule.step()
        its.step()

    descend(torch, agree, ours, theirs, optimiser, other, after)


def test_two_schedules_at_once_and_a_rate_changed_by_hand(torch, agree):
    ours, theirs = parameters(torch)
    optimiser, other = optim.SGD(ours, 0.5), torch.optim.SGD(theirs, 0.5)
    both = [
        [m.LinearLR(o, total_iters=9), m.CosineAnnealingLR(o, 30)]
        for m, o in ((optim, optimiser), (torch.optim.lr_scheduler, other))
    ]
    for t in range(STEPS):
        agree("rate", optimiser.param_groups[0]["lr"], other.param_groups[0]["lr"])
        other.step()  # torch warns of a schedule before the first step
        for schedules in both:
            for schedule in schedules:
                schedule.step()
        if t == 20:
            optimiser.param_groups[0]["lr"] = other.param_groups[0]["lr"] = 0.01


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(
    "options", [{}, {"patience": 0}, {"patience": 2, "cooldown": 3, "min_lr": 0.01, "factor": 0.5}]
)
def test_plateau(torch, agree, mode, threshold_mode, options):
    ours, theirs = parameters(torch)
    optimiser, other = optim.SGD(ours, 0.5), torch.optim.SGD(theirs, 0.5)
    options = {"mode": mode, "threshold": 0.01, "threshold_mode": threshold_mode, **options}
    schedule = optim.ReduceLROnPlateau(optimiser, **options)
    its = torch.optim.lr_scheduler.ReduceLROnPlateau(other, **options)
    rng = np.random.default_rng(3)
    for t in range(3 * STEPS):
        metric = float(np.exp(-t / 20) + 0.1 * rng.standard_normal()) if t % 17 else float("nan")
        schedule.step(metric)
        its.step(metric)
        agree("rate", schedule.get_last_lr(), its.get_last_lr())
    assert schedule.get_last_lr()[0] < 0.5


@pytest.mark.parametrize("limit", [0.1, 1e9])
def test_clipping(torch, agree, limit):
    ours, theirs = parameters(torch)
    rng = np.random.default_rng(4)
    for clip, other in [
        (optim.clip_grad_norm, torch.nn.utils.clip_grad_norm_),
        (optim.clip_grad_value, torch.nn.utils.clip_grad_value_),
    ]:
        gradients(torch, ours, theirs, rng)
        norm, its = clip(ours, limit), other(theirs, limit)
        if norm is not None:
            agree("norm", norm, its)
        for p, q in zip(ours, theirs, strict=True):
            if p.grad is not None:
                agree("gradient", p.grad, q.grad)
