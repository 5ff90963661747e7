"""What typing_user.py promises to an editor holds when it runs, too; mypy reads the same file."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias, UnionType
from typing import Any, get_args, get_origin

import numpy as np
import pytest

USER = runpy.run_path(str(Path(__file__).with_name("typing_user.py")))


def is_a(x: object, kind: Any) -> bool:
    """isinstance, for the types of that file: an array of any dtype, lists, tuples, unions."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if isinstance(kind, UnionType):
        return any(is_a(x, one) for one in args)
    if origin is tuple:
        kinds: Iterator[Any] | list[Any] = (
            [args[0]] * len(x) if args[-1] is ... else list(args)  # type: ignore[arg-type]
        )
        return isinstance(x, tuple) and all(map(is_a, x, kinds))
    if origin is list:
        return isinstance(x, list) and all(is_a(entry, args[0]) for entry in x)
    if origin is dict:
        return isinstance(x, dict) and all(is_a(entry, args[1]) for entry in x.values())
    if origin is np.ndarray or isinstance(kind, GenericAlias):
        return isinstance(x, np.ndarray)
    return isinstance(x, kind)


@pytest.mark.parametrize("users_code", USER["ALL"], ids=lambda f: f.__name__)
def test_values_are_of_the_types_that_an_editor_shows(users_code: Any) -> None:
    told: list[tuple[object, Any]] = []
    users_code.__globals__["assert_type"] = lambda x, kind: told.append((x, kind))
    users_code()
    assert told or users_code.__name__ == "training"
    assert [(x, kind) for x, kind in told if not is_a(x, kind)] == []


@pytest.mark.parametrize(("x", "kind"), [(1, str), ([1.0], list[int]), ((1,), tuple[str, ...])])
def test_the_check_can_fail(x: object, kind: Any) -> None:
    assert not is_a(x, kind)
