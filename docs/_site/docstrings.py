"""The package's docstrings are plain text; here they become what autodoc understands.

a paragraph              stays one; `code` becomes code, (3.1) a link to the equation, and
                         arXiv: and doi: become links
name, name   meaning     rows in columns, indented or not, become a list of definitions
>>> example              stays
"""

import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from formulas import label_of
from sphinx.application import Sphinx
from sphinx.util import logging

PACKAGES = [
    f"tinygrad_rnn{p}"
    for p in ("", ".data", ".draw", ".equations", ".functional", ".io.interop", ".nn", ".optim")
]
_log = logging.getLogger(__name__)
_ROW = re.compile(r"^(\s*)(\S.*?)(?:\s{2,}(?=\S))(.*)$")
_SPECIAL = re.compile(r"([\\*`|_])")
_INLINE = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|(?P<bold>\*\*\w+\*\*)"
    r"|arXiv:(?P<arxiv>(?:math-ph/)?\d[\d.]*\d)"
    r"|doi:(?P<doi>10\.[^\s,;]*[^\s,;.])"
    r"|(?P<pmlr>proceedings\.mlr\.press/\w+/\w+)"
    r"|\((?P<equation>[1-6](?:\.\d)?)\)(?!\w)"
)
NUMBERS = {"1.1", "1.2", "2.1", "3.1", "3.2", "3.3", "4"} | {
    f"{s}.{n}" for s in "56" for n in range(1, 6)
}


def inline(text: str) -> str:
    """One paragraph as reStructuredText."""
    out, at = [], 0
    for m in _INLINE.finditer(text):
        out += [_SPECIAL.sub(r"\\\1", text[at : m.start()]), _marked(m)]
        at = m.end()
    return "".join([*out, _SPECIAL.sub(r"\\\1", text[at:])])


def _marked(m: re.Match[str]) -> str:
    if m["code"]:
        return f"\\ ``{m['code'].strip()}``\\ "
    if m["arxiv"]:
        return f"`arXiv:{m['arxiv']} <https://arxiv.org/abs/{m['arxiv']}>`__"
    if m["doi"]:
        return f"`doi:{m['doi']} <https://doi.org/{m['doi']}>`__"
    if m["pmlr"]:
        return f"`{m['pmlr']} <https://{m['pmlr']}>`__"
    if m["equation"] in NUMBERS:
        return f"\\ :ref:`({m['equation']}) <{label_of(m['equation'])}>`\\ "
    return _SPECIAL.sub(r"\\\1", m[0])


def converted(lines: list[str]) -> Iterator[str]:
    """A docstring, line by line, as reStructuredText."""
    for block in _blocks(lines):
        rows = [_ROW.match(line) for line in block]
        if block[0].lstrip().startswith(">>>"):
            yield from block
        elif rows[0] and rows[0][2][-1:] not in ".:;,":
            yield from _definitions(block, rows)
        else:
            lead, rest = _lead_and_rows(block)
            yield inline(" ".join(line.strip() for line in lead))
            if rest:
                yield ""
                yield from _definitions(rest, [_ROW.match(line) for line in rest])
        yield ""


def _lead_and_rows(block: list[str]) -> tuple[list[str], list[str]]:
    """A paragraph that goes over into rows without an empty line between."""
    for i, line in enumerate(block[1:], 1):
        found = _ROW.match(line)
        if (
            found
            and found[2][-1:] not in ".:;,)"
            and len(found[2].split()) <= 3
            and not line.startswith("    ")
        ):
            return block[:i], block[i:]
    return block, []


def _definitions(block: list[str], rows: list[Any]) -> Iterator[str]:
    depth = len(block[0]) - len(block[0].lstrip())
    for line, row in zip(block, rows, strict=True):
        new = len(line) - len(line.lstrip()) == depth
        if new and row:
            yield ""
            yield f"``{row[2].strip()}``"
            yield f"    {inline(row[3])}"
        elif new:
            yield ""
            yield inline(line.strip())
        else:
            yield f"    {inline(line.strip())}"


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line.rstrip())
        elif block:
            yield block
            block = []
    if block:
        yield block


def _process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if type(obj).__name__ == "Scan" and not isinstance(obj, type):  # a function that is an object
        lines[:] = [
            line[8:] if line[:8].isspace() else line
            for line in type(obj).__call__.__doc__.splitlines()
        ]
    lines[:] = list(converted(lines))


def _complete(app: Sphinx, env: Any) -> None:
    """Warn about public names that no page documents."""
    known = set(env.domains.python_domain.objects)
    for package in PACKAGES:
        module = import_module(package)
        for name in module.__all__:
            full = f"{package}.{name}"
            if full not in known and not isinstance(getattr(module, name), (ModuleType, str)):
                _log.warning("%s is public and on no page: add it to docs/reference", full)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _process)
    app.connect("env-check-consistency", _complete)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
