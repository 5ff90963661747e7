"""What a layout returns: a scene that can be saved, read as DOT, and shown in a notebook."""

import math
import os
from pathlib import Path

from tinygrad_rnn.draw.arguments import suffix_of
from tinygrad_rnn.draw.dot import program, render, resolution, to_dot
from tinygrad_rnn.draw.scene import Scene, scaled
from tinygrad_rnn.draw.svg import to_svg
from tinygrad_rnn.draw.tikz import to_tikz
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.guards.boundary import public, public_class
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.io.files import write_whole

_WIDE, _HIGH = 900.0, 700.0  # the largest picture in a notebook, in points
_PAGE = 14_400.0  # the longest side of a page of PDF, which TeX can take too


@public
def require_format(suffix: str) -> None:
    """Raise at once what saving in this format would raise: UsageError or DrawError."""
    if suffix not in ("svg", "png", "pdf", "dot", "gv", "tex"):
        raise UsageError(f"{suffix!r} is not a picture format. Use svg, png, pdf, tex, dot or gv.")
    if suffix in ("png", "pdf"):
        program(f"a {suffix} picture")


@public_class
class Figure:
    """A finished picture.

    scene    the picture as data
    source   the picture as DOT, for `neato -n2`
    svg      the picture as SVG, drawn without Graphviz
    """

    def __init__(self, scene: Scene):
        if not (0 < scene.width < math.inf and 0 < scene.height < math.inf):
            size = f"{number(scene.width)} x {number(scene.height)}"
            raise UsageError(f"a picture of {size} points cannot be drawn.")
        self.scene = scene

    @property
    def source(self) -> str:
        """DOT text; the same graph gives the same text."""
        return to_dot(self.scene)

    @property
    def svg(self) -> str:
        """SVG text from the built-in writer."""
        return to_svg(self.scene)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the format of the suffix; returns the path.

        .svg, .png, .pdf, .tex, .dot or .gv
        .tex is TikZ for a paper, with symbols as mathematics.  .png and .pdf are drawn by Graphviz:
        DrawError where it is missing, or for a png too large to be read.  OutputError if the file
        cannot be written; nothing is left half-written.  The same picture gives the same bytes.
        """
        suffix = suffix_of(path)
        require_format(suffix)
        page = scaled(self.scene, min(1.0, _PAGE / max(self.scene.width, self.scene.height)))
        if suffix == "svg":
            content = self.svg.encode()
        elif suffix == "tex":
            content = to_tikz(page).encode()
        elif suffix == "pdf":
            content = render(to_dot(page), suffix)
        elif suffix == "png":
            content = render(self.source, suffix, resolution(self.scene))
        else:
            content = self.source.encode()
        return write_whole(path, content)

    def _repr_svg_(self) -> str | None:
        """Jupyter's hook: never wider or higher than a screen, and it never raises."""
        try:
            return to_svg(self.scene, min(1.0, _WIDE / self.scene.width, _HIGH / self.scene.height))
        except Exception:  # a display hook must not end the cell that made the figure
            return None

    def __repr__(self) -> str:
        width, height = (round(length) for length in (self.scene.width, self.scene.height))
        return f"Figure({self.scene.title!r}, {width} x {height} pt)"
