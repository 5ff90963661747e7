"""The command: what it prints, what it writes, and one line for everything that is wrong."""

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn.cli import main
from tinygrad_rnn.core.tables import VJP
from tinygrad_rnn.data import standardised, sunspots
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.nn import Readout, RNNCell
from tinygrad_rnn.training import demo
from tinygrad_rnn.training.lookup import make_cell

PICTURES = ("bptt.html", "heatmap.svg", "operations.svg", "paths_t1.svg")
CELL = '''
import numpy as np
import tinygrad_rnn as tg


class Leaky:
    """A cell that knows nothing of the library but Tensor."""

    def __init__(self, inputs, hidden, *, rng):
        self.hidden = hidden
        self.U = tg.Tensor(rng.standard_normal((inputs, hidden)) * 0.3, requires_grad=True,
                           name="U")
        self.V = tg.Tensor(rng.standard_normal((hidden, hidden)) * 0.3, requires_grad=True,
                           name="V")

    def initial_state(self, batch=()):
        return np.zeros((*batch, self.hidden))

    def __call__(self, x, h):
        return 0.5 * h + 0.5 * np.tanh(x @ self.U + h @ self.V)


class NoRng:
    def __init__(self, inputs, hidden):
        pass


class NoState(Leaky):
    initial_state = property()


class WrongShape(Leaky):
    def __call__(self, x, h):
        return np.tanh(x @ self.V)


number = 3
'''


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder; modules imported from it are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield tmp_path
    for module in set(sys.modules) - known:
        if module.startswith("my_"):
            del sys.modules[module]


@pytest.fixture
def no_graphviz(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))


def run(capsys, *argv):
    """(exit status, what was printed, what was said on stderr without the progress bar)."""
    if not argv or argv[0].startswith("-"):
        argv = ("draw" if "--weights" in argv else "demo", *argv)
    few = argv[0] == "demo" and "--epochs" not in argv
    status = main([*argv, *(["--epochs", "3"] if few else [])])
    out, err = capsys.readouterr()
    said = [
        line
        for line in re.split(r"[\r\n]+", err)
        if line.strip() and not line.startswith("training:")
    ]
    return status, out, said


def shares(out):
    """The shares of the table, sum row included."""
    return [float(m) for m in re.findall(r"(-?[\d.]+) %\n", out)]


def written(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# -- demo ------------------------------------------------------------------------------------------


@pytest.mark.tiny
def test_the_demo(folder, capsys):
    status, out, said = run(capsys)
    assert (status, said) == (0, [])
    assert written(folder) == [os.path.join("pictures", f) for f in PICTURES]
    assert "yearly sunspot numbers 1700 to 2008: 309 entries, 299 windows of 10 steps" in out
    assert re.search(
        r"mean loss 0\.\d{1,4} -> 0\.\d{1,4}; error 0\.\d{1,3} standard deviations, 0\.\d{1,3} for",
        out,
    )
    *terms, total = shares(out)
    assert (len(terms), total) == (10, 100)
    assert sum(terms) == pytest.approx(100, abs=0.05 * len(terms))
    for name in ("heatmap", "operations", "paths_t1"):
        assert f"wrote {os.path.join('pictures', name)}.svg" in out
        assert "</svg>" in (folder / "pictures" / f"{name}.svg").read_text("utf-8")


def test_the_table_is_the_flow_of_the_last_window(folder, capsys):
    _, out, _ = run(
        capsys, "--epochs", "0", "--steps", "4", "--t", "2", "--hidden", "3", "--seed", "5"
    )
    series = standardised(sunspots()[1][:, None])
    rng = np.random.default_rng(5)
    cell, readout = RNNCell(1, 3, rng=rng), Readout(3, 1, rng=rng)
    last = tg.unroll(
        cell,
        series[-5:-1],
        readout=readout,
        loss=tg.functional.half_squared_error,
        targets=series[-4:],
    )
    flow = tg.gradient_flow(last.losses, last.states)
    norms = [
        float(m) for m in re.findall(r"^(?:direct|k = |sum).* (\d\.\d{3}) .*%$", out, re.MULTILINE)
    ]
    assert norms == pytest.approx([*flow.norms()[1:, 1], flow.total_norm(2)], abs=6e-4)
    assert shares(out)[:-1] == pytest.approx([100 * flow.share(k, 2) for k in (2, 3, 4)], abs=0.06)
    assert "mean loss" not in out


@pytest.mark.parametrize(
    ("argv", "cell", "state"),
    [
        (["--cell", "rnn"], "RNN", "h"),
        (["--cell", "lstm"], "LSTM", "s"),
        (["--cell", "gru"], "GRU", "h"),
    ],
)
def test_every_cell(folder, capsys, argv, cell, state):
    status, out, _ = run(
        capsys, *argv, "--steps", "3", "--t", "2", "--hidden", "4", "--lr", "0.1", "--out", "o"
    )
    assert status == 0
    assert f"eq. (3.1) at t = 2: dL/d{state}_2 = direct + indirect" in out
    assert written(folder) == [os.path.join("o", f) for f in (*PICTURES[:-1], "paths_t2.svg")]
    assert f"Unrolled {cell}, T = 3" in (folder / "o" / "paths_t2.svg").read_text("utf-8")


def test_a_cell_of_your_own(folder, capsys):
    (folder / "my_cell.py").write_text(CELL)
    status, out, said = run(capsys, "--cell", "my_cell:Leaky", "--steps", "3", "--epochs", "20")
    assert (status, said) == (0, [])
    first, last = re.search(r"mean loss (\S+) -> ([\d.]+)", out).groups()
    assert float(last) < float(first)
    assert "Unrolled Leaky" in (folder / "pictures" / "paths_t1.svg").read_text("utf-8")


@pytest.mark.parametrize("suffix", ["csv", "txt", "npy"])
def test_data_of_your_own(folder, capsys, suffix):
    series = np.sin(np.arange(40)[:, None] * [0.5, 0.3])
    if suffix == "npy":
        np.save("my.npy", series)
    else:
        np.savetxt(f"my.{suffix}", series, delimiter="," if suffix == "csv" else " ")
    status, out, _ = run(capsys, "--data", f"my.{suffix}", "--steps", "5")
    assert status == 0
    assert f"my.{suffix}: 40 entries, 35 windows of 5 steps" in out
    assert run(capsys, "--data", f"my.{suffix}", "--column", "2", "--steps", "39")[0] == 0


def test_a_column_by_name(folder, capsys):
    (folder / "my.csv").write_text("day,flow\n" + "".join(f"d{i},{i * i % 7}\n" for i in range(20)))
    assert run(capsys, "--data", "my.csv", "--column", "flow", "--steps", "4")[0] == 0


def test_how_a_series_is_written_is_found_or_given_and_told(folder, capsys):
    rows = "".join(f"d{i};{i % 7},5;{i % 5},25\n" for i in range(30))
    (folder / "my.csv").write_text("day;a;b\n" + rows)
    (folder / "my.tsv").write_text(("day;a;b\n" + rows).replace(";", "\t").replace(",", "."))
    (folder / "my.csv.gz").write_bytes(gzip.compress(rows.encode()))
    printed = []
    for argv in (
        ["--data", "my.csv"],
        ["--data", "my.csv", "--column", "a", "--column", "b"],
        ["--data", "my.tsv", "--header"],
        [
            "--data",
            "my.csv.gz",
            "--column",
            "2",
            "--column",
            "3",
            "--separator",
            "semicolon",
            "--decimal",
            ",",
        ],
    ):
        status, out, _ = run(capsys, *argv, "--steps", "4")
        assert status == 0
        printed.append(out.partition("eq. (3.1)")[2].partition("wrote")[0])
        assert ("my.csv: the decimal sign is a comma\n" in out) == (argv[1] == "my.csv")
        assert (f"{argv[1]}: left out column 'day' (no numbers)\n" in out) == (
            "--column" not in argv
        )
    assert len(set(printed)) == 1


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_formats(folder, capsys, suffix, magic):
    status, _, said = run(capsys, "--format", suffix, "--steps", "3")
    if shutil.which("dot"):
        assert status == 0
        assert (folder / "pictures" / f"operations.{suffix}").read_bytes().startswith(magic)
    else:
        assert (status, written(folder)) == (2, [])
        assert "install graphviz" in said[0]


def test_without_graphviz_svg_comes_out(folder, capsys, no_graphviz):
    status, out, _ = run(capsys, "--steps", "3")
    assert (status, len(written(folder))) == (0, len(PICTURES))
    assert "drawn by the built-in SVG writer" in out


def test_the_same_seed_gives_the_same_pictures_and_another_does_not(folder, capsys):
    for out, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        run(capsys, "--steps", "3", "--seed", seed, "--out", out)
    a, b, c = ((folder / out / "paths_t1.svg").read_bytes() for out in "abc")
    assert a == b
    assert a != c


def test_without_a_word_the_command_says_what_it_can_do(folder, capsys):
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert (err, written(folder)) == ("", [])
    assert len(out.splitlines()) <= 10
    with pytest.raises(SystemExit):
        main(["--help"])
    known = re.search(r"\{(.*?)\}", capsys.readouterr().out)[1].split(",")
    assert re.findall(r"^  tinygrad-rnn (\w+)  ", out, re.MULTILINE) == known
    assert "python -m tinygrad_rnn" in out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (
            [],
            "this is the command demo. Write `tinygrad-rnn demo`; options without a command go in "
            "0.4.",
        ),
        (
            ["draw"],
            "draw trains a model of its own. Write `tinygrad-rnn demo`; without --weights, draw "
            "goes in 0.4.",
        ),
    ],
)
def test_the_demo_by_its_older_names(folder, capsys, argv, told):
    options = ["--steps", "2", "--epochs", "1", "--hidden", "3"]
    run(capsys, *options, "--out", "now")
    assert main([*argv, *options, "--out", "before"]) == 0
    assert capsys.readouterr().err.splitlines()[0] == f"tinygrad-rnn: {told}"
    for name in PICTURES:
        now, before = ((folder / out / name).read_bytes() for out in ("now", "before"))
        assert now == before


def test_training_lowers_the_loss_with_the_default_rate():
    series = standardised(sunspots()[1][:, None])
    xs, targets = demo.windows(series, 10)
    rng = np.random.default_rng(0)
    losses = demo.train(RNNCell(1, 8, rng=rng), Readout(8, 1, rng=rng), xs, targets, 30, 0.3)
    assert losses[-1] < 0.6 * losses[0]


def test_a_parameter_that_the_loss_does_not_reach_stays_as_it_is():
    cell, readout = RNNCell(1, 3, rng=0), Readout(3, 1, rng=0)
    cell.spare = tg.Tensor(np.ones(2), requires_grad=True)
    before = cell.W_hh.data
    assert any(p is cell.spare for p in demo.parameters_of(cell))
    demo.train(cell, readout, np.ones((2, 1, 1)), np.zeros((2, 1, 1)), 1, 0.1)
    assert_array_equal(cell.spare.data, np.ones(2))
    assert np.all(cell.W_hh.data != before)


def test_the_folder_is_put_on_the_path_once(folder):
    (folder / "my_cell.py").write_text(CELL)
    before = sys.path.copy()
    for _ in range(2):
        assert make_cell("my_cell:Leaky", 1, 2, np.random.default_rng(0)).initial_state(
            ()
        ).shape == (2,)
    assert sys.path == [os.getcwd(), *before]


def test_windows():
    xs, targets = demo.windows(np.arange(5.0)[:, None], 2)
    np.testing.assert_array_equal(xs[..., 0], [[0, 1, 2], [1, 2, 3]])
    np.testing.assert_array_equal(targets[..., 0], [[1, 2, 3], [2, 3, 4]])
    with pytest.raises(RangeError, match=r"with 5 entries in the series it must lie in 1\.\.4"):
        demo.windows(np.ones((5, 1)), 5)


# -- what is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--t", "0"], "--t is 0; with --steps 10 it must lie in 1..10."),
        (["--t", "11"], "--t is 11; with --steps 10 it must lie in 1..10."),
        (["--steps", "4", "--t", "-1"], "--t is -1; with --steps 4 it must lie in 1..4."),
        (["--steps", "0"], "--steps is 0; it must be at least 1."),
        (["--steps", "309"], "steps is 309; with 309 entries in the series it must lie in 1..308."),
        (["--hidden", "0"], "--hidden is 0; it must be at least 1."),
        (["--hidden", "-3"], "--hidden is -3; it must be at least 1."),
        (["--epochs", "-1"], "--epochs is -1; it must be at least 0."),
        (["--seed", "-1"], "--seed is -1; it must be at least 0."),
        (["--lr", "nan"], "--lr is nan; it must be positive."),
        (["--lr", "inf"], "--lr is inf; it must be positive."),
        (["--lr", "0"], "--lr is 0.0; it must be positive."),
        (["--lr", "-0.1"], "--lr is -0.1; it must be positive."),
        (["--lr", "1e9", "--epochs", "200"], "epochs. Lower the learning rate (--lr)."),
        (
            ["--lr", "1e308", "--epochs", "1"],
            "after the last epoch. Lower the learning rate (--lr).",
        ),
        (
            ["--cell", "elman"],
            "no cell is called 'elman'. Use rnn, lstm, gru, or module:Class for your own.",
        ),
        (["--cell", ""], "no cell is called ''."),
        (["--cell", ":Leaky"], "no cell is called ':Leaky'."),
        (["--cell", "my_cell:"], "no cell is called 'my_cell:'."),
        (
            ["--cell", "my_other:Leaky"],
            "cannot import the cell 'my_other:Leaky': No module named 'my_other'.",
        ),
        (["--cell", ".my_cell:Leaky"], "cannot import the cell '.my_cell:Leaky'"),
        (
            ["--cell", "my_cell:Absent"],
            "has no attribute 'Absent'. It must be importable from this folder.",
        ),
        (["--cell", "my_cell:NoRng"], "must be callable as NoRng(inputs, hidden, rng=generator): "),
        (
            ["--cell", "my_cell:number"],
            "must be callable as number(inputs, hidden, rng=generator): ",
        ),
        (["--cell", "my_cell:NoState"], "NoState has no initial_state(batch). Pass h0 to unroll."),
        (["--cell", "my_cell:WrongShape"], "(8, 8)"),
        (
            ["--column", "zz"],
            "--column is 'zz', but there is no --data; the sunspot numbers are one column.",
        ),
        (["--column", "1", "--column", "2"], "--column is '1', '2', but there is no --data;"),
        (["--separator", ","], "--separator is ,, but there is no --data;"),
        (["--no-header"], "--header is False, but there is no --data;"),
        (["--hidden", "10000000"], "--hidden is 10000000; it must be at most 1000000."),
        (["--hidden", "1000000"], "Lower the sizes."),
        (["--hidden", "9" * 30], "; it must be at most 1000000."),
        (["--steps", "9" * 30], "; it must be at most 1000000."),
        (["--epochs", "9" * 30], "; it must be at most 1000000000."),
        (["--t", "9" * 30], "with --steps 10 it must lie in 1..10."),
        (["--lr", "1e400"], "--lr is inf; it must be positive."),
        (
            ["--data", "ok.csv", "--column", "a", "--column", "1"],
            "ok.csv: column 1 is asked for twice.",
        ),
        (
            ["--data", "ok.csv", "--separator", "ab"],
            "separator is 'ab'; it is a character, or comma, semicolon, tab, s",
        ),
        (["--data", "ok.csv", "--decimal", ";"], "decimal is ';'; it is '.' or ','."),
        (
            ["--data", "ok.csv", "--no-header"],
            "ok.csv, line 1: 'a' is not a number (column 1). Say that the row",
        ),
        (
            ["--data", "words.csv"],
            "words.csv has no column of numbers; there is column 'x' (no numbers).",
        ),
        (
            ["--data", "words.csv", "--column", "x"],
            "words.csv, line 2: 'w' is not a number (column 'x').",
        ),
        (["--data", "~nobody-of-this-name/a.csv"], "there is no home folder ~nobody-of-this-name."),
        (["--data", "a\0.csv"], "cannot read a\\x00.csv: a name holds no NUL character."),
        (["--data", "\ud800.csv"], "cannot read \\ud800.csv: "),
        (["--data", "x" * 300 + ".csv"], ".csv: File name too long."),
        (["--data", "ok.csv/a.csv"], "cannot read ok.csv/a.csv: Not a directory."),
        (["--out", "x" * 300], "cannot write to the folder " + "x" * 300 + ": File name too long."),
        (["--out", "a\0b"], "cannot write to the folder a\\x00b: a name holds no NUL character."),
        (
            ["--weights", "none.npz", "--seed", "1"],
            "--seed is 1, but the model of --weights is trained already. Leave",
        ),
        (
            ["--weights", "ok.csv"],
            "ok.csv is no checkpoint, or not a whole one: File is not a zip file.",
        ),
        (
            ["--weights", "a\0.npz"],
            "cannot read the checkpoint a\\x00.npz: a name holds no NUL character.",
        ),
        (["--weights", "."], "cannot read the checkpoint .: it is a folder."),
        (["--data", "missing.csv"], "cannot read missing.csv: No such file or directory."),
        (["--data", "."], "the suffix (none) is not known."),
        (["--data", "ragged.csv"], "ragged.csv, line 2: 1 entries where 2 are expected."),
        (["--data", "nan.csv"], "nan.csv: time step 2 holds NaN or infinity."),
        (
            ["--data", "constant.csv"],
            "column 1 of the data is constant: there is nothing to learn.",
        ),
        (["--data", "ok.csv", "--column", "z"], "ok.csv has no column 'z': it has 2 (a, b)."),
        (
            ["--data", "ok.csv", "--column", "9" * 5000],
            "has no column 99999999999999999999... (5000 digits): it has 2",
        ),
        (
            ["--data", "ok.csv", "--steps", "3"],
            "steps is 3; with 3 entries in the series it must lie in 1..2.",
        ),
        (["--out", "ok.csv"], "cannot write to the folder ok.csv: "),
        (["--out", os.path.join("ok.csv", "sub")], "cannot write to the folder "),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(folder, capsys, argv, words):
    (folder / "my_cell.py").write_text(CELL)
    (folder / "ragged.csv").write_text("1,2\n3\n")
    (folder / "nan.csv").write_text("1\nnan\n2\n")
    (folder / "constant.csv").write_text("0.1\n" * 30)
    (folder / "ok.csv").write_text("a,b\n1,2\n2,1\n3,5\n")
    (folder / "words.csv").write_text("x\nw\nv\n")
    before = written(folder)
    status, _, said = run(capsys, *argv)
    assert (status, len(said)) == (2, 1), said
    assert said[0].startswith("tinygrad-rnn: error: ")
    assert words in said[0]
    assert said[0].isprintable()
    assert [f for f in written(folder) if "__pycache__" not in f] == before


@pytest.mark.tiny
@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_format_that_needs_graphviz_is_refused_before_training(
    folder, capsys, no_graphviz, monkeypatch, suffix
):
    monkeypatch.setattr(demo, "train", lambda *args: pytest.fail("it trained first"))
    status, out, said = run(capsys, "--format", suffix)
    assert (status, out, written(folder)) == (2, "", [])
    assert re.search(r"`dot` is not on the PATH.*Install them .*, or save as \.svg\.$", said[0])


@pytest.mark.parametrize(
    "argv",
    [
        ["demo", "--format", "jpg"],
        ["demo", "--steps", "ten"],
        ["--nonsense"],
        ["nonsense"],
        ["demo", "--seed", "1.5"],
        ["demo", "--weights", "run.npz"],
        ["check", "--t", "1"],
    ],
)
def test_what_is_no_option_is_told_with_the_usage(folder, capsys, argv):
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    assert "usage: tinygrad-rnn" in capsys.readouterr().err
    assert written(folder) == []


def test_no_memory(folder, capsys, monkeypatch):
    def exhausted(*args):
        raise MemoryError("Unable to allocate 307. GiB")

    monkeypatch.setattr(demo, "train", exhausted)
    status, _, said = run(capsys)
    assert (status, said) == (
        2,
        ["tinygrad-rnn: error: Unable to allocate 307. GiB. Lower the sizes."],
    )


def test_ctrl_c(folder, capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "train", interrupted)
    status, _, said = run(capsys)
    assert (status, said) == (130, ["tinygrad-rnn: stopped; no file was half-written"])
    assert written(folder) == []


def test_ctrl_c_while_writing(folder, capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("tinygrad_rnn.io.files.os.replace", interrupted)
    assert run(capsys, "--steps", "2")[0] == 130
    assert written(folder) == []


def test_a_prediction_that_is_not_finite_is_an_error():
    rng = np.random.default_rng(0)
    readout = Readout(2, 1, rng=rng)
    readout.W_hy.data = np.full((2, 1), np.inf)
    with pytest.raises(UsageError, match=r"the prediction error is (nan|inf) after the last epoch"):
        demo.prediction_error(
            RNNCell(1, 2, rng=rng), readout, np.ones((2, 3, 1)), np.ones((2, 3, 1))
        )


# -- check, help, version --------------------------------------------------------------------------


@pytest.mark.tiny
def test_check_passes(capsys):
    status, out, _ = run(capsys, "check")
    head, *lines, summary = out.splitlines()
    assert status == 0
    assert head.split() == ["equation", "what", "is", "compared", "difference", "result"]
    assert [line for line in lines if not re.search(r"  pass(: the text is wrong)?$", line)] == []
    assert summary == f"{len(lines)} checks, 0 failed"
    assert len(lines) > 30


@pytest.mark.parametrize("fun", [np.tanh, np.matmul])
def test_check_fails_when_a_rule_is_wrong(capsys, monkeypatch, fun):
    def scaled(rule):
        return lambda g, y, *args: 1.01 * rule(g, y, *args)

    monkeypatch.setitem(VJP, fun, tuple(scaled(rule) for rule in VJP[fun]))
    status, out, _ = run(capsys, "check")
    assert status == 1
    failed = [line for line in out.splitlines() if line.endswith("  FAIL")]
    assert out.splitlines()[-1].endswith(f" checks, {len(failed)} failed")
    assert failed


@pytest.mark.tiny
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--help"], ["demo", "draw", "check", "--version"]),
        (["-h"], ["demo", "draw", "check"]),
        (["draw", "--help"], ["--weights", "--data", "--column", "--steps", "--t", "--out"]),
        (["demo", "--help"], ["--cell", "--data", "--column", "--steps", "--t", "--hidden",
                              "--epochs", "--lr",
                              "--seed", "--out", "--format", "(default: 10)", "module:Class"]),
        (["--version"], [f"tinygrad-rnn {version('tinygrad_rnn')}\n"]),
    ],
)  # fmt: skip
def test_help_and_version(capsys, argv, words):
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 0
    out = capsys.readouterr().out
    assert [word for word in words if word not in out] == []


def python(*argv, **environment):
    return subprocess.run(
        [sys.executable, *argv], capture_output=True, timeout=60, env=os.environ | environment
    )


FULL = "/dev/full"
needs_full = pytest.mark.skipif(
    not os.path.exists(FULL), reason="this system has no device that is always full"
)


@needs_full
@pytest.mark.parametrize(
    ("argv", "unbuffered"),
    [
        (["check"], ""),
        (["check"], "1"),
        (["--help"], ""),
        (["demo", "--epochs", "1", "--steps", "2"], "1"),
    ],
)
def test_an_output_that_cannot_be_written(folder, argv, unbuffered):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with open(FULL, "w") as full:
        command = [sys.executable, "-m", "tinygrad_rnn", *argv]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, timeout=60, env=environment
        )
    said = [
        line
        for line in re.split(rb"[\r\n]+", done.stderr)
        if line and not line.startswith(b"training")
    ]
    assert (done.returncode, said) == (
        2, [b"tinygrad-rnn: error: cannot write to standard output: No space left on device."]
    )  # fmt: skip


@needs_full
def test_an_error_that_cannot_be_told():
    with open(FULL, "w") as full:
        for argv in (["demo", "--t", "99"], ["--nonsense"], ["check"]):
            command = [sys.executable, "-m", "tinygrad_rnn", *argv]
            assert subprocess.run(command, stdout=full, stderr=full, timeout=60).returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="written for a POSIX shell")
@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (
            "check >&-",
            2,
            (
                b"tinygrad-rnn: error: standard output is closed. Send it to a "
                b"file, or to /dev/null.\n"
            ),
        ),
        ("--version >&- 2>&-", 2, b""),
        ("demo --t 99 2>&-", 2, b""),
        ("demo --epochs 1 --steps 2 2>&-", 0, b""),
        ("check <&-", 0, b""),
    ],
)
def test_what_the_shell_closed(folder, words, status, told):
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m tinygrad_rnn {words}",
        shell=True,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (status, told)


@pytest.mark.skipif(sys.platform == "win32", reason="written for a POSIX shell")
def test_a_reader_that_goes_away():
    script = (
        f'({shlex.quote(sys.executable)} -m tinygrad_rnn check; echo "status $?" >&2) | head -n 1'
    )
    done = subprocess.run(script, shell=True, capture_output=True, timeout=60)
    assert done.stdout.startswith(b"equation")
    assert done.stderr in (b"status 0\n", b"status 141\n")  # 0: all of it fitted into the pipe


def test_the_module_is_the_command():
    done = python("-m", "tinygrad_rnn", "--version")
    assert (done.returncode, done.stdout.split(), done.stderr) == (
        0, [b"tinygrad-rnn", version("tinygrad_rnn").encode()], b"",
    )  # fmt: skip


def test_the_module_gives_the_exit_status():
    done = python("-m", "tinygrad_rnn", "demo", "--t", "99")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"tinygrad-rnn: error: --t is 99;")


def test_a_terminal_that_knows_only_ascii(folder):
    done = python(
        "-W",
        "error",
        "-m",
        "tinygrad_rnn",
        "demo",
        "--epochs",
        "2",
        "--steps",
        "3",
        PYTHONIOENCODING="ascii",
    )
    assert (done.returncode, len(written(folder))) == (0, len(PICTURES)), done.stderr
    assert (
        python("-W", "error", "-m", "tinygrad_rnn", "check", PYTHONIOENCODING="ascii").returncode
        == 0
    )
