"""How large the package may be.  A change that exceeds a number says in its message what that buys.

A number is lowered when what it counts shrinks.
"""

import re
from pathlib import Path

import pytest

import tinygrad_rnn

PACKAGE = Path(tinygrad_rnn.__file__).parent
TREE = [PACKAGE, Path(__file__).parents[1], Path(__file__).parents[2] / "examples"]

LINES = {  # of Python in each room
    "core": 2200,
    "rules": 2650,
    "guards": 600,
    "functional": 550,
    "transforms": 1040,
    "scan": 3500,
    "nn": 1850,
    "optim": 1100,
    "flow": 1100,
    "io": 1000,
    "draw": 4700,
    "data": 1500,
    "equations": 1300,
    "training": 1550,
    "cli": 550,
}
PACKAGE_LINES = 25_250
LONGEST_FILE = 300  # lines of a module
WIDEST = 100  # columns of a line
ANYTHING = 400  # times that the type of something is Any
LOOSE = {"__init__.py", "__main__.py", "_typing.py", "errors.py"}  # modules that lie in no room


def sources(folder: Path) -> dict[str, str]:
    """The modules below a folder, by their path in it."""
    paths = sorted(folder.rglob("*.py"))
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


MODULES = sources(PACKAGE)


def test_each_room_has_a_budget() -> None:
    assert {name.split("/")[0] for name in MODULES if "/" in name} == set(LINES)


@pytest.mark.parametrize("room", LINES)
def test_a_room_is_within_its_budget(room: str) -> None:
    found = sum(len(text.splitlines()) for name, text in MODULES.items() if name.startswith(room))
    assert found <= LINES[room], f"{room}/ has {found} lines: shorten it, or raise its budget"


def test_the_package_is_within_its_budget() -> None:
    assert sum(len(text.splitlines()) for text in MODULES.values()) <= PACKAGE_LINES


def test_a_file_can_be_read_at_one_sitting() -> None:
    long = {name: len(text.splitlines()) for name, text in MODULES.items()}
    assert {name: n for name, n in long.items() if n > LONGEST_FILE} == {}


@pytest.mark.parametrize("folder", TREE, ids=lambda folder: folder.name)
def test_a_line_fits_a_window(folder: Path) -> None:
    wide = [
        f"{name}:{number} has {len(line)} columns"
        for name, text in sources(folder).items()
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > WIDEST
    ]
    assert wide == []


def test_types_say_what_comes() -> None:
    found = {name: len(re.findall(r"\bAny\b", text)) for name, text in MODULES.items()}
    assert sum(found.values()) <= ANYTHING, sorted(found.items(), key=lambda item: -item[1])[:10]


def test_all_but_two_modules_lie_in_rooms() -> None:
    assert {name for name in MODULES if "/" not in name} == LOOSE
