"""Truncated backpropagation through time: every loss carried back through a window of states."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.flow.listed import Arrivals, Gradients, Listed, plus
from tinygrad_rnn.flow.vectors import StateArrays, as_state, flat, lengths


@dataclass(frozen=True)
class Truncated:
    """The gradients of truncated BPTT, which carries every loss back through `window` states.

    totals          dL/dh_t with only the terms k < t + window of (3.1)
    gradients       of each parameter; with window = T they are the full ones
    relative_error  |truncated - full| / |full| for each parameter, Frobenius norms

    Williams and Peng (1990), doi:10.1162/neco.1990.2.4.490.
    """

    window: int
    totals: list[StateArrays]
    gradients: dict[str, Array]
    relative_error: dict[str, float]

    def __repr__(self) -> str:
        errors = ", ".join(f"{name} {error:.2g}" for name, error in self.relative_error.items())
        return f"Truncated(window={self.window}, relative errors: {errors})"


def truncated(listed: Listed, direct: Mapping[int, Arrivals], window: int) -> Truncated:
    """What truncated BPTT gives from the direct terms; 1 <= window <= T."""
    arrivals: dict[int, Arrivals] = {t: [] for t in range(len(listed))}
    for k, enters in direct.items():
        for t, come, *_ in listed.walk({k: enters}, lowest=max(0, k - window + 1)):
            there = arrivals[t]
            arrivals[t] = (
                [a + b for a, b in zip(there, come, strict=True)]
                if there and come
                else there or come
            )
    alone = [next(listed.walk({t: a}, lowest=t, parameters=True)) for t, a in arrivals.items()]
    nothing = {p: np.zeros_like(value(p)) for p in listed.parameters.values()}
    cut: Gradients = reduce(plus, (found for _, found in listed.sent(alone)), nothing)
    walk = listed.walk(direct, parameters=True)
    full: Gradients = reduce(plus, (found for _, found in listed.sent(walk)), nothing)
    return Truncated(
        window,
        [as_state(visit.complete) for visit in alone],
        {name: cut[p] for name, p in listed.parameters.items()},
        {name: _error(cut[p], full[p]) for name, p in listed.parameters.items()},
    )


def _error(found: Array, right: Array) -> float:
    return float(lengths(flat([found - right]))) / (float(lengths(flat([right]))) or 1.0)
