"""One self-contained page: the numbers once, and what draws them in a browser.

It loads nothing from anywhere.
"""

import html
import json
import os
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from tinygrad_rnn.draw.arguments import suffix_of
from tinygrad_rnn.draw.operations import operations_scene
from tinygrad_rnn.draw.page_data import page_data
from tinygrad_rnn.draw.palette import COLORS, DARK, FADED, FONT
from tinygrad_rnn.draw.scene import clean
from tinygrad_rnn.draw.svg import to_svg
from tinygrad_rnn.draw.symbols import cell_name
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.guards.boundary import public_class
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.io.files import write_whole
from tinygrad_rnn.nn.unroll import Unrolled

_SCRIPTS = "data", "words", "dom", "map", "heat", "panels", "main"  # each uses those before it
_DARK = ':root[data-theme="dark"]'


@public_class
class Page:
    """A page about one unrolled network.

    html    the whole page as text
    """

    def __init__(self, html: str, title: str):
        self.html, self.title = html, title

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, whole or not at all; returns the path.

        Raises UsageError for a suffix other than .html or .htm.
        """
        if suffix_of(path) not in ("html", "htm"):
            raise UsageError(
                f"a page is an .html file, not {Path(path).name!r}. Name it, say, bptt.html."
            )
        return write_whole(path, self.html.encode())

    def _repr_html_(self) -> str:
        """Jupyter's hook: the page in a frame, apart from the notebook's styles and scripts."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="{html.escape(self.title)}" '
            f'style="width: 100%; height: 860px; border: 1px solid {FADED}" '
            'sandbox="allow-scripts"></iframe>'
        )

    def __repr__(self) -> str:
        return f"Page({self.title!r}, {number(len(self.html) / 1e6)} MB)"


def make_page(run: Unrolled, t: int, flow: GradientFlow) -> Page:
    """The page that opens with h_t."""
    title = f"Unrolled {cell_name(run)}, T = {len(run)}: where its gradients come from"
    data = json.dumps(page_data(run, flow, t), ensure_ascii=False, separators=(",", ":"))
    pieces = {
        "title": html.escape(clean(title)),
        "style": _colors() + _asset("page.css"),
        "operations": to_svg(operations_scene(run)).split("\n", 1)[1],  # no XML declaration
        "data": data.replace("<", "\\u003c"),
        "script": "\n".join(_asset(f"{name}.js") for name in _SCRIPTS),
    }
    # in one go, so that no piece is searched for marks
    return Page(re.sub(r"@(\w+)@", lambda mark: pieces[mark[1]], _asset("page.html")), title)


@cache
def _asset(name: str) -> str:
    return (files("tinygrad_rnn.draw") / "web" / name).read_text("utf-8")


@cache
def _colors() -> str:
    """The colours by name, on light paper and on dark, and those of the picture of operations."""
    themes = [
        f"{where} {{ color-scheme: {name}; "
        + " ".join(f"--{color}: {pair[i]};" for color, pair in COLORS.items())
        + " }"
        for i, (name, where) in enumerate({"light": ":root", "dark": _DARK}.items())
    ]
    operations = [
        f'{_DARK} #ops [{what}="{light}"] {{ {what}: {dark}; }}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    ]
    return "\n".join([f":root {{ --font: {FONT}; }}", *themes, *operations, ""])
