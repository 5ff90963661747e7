"""One word, one meaning: what docs/glossary.md retires is in no name and no docstring."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import tinygrad_rnn

pytestmark = pytest.mark.tiny

PACKAGE = Path(tinygrad_rnn.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"


class Retired(NamedTuple):
    """A row of the table."""

    words: list[str]
    instead: str
    refused_in: list[str]
    allowed: list[str]


def table(page: str) -> list[Retired]:
    """The rows below the heading "Retired words"."""
    rows = re.findall(r"^\|(.+)\|$", page.split("## Retired words")[1], re.MULTILINE)[2:]
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    allowed = [re.findall(r'`([^`]+)`|"([^"]+)"', row[3]) for row in cells]
    return [
        Retired(words.split(", "), instead, refused_in.split(", "), [a or b for a, b in found])
        for (words, instead, refused_in, _), found in zip(cells, allowed, strict=True)
    ]


TABLE = table(PAGE.read_text("utf-8"))


def names(tree: ast.Module) -> Iterator[str]:
    """What a module defines at its top."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))


def docstrings(tree: ast.Module) -> Iterator[str]:
    """All docstrings of a module, without the code in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            text = re.sub(r"`[^`]*`|^ *>>> .*$", "", text, flags=re.MULTILINE)
            yield re.sub(r"\s+", " ", text)


def uses(module: str, source: str) -> list[str]:
    """What a module, named by its path in the package, says that it should not."""
    tree = ast.parse(source)
    called, told, found = {Path(module).stem, *names(tree)}, [*docstrings(tree)], []
    for row in TABLE:
        if any(module.startswith(place) for place in row.allowed if place.endswith("/")):
            continue
        retired = "|".join(map(re.escape, row.words))
        if "names" in row.refused_in:
            for name in called - {*row.allowed}:
                pieces = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
                if {piece.lower() for piece in pieces} & {*row.words}:
                    found.append(f"{module}: the name {name}; say {row.instead}")
        if "docstrings" in row.refused_in:
            for text in told:
                for phrase in row.allowed:
                    text = text.replace(phrase, "")
                for match in re.finditer(rf"\b({retired})\b", text, re.I):
                    near = match.string[max(0, match.start() - 40) : match.end() + 20]
                    found.append(f"{module}: '...{near}...'; say {row.instead}")
    return found


@pytest.mark.parametrize("room", sorted({p.name for p in PACKAGE.iterdir() if p.is_dir()} | {"."}))
def test_no_retired_word_is_used(room: str) -> None:
    paths = PACKAGE.glob("*.py") if room == "." else (PACKAGE / room).rglob("*.py")
    found = [
        use
        for path in sorted(paths)
        for use in uses(path.relative_to(PACKAGE).as_posix(), path.read_text("utf-8"))
    ]
    assert not found, "\n".join(["docs/glossary.md retires these words:", *found])


def test_the_table_is_read() -> None:
    assert {"level", "sweep", "mend"} <= {word for row in TABLE for word in row.words}
    assert all(row.words and row.instead for row in TABLE)
    assert all({*row.refused_in} <= {"names", "docstrings"} for row in TABLE)


@pytest.mark.parametrize(
    ("module", "source", "count"),
    [
        ("flow/levels.py", "", 1),
        ("flow/terms.py", "class SweepBack: pass", 1),
        ("flow/terms.py", "KEPT_BYTES = 1", 1),
        ("flow/terms.py", "def f():\n    levels = 1", 0),  # a local name
        ("flow/terms.py", '"""All\n  levels, bit by\n  bit."""', 2),
        ("flow/terms.py", '"""See `levels`."""', 0),  # code
        ("flow/terms.py", '"""It keeps its shape."""', 0),  # a verb
        ("flow/terms.py", '"""The place of an entry."""', 1),
        ("draw/heat.py", '"""The place of a box."""', 0),  # a position in a picture
        ("core/tensor.py", '"""Nothing is changed in place."""', 0),
        ("core/tables.py", "CONSTANT = set()", 0),
    ],
)
def test_the_test_sees_what_it_should(module: str, source: str, count: int) -> None:
    assert len(uses(module, source)) == count
