r"""Formulas without a network and without JavaScript: TeX becomes MathML when the site is built.

An equation's \tag{3.1} becomes its number at the right and the label eq-3.1: `[(3.1)](#eq-3.1)` in
a page, `eq-3.1` in :ref:, link to it.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

HOME = "equations"  # the page whose numbers are linked to; others repeat some
_TAG = re.compile(r"\s*\\tag\{([^}]*)\}\s*")
_ONE_LETTER = r'<mi mathvariant="normal">(\w)</mi>'
_WORD = re.compile(f"(?:{_ONE_LETTER}){{2,}}")
_log = logging.getLogger(__name__)


def to_mathml(tex: str, display: str) -> str:
    """TeX as a <math> element labelled by it; letters of one \\mathrm word are one identifier."""
    mathml = convert(tex, display=display)
    if "\\" in mathml:  # a command that the converter does not know
        raise ValueError(f"unknown command in {mathml}")
    mathml = _WORD.sub(lambda m: f"<mi>{''.join(re.findall(_ONE_LETTER, m[0]))}</mi>", mathml)
    mathml = mathml.replace(
        "<mo>&#x02016;</mo>", '<mo stretchy="false">&#x02016;</mo>'
    )  # else as tall as the row
    mathml = mathml.replace("<mo>/</mo>", '<mo lspace="0" rspace="0">/</mo>')
    return mathml.replace("<math ", f'<math aria-label="{escape(tex, quote=True)}" ', 1)


def label_of(number: str) -> str:
    """The label of an equation: eq-3.1."""
    return f"eq-{number}"


def number_of(node: nodes.math_block) -> str | None:
    """What \\tag{} says, or None."""
    found = _TAG.search(node.astext())
    return found[1] if found else None


def _label(app: Sphinx, doctree: nodes.document) -> None:
    """Register the numbered equations of a page as targets."""
    std = app.env.domains.standard_domain
    page = app.env.docname
    for node in doctree.findall(nodes.math_block):
        number = number_of(node)
        if number is None or page != HOME:
            continue
        label = label_of(number)
        std.anonlabels[label] = page, label
        std.labels[label] = page, label, f"({number})"
        node["ids"] = [*node["ids"], label]


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(_converted(node.astext(), "inline", node))
    raise nodes.SkipNode


def _block(self: Any, node: nodes.math_block) -> None:
    number, tex = number_of(node), _TAG.sub(" ", node.astext()).strip()
    ids = "".join(f' id="{i}"' for i in node["ids"][:1])
    shown = f'<span class="equation-number">({number})</span>' if number else ""
    self.body.append(f'<div class="equation"{ids}>{_converted(tex, "block", node)}{shown}</div>\n')
    raise nodes.SkipNode


def _converted(tex: str, display: str, node: nodes.Node) -> str:
    try:
        return to_mathml(tex, display)
    except Exception as error:  # what the converter raises depends on the mistake
        _log.warning("formula %r: %r", tex, error, location=node)
        return escape(tex)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
    app.connect("doctree-read", _label)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
