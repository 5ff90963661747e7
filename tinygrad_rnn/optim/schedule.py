"""Learning rates that change over time.

Each schedule multiplies or moves the rate it finds, as torch.optim.lr_scheduler does, so that
several can act on one optimiser and a rate that was changed by hand stays changed.  `last_epoch`,
t, counts the calls of `step` from 0.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tinygrad_rnn.errors import DataError, UsageError
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.optim.optimizer import Optimizer, told


@public_class
class Schedule:
    """Base: a subclass gives `next_lr`, and `settings`, the names of what it was made with.

    Rates are set when the schedule is made and after each `step`.  A group's rate when its first
    schedule was made is stored in it as "initial_lr".
    Raises UsageError for an optimiser that is none and for numbers out of range.
    """

    settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self, optimizer: Optimizer):
        self.optimizer = an_optimiser(optimizer)
        self.last_epoch = 0
        self._set()

    def __repr__(self) -> str:
        return shown(self, self.settings)

    def step(self) -> None:
        """Go on to the next t: once an epoch, or once a batch, after the optimiser's step."""
        self.last_epoch += 1
        self._set()

    def next_lr(self, lr: float, initial_lr: float, t: int) -> float:
        """The rate at t, from lr at t - 1; at t = 0 from the optimiser's own."""
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule is, in plain values; the rates themselves are the optimiser's."""
        return {"schedule": type(self).__name__, "last_epoch": self.last_epoch}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where the schedule of this `state_dict` was; load the optimiser's state too.

        Raises DataError, with nothing changed, if it is of another kind.
        """
        self.last_epoch = checked(self, saved)["last_epoch"]

    def _set(self) -> None:
        for group in self.optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = self.next_lr(group["lr"], group["initial_lr"], self.last_epoch)


def checked(schedule: Any, saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """`saved`, if it has what schedule.state_dict() has.  Raises DataError."""
    own = schedule.state_dict()
    kind = f"type {type(saved).__name__}"
    if isinstance(saved, Mapping):
        kind = str(saved.get("schedule", "something else"))
    if kind != own["schedule"] or saved.keys() != own.keys():
        way = "Make the one that was saved."
        raise DataError(f"the state is of {kind}, this schedule is {own['schedule']}. {way}")
    for name, value in saved.items():
        if type(own[name]) is int and not (type(value) is int and 0 <= value < 2**53):
            raise DataError(f"{name} is {value!r:.60}; it must be a whole number.")
    return saved


@public_class
class StepLR(Schedule):
    """lr * gamma after every step_size steps."""

    settings = ("step_size", "gamma")

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        self.step_size = at_least_one("step_size", step_size)
        self.gamma = not_negative("gamma", gamma)
        super().__init__(optimizer)

    def next_lr(self, lr: float, initial_lr: float, t: int) -> float:
        """Times gamma if t is a multiple of step_size."""
        return lr * self.gamma if t and t % self.step_size == 0 else lr


@public_class
class ExponentialLR(Schedule):
    """lr * gamma after every step."""

    settings = ("gamma",)

    def __init__(self, optimizer: Optimizer, gamma: float):
        self.gamma = not_negative("gamma", gamma)
        super().__init__(optimizer)

    def next_lr(self, lr: float, initial_lr: float, t: int) -> float:
        """Times gamma."""
        return lr * self.gamma if t else lr


@public_class
class LinearLR(Schedule):
    """Warm-up: initial_lr times a factor.

    It goes evenly from start_factor at t = 0 to end_factor at t = total_iters.
    Goyal et al. (2017), arXiv:1706.02677, section 2.2.
    """

    settings = ("start_factor", "end_factor", "total_iters")

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ):
        if not (0 < start_factor <= 1 and 0 <= end_factor <= 1):
            raise UsageError(
                f"start_factor {start_factor} must lie in (0, 1] and end_factor {end_factor} in "
                "[0, 1]."
            )
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = at_least_one("total_iters", total_iters)
        super().__init__(optimizer)

    def next_lr(self, lr: float, initial_lr: float, t: int) -> float:
        """Times factor(t) / factor(t - 1)."""
        if t == 0:
            return lr * self.start_factor
        if t > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        return lr * (1.0 + rise / (self.total_iters * self.start_factor + (t - 1) * rise))


@public_class
class CosineAnnealingLR(Schedule):
    """eta_min + (initial_lr - eta_min) * (1 + cos(pi t / T_max)) / 2.

    Loshchilov and Hutter (2017), arXiv:1608.03983, equation (5), without the restarts: after T_max
    it rises again.
    """

    settings = ("T_max", "eta_min")

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        self.T_max, self.eta_min = at_least_one("T_max", T_max), eta_min
        super().__init__(optimizer)

    def next_lr(self, lr: float, initial_lr: float, t: int) -> float:
        """Above eta_min, times (1 + cos(pi t / T_max)) / (1 + cos(pi (t - 1) / T_max))."""
        if t == 0:
            return lr
        angle = math.pi / self.T_max
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # up from the bottom: the divisor is 0
            return lr + (initial_lr - self.eta_min) * (1.0 - math.cos(angle)) / 2.0
        ratio = (1.0 + math.cos(math.pi * t / self.T_max)) / (
            1.0 + math.cos(math.pi * (t - 1) / self.T_max)
        )
        return self.eta_min + (lr - self.eta_min) * ratio


@public_class
class SequentialLR(Schedule):
    """One schedule after the other: schedules[i] begins, from initial_lr, at milestones[i - 1].

    Warm-up, then a cosine:
    SequentialLR(o, [LinearLR(o, total_iters=10), CosineAnnealingLR(o, 90)], milestones=[10]).
    """

    settings = ("schedulers", "milestones")

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[Schedule], milestones: Sequence[int]
    ):
        rising = list(milestones) == sorted({0, *milestones} - {0})
        if not rising or len(milestones) != len(schedulers) - 1:
            raise UsageError(
                f"milestones {list(milestones)} must rise from 1 on, one fewer than the "
                f"{len(schedulers)} schedules."
            )
        if any(not isinstance(s, Schedule) or s.optimizer is not optimizer for s in schedulers):
            raise UsageError("every one of the schedules must be a Schedule of this optimiser.")
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]  # undo what they did when they were made
        super().__init__(optimizer)

    def next_lr(self, lr: float, initial_lr: float, t: int) -> float:
        """As the schedule whose turn it is."""
        turn = bisect_right(self.milestones, t)
        t -= [0, *self.milestones][turn]
        return self.schedulers[turn].next_lr(lr if t or not turn else initial_lr, initial_lr, t)


def shown(schedule: Any, settings: tuple[str, ...]) -> str:
    """`StepLR(step_size=3, gamma=0.1)  # t = 4, lr = 0.01`."""
    made = ", ".join(f"{name}={_told(getattr(schedule, name))}" for name in settings)
    rates = ", ".join(map(number, schedule.get_last_lr()))
    return f"{type(schedule).__name__}({made})  # t = {schedule.last_epoch}, lr = {rates}"


def _told(setting: object) -> str:
    if isinstance(setting, list):
        return f"[{', '.join(map(_told, setting))}]"
    if isinstance(setting, Schedule):
        return type(setting).__name__
    return told(setting)


def an_optimiser(optimizer: Optimizer) -> Optimizer:
    """The optimiser.  Raises UsageError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise UsageError(f"a schedule needs an optimiser; this is one {type(optimizer).__name__}.")
    return optimizer


def not_negative(name: str, number: float) -> float:
    """The number.  Raises UsageError below 0."""
    if not number >= 0:
        raise UsageError(f"{name} is {number}; it must be a number from 0 up.")
    return number


def at_least_one(name: str, number: int) -> int:
    """The number.  Raises UsageError below 1."""
    if not number >= 1:
        raise UsageError(f"{name} is {number}; it must be 1 or more.")
    return number
