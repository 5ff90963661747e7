"""What the optimisers share: groups of parameters, the state of each parameter, and the step."""

import math
from collections.abc import Iterable, Mapping
from operator import index
from typing import Any, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DataError, UsageError
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.nn.module import Module, fitting
from tinygrad_rnn.optim.parameters import Parameters, named

Group: TypeAlias = dict[str, Any]  # "params" and options
ParameterState: TypeAlias = dict[str, Any]  # "step", a number, and arrays


@public_class
class Optimizer:
    """Base of the optimisers.  A subclass gives `updated`, and `buffers` if it remembers anything.

    params         a Module, Tensors, (name, Tensor) pairs, or a list of groups: dicts whose
                   "params" is one of these and whose other entries replace options for this group
    param_groups   the groups; options such as group["lr"] may be changed between steps
    state          what is remembered of each parameter: "step", the number of its updates, and
                   arrays of its shape

    Parameters are given new arrays, never written into: graphs recorded before a step hold their
    values.  Raises UsageError for parameters that are none or come twice, and for options that are
    unknown or out of range.
    """

    def __init__(self, params: Parameters | Iterable[Group], **options: Any):
        self.options = options
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, ParameterState] = {}
        self._names: dict[Tensor, str] = {}
        given: Any = params
        if isinstance(given, Iterable) and not isinstance(given, (Module, Tensor)):
            given = list(given)
        grouped = isinstance(given, list) and given and isinstance(given[0], dict)
        for group in given if grouped else [{"params": given}]:
            self.add_param_group(group)

    def __repr__(self) -> str:
        n = sum(p.size for p in self._names)
        lines = [f"{type(self).__name__}({_told(self.options)})  # {n:,} parameters"]
        own = [{k: v for k, v in g.items() if k in self.options} for g in self.param_groups]
        if any(options != self.options for options in own):
            sizes = [sum(p.size for p in group["params"]) for group in self.param_groups]
            lines += [
                f"  group {i}: {_told(options)}  # {n:,} parameters"
                for i, (options, n) in enumerate(zip(own, sizes, strict=True))
            ]
        return "\n".join(lines)

    def add_param_group(self, group: Group) -> None:
        """One more group: {"params": ..., option: value}.  What it leaves out is as for all."""
        if not isinstance(group, dict) or "params" not in group:
            raise UsageError(f'a group is a dict with "params"; this one is {group!r:.60}.')
        pairs = named(group["params"])
        if not pairs:
            raise UsageError(
                "there are no parameters to optimise. Is requires_grad=True set for them?"
            )
        seen = set(self._names)
        for name, p in pairs:
            if p in seen:
                raise UsageError(f"{name} is given twice. Leave it in one group, once.")
            seen.add(p)
            if p.fun is not None or p.dtype.kind != "f":
                raise UsageError(
                    f"{name} is no parameter: only leaves of a floating dtype are. "
                    "Pass the Tensor it was made from."
                )
        options = self.options | {key: v for key, v in group.items() if key != "params"}
        self._check(options)
        self.param_groups.append({"params": [p for _, p in pairs], **options})
        self._names |= {p: name for name, p in pairs}

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            buffers = self.buffers(group).items()
            for p in group["params"]:
                if p.grad is None:
                    continue
                x = value(p)
                state = self.state.setdefault(p, {"step": 0})
                for name, start in buffers:
                    if name not in state:
                        state[name] = np.full_like(x, start)
                state["step"] += 1
                g = np.asarray(p.grad, x.dtype)
                # of a 0-d parameter, a scalar of NumPy's
                p.data = np.asarray(self.updated(x, g, state, group), x.dtype)

    def zero_grad(self) -> None:
        """Forget the gradients, as before each `backward`."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def updated(self, x: Array, g: Array, state: ParameterState, group: Group) -> Array:
        """A new array for the parameter x whose gradient is g; state["step"] counts from 1.

        The buffers in `state` may be written into; x and g may not.
        """
        raise NotImplementedError

    def buffers(self, group: Group) -> dict[str, float]:
        """The arrays that `updated` needs in `state`, and the number that each starts with."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Everything but the parameters, in copies: arrays and plain values in dicts and lists.

        "optimizer": the class; "param_groups": options, with the numbers of the parameters as
        "params"; "state": one dict for each parameter, in the order of these numbers.
        """
        number = {p: i for i, p in enumerate(self._names)}
        return {
            "optimizer": type(self).__name__,
            "param_groups": [
                {**group, "params": [number[p] for p in group["params"]]}
                for group in self.param_groups
            ],
            "state": [
                {k: np.array(v) if k != "step" else v for k, v in self.state.get(p, {}).items()}
                for p in number
            ],
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where the optimiser of this `state_dict` was; the options become the saved ones.

        All or nothing.  Raises DataError, naming the key, if the optimisers do not fit each other.
        """
        kind = type(self).__name__
        try:
            saved_kind, saved_groups = saved["optimizer"], saved["param_groups"]
            saved_state = list(saved["state"])
            numbers = [list(map(index, group["params"])) for group in saved_groups]
            if not all(isinstance(group, Mapping) for group in saved_groups):
                raise TypeError("a group is no dict")
        except (KeyError, IndexError, TypeError) as error:
            raise DataError(
                f"this is not the state of an optimiser. Pass what {kind}.state_dict() returned."
            ) from error
        if not isinstance(saved_kind, str) or saved_kind != kind:
            raise DataError(
                f"the state is of {saved_kind}, this optimiser is {kind}. "
                "Make the one that was saved."
            )
        number = {p: i for i, p in enumerate(self._names)}
        own = [[number[p] for p in group["params"]] for group in self.param_groups]
        if numbers != own or len(saved_state) != len(number):
            raise DataError(
                f"the saved groups have {[len(g) for g in numbers]} parameters, these "
                f"{[len(g) for g in own]}. Give the optimiser the parameters it was saved with, in "
                "the same groups."
            )
        groups = [
            {"params": mine["params"], **self._fitting_options(i, group)}
            for i, (group, mine) in enumerate(zip(saved_groups, self.param_groups, strict=True))
        ]
        states = {
            p: self._fitting_state(f"state.{i}", name, p, saved_state[i])
            for i, (p, name) in enumerate(self._names.items())
            if not isinstance(saved_state[i], Mapping) or saved_state[i]
        }
        for mine, group in zip(self.param_groups, groups, strict=True):
            mine.clear()
            mine.update(group)
        self.state = states

    def _fitting_options(self, i: int, group: Mapping[str, Any]) -> Group:
        options = {
            k: tuple(v) if isinstance(v, list) else v for k, v in group.items() if k != "params"
        }
        missing = self.options.keys() - options.keys()
        if missing:
            raise DataError(
                f"param_groups.{i} has no {', '.join(sorted(missing))}. "
                "Was it saved by another version?"
            )
        self._check(options)
        return options

    def _fitting_state(
        self, key: str, name: str, p: Tensor, saved: Mapping[str, Any]
    ) -> ParameterState:
        step = saved.get("step") if isinstance(saved, Mapping) else None
        if type(step) is not int or not 0 <= step < 2**53:
            raise DataError(
                f"{key}, the state of {name}, has no step. Pass what state_dict() returned."
            )
        return {
            k: v if k == "step" else fitting(f"{key}.{k}, of {name},", v, p)
            for k, v in saved.items()
        }

    def _check(self, options: Group) -> None:
        """Raise UsageError for an option that is unknown or out of range."""
        kind = type(self).__name__
        for name, option in options.items():
            if name not in self.options and name != "initial_lr":  # schedules put that there
                raise UsageError(f"{kind} has no option {name}. It has {', '.join(self.options)}.")
            if not _in_range(name, option):
                high = "1), twice" if name == "betas" else "infinity)"
                raise UsageError(f"{name} of {kind} is {option!r}; it must lie in [0, {high}.")


def with_decay(g: Array, x: Array, group: Group) -> Array:
    """g + weight_decay * x: the gradient with that of weight_decay / 2 * sum(x²) added."""
    decay: float = group["weight_decay"]
    return g + decay * x if decay else g


def average(mean: Array, decay: float, new: Array) -> Array:
    """mean <- decay * mean + (1 - decay) * new, written into `mean`, a buffer of the state."""
    mean *= decay
    mean += (1.0 - decay) * new
    return mean


def _told(options: Group) -> str:
    return ", ".join(f"{name}={told(option)}" for name, option in options.items())


def told(setting: object) -> str:
    """A setting as its repr, without digits that rounding left and without NumPy's type."""
    if isinstance(setting, (tuple, list)):
        return f"({', '.join(map(told, setting))})"
    setting = setting.item() if isinstance(setting, np.generic) else setting
    return repr(float(f"{setting:.6g}")) if isinstance(setting, float) else repr(setting)


def _in_range(name: str, value: Any) -> bool:
    try:
        if name == "betas":
            return len(value) == 2 and all(0 <= beta < 1 for beta in value)
        return bool(0 <= value < np.inf and math.isfinite(float(value)))
    except (TypeError, ValueError, OverflowError):  # a text, an array, 10**400
        return False
