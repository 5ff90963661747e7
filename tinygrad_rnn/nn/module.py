"""A thing with parameters, found by looking at its attributes."""

from collections.abc import Iterator
from typing import Any

from tinygrad_rnn.tensor import Tensor


class Module:
    """Base of cells and layers: attributes that are Tensors requiring a gradient are its parameters.

    Modules, lists, tuples and dicts among the attributes are searched too.
    """

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """(name, parameter), in the order the attributes were set; a shared one comes once."""
        seen: set[Tensor] = set()
        for name, tensor in _named("", vars(self)):
            if tensor not in seen:
                seen.add(tensor)
                yield name, tensor

    def parameters(self) -> list[Tensor]:
        """The parameters alone."""
        return [tensor for _, tensor in self.named_parameters()]


def _named(prefix: str, x: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(x, Tensor):
        if x.requires_grad:
            yield prefix, x
    elif isinstance(x, (Module, dict)):
        for key, item in (x if isinstance(x, dict) else vars(x)).items():
            yield from _named(f"{prefix}.{key}" if prefix else str(key), item)
    elif isinstance(x, (list, tuple)):
        for i, item in enumerate(x):
            yield from _named(f"{prefix}.{i}" if prefix else str(i), item)
