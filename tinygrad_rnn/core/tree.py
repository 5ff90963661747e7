"""Containers of arrays: tuples, named tuples, lists and dicts, nested in any way.  None is a place without an array.

A *leaf* is anything else.  Its *path* is written as one would reach it in Python: `['W'][1]`, `.h` in a named tuple.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

from tinygrad_rnn.errors import UsageError


def leaves(tree: Any, path: str = "") -> list[tuple[str, Any]]:
    """(path, leaf) for every leaf, in order."""
    places = _places(tree)
    if places is None:
        return [(path, tree)]
    return [found for step, child in places.items() for found in leaves(child, path + step)]


def rebuild(tree: Any, new: Iterable[Any]) -> Any:
    """A container of the same structure with new leaves, taken in order."""
    new = iter(new)
    if tree is None:
        return None
    if isinstance(tree, dict):
        changed = copy(tree)  # an OrderedDict stays one
        changed.update({key: rebuild(child, new) for key, child in tree.items()})
        return changed
    if isinstance(tree, (list, tuple)):
        children = [rebuild(child, new) for child in tree]
        return getattr(tree, "_make", type(tree))(children)  # a named tuple has _make
    return next(new)


def aligned(tree: Any, other: Any, what: str) -> list[Any]:
    """What stands in `other` where `tree` has its leaves: an array-like, or None, also where a whole branch is None.

    Raises UsageError, calling it by the name `what`, if `other` does not have the structure of `tree`.
    """
    if other is None:
        return [None] * len(leaves(tree))
    places = _places(tree)
    if places is None:
        return [other]
    theirs = _places(other)
    if theirs is None or theirs.keys() != places.keys():
        raise UsageError(
            f"{what} is of {described(other)}; it needs the structure of what it belongs to, {described(tree)}."
        )
    return [
        leaf for step, child in places.items() for leaf in aligned(child, theirs[step], what + step)
    ]


def is_container(x: Any) -> bool:
    """Whether x is looked into; None is a container with nothing in it."""
    return _places(x) is not None


def described(x: Any) -> str:
    """For errors: `type dict with ['W'], ['b']`."""
    places = _places(x)
    return f"type {type(x).__name__}" + (f" with {', '.join(places)}" if places else "")


def _places(tree: Any) -> dict[str, Any] | None:
    """The children by the step that leads to them; None for a leaf."""
    if tree is None:
        return {}
    if isinstance(tree, dict):
        return {f"[{key!r}]": child for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        fields = getattr(tree, "_fields", None)
        steps = (
            [f"[{i}]" for i in range(len(tree))]
            if fields is None
            else [f".{field}" for field in fields]
        )
        return dict(zip(steps, tree, strict=True))
    return None


# -- tuples within tuples: the states and inputs of a cell that `scan` runs

Structure = Any  # a tuple of structures, or None for one array


def structure(tree: Any) -> Structure:
    """The tuples of `tree` with None for each array."""
    return tuple(map(structure, tree)) if isinstance(tree, tuple) else None


def flattened(tree: Any) -> list[Any]:
    """The arrays of `tree`, from left to right."""
    return (
        [leaf for branch in tree for leaf in flattened(branch)]
        if isinstance(tree, tuple)
        else [tree]
    )


def rebuilt(form: Structure, flat: Iterator[Any]) -> Any:
    """The tree of this structure over the arrays that `flat` gives."""
    return next(flat) if form is None else tuple([rebuilt(branch, flat) for branch in form])
