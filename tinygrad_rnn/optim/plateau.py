"""A learning rate that falls when nothing improves any more."""

import math
from collections.abc import Mapping
from typing import Any

from tinygrad_rnn.errors import DataError, UsageError
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.optim.optimizer import Optimizer
from tinygrad_rnn.optim.schedule import an_optimiser, checked, shown


@public_class
class ReduceLROnPlateau:
    """lr * factor when a measure has not improved for more than `patience` calls of step(measure).

    mode            "min" for a loss, "max" for an accuracy
    threshold       an improvement counts if it is larger than this: relative to the best so far,
                    or absolute
    threshold_mode  "rel" or "abs"
    cooldown        calls after a reduction during which nothing is counted
    min_lr          no rate falls below it
    eps             a reduction smaller than this is left out

    Named and defined as in torch.optim.lr_scheduler.  Raises UsageError for options out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ):
        known = mode in ("min", "max") and threshold_mode in ("rel", "abs")
        if not known or not 0 <= factor < 1:
            raise UsageError(
                f"mode {mode!r} must be 'min' or 'max', threshold_mode {threshold_mode!r} 'rel' or "
                f"'abs', and factor {factor} must lie in [0, 1)."
            )
        self.optimizer, self.mode = an_optimiser(optimizer), mode
        self.factor, self.patience = factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.min_lr, self.eps = cooldown, min_lr, eps
        self.best: float | None = None
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def step(self, metrics: float) -> None:
        """Look at the measure once more; one that is NaN is no improvement."""
        metric = float(metrics)
        self.last_epoch += 1
        if self._is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group in self.optimizer.param_groups:
                lr = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - lr > self.eps:
                    group["lr"] = lr
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def get_last_lr(self) -> list[float]:
        """The rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def __repr__(self) -> str:
        options = ("mode", "factor", "patience", "threshold", "threshold_mode")
        return shown(self, (*options, "cooldown", "min_lr", "eps"))

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule is, in plain values; the rates themselves are the optimiser's."""
        counts = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
        return {"schedule": type(self).__name__, **{name: getattr(self, name) for name in counts}}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where the schedule of this `state_dict` was.  Raises DataError for another kind."""
        best = checked(self, saved)["best"]
        if best is not None and not isinstance(best, float):
            raise DataError(f"best is {best!r:.60}; it must be a number, or None.")
        for name, value in saved.items():
            if name != "schedule":
                setattr(self, name, value)

    def _is_better(self, metric: float) -> bool:
        sign = -1.0 if self.mode == "min" else 1.0
        if self.best is None:
            return sign * metric > -math.inf
        bound = self.best * (1.0 + sign * self.threshold)
        if self.threshold_mode == "abs":
            bound = self.best + sign * self.threshold
        return sign * metric > sign * bound
