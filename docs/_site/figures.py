"""Pictures from the examples beside which they stand.

A page's doctests are run when the site is built, if one of them answers `Figure(...)`: there the
block is cut, and the picture that the line made stands below it, as in a notebook.  So every
picture is made by code that the reader sees.
"""

import doctest
import io
import os
import re
from contextlib import chdir, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

FOLDER = "_pictures"
_log = logging.getLogger(__name__)
_SIZE = re.compile(r'<svg [^>]*width="([\d.]+)pt"')


class Figures(SphinxTransform):
    """Cut blocks after a Figure, and put the picture there."""

    default_priority = 400  # before images are collected

    def apply(self, **kwargs: Any) -> None:
        """Run the page."""
        blocks = [b for b in self.document.findall(nodes.literal_block) if ">>> " in b.astext()]
        for block in blocks:
            block["language"] = "pycon"
            text = block.astext().strip("\n")  # the empty line that ends a doctest
            block.rawsource, block.children[:] = text, [nodes.Text(text)]
        if not any("\nFigure(" in b.astext() for b in blocks):
            return
        names: dict[str, Any] = {"__name__": "__main__"}
        with TemporaryDirectory() as folder, chdir(folder):
            for block in blocks:
                self._run(block, names)

    def _run(self, block: nodes.literal_block, names: dict[str, Any]) -> None:
        lines = block.astext().splitlines()
        pieces: list[nodes.Node] = []
        done = 0
        for example in doctest.DocTestParser().get_examples(block.astext()):
            figure = self._answer(example, names, block)
            if example.want.startswith("Figure(") and figure is not None:
                end = example.lineno + example.source.count("\n")
                pieces += [self._piece(block, lines[done:end]), self._picture(figure)]
                done = end + example.want.count("\n")
        if pieces:
            rest = lines[done:]
            if any(line.strip() for line in rest):
                pieces.append(self._piece(block, rest))
            block.replace_self(pieces)

    def _answer(self, example: doctest.Example, names: dict[str, Any], block: nodes.Node) -> Any:
        """What an example evaluates to; what it should have printed is checked by the tests."""
        try:
            with redirect_stdout(io.StringIO()):
                if example.want.startswith("Figure("):
                    return eval(compile(example.source.strip(), self.env.docname, "eval"), names)
                exec(compile(example.source, self.env.docname, "exec"), names)
        except Exception as error:  # an example may show an error
            if not example.exc_msg:
                _log.warning("example %r: %r", example.source, error, location=block)
        return None

    def _piece(self, block: nodes.literal_block, lines: list[str]) -> nodes.literal_block:
        text = "\n".join(lines).strip("\n")
        piece = nodes.literal_block(
            text, text, **{k: v for k, v in block.attributes.items() if k != "ids"}
        )
        piece.source, piece.line = block.source, block.line
        return piece

    def _picture(self, figure: Any) -> nodes.Node:
        svg, title = figure.svg, figure.scene.title
        count = self.env.temp_data["pictures"] = self.env.temp_data.get("pictures", 0) + 1
        path = Path(FOLDER) / f"{self.env.docname.replace('/', '_')}_{count}.svg"
        target = Path(self.env.srcdir) / path
        os.makedirs(target.parent, exist_ok=True)
        target.write_text(svg, "utf-8")
        size = _SIZE.search(svg)
        image = nodes.image(uri=f"/{path.as_posix()}", alt=title, classes=["picture"])
        if size:
            image["width"] = f"{round(float(size[1]))}px"  # with a width, Sphinx links to the file
        return image


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_transform(Figures)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
