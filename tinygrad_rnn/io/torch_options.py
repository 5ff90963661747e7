"""What a torch.nn.Module computes beside its weights, compared with ours."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.nn.module import Module

_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
}
_POINTS = np.array([-3.0, -0.5, 0.0, 0.5, 3.0])


def check_options(module: Module, theirs: Any, patterns: Mapping[str, str]) -> None:
    """Compare each layer with that of its pattern.  Raises UsageError, naming what differs."""
    named = dict(theirs.named_modules()) if hasattr(theirs, "named_modules") else {}
    for place, pattern in patterns.items():
        layer = named.get(pattern.partition("*")[0].removesuffix("."))
        if layer is not None:
            _compare(place or type(module).__name__, _at(module, place), layer)


def _compare(place: str, ours: Any, layer: Any) -> None:
    name = f"PyTorch's {type(layer).__name__}"
    if getattr(layer, "proj_size", 0):
        raise UsageError(f"{name} has proj_size={layer.proj_size}; no state is projected here.")
    if getattr(layer, "max_norm", None) is not None:
        raise UsageError(f"{name} has max_norm={layer.max_norm}; {place} here shortens no vector.")
    eps = getattr(layer, "eps", None)
    if eps is not None and eps != getattr(ours, "eps", eps):
        raise UsageError(f"{name} has eps={eps}; {place} here has eps={ours.eps}. Make it with it.")
    wanted: Any = getattr(layer, "nonlinearity", None)
    for f in _activations(ours) if wanted in _ACTIVATIONS else ():
        if not np.allclose(value(f(_POINTS)), _ACTIVATIONS[wanted](_POINTS)):
            raise UsageError(
                f"{name} has nonlinearity={wanted!r}; {place} here computes something else. "
                f"Make it with f={'np.tanh' if wanted == 'tanh' else 'functional.relu'}."
            )


def _activations(ours: Any) -> list[Any]:
    """Those of a cell, or of the cells of a layer."""
    cells = getattr(ours, "cells", None)
    found = cells.values() if isinstance(cells, dict) else [ours]
    return [cell.f for cell in found if hasattr(cell, "f")]


def _at(module: Any, name: str) -> Any:
    """What has a dotted name: an attribute, an item of a list, an entry of a dict."""
    found = module
    for step in filter(None, name.split(".")):
        if isinstance(found, dict):
            found = {str(key): item for key, item in found.items()}.get(step)
        elif isinstance(found, (list, tuple)):
            found = found[int(step)]
        else:
            found = getattr(found, step, None)
    return found
