"""Containers of arrays: tuples, named tuples, lists and dicts, nested in any way.

None is a container with nothing in it.  A *leaf* is anything else.  Its *path* is written as one
would reach it in Python: `['W'][1]`, `.h` in a named tuple.
"""

from collections.abc import Iterable
from copy import copy
from itertools import repeat
from typing import Any

from tinygrad_rnn._typing import Nested
from tinygrad_rnn.errors import UsageError

LEAF = "*"  # stands for a leaf in a structure


def leaves(tree: Nested, path: str = "") -> list[tuple[str, Any]]:
    """(path, leaf) for every leaf, in order."""
    children = _children(tree)
    if children is None:
        return [(path, tree)]
    return [found for step, child in children.items() for found in leaves(child, path + step)]


def flat(tree: Nested) -> list[Any]:
    """Every leaf, in order."""
    if isinstance(tree, (tuple, list)):
        return [leaf for child in tree for leaf in flat(child)]
    if isinstance(tree, dict):
        return flat(list(tree.values()))
    return [] if tree is None else [tree]


def structure(tree: Nested) -> Nested:
    """The containers of `tree` with LEAF for each leaf; `types` tells what `==` does not see."""
    return rebuild(tree, repeat(LEAF))


def types(tree: Nested) -> tuple[object, ...]:
    """The types of the containers and the keys of dicts, nested as the containers are.

    Two of equal structure may differ in these: a named tuple is equal to a plain one, and dicts are
    equal in any order of their keys.
    """
    if isinstance(tree, (tuple, list)):
        return type(tree), *map(types, tree)
    if isinstance(tree, dict):
        return type(tree), tuple(tree), *map(types, tree.values())
    return (type(None),) if tree is None else ()


def matched(form: Any, tree: Any) -> list[object] | None:
    """The leaves of `tree` in the order of `form`; None if it is built otherwise.

    A plain tuple stands for a named one and a named one for a plain one, but two types of named
    tuples are two things.  Dicts are matched by their keys.
    """
    if not is_container(form):
        return None if is_container(tree) else [tree]
    both_tuples = isinstance(form, tuple) and isinstance(tree, tuple)
    if type(tree) is not type(form) and not (both_tuples and tuple in (type(form), type(tree))):
        return None
    if form is None or len(form) != len(tree):
        return [] if form is None else None
    if isinstance(form, dict) and tree.keys() != form.keys():
        return None
    keys = form if isinstance(form, dict) else range(len(form))
    found = [matched(form[key], tree[key]) for key in keys]
    return None if None in found else [leaf for some in found for leaf in some or ()]


def rebuild(tree: Nested, new: Iterable[Any]) -> Any:
    """A container of the same structure with new leaves, taken in order."""
    new = iter(new)
    if isinstance(tree, (list, tuple)):
        children = [rebuild(child, new) for child in tree]
        return getattr(tree, "_make", type(tree))(children)  # a named tuple has _make
    if isinstance(tree, dict):
        changed = copy(tree)  # an OrderedDict stays one
        changed.update({key: rebuild(child, new) for key, child in tree.items()})
        return changed
    return None if tree is None else next(new)


def aligned(tree: Nested, other: Nested, what: str) -> list[Any]:
    """What `other` has where `tree` has leaves: an array-like, or None, also for a whole branch.

    Raises UsageError, calling it by the name `what`, if its structure is not that of `tree`.
    """
    if other is None:
        return [None] * len(leaves(tree))
    children = _children(tree)
    if children is None:
        return [other]
    theirs = _children(other)
    if theirs is None or theirs.keys() != children.keys():
        raise UsageError(
            f"{what} is of {described(other)}; it needs the structure of what it belongs to, "
            f"{described(tree)}."
        )
    pairs = ((step, child, theirs[step]) for step, child in children.items())
    return [leaf for step, child, given in pairs for leaf in aligned(child, given, what + step)]


def is_container(x: object) -> bool:
    """Whether x is looked into; None is a container with nothing in it."""
    return _children(x) is not None


def described(x: object) -> str:
    """For errors: `type dict with ['W'], ['b']`."""
    children = _children(x)
    return f"type {type(x).__name__}" + (f" with {', '.join(children)}" if children else "")


def _children(tree: Nested) -> dict[str, Any] | None:
    """The children by the step that leads to them; None for a leaf."""
    if tree is None:
        return {}
    if isinstance(tree, dict):
        return {f"[{key!r}]": child for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        fields = getattr(tree, "_fields", None)
        named = [f".{field}" for field in fields or ()]
        return dict(zip(named or [f"[{i}]" for i in range(len(tree))], tree, strict=True))
    return None
