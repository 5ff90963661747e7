"""A thing with parameters, found by looking at its attributes."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import DataError, DTypeError, ShapeError, UsageError
from tinygrad_rnn.guards.boundary import name_of, public_class
from tinygrad_rnn.guards.operands import real_array

M = TypeVar("M", bound="Module")


@public_class
class Module:
    """Base of cells and layers: what has parameters.

    Its Tensors are found among its attributes; those with requires_grad are parameters.  Modules,
    lists, tuples and dicts among the attributes are searched too, and what is found there has a
    dotted name: `layers.0.W_xh`.  Results of operations are not counted, only leaves.

    training  True until `eval()`; for layers that behave differently while they are trained, such
              as dropout
    """

    training: bool = True

    def __setattr__(self, name: str, new: Any) -> None:
        """An attribute that is a parameter stays one.

        Another parameter replaces it, an array becomes its data.  A result, as of a function that
        is differentiated by the weights, may stand there too; while it does, asking for the
        parameters is an error.  Raises UsageError for None, and what assigning to `.data` raises.
        """
        old = vars(self).get(name)
        if not (isinstance(old, Tensor) and old.fun is None and old.requires_grad):
            object.__setattr__(self, name, new)
        elif isinstance(new, Tensor) and new.requires_grad:
            object.__setattr__(self, name, new)
            if new.fun is not None:
                object.__setattr__(self, "_replaced", {*vars(self).get("_replaced", ()), name})
        elif new is None:
            raise UsageError(
                f"{name} of this {type(self).__name__} is a parameter, and None in its place would "
                f"take it from parameters() without a word. Assign zeros, set {name}.requires_grad "
                f"= False to freeze it, or `del module.{name}` first."
            )
        else:
            old.data = new

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """(name, parameter), in the order the attributes were set; a shared one comes once."""
        for name, found in _walk("", self, set()):
            if isinstance(found, Tensor) and found.requires_grad:
                yield name, found

    def parameters(self) -> list[Tensor]:
        """The parameters alone."""
        return [tensor for _, tensor in self.named_parameters()]

    def modules(self) -> list["Module"]:
        """This module and every one inside it, each once."""
        return [found for _, found in _walk("", self, set()) if isinstance(found, Module)]

    def train(self: M, mode: bool = True) -> M:
        """Set `training` here and in every module inside; returns self."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """`train(False)`."""
        return self.train(False)

    def state_dict(self) -> dict[str, Array]:
        """name -> a copy of the array, for every parameter and every Tensor that is frozen."""
        return {name: np.array(tensor.data) for name, tensor in self._tensors().items()}

    def load_state_dict(self, arrays: Mapping[str, Array]) -> None:
        """Give every Tensor of `state_dict` its array; graphs recorded before keep their values.

        All or nothing: names and shapes must be the same, and on an error nothing has changed.
        A floating dtype is converted to that of the Tensor.

        Raises DataError (a name), ShapeError or DTypeError.
        """
        tensors = self._tensors()
        differ = {
            "missing": sorted(tensors.keys() - arrays.keys()),
            "unknown": sorted(arrays.keys() - tensors.keys()),
        }
        if any(differ.values()):
            told = [f"{what}: {', '.join(names)}" for what, names in differ.items() if names]
            raise DataError(
                f"the names do not fit {type(self).__name__}; {'; '.join(told)}. "
                "Load into a model built as the saved one was."
            )
        fitted = {tensor: fitting(name, arrays[name], tensor) for name, tensor in tensors.items()}
        for tensor, array in fitted.items():
            tensor.data = array

    def __repr__(self) -> str:
        return "\n".join(_shown("", self, {id(self)})[0])

    def _settings(self) -> list[str]:
        """What stands between the parentheses of its repr."""
        return []

    def _tensors(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name, x in _walk("", self, set()):
            if isinstance(x, Tensor):
                if name in found:
                    raise UsageError(
                        f"two different Tensors are called {name}. Rename an attribute or a key "
                        "of a dict."
                    )
                found[name] = x
        return found


def _walk(path: str, x: object, seen: set[int]) -> Iterator[tuple[str, "Tensor | Module"]]:
    """Every Module and every leaf Tensor in x with its dotted name, each once."""
    for inner, found in _held(path, x, seen):
        yield inner, found
        if isinstance(found, Module):
            _check_replaced(found)
            for name, item in vars(found).items():
                yield from _walk(_dotted(inner, name), item, seen)


def _held(path: str, x: object, seen: set[int]) -> Iterator[tuple[str, "Tensor | Module"]]:
    """The Modules and leaf Tensors that x is or contains, without a look into the modules."""
    if id(x) in seen or not isinstance(x, (Tensor, Module, dict, list, tuple)):
        return
    seen.add(id(x))
    if isinstance(x, (dict, list, tuple)):
        for key, item in x.items() if isinstance(x, dict) else enumerate(x):
            yield from _held(_dotted(path, key), item, seen)
    elif isinstance(x, Module) or x.fun is None:
        yield path, x


def _dotted(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _check_replaced(module: Module) -> None:
    for name in vars(module).get("_replaced", ()):
        if isinstance(now := vars(module).get(name), Tensor) and now.fun is not None:
            raise UsageError(
                f"{name} of this {type(module).__name__} was a parameter and is a result of "
                f"{name_of(now.fun)} now, so it would be missing. Put the parameter back; to "
                f"change its numbers assign {name}.data."
            )


def _shown(path: str, module: Module, seen: set[int]) -> tuple[list[str], int]:
    """A line for a module, indented ones for those inside it, and how many parameters they have."""
    own, lines, count = list[str](), list[str](), 0
    for inner, found in _held("", vars(module), seen):
        if isinstance(found, Module):
            below, more = _shown(inner, found, seen)
            lines += [f"  {line}" for line in below]
            count += more
        else:
            own.append(f"{inner} {found.shape}{'' if found.requires_grad else ' frozen'}")
            count += found.size * found.requires_grad
    title = f"{type(module).__name__}({', '.join(module._settings())})"
    facts = f"{count:,} parameter{'' if count == 1 else 's'}{': ' * bool(own)}{', '.join(own)}"
    return [f"{path}: {title}  # {facts}" if path else f"{title}  # {facts}", *lines], count


def fitting(name: str, given: ArrayLike | Tensor, tensor: Tensor) -> Array:
    """A copy of the array in the dtype of the Tensor.

    Raises ShapeError, or DTypeError, if it cannot be its data.
    """
    array = real_array(value(given), name.rstrip(","))
    if array.shape != tensor.shape:
        raise ShapeError(
            f"{name} has shape {array.shape}, but {tensor.shape} in the model. "
            "Load into a model of the same sizes as the saved one."
        )
    if not np.can_cast(array.dtype, tensor.dtype, "same_kind"):
        raise DTypeError(
            f"{name} has dtype {array.dtype}, which cannot become {tensor.dtype}. Convert the "
            "array first."
        )
    with np.errstate(over="ignore"):
        data = np.array(array, dtype=tensor.dtype)
    if np.any(lost := np.isinf(data) & np.isfinite(array)):
        raise DTypeError(
            f"{name} holds {array[lost].flat[0]}, too large for {tensor.dtype}. Make the module "
            "with a longer dtype."
        )
    return data
