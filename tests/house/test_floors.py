"""The package is a house: a module imports from the floors below it, never from above, and nowhere
in a circle.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import tinygrad_rnn

PACKAGE = "tinygrad_rnn"
ROOT = Path(tinygrad_rnn.__file__).parent
FLOORS = {
    "_typing": 0,
    "errors": 0,
    "guards": 0,
    "core": 1,
    "rules": 2,
    "functional": 3,
    "transforms": 3,
    "scan": 3,
    "nn": 4,
    "optim": 5,
    "flow": 5,
    "io": 5,
    "draw": 6,
    "data": 6,
    "equations": 7,
    "__init__": 7,  # the public face: above what it shows, below the command line
    "training": 7,
    "cli": 8,
    "__main__": 8,
}


def module_name(path: Path) -> str:
    """`rules/shape.py` -> `tinygrad_rnn.rules.shape`,
    `rules/__init__.py` -> `tinygrad_rnn.rules`.
    """
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join((PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)))


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports(source: str, module: str, is_package: bool) -> Iterator[str]:
    """Every module the source imports anywhere, also inside functions, by its full name."""
    here = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*here[: len(here) - node.level + 1], *filter(None, [base])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in MODULES else base


@cache
def imported(module: str) -> frozenset[str]:
    """The modules of the package that this module imports."""
    path = MODULES[module]
    found = imports(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    return frozenset(name for name in found if name.split(".")[0] == PACKAGE)


def storey(module: str) -> str:
    """`tinygrad_rnn.rules.shape` -> `rules`."""
    return module.split(".")[1] if "." in module else "__init__"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module: str) -> None:
    assert storey(module) in FLOORS, f"{module} is new: give it a floor in FLOORS"
    floor = FLOORS[storey(module)]
    upward = {name for name in imported(module) if FLOORS.get(storey(name), 99) > floor}
    assert upward == set()


def test_imports_on_one_floor_make_no_circle() -> None:
    waiting = {module: imported(module) & MODULES.keys() for module in MODULES}
    # A package imports its own modules, which is no circle unless they import the package in turn.
    while ready := {module for module, needs in waiting.items() if not needs & waiting.keys()}:
        waiting = {module: needs for module, needs in waiting.items() if module not in ready}
    assert waiting == {}


def test_rules_know_no_tensor() -> None:
    structure = {f"{PACKAGE}.core.calls", f"{PACKAGE}.core.tables", f"{PACKAGE}.core.structural"}
    low = [m for m in MODULES if storey(m) == "rules"] + sorted(structure)
    assert len(low) > 5
    for module in low:
        others = {name for name in imported(module) if storey(name) == "core"}
        assert others <= structure
        names = {
            n.id
            for n in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
            if isinstance(n, ast.Name)
        }
        assert "Tensor" not in names


def test_the_walk_knows_no_numpy() -> None:
    module = f"{PACKAGE}.core.backward"
    found = set(imports(MODULES[module].read_text(encoding="utf-8"), module, False))
    assert f"{PACKAGE}.core.tables" in found
    assert "numpy" not in {name.split(".")[0] for name in found}


def test_no_file_is_called_utils() -> None:
    vague = {"utils", "util", "helpers", "misc", "common"}
    assert [m for m in MODULES if vague & set(m.split("."))] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np", ["numpy"]),
        ("import tinygrad_rnn.core.tensor", ["tinygrad_rnn.core.tensor"]),
        ("from tinygrad_rnn.core.tensor import Tensor", ["tinygrad_rnn.core.tensor"]),
        ("from tinygrad_rnn import errors, Tensor", ["tinygrad_rnn.errors", "tinygrad_rnn"]),
        ("from tinygrad_rnn.rules import shape", ["tinygrad_rnn.rules.shape"]),
        ("from .shape import unbroadcast", ["tinygrad_rnn.rules.shape"]),
        ("from ..core.tensor import Tensor", ["tinygrad_rnn.core.tensor"]),
        ("from ..core import tensor", ["tinygrad_rnn.core.tensor"]),
        ("from . import shape", ["tinygrad_rnn.rules.shape"]),
        ("def f():\n    from tinygrad_rnn.core.tensor import Tensor", ["tinygrad_rnn.core.tensor"]),
        ("if TYPE_CHECKING:\n    import tinygrad_rnn.flow", ["tinygrad_rnn.flow"]),
    ],
)
def test_the_test_sees_every_way_to_import(source: str, expected: list[str]) -> None:
    assert list(imports(source, f"{PACKAGE}.rules.linalg", is_package=False)) == expected


def test_the_public_names_are_listed_and_loaded_when_they_are_asked_for() -> None:
    assert dir(tinygrad_rnn) == sorted(tinygrad_rnn.__all__)
    assert tinygrad_rnn.draw.__name__ == "tinygrad_rnn.draw"
    assert tinygrad_rnn.__version__ == version("tinygrad_rnn")
    with pytest.raises(AttributeError, match="module 'tinygrad_rnn' has no attribute 'brackets'"):
        tinygrad_rnn.brackets  # noqa: B018


def test_a_package_that_is_not_installed_has_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    assert tinygrad_rnn.__version__ == "0+unknown"
    assert hasattr(tinygrad_rnn, "__version__")
    exec("from tinygrad_rnn import *", {})


def test_every_public_name_is_there_after_a_mere_import() -> None:
    """In a Python of its own: here other tests have imported them already."""
    missing = "[n for n in tg.__all__ if not hasattr(tg, n)]"
    code = f"import tinygrad_rnn as tg; print(tg.data.__name__, *{missing})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (said.stdout, said.stderr) == ("tinygrad_rnn.data\n", "")
