"""The DOT writer, Graphviz, and saving: what is written is whole, and what cannot be is explained.

Graphviz may be missing.  Tests that need it take `graphviz_draws`, which draws where it is
installed and, where it is not, asserts the error that says so.
"""

import math
import os
import re
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from support.networks import CELLS, make
from support.written import SVG, hostile

import tinygrad_rnn as tg
from tinygrad_rnn.draw import Figure, dot, figure, require_format
from tinygrad_rnn.draw.dot import render, resolution, to_dot
from tinygrad_rnn.draw.scene import Box, Line, Scene, Text, Triangle, clean
from tinygrad_rnn.draw.svg import to_svg
from tinygrad_rnn.draw.tikz import to_tikz
from tinygrad_rnn.errors import DrawError, OutputError, UsageError

GOLDEN = Path(__file__).parent / "golden"
MISSING = (
    r"`dot` is not on the PATH.*apt install graphviz, brew install "
    r"graphviz, winget install graphviz.*save as \.svg"
)


def two_steps():
    """A map of T = 2 by hand: h_1 -> h_2, the direct term of L_1 and the indirect one of L_2."""
    nodes = [
        Box(60 + 80 * i, y, 40, 24, f"{s}{'₁₂'[i]}", shape, key=f"{s}{i + 1}")
        for i in range(2)
        for s, y, shape in (("L", 30, "rect"), ("h", 90, "round"), ("x", 150, "ellipse"))
    ]
    return Scene(
        200,
        180,
        "two steps",
        (
            *nodes,
            Text(10, 12, "∂L/∂h₁", 10, "#1F2328", tip="by hand"),
            Text(190, 12, "T = 2", 10, anchor="end"),
            Line(((80, 95), (116, 95)), "#A3AAB2", 1.0, ends=("h1", "h2")),
            Triangle(120, 95, "right", 4, 4, "#A3AAB2"),
            Line(
                ((70, 42), (70, 72)),
                "#D55E00",
                6.5,
                tip="loss 1, direct: norm 2",
                ends=("L1", "h1"),
            ),
            Triangle(70, 78, "down", 6, 8, "#D55E00"),
            Line(
                ((150, 42), (150, 84), (86, 84)),
                "#00224E",
                0.6,
                dotted=True,
                radius=10,
                ends=("L2", "h1"),
            ),
            Triangle(80, 84, "left", 6, 4, "#00224E"),
            Box(100, 95, 20, 10, "W_hh", "round", "#F0D3E2", "#B5548A", dashed=True, size=7),
        ),
    )


@pytest.fixture
def no_graphviz(monkeypatch, tmp_path):
    """A PATH on which there is nothing."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))


@pytest.fixture
def fake_dot(monkeypatch, tmp_path):
    """Put a Python program on the PATH in the place of Graphviz."""

    def put(program):
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "fake.py"
        script.write_text(program, "utf-8")
        if os.name == "nt":
            (folder / "dot.bat").write_text(f'@"{sys.executable}" "{script}" %*\n')
        else:
            (folder / "dot").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
            (folder / "dot").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return put


def graphviz_draws(source, suffix):
    """What Graphviz makes of DOT text; None where it is not installed, which must be said."""
    if shutil.which("dot"):
        return render(source, suffix)
    with pytest.raises(DrawError, match=MISSING):
        render(source, suffix)
    return None


# -- DOT -------------------------------------------------------------------------------------------


def test_golden_dot():
    assert to_dot(two_steps()) == (GOLDEN / "two_steps.dot").read_text("utf-8")


@pytest.mark.parametrize("name", CELLS)
def test_the_same_network_gives_the_same_text_byte_for_byte(name):
    pictures = (tg.draw.paths, tg.draw.ops, tg.draw.heatmap, lambda run: tg.draw.graph(run.loss))
    for picture in pictures:
        assert picture(make(name, 3)).source.encode() == picture(make(name, 3)).source.encode()


def test_nodes_are_numbered_anew_in_every_picture():
    numbers = [
        int(n)
        for n in re.findall(r"^\tn(\d+) \[", tg.draw.paths(make("RNN", 3)).source, re.MULTILINE)
    ]
    assert numbers == list(range(1, len(numbers) + 1))


@hostile
def test_no_label_is_html_and_no_name_is_a_node(name):
    scene = Scene(100, 50, name, (Box(20, 20, 30, 10, name, tip=name, key=name),
                                  Text(50, 20, name, tip=name),
                                  Line(((0, 0), (9, 9)), "#000000", tip=name,
                                       ends=(name, name))))  # fmt: skip
    source = to_dot(scene)
    assert not re.search(r"=\s*<", source)
    assert re.findall(r"^\t(\w+) \[", source, re.MULTILINE) == [
        "graph",
        "node",
        "edge",
        "n1",
        "n2",
        "n3",
    ]
    assert re.findall(r"^\t(\S+) -> (\S+) \[", source, re.MULTILINE) == [("n2", "n2")]
    source.encode()


@hostile
def test_graphviz_draws_hostile_labels_as_they_are(name):
    scene = Scene(
        400, 50, name, (Box(20, 20, 30, 10, name, tip=name), Text(50, 20, name, tip=name))
    )
    svg = graphviz_draws(to_dot(scene), "svg")
    if svg is not None:
        found = [
            x.text.replace("\xa0", " ") for x in ElementTree.fromstring(svg).iter(f"{SVG}text")
        ]
        assert found == [clean(name)] * 2 or not clean(name).strip()


@pytest.mark.parametrize(("name", "T"), [("RNN", 1), ("LSTM", 4), ("tuple", 4), ("RNN", 31)])
def test_graphviz_has_a_node_for_each_item_and_no_other(name, T):
    run = make(name, T)
    for made in (
        tg.draw.paths(run),
        tg.draw.ops(run),
        tg.draw.heatmap(run, 1),
        tg.draw.graph(run.states[0][0]),
    ):
        plain = graphviz_draws(made.source, "plain")
        lines = sum(isinstance(item, Line) for item in made.scene.items)
        if plain is not None:
            kinds = [line.split(b" ", 1)[0] for line in plain.splitlines()]
            assert kinds.count(b"node") == len(made.scene.items) - lines + 1  # and the paper
            assert kinds.count(b"edge") == lines


def test_graphviz_puts_things_where_the_scene_has_them():
    plain = graphviz_draws(to_dot(two_steps()), "plain")
    if plain is not None:
        rows = [line.split() for line in plain.decode().splitlines() if line.startswith("node")]
        found = {
            (float(r[2]) * 72, 180 - float(r[3]) * 72, float(r[4]) * 72, float(r[5]) * 72)
            for r in rows
        }
        for box in (b for b in two_steps().items if isinstance(b, Box)):
            assert any(np.allclose(spot, (box.x, box.y, box.w, box.h), atol=0.1) for spot in found)


# -- Graphviz that fails ---------------------------------------------------------------------------


def test_a_hanging_graphviz_is_stopped(fake_dot, monkeypatch):
    fake_dot("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(dot, "_SECONDS", 0.5)
    with pytest.raises(DrawError, match=r"did not finish within 0\.5 s; the picture is too large"):
        render("digraph {}", "png")


def test_what_a_failing_graphviz_said_is_told(fake_dot):
    fake_dot("import sys\nsys.stderr.write('Error: syntax error in line 1\\n')\nsys.exit(3)\n")
    with pytest.raises(
        DrawError, match=r"failed with exit status 3: Error: syntax error in line 1$"
    ):
        render("digraph {", "png")


def test_a_graphviz_that_writes_nothing_has_failed(fake_dot):
    fake_dot("import sys\nsys.stderr.write('no png here')\n")
    with pytest.raises(DrawError, match="exit status 0: no png here"):
        render("digraph {}", "png")


def test_a_graphviz_that_cannot_be_started(fake_dot, monkeypatch, tmp_path):
    fake_dot("")
    broken = tmp_path / "bin" / "dot"
    monkeypatch.setattr(shutil, "which", lambda name: str(broken))
    broken.write_bytes(b"\x7fELF broken")
    with pytest.raises(DrawError, match=r"cannot run .*dot: .*\. Install Graphviz anew"):
        render("digraph {}", "png")


def test_graphviz_gets_the_whole_picture_and_fixed_positions(fake_dot, tmp_path):
    fake_dot(
        "import sys\nsys.stdout.write(' '.join(sys.argv[1:]) + '|' + "
        "sys.stdin.buffer.read().decode('utf-8'))"
    )
    arguments, _, source = (
        render("digraph { été }", "png").decode(sys.getdefaultencoding()).partition("|")
    )
    assert arguments.split() == ["-Kneato", "-n2", "-Tpng", "-Gdpi=144"]
    assert source == "digraph { été }"


def test_a_real_syntax_error_is_told():
    said = r"failed with exit status 1: .*syntax error" if shutil.which("dot") else MISSING
    with pytest.raises(DrawError, match=said):
        render("digraph {", "svg")


# -- saving ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "magic"),
    [("a.svg", b"<?xml"), ("a.SVG", b"<?xml"), ("a.png", b"\x89PNG"), ("a.Png", b"\x89PNG"),
     ("a.pdf", b"%PDF"),
     ("a.b.svg", b"<?xml"), ("a.dot", b"digraph"), ("a.GV", b"digraph")],
)  # fmt: skip
def test_the_suffix_chooses_the_format(tmp_path, file, magic):
    made = Figure(two_steps())
    if magic in (b"\x89PNG", b"%PDF") and not shutil.which("dot"):
        with pytest.raises(DrawError, match=MISSING):
            made.save(tmp_path / file)
        assert list(tmp_path.iterdir()) == []
        return
    assert made.save(str(tmp_path / file)) == tmp_path / file
    assert (tmp_path / file).read_bytes().startswith(magic)
    assert [p.name for p in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("file", "suffix"), [("a.jpg", "jpg"), ("a", ""), ("a.svg.gz", "gz"), (".svg", "")]
)
def test_an_unknown_suffix(tmp_path, file, suffix):
    with pytest.raises(
        UsageError,
        match=rf"^'{suffix}' is not a picture format\. Use svg, png, pdf, tex, dot or gv\.$",
    ):
        Figure(two_steps()).save(tmp_path / file)
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_made(tmp_path):
    assert Figure(two_steps()).save(tmp_path / "a" / "b" / "c.dot").is_file()


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match=r"cannot write .*c\.svg: .*\. Choose another folder"):
        Figure(two_steps()).save(tmp_path / "out" / "c.svg")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_writer_that_fails_leaves_the_old_picture(tmp_path, monkeypatch):
    target = tmp_path / "a.dot"
    target.write_text("old")

    def broken(scene):
        raise RuntimeError("no picture today")

    monkeypatch.setattr(figure, "to_dot", broken)
    with pytest.raises(RuntimeError, match="no picture today"):
        Figure(two_steps()).save(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_graphviz_that_fails_leaves_the_old_picture(tmp_path, fake_dot):
    fake_dot("import sys\nsys.stdout.write('half a pict')\nsys.exit(1)\n")
    target = tmp_path / "a.pdf"
    target.write_text("old")
    with pytest.raises(DrawError, match="exit status 1"):
        Figure(two_steps()).save(target)
    assert target.read_text() == "old"


def test_svg_is_the_same_with_graphviz_and_without(tmp_path, monkeypatch):
    with_it = Figure(two_steps()).save(tmp_path / "a.svg").read_bytes()
    monkeypatch.setenv("PATH", "")
    assert Figure(two_steps()).save(tmp_path / "b.svg").read_bytes() == with_it


def test_a_pdf_does_not_know_the_time_of_day(fake_dot, tmp_path):
    """Some versions write it whatever SOURCE_DATE_EPOCH says."""
    date = "'%PDF /CreationDate (D:20261127110540Z)'"
    fake_dot(f"import os\nprint({date}, os.environ['SOURCE_DATE_EPOCH'])\n")
    content = Figure(two_steps()).save(tmp_path / "a.pdf").read_bytes()
    assert content.split() == b"%PDF /CreationDate (D:19700101000000Z) 0".split()


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "tex", "dot"])
def test_the_same_picture_gives_the_same_bytes(suffix, tmp_path):
    if suffix in ("png", "pdf") and not shutil.which("dot"):
        pytest.skip("Graphviz is not installed")
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    a, b = (tg.draw.paths(make("LSTM", 3)).save(path).read_bytes() for path in paths)
    assert a == b
    assert not re.search(rb"CreationDate \(D:(?!1970)", a)


# -- paths of any length ---------------------------------------------------------------------------


def long_line(n, radius=0.0):
    points = tuple((200 + 190 * math.cos(i / 7), 150 + 140 * math.sin(i / 5)) for i in range(n))
    line = Line(points, "#000000", 1.0, radius=radius, tip="long " * 4000)
    return Scene(400, 300, "long", (line,))


@pytest.mark.parametrize(
    ("n", "radius"), [(2, 3.0), (40, 0.0), (203, 3.0), (5001, 0.0), (5003, 3.0)]
)
def test_graphviz_reads_a_path_of_any_length(n, radius):
    scene = long_line(n, radius)
    source = to_dot(scene)
    in_one_piece = re.findall(r'(?:[^"\\]|\\[^\n])+', source)
    assert max(map(len, in_one_piece)) < 16_384
    assert source == to_dot(long_line(n, radius))
    svg = graphviz_draws(source, "svg")
    if svg is not None:
        paths = [x.attrib["d"] for x in ElementTree.fromstring(svg).iter(f"{SVG}path")]
        parts = [np.array(re.findall(r"-?[\d.]+", d), float).reshape(-1, 2) for d in paths]
        assert len(parts) == math.ceil((n - 1) / 5000)
        assert sum(map(len, parts)) >= 3 * (n - 1)
        drawn = np.array([parts[0][0], *(part[-1] for part in parts)])
        given = scene.items[0].points
        wanted = np.array([given[min(i, n - 1)] for i in range(0, 5000 * len(parts) + 1, 5000)])
        assert np.allclose(np.diff(drawn, axis=0), np.diff(wanted, axis=0), atol=0.03)
    drawn = graphviz_draws(source, "pdf")
    assert drawn is None or drawn.startswith(b"%PDF")


@pytest.mark.parametrize("n", [3, 5000])
def test_tex_reads_a_path_of_any_length(n):
    written = to_tikz(long_line(n))
    assert max(map(len, written.splitlines())) < 20_000  # TeX's buffer holds 200,000
    assert written.count(" .. controls ") == n - 1


@pytest.mark.parametrize(
    "points",
    [((5.0, 5.0),) * 2, ((5.0, 5.0),) * 300, ((0.0, 0.0), (5.0, 5.0), (0.0, 0.0))],
)
def test_points_at_one_place(points):
    scene = Scene(10, 10, "one place", (Line(points, "#000000"),))
    assert "nan" not in to_svg(scene) + to_dot(scene) + to_tikz(scene)
    drawn = graphviz_draws(to_dot(scene), "png")
    assert drawn is None or drawn.startswith(b"\x89PNG")


def test_sharp_corners_do_not_become_spikes():
    """A pen lengthens sharp corners unless told to round them: noise would look wider."""
    zigzag = Line(tuple((10 + i, 50 + 20 * (i % 2)) for i in range(20)), "#000000", 1.8)
    scene = Scene(40, 100, "zigzag", (zigzag,))
    assert 'stroke-linejoin="round"' in to_svg(scene)
    assert "line join=round" in to_tikz(scene)
    pos = re.search(r'pos="([^"]*)"', to_dot(scene).split("->")[1])[1].replace("\\\n", "").split()
    ys = [100 - float(p.split(",")[1]) for p in pos]
    assert min(ys) >= 49.99
    assert max(ys) <= 70.01
    assert len(pos) == 1 + 3 * (19 + 18)  # each corner is a curve of its own
    straight = Line(((0, 0), (9, 9)), "#000000")
    for plain in (straight, Line(((0, 0), (9, 9), (0, 9)), "#000000", radius=2)):
        assert "join" not in to_svg(Scene(9, 9, "plain", (plain,)))


@pytest.mark.parametrize(
    ("width", "height", "dpi"),
    [(400, 300, 144), (12_000, 300, 144), (40_000, 400, 57)],
)
def test_a_large_png_has_fewer_dots(width, height, dpi):
    assert resolution(Scene(width, height, "large", ())) == dpi
    assert width / 72 * dpi <= 32_000


def test_a_page_of_pdf_or_tex_is_no_longer_than_they_can_be(tmp_path):
    figure = Figure(Scene(30_000, 300, "long", (Box(29_990, 150, 20, 20, key="end"),)))
    tex = figure.save(tmp_path / "a.tex").read_text("utf-8")
    assert max(map(float, re.findall(r"\d+\.?\d*(?=[,)])", tex))) <= 14_400
    if shutil.which("dot"):
        pdf = figure.save(tmp_path / "a.pdf").read_bytes()
        width = float(re.search(rb"/MediaBox \[ ?0 0 ([\d.]+)", pdf)[1])
        assert width == pytest.approx(14_400, abs=2)
    assert 'viewBox="0 0 30000 300"' in figure.svg


def test_texts_stay_on_the_paper():
    """The invisible box of a text must not widen the picture."""
    places = {"start": 5, "end": 695, "middle": 350}
    texts = [Text(x, 20, "wide words " * 9, anchor=anchor) for anchor, x in places.items()]
    scene = Scene(700, 40, "paper", tuple(texts))
    plain = graphviz_draws(to_dot(scene), "plain")
    if plain is not None:
        size = [float(x) * 72 for x in plain.split(b"\n")[0].split()[2:]]
        assert size == pytest.approx([700, 40], abs=0.1)


def test_without_graphviz_svg_and_dot_come_out(tmp_path, no_graphviz):
    made = Figure(two_steps())
    assert made.save(tmp_path / "a.svg").read_text("utf-8") == made.svg
    assert made.save(tmp_path / "a.dot").read_text("utf-8") == made.source
    assert made._repr_svg_() == made.svg


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_without_graphviz_png_and_pdf_say_what_to_install(tmp_path, no_graphviz, suffix):
    with pytest.raises(
        DrawError, match=f"a {suffix} picture needs the Graphviz programs.*{MISSING}"
    ):
        Figure(two_steps()).save(tmp_path / f"a.{suffix}")
    assert not (tmp_path / f"a.{suffix}").exists()
    with pytest.raises(DrawError, match=MISSING):
        require_format(suffix)


def test_formats_are_known_before_any_work(no_graphviz):
    for suffix in ("svg", "dot", "gv"):
        require_format(suffix)
    with pytest.raises(UsageError, match="'jpeg' is not a picture format"):
        require_format("jpeg")
