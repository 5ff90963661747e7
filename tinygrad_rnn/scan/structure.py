"""Tuples within tuples, such as the state ((h, c), m), as one flat list of arrays and back."""

from collections.abc import Iterator
from typing import Any

Structure = Any  # a tuple of structures, or None for one array


def structure(tree: Any) -> Structure:
    """The tuples of `tree` with None for each array."""
    return tuple(map(structure, tree)) if isinstance(tree, tuple) else None


def flattened(tree: Any) -> list[Any]:
    """The arrays of `tree`, from left to right."""
    return [leaf for branch in tree for leaf in flattened(branch)] if isinstance(tree, tuple) else [tree]


def rebuilt(form: Structure, flat: Iterator[Any]) -> Any:
    """The tree of this structure over the arrays that `flat` gives."""
    return next(flat) if form is None else tuple([rebuilt(branch, flat) for branch in form])
