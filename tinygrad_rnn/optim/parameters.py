"""What can be given as parameters, and what each is called."""

from collections.abc import Iterable

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.nn.module import Module

Parameters = Module | Iterable[Tensor] | Iterable[tuple[str, Tensor]]


def named(parameters: Parameters) -> list[tuple[str, Tensor]]:
    """(name, Tensor) from a Module, from Tensors, or from pairs.

    A Tensor without a name is called by its index.  Raises UsageError for anything else.
    """
    if isinstance(parameters, Module):
        return list(parameters.named_parameters())
    if isinstance(parameters, (Tensor, str)) or not isinstance(parameters, Iterable):
        raise _not_parameters(parameters)
    return [_pair(i, item) for i, item in enumerate(parameters)]


def _pair(i: int, item: object) -> tuple[str, Tensor]:
    if isinstance(item, Tensor):
        return item.name or f"parameter {i}", item
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Tensor):
        return str(item[0]), item[1]
    raise _not_parameters(item)


def _not_parameters(given: object) -> UsageError:
    return UsageError(
        f"parameters are a Module, a list of Tensors, or (name, Tensor) pairs; this is one "
        f"{type(given).__name__}. Pass model, model.parameters(), or [W, b]."
    )
