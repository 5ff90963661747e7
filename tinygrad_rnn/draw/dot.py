"""Scene -> DOT with every position given, and DOT -> SVG, PNG, PDF by Graphviz, which only draws.

Node names are n1, n2, ... in drawing order, so the same scene gives the same text, byte for byte.
"""

import math
import os
import re
import shutil
import subprocess
from dataclasses import replace

from tinygrad_rnn.draw.palette import FONT
from tinygrad_rnn.draw.scene import (
    Box,
    Line,
    Scene,
    Text,
    Triangle,
    clean,
    coordinate,
    corners,
    extent,
    stacked,
)
from tinygrad_rnn.errors import DrawError

_SECONDS = 60  # Graphviz only draws; a picture of 300 steps takes less than one
_DPI, _PIXELS, _ALL = 144, 32_000, 2e8  # of a png: resolution, the most dots along a side, in all
_AT_ONCE = 100  # points on one line of text: Graphviz cannot read 16,384 characters without a break
_LONGEST = 5000  # points of a line: what it takes to read one grows with their square
_CORNER = 0.3  # how much is rounded of a corner: Graphviz lengthens sharp ones to spikes
_TURN = {"up": 0, "left": 90, "down": 180, "right": 270}


def to_dot(scene: Scene) -> str:
    """DOT for `neato -n2`: fixed positions and sizes, edges as given splines."""
    import graphviz  # here, as in _safe: most programs that import the package never write DOT

    graph = graphviz.Digraph(
        graph_attr={
            "bb": f"0,0,{coordinate(scene.width)},{coordinate(scene.height)}",
            "pad": "0",
            "margin": "0",
            "outputorder": "nodesfirst",
            "splines": "true",
            "fontname": FONT,
            "tooltip": _safe(scene.title),
        },
        node_attr={
            "fixedsize": "true",
            "margin": "0",
            "shape": "box",
            "label": "",
            "penwidth": "0",
            "fontname": FONT,
        },
        edge_attr={"arrowhead": "none"},
    )
    paper = Box(scene.width / 2, scene.height / 2, scene.width, scene.height, width=0)
    names: dict[str, str] = {}
    for i, item in enumerate((paper, *stacked(scene.items)), 1):
        name = f"n{i}"
        if isinstance(item, Line):
            ends = [names.get(key, "n1") for key in item.ends]
            for part in _pieces(item):
                graph.edge(*ends, **_edge(part, scene.height))
            continue
        if isinstance(item, Box):
            names.setdefault(item.key, name)
            attributes = _box(item)
        elif isinstance(item, Text):
            attributes = _text(item, scene.width)
        else:
            attributes = _triangle(item)
        x, y = float(attributes.pop("x")), float(attributes.pop("y"))
        graph.node(name, pos=f"{coordinate(x)},{coordinate(scene.height - y)}", **attributes)
    source: str = graph.source
    return source


def program(what: str = "a picture of this format", instead: str = "save as .svg") -> str:
    """Where Graphviz is.  Raises DrawError if it is not installed."""
    found = shutil.which("dot")
    if found is None:
        raise DrawError(
            f"{what} needs the Graphviz programs, which are not installed (`dot` is not on the "
            "PATH). Install them (apt install graphviz, brew install graphviz, winget install "
            f"graphviz), or {instead}."
        )
    return found


def render(source: str, suffix: str, dpi: int = _DPI) -> bytes:
    """The picture Graphviz draws of DOT text.

    Raises DrawError if Graphviz is missing, fails or takes too long.
    """
    command = [program(f"a {suffix} picture"), "-Kneato", "-n2", f"-T{suffix}"]
    if suffix == "png":
        return run_graphviz(source, *command, f"-Gdpi={dpi}")
    # some versions of cairo write the time of day, whatever SOURCE_DATE_EPOCH says
    date = rb"(/CreationDate \(D:)\d{14}"
    return re.sub(date, rb"\g<1>19700101000000", run_graphviz(source, *command))


def resolution(scene: Scene) -> int:
    """Dots per inch of a png, fewer if they were too many in all.  DrawError where type is lost."""
    w, h = scene.width / 72, scene.height / 72
    dpi = int(min(_DPI, _PIXELS / max(w, h), math.sqrt(_ALL / (w * h))))
    if dpi < _DPI / 4:
        raise DrawError(
            f"the picture is {scene.width:,.0f} x {scene.height:,.0f} points, too large for a png "
            "that can be read. Save it as .svg or .pdf, or draw less of it."
        )
    return dpi


def run_graphviz(source: str, *command: str) -> bytes:
    """What Graphviz makes of DOT text.  Raises DrawError if it fails or takes too long."""
    env = os.environ | {"SOURCE_DATE_EPOCH": "0"}  # the same picture, the same bytes
    text = source.encode()
    try:
        done = subprocess.run(
            command, input=text, env=env, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DrawError(
            f"Graphviz did not finish within {_SECONDS} s; the picture is too large."
        ) from error
    except OSError as error:
        raise DrawError(
            f"cannot run {command[0]}: {error.strerror or error}. Install Graphviz anew."
        ) from error
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode(errors="replace").strip()
        raise DrawError(f"Graphviz failed with exit status {done.returncode}: {said}")
    return done.stdout


def _box(box: Box) -> dict[str, str]:
    style = ["filled"]
    style += ["rounded"] if box.shape == "round" else []
    style += ["dashed"] if box.dashed else []
    attributes = {
        "x": repr(box.x),
        "y": repr(box.y),
        "width": _inch(box.w),
        "height": _inch(box.h),
        "style": ",".join(style),
        "fillcolor": box.fill,
        "color": box.stroke if box.width else box.fill,
        "penwidth": coordinate(box.width),
    }
    if box.shape == "ellipse":
        attributes["shape"] = "ellipse"
    if box.label:
        attributes |= {
            "label": _safe(box.label) + "\\n",
            "fontsize": coordinate(box.size),
            "fontcolor": box.color,
        }
    if box.tip:
        attributes["tooltip"] = _safe(box.tip, 500)
    return attributes


def _text(text: Text, paper: float) -> dict[str, str]:
    """Left and right justified text lies in an invisible box that starts, or ends, at x.

    The box stays on the paper, which Graphviz would make larger.
    """
    left, right = text.x, paper - text.x
    room = {"start": right, "end": left, "middle": 2 * min(left, right)}[text.anchor]
    width = extent(clean(text.label), text.size)
    width = max(width, min(1.3 * width + 8, room))
    shift = {"start": width / 2, "middle": 0.0, "end": -width / 2}[text.anchor]
    return {
        "x": repr(text.x + shift),
        "y": repr(text.y),
        "width": _inch(width),
        "height": _inch(text.size * 1.2),
        "shape": "plaintext",
        "label": _safe(text.label) + {"start": "\\l", "middle": "\\n", "end": "\\r"}[text.anchor],
        "fontsize": coordinate(text.size),
        "fontcolor": text.color,
        **({"tooltip": _safe(text.tip, 500)} if text.tip else {}),
    }


def _triangle(head: Triangle) -> dict[str, str]:
    """Graphviz's triangle reaches from its tip over three quarters of its box."""
    box = head.length * 4 / 3
    dx, dy = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[head.toward]
    flat = dx != 0
    return {
        "x": repr(head.x + dx * box / 2),
        "y": repr(head.y + dy * box / 2),
        "width": _inch(box if flat else head.breadth),
        "height": _inch(head.breadth if flat else box),
        "shape": "triangle",
        "orientation": str(_TURN[head.toward]),
        "style": "filled",
        "fillcolor": head.fill,
    }


def _pieces(line: Line) -> list[Line]:
    """A very long line as several, each from where the last one ends."""
    starts = range(0, max(1, len(line.points) - 1), _LONGEST)
    return [replace(line, points=line.points[i : i + _LONGEST + 1]) for i in starts]


def _edge(line: Line, height: float) -> dict[str, str]:
    pieces = corners(replace(line, radius=_CORNER) if line.sharp else line)
    points = [pieces[0][0], *(p for piece in pieces for p in piece[1:])]
    written = [f"{coordinate(x)},{coordinate(height - y)}" for x, y in points]
    starts = range(0, len(written), _AT_ONCE)
    return {
        "pos": " \\\n".join(" ".join(written[i : i + _AT_ONCE]) for i in starts),
        "color": line.color,
        "penwidth": coordinate(line.width),
        **({"style": "dotted"} if line.dotted else {}),
        **({"tooltip": _safe(line.tip, 500)} if line.tip else {}),
    }


def _safe(text: str, most: int = 200) -> str:
    """No escapes, no entities, no HTML: what the text says is what is drawn."""
    import graphviz

    escaped: str = graphviz.escape(clean(text, most).replace("&", "&amp;"))
    return escaped


def _inch(points: float) -> str:
    return f"{points / 72:.4f}"
