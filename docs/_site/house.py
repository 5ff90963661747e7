"""The rooms of the package and who imports whom, read from the imports and drawn.

A room is a folder of the package, or a module beside the folders.  It stands one floor above the
highest room that it imports.  An arrow that follows from two others is left out.

    python docs/_site/house.py house.svg

draws the picture by itself; the site makes it at every build, so it is never out of date.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinygrad_rnn.draw import Figure
from tinygrad_rnn.draw.layered import depths, rows
from tinygrad_rnn.draw.scene import Box, Line, Scene, Text, Triangle

PACKAGE = Path(__file__).parents[2] / "tinygrad_rnn"
WIDE, HIGH, ACROSS, UP, MARGIN = 108.0, 34.0, 124.0, 66.0, 14.0  # a box, its distances, in points
INK, PALE, BAND = "#1F2328", "#E8EEF7", "#F6F8FA"
Arrows = dict[str, set[str]]


def rooms(package: Path = PACKAGE) -> dict[str, list[Path]]:
    """The modules of each room; the public face and the command are rooms of one module."""
    found: dict[str, list[Path]] = {}
    for path in sorted(package.rglob("*.py")):
        first = path.relative_to(package).parts[0]
        found.setdefault(first, []).append(path)
    return found


def arrows(package: Path = PACKAGE) -> Arrows:
    """For each room the others that its modules import, inside functions too."""
    found: Arrows = {room: set() for room in rooms(package)}
    for room, paths in rooms(package).items():
        for path in paths:
            for name in _imports(path, package.name):
                other = name.split(".")[1] if "." in name else "__init__"
                other = other if other in found else f"{other}.py"
                if other in found and other != room:
                    found[room].add(other)
    return found


def _imports(path: Path, package: str) -> Iterator[str]:
    """The absolute names inside the package that a module imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            names = [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == package)


def floors(imports: Arrows) -> dict[str, int]:
    """The floor of each room, from 0; a ValueError where rooms import each other in a circle."""
    waiting, order = dict(imports), []
    while ready := sorted(room for room, below in waiting.items() if not below & waiting.keys()):
        order += ready
        waiting = {room: below for room, below in waiting.items() if room not in ready}
    if waiting:
        raise ValueError(f"a circle of rooms: {', '.join(sorted(waiting))}")
    return depths(order, [(b, a) for a in order for b in imports[a]])


def shown(imports: Arrows) -> list[tuple[str, str]]:
    """The arrows (from, to) that do not follow from two others."""
    below: Arrows = {}
    for room in sorted(imports, key=floors(imports).__getitem__):
        below[room] = imports[room].union(*(below[other] for other in imports[room]))
    return [
        (room, other)
        for room in imports
        for other in sorted(imports[room])
        if not any(other in below[between] for between in imports[room])
    ]


def picture(package: Path = PACKAGE) -> Figure:
    """Rooms as boxes with their lines of code, floor above floor."""
    imports = arrows(package)
    floor, lines = floors(imports), shown(imports)
    column, routes = rows(floor, [(b, a) for a, b in lines])
    used = [*column.values(), *(at for via in routes.values() for _, at in via)]
    left, top = min(used), max(floor.values())
    width = (max(used) - left) * ACROSS + WIDE + 2 * MARGIN + 20

    def x(at: int) -> float:
        return MARGIN + 20 + WIDE / 2 + (at - left) * ACROSS

    def y(at: int) -> float:
        return MARGIN + HIGH / 2 + (top - at) * UP

    items: list[Any] = []
    for at in range(top + 1):
        items.append(Box(width / 2, y(at), width - 6, HIGH + 14, fill=BAND, width=0.0))
        items.append(Text(8, y(at), str(at), 9.0, "#57606A"))
    for room, paths in rooms(package).items():
        count = sum(len(path.read_text("utf-8").splitlines()) for path in paths)
        tip = ", ".join(path.relative_to(package).as_posix() for path in paths)
        label = package.name if room == "__init__.py" else room
        at_x, at_y = x(column[room]), y(floor[room])
        items.append(Box(at_x, at_y, WIDE, HIGH, "", "round", PALE, INK, tip=tip, key=room))
        items.append(Text(at_x, at_y - 7, label, 11.0, INK, "middle"))
        items.append(Text(at_x, at_y + 8, f"{count:,} lines", 8.5, "#57606A", "middle"))

    def port(room: str, other: str, ends: list[str]) -> float:
        """Where on a box the line to another one begins: lines do not share a point."""
        ordered = sorted(ends, key=lambda end: (column[end], end))
        share = (ordered.index(other) + 1) / (len(ordered) + 1)
        return x(column[room]) - WIDE / 2 + share * WIDE

    for a, b in lines:
        start = port(a, b, [to for room, to in lines if room == a]), y(floor[a]) + HIGH / 2
        end = port(b, a, [room for room, to in lines if to == b]), y(floor[b]) - HIGH / 2
        bends = [  # straight past the boxes of a floor, aslant between floors
            (x(at), y(passed) + down * (HIGH / 2 + 3))
            for passed, at in reversed(routes[b, a])
            for down in (-1, 1)
        ]
        points = (start, *bends, (end[0], end[1] - 9), (end[0], end[1] - 5))
        items.append(Line(points, INK, 1.0, radius=9.0, tip=f"{a} imports {b}", ends=(a, b)))
        items.append(Triangle(*end, "down", 6.0, 6.0, INK))
    height = top * UP + HIGH + 2 * MARGIN
    return Figure(Scene(width, height, "The rooms of tinygrad_rnn", tuple(items)))


def _made(app: Any) -> None:
    folder = Path(app.srcdir) / "_pictures"
    folder.mkdir(exist_ok=True)
    picture().save(folder / "house.svg")


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx: the picture is made before the pages are read."""
    app.connect("builder-inited", _made)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    print(picture().save(sys.argv[1]))
