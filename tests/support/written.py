"""What is written: SVG that only draws, a page that loads nothing,
and names that try to break out.
"""

import base64
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from tinygrad_rnn.draw.scene import Item, Scene

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = {
    "lambda": "<lambda>",
    "html": "<b>x</b>",
    "escape": "\\N \\G \\l \\",
    "port": "n1:p:nw",
    "quotes": '"it\'s"',
    "entities": "&amp; &lt; &#1; & &eacute;",
    "cdata": "]]> <![CDATA[ <!-- --> <?php",
    "nul": "a\0b",
    "control": "\x01\x08\x1b[31m\x7f\x85",
    "surrogate": "\ud800 \udfff",
    "noncharacter": "\ufffe\uffff",
    "long": "x" * 20_000,
    "url": "javascript:alert(1)",
    "script": "</text><script>alert(1)</script>",
    "emoji": "🙂 👩\u200d🔬",
    "right to left": "שלום \u202eabc",
    "lines": "one\ntwo\r\n\tthree",
    "record": "{a|b} [c=d; e->f] // #",
    "blank": "   ",
}

hostile = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)


def scene_of(*items: Item, title: str = "a title") -> Scene:
    return Scene(100, 50, title, items)


def check_is_plain(svg):
    """Only shapes and texts of the SVG namespace; nothing that links, loads or runs."""
    plain = {"svg", "title", "g", "rect", "ellipse", "polygon", "path", "text"}
    for element in ElementTree.fromstring(svg).iter():
        assert element.tag.removeprefix(SVG) in plain
        for key in element.attrib:
            assert not re.search(r"href|^on|style|^\{", key)


def unpack(given):
    ((kind, text),) = given.items()
    values = np.frombuffer(base64.b64decode(text), dtype="<f8" if kind == "f8" else "<f4").astype(
        float
    )
    return 10**values if kind == "log" else values


class Reader(HTMLParser):
    """What a page holds: its tags, its attributes, its scripts."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.scripts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "script" and self.cdata_elem == "script":
            self.scripts[-1] += data


def check_is_its_own(page):
    """Two scripts, the data and the program; nothing loaded; no handler in an attribute."""
    reader = Reader()
    reader.feed(page)
    assert len(reader.scripts) == 2
    json.loads(reader.scripts[0])
    for key, value in reader.attributes:
        assert key not in ("src", "href", "srcset", "action", "data") or value is None
        assert not key.startswith("on")
    assert not {"link", "img", "iframe", "object", "embed", "image", "base", "form"} & set(
        reader.tags
    )
    assert "default-src 'none'" in page  # the browser holds the page to it
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/)", page)
    page.encode()
