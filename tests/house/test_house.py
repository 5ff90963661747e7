"""The picture of the rooms is drawn from the imports; docs/architecture.md names what is there."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TESTS = Path(__file__).parents[1]
HOUSE = runpy.run_path(str(DOCS / "_site" / "house.py"))
ARROWS: dict[str, Any] = HOUSE["arrows"]()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Four rooms; `top` imports all, so two of its arrows follow from others."""
    sources = {
        "low/__init__.py": "import numpy\n",
        "middle/a.py": "from small.low import f\n",
        "middle/b.py": "from small.middle.a import g\n\n\ndef late():\n    import small.errors\n",
        "top/__init__.py": "from small import middle\nfrom small.low import f\n",
        "errors.py": "",
    }
    for name, source in sources.items():
        path = tmp_path / "small" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path / "small"


def test_arrows_are_imports_of_other_rooms(package: Path) -> None:
    assert HOUSE["arrows"](package) == {
        "low": set(),
        "middle": {"low", "errors.py"},
        "top": {"middle", "low"},
        "errors.py": set(),
    }


def test_a_room_stands_above_what_it_imports(package: Path) -> None:
    arrows = HOUSE["arrows"](package)
    assert HOUSE["floors"](arrows) == {"low": 0, "errors.py": 0, "middle": 1, "top": 2}
    assert sorted(HOUSE["shown"](arrows)) == [
        ("middle", "errors.py"),
        ("middle", "low"),
        ("top", "middle"),
    ]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="a circle of rooms: a, b"):
        HOUSE["floors"]({"a": {"b"}, "b": {"a"}, "c": set()})


def test_every_room_is_a_box_and_every_arrow_joins_two() -> None:
    figure = HOUSE["picture"]()
    boxes = {item.key for item in figure.scene.items if getattr(item, "key", "")}
    joined = {item.ends for item in figure.scene.items if getattr(item, "ends", None)}
    assert boxes == set(ARROWS)
    assert joined == set(HOUSE["shown"](ARROWS))
    assert {"core", "rules", "draw", "errors.py", "__init__.py"} <= boxes


def test_the_page_names_every_room_and_no_other() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    table = re.findall(r"^\| (`[^|]+) \|", page.split("## The life of a value")[0], re.MULTILINE)
    named = {name.rstrip("/") for row in table for name in re.findall(r"`([^`]+)`", row)}
    assert named == set(ARROWS) - {"__init__.py"}


def test_the_pages_name_modules_that_exist() -> None:
    missing = [
        f"{path.relative_to(DOCS)}: {name}"
        for path in DOCS.rglob("*.md")
        for name in re.findall(
            r"`(?:tinygrad_rnn/)?(\w+/[\w/]+\.(?:py|md))`", path.read_text("utf-8")
        )
        if not any((root / name).exists() for root in (DOCS.parent, HOUSE["PACKAGE"]))
    ]
    assert missing == []


@pytest.mark.parametrize("room", sorted(room for room in ARROWS if "." not in room))
def test_a_room_has_tests_and_some_of_them_are_tiny(room: str) -> None:
    tests = [path.read_text("utf-8") for path in (TESTS / room).glob("test_*.py")]
    assert any("pytest.mark.tiny" in source for source in tests), f"tests/{room} has no tiny test"
