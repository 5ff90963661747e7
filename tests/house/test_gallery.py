"""The gallery: its one command makes all that it shows, and all of it is kept."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = set(re.findall(r"\]\(pictures/([\w.]+)\)", (DOCS / "gallery.md").read_text("utf-8")))
PAGE = "bptt.html"  # made by the command; it is not kept, for it repeats the sources of the package


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    runpy.run_path(str(DOCS / "gallery.py"))["main"](str(folder))
    return folder


def test_the_command_makes_what_is_shown(made):
    assert {path.name for path in made.iterdir()} == SHOWN | {PAGE}


def test_what_is_shown_is_kept_and_small():
    kept = {
        path.name: path.stat().st_size
        for path in (DOCS / "pictures").iterdir()
        if path.name != PAGE
    }
    assert set(kept) == SHOWN | {"paths_t1.svg"}
    assert sum(kept.values()) < 1.5e6


@pytest.mark.parametrize("name", sorted(name for name in SHOWN if name.endswith(".svg")))
def test_pictures_kept_are_those_of_today(made, name):
    """Same texts in the same order; numbers may differ in the last digit on another machine."""
    old, new = (
        ElementTree.fromstring((folder / name).read_text("utf-8"))
        for folder in (DOCS / "pictures", made)
    )
    assert [x.tag for x in old.iter()] == [x.tag for x in new.iter()]
    for a, b in zip(
        old.iter("{http://www.w3.org/2000/svg}text"),
        new.iter("{http://www.w3.org/2000/svg}text"),
        strict=True,
    ):
        assert re.sub(r"\d", "0", a.text or "") == re.sub(r"\d", "0", b.text or "")
