"""Training from the command line: every kind of data, resuming bit for bit, and errors."""

import gzip
import io
import json
import math
import os
import re
import shlex
import shutil
import signal
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.scenes import labels, of

import tinygrad_rnn as tg
from tinygrad_rnn import checkpoint
from tinygrad_rnn.cli import main
from tinygrad_rnn.data import load_text
from tinygrad_rnn.draw.scene import Box, Line
from tinygrad_rnn.errors import DataError
from tinygrad_rnn.nn import GRUCell, LSTMCell
from tinygrad_rnn.training.interrupt import deferred_interrupt
from tinygrad_rnn.training.lookup import problem_of
from tinygrad_rnn.training.model import Stack, make_model
from tinygrad_rnn.training.report import gradients, learning_curve, window
from tinygrad_rnn.training.run import Run
from tinygrad_rnn.training.settings import Settings
from tinygrad_rnn.training.tasks import TASKS

PICTURES = [os.path.join("pictures", f"{n}.svg") for n in ("gradients", "learning_curve")]
SMALL = ["--hidden", "6", "--window", "8", "--batch", "4"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my.txt").write_text("abracadabra, said the wizard.\n" * 30, "utf-8")
    return tmp_path


def run(capsys, *argv):
    """(exit status, what was printed, what was said on stderr without the progress bar)."""
    status = main(list(argv))
    out, err = capsys.readouterr()
    return (
        status,
        out,
        [line for line in re.split(r"[\r\n]+", err) if line.strip() and " left" not in line],
    )


def written():
    return sorted(str(p) for p in Path().rglob("*") if p.is_file() and p.name != "my.txt")


def arrays(path):
    with np.load(path) as saved:
        return {name: saved[name] for name in saved.files if name != "header.json"}


# -- what is trained -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Checkpoints, made once: of two updates, of a task, of another program, of settings that
    cannot be.
    """
    made, here = tmp_path_factory.mktemp("trained"), Path.cwd()
    (made / "my.txt").write_text("abracadabra, said the wizard.\n" * 30, "utf-8")
    os.chdir(made)
    try:
        assert (
            main(["train", "--data", "my.txt", *SMALL, "--updates", "2", "--checkpoint", "old.npz"])
            == 0
        )
        assert (
            main(
                [
                    "train",
                    "--data",
                    "adding",
                    "--updates",
                    "1",
                    "--checkpoint",
                    "task.npz",
                    "--hidden",
                    "3",
                ]
            )
            == 0
        )
        checkpoint.save("foreign.npz", progress={"epoch": 3})
        checkpoint.save("cell.npz", progress={"settings": {**Settings().saved(), "cell": "elman"}})
        checkpoint.save("odd.npz", progress={"settings": {**Settings().saved(), "hidden": 0}})
    finally:
        os.chdir(here)
    return made


@pytest.fixture
def checkpoints(trained, folder):
    for path in trained.glob("*.npz"):
        shutil.copy(path, folder)


@pytest.mark.parametrize("layers", ["1", "2"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_text(capsys, cell, layers):
    status, out, said = run(
        capsys,
        "train",
        "--data",
        "my.txt",
        "--cell",
        cell,
        "--layers",
        layers,
        *SMALL,
        "--epochs",
        "3",
    )
    assert (status, said, written()) == (0, [], [*PICTURES, "run.npz"])
    assert "my.txt: 900 characters, 16 different; 810 to train on, 90 to validate" in out
    first, last = re.search(
        r"bits per character: (\S+) -> (\S+) in validation, .*; counting, 3-gram: ", out
    ).groups()
    assert float(first) == pytest.approx(4, abs=0.3)  # log2 16
    assert float(last) < float(first)


@pytest.mark.parametrize("suffix", ["csv", "npy"])
def test_a_series(capsys, suffix):
    series = np.sin(np.arange(120)[:, None] * [0.5, 0.3]) * 40 + 7
    np.save("my.npy", series) if suffix == "npy" else np.savetxt("my.csv", series, delimiter=",")
    status, out, _ = run(
        capsys,
        "train",
        "--data",
        f"my.{suffix}",
        "--hidden",
        "8",
        "--epochs",
        "150",
        "--lr",
        "0.02",
    )
    assert status == 0
    first, last = re.search(
        r"error in standard deviations: (\S+) -> (\S+) in validation", out
    ).groups()
    assert float(last) < 0.6 * float(first)
    assert (
        run(
            capsys,
            "train",
            "--data",
            f"my.{suffix}",
            "--column",
            "2",
            "--updates",
            "1",
            "--checkpoint",
            "b.npz",
        )[0]
        == 0
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_task(capsys, task):
    status, out, _ = run(
        capsys,
        "train",
        "--data",
        task,
        "--hidden",
        "5",
        "--batch",
        "3",
        "--updates",
        "2",
        "--cell",
        "rnn",
    )
    assert (status, written()) == (0, [*PICTURES, "run.npz"])
    assert f"{task}: {TASKS[task].about}" in out


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "adagrad", "sgd"])
def test_every_optimiser_lowers_the_loss_of_a_stream(optimizer):
    s = Settings(
        data="my.txt",
        hidden=6,
        window=8,
        batch=4,
        lr=0.3 if optimizer == "sgd" else 0.01,
        optimizer=optimizer,
    )
    r = Run(s, problem_of(s), 50)
    first = r.validate()[2]
    for _ in range(50):
        r.update()
    assert r.validate()[2] < first - 0.1


def test_xor_can_be_known_at_every_third_bit():
    batch = problem_of(Settings(data="xor", window=30, batch=7)).training(
        0, np.random.default_rng(0)
    )
    bits = np.concatenate([batch.xs[:1], batch.targets])[..., 0].astype(int)
    assert_array_equal(bits[2::3], bits[0:30:3] ^ bits[1::3])


def test_a_segment_goes_on_where_the_last_ended_and_a_pass_begins_with_zeros():
    problem = problem_of(Settings(data="my.txt", window=8, batch=4))
    rng = np.random.default_rng(0)
    batches = [problem.training(n, rng) for n in range(problem.per_epoch + 1)]
    assert [b.fresh for b in batches] == [True, *[False] * (problem.per_epoch - 1), True]
    for a, b in zip(batches[:-2], batches[1:-1], strict=True):
        assert_array_equal(a.targets[-1], b.xs[0].argmax(-1))


def test_a_stack_is_its_cells_one_after_another():
    rng = np.random.default_rng(0)
    low, high = LSTMCell(2, 3, rng=rng), GRUCell(3, 4, rng=rng)
    stack, xs = Stack([low, high]), rng.standard_normal((5, 2, 2))
    hs, (h2, h1, c1) = tg.scan(stack, xs)
    below, (h, c) = tg.scan(low, xs)
    above, top = tg.scan(high, below)
    for ours, theirs in ((hs, above), (h2, top), (h1, h), (c1, c)):
        assert_allclose(ours.data, theirs.data)
    assert_allclose(hs.data, [x.data for x in tg.unroll(stack, xs).hidden])
    assert stack.states == ("h2", "h1", "c1")


@pytest.mark.parametrize("data", ["my.txt", "adding", "reber"])
def test_the_loss_of_the_drawn_window_is_that_of_the_problem(data):
    problem = problem_of(Settings(data=data, window=0 if data == "reber" else 8, batch=4))
    model = make_model("gru", problem.inputs, 4, 1, problem.outputs, last=problem.last, rng=0)
    batch = next(problem.validation())
    u = window(model, problem)
    y = u.outputs[-1] if problem.last else np.stack(u.outputs)
    longest = int(np.argmax((batch.targets >= 0).sum(axis=0))) if data == "reber" else 0
    wanted = batch.targets[0] if problem.last else batch.targets[: len(u), longest]
    assert len(u) == (
        min(30, np.sum(batch.targets[:, longest] >= 0)) if data == "reber" else len(batch.xs)
    )
    expected = problem.loss(y, wanted).item() * (1 if problem.last else np.sum(wanted >= 0))
    assert_allclose(u.loss.item(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("data", "updates", "after", "unit"),
    [
        ("my.txt", 50, "after 2 epochs", "nats per unit of s"),
        ("my.txt", 51, "after 51 updates", "nats per unit of s"),
        ("sunspots", 1, "after 1 update", "squared deviations per unit of s"),
        ("adding", 3, "after 3 updates", "squared error per unit of s"),
    ],
)
def test_gradients_before_and_after_stand_side_by_side_on_one_scale(data, updates, after, unit):
    s = Settings(data=data, hidden=4, window=8, batch=4)
    r = Run(s, problem_of(s), updates)
    assert r.problem.per_epoch == {"my.txt": 25, "sunspots": 8, "adding": None}[data]
    for _ in range(updates):
        r.update()
    scene = gradients(r).scene
    told = labels(scene)
    assert [told.count(words) for words in ("before training", after, unit, "smaller")] == [1] * 4
    assert any(f"LSTM, 1 × 4: {data}; s = (h, c)" in label for label in told)
    norms = [
        tg.gradient_flow(u.losses, u.states).norms()
        for u in (window(model, r.problem) for model in (make_like(r), r.model))
    ]
    drawn = [float(m[1]) for box in of(Box, scene) if (m := re.search(r": norm (\S+)", box.tip))]
    rows = [n[-1:] if data == "adding" else n for n in norms]
    terms = [n[k, : n.shape[1] - len(n) + k + 1] for n in rows for k in range(len(n))]
    assert_allclose(drawn, np.concatenate(terms), rtol=1e-5)


def make_like(r):
    """The model of a run as its seed made it."""
    p = r.problem
    return make_model("lstm", p.inputs, 4, 1, p.outputs, last=p.last, rng=r.settings.seed)


def test_the_learning_curve_has_a_point_for_every_hundredth_of_the_run():
    s = Settings(data="my.txt", hidden=4, window=8, batch=4)
    r = Run(s, problem_of(s), 250)
    r.validate()
    losses = [r.update()[0] for _ in range(250)]
    r.validate()
    scene = learning_curve(r).scene
    (line,) = [line for line in of(Line, scene) if line.tip == "training" and not line.dotted]
    assert len(line.points) == 100
    heights, means = (
        [y for _, y in line.points],
        [np.mean(piece) for piece in np.array_split(losses, 100)],
    )
    slope, _ = np.polyfit(means, heights, 1)
    assert slope < 0  # upwards is smaller
    assert_allclose(heights - np.mean(heights), slope * (means - np.mean(means)), atol=1e-6)
    assert len([box for box in of(Box, scene) if box.tip.startswith("validation: ")]) == 2


def test_what_is_told_of_the_sequences(capsys):
    for data, words in (
        ("copy", "of 30 steps"),
        ("reber", "of different lengths"),
        ("my.txt", "of 50 steps"),
    ):
        given = [
            "--data",
            data,
            "--hidden",
            "2",
            "--updates",
            "1",
            "--batch",
            "2",
            "--checkpoint",
            f"{data}.npz",
        ]
        assert f"2 sequences {words}\n" in run(capsys, "train", *given)[1]


NUMBER = r"\d+(?:\.\d+)?(?:e[+-]\d+)?"


@pytest.mark.parametrize(
    ("data", "short"),
    [("my.txt", "bits/char"), ("sunspots", "error"), ("temporal-order", "bits/seq")],
)
def test_the_bar_fits_into_a_terminal_of_eighty_columns(capsys, data, short):
    assert main(["train", "--data", data, "--hidden", "2", "--updates", "11", "--batch", "2"]) == 0
    last = [line for line in re.split(r"[\r\n]+", capsys.readouterr().err) if " left" in line][-1]
    numbers = rf"{short} {NUMBER}, gradient {NUMBER}, validation {NUMBER}"
    assert re.fullmatch(rf"\|█+\| 11/11, 00:00 left, {numbers} *", last)
    assert len(last.replace("█", "").strip()) < 75  # with the bar, and more digits than here


# -- stop and go on --------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["my.txt", "sunspots", "temporal-order"])
def test_a_resumed_run_has_the_bits_of_one_that_never_stopped(capsys, data):
    given = ["--data", data, "--hidden", "5", "--window", "10", "--layers", "2"]
    whole = run(capsys, "train", *given, "--updates", "23", "--checkpoint", "whole.npz")
    assert whole[0] == 0
    assert run(capsys, "train", *given, "--updates", "9", "--checkpoint", "parts.npz")[0] == 0
    status, out, _ = run(
        capsys, "train", "--resume", "--updates", "23", "--checkpoint", "parts.npz"
    )
    assert status == 0
    assert "updates 10 to 23" in out
    whole, parts = arrays("whole.npz"), arrays("parts.npz")
    assert whole.keys() == parts.keys()
    for name, array in whole.items():
        assert_array_equal(array, parts[name], err_msg=name)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "a request to end"]
)
def test_an_interrupt_saves_and_says_how_to_go_on(capsys, monkeypatch, number):
    given = ["train", "--data", "my.txt", *SMALL, "--epochs", "2"]
    assert run(capsys, *given, "--checkpoint", "whole.npz")[0] == 0
    update = Run.update

    def interrupted(self):
        if self.n == 7:
            signal.raise_signal(number)
        return update(self)

    handler = signal.getsignal(number)
    monkeypatch.setattr(Run, "update", interrupted)
    status, out, said = run(capsys, *given)
    assert status == 130
    assert re.search(r"stopped after 8 of \d+ updates; resume with$", said[0])
    assert said[1] == "  tinygrad-rnn train --resume --checkpoint run.npz"
    assert "wrote" not in out
    assert signal.getsignal(number) is handler


def test_the_command_to_go_on_with_can_be_pasted(capsys, monkeypatch):
    monkeypatch.setattr(
        "tinygrad_rnn.training.run.deferred_interrupt", lambda: _asking(iter([True]))
    )
    given = ["--data", "my.txt", *SMALL, "--out", "my pictures", "--checkpoint", "my run.npz"]
    status, _, said = run(capsys, "train", *given)
    assert (status, said[0]) == (130, "tinygrad-rnn: stopped after 0 of 125 updates; resume with")
    command = shlex.split(said[1])
    assert command[1:] == [
        "train",
        "--resume",
        "--checkpoint",
        "my run.npz",
        "--out",
        "my pictures",
    ]
    monkeypatch.setattr("tinygrad_rnn.training.run.deferred_interrupt", deferred_interrupt)
    assert run(capsys, *command[1:])[0] == 0
    assert Path("my pictures/gradients.svg").exists()


def test_a_long_epoch_is_saved_every_minute(monkeypatch):
    s = Settings(data="my.txt", hidden=4, window=8, batch=4)
    r, seen, now = (
        Run(s, problem_of(s), 20),
        [],
        iter(range(0, 10_000, 25)),
    )  # a look at the clock takes 25 seconds
    monkeypatch.setattr("tinygrad_rnn.training.run.time.monotonic", lambda: next(now))
    monkeypatch.setattr(Run, "save", lambda self, path: seen.append(self.n))
    assert r.train("run.npz")
    assert seen == [3, 6, 9, 12, 15, 18, 20]


def test_what_was_stopped_goes_on_without_options(capsys, monkeypatch, folder):
    given = ["train", "--data", "my.txt", *SMALL, "--epochs", "2"]
    assert run(capsys, *given, "--checkpoint", "whole.npz")[0] == 0
    asked = iter([False] * 7 + [True])
    with monkeypatch.context() as m:
        m.setattr("tinygrad_rnn.training.run.deferred_interrupt", lambda: _asking(asked))
        assert run(capsys, *given)[0] == 130
    assert run(capsys, "train", "--resume")[0] == 0
    whole, parts = arrays("whole.npz"), arrays("run.npz")
    assert [name for name in whole if np.any(whole[name] != parts[name])] == []


class _asking:  # noqa: N801
    def __init__(self, answers):
        self.answers = answers

    def __enter__(self):
        return lambda: next(self.answers)

    def __exit__(self, *_):
        return None


def test_a_second_ctrl_c_interrupts_at_once():
    with deferred_interrupt() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_another_thread_gets_no_signals():
    answers = []

    def work():
        with deferred_interrupt() as asked:
            answers.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]


# -- sample ----------------------------------------------------------------------------------------


def test_sample(capsys):
    assert (
        run(capsys, "train", "--data", "my.txt", *SMALL, "--updates", "60", "--lr", "0.03")[0] == 0
    )
    one, two, other = (
        run(capsys, "sample", "--length", "40", "--seed", s)[1] for s in ("1", "1", "2")
    )
    assert one == two != other
    assert len(one) == 41
    assert set(one) <= set("abracadabra, said the wizard.\n")
    greedy = [
        run(
            capsys, "sample", "--length", "5", "--temperature", "0", "--prompt", "wiz", "--seed", s
        )[1]
        for s in "12"
    ]
    assert greedy[0] == greedy[1]
    assert greedy[0].startswith("wiz")
    assert run(capsys, "sample", "--length", "5", "--temperature", "1e-320", "--prompt", "wiz")[
        :2
    ] == (0, greedy[0])
    assert run(capsys, "sample", "--length", "0", "--prompt", "wiz")[1] == "wiz\n"


def test_a_text_of_one_line_is_begun_anywhere(capsys):
    Path("my.txt").write_text("abcabdabe" * 60)
    run(capsys, "train", "--data", "my.txt", *SMALL, "--updates", "2")
    assert len(run(capsys, "sample", "--length", "9")[1]) == 10


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--checkpoint", "none.npz"], "cannot read the checkpoint none.npz"),
        (["--checkpoint", "my.txt"], "my.txt is no checkpoint, or not a whole one"),
        (
            ["--checkpoint", "foreign.npz"],
            "foreign.npz is a checkpoint, but not of a run of `tinygrad-rnn train`.",
        ),
        (["--checkpoint", "odd.npz"], "odd.npz holds settings that cannot be: --hidden is 0"),
        (
            ["--checkpoint", "task.npz"],
            "task.npz is a model of adding, not of characters. Train one on a text.",
        ),
        (
            ["--checkpoint", "cell.npz"],
            "cell.npz holds settings that cannot be: --cell is 'elman'; there are rnn, lstm, gru.",
        ),
        (["--length", "-1"], "--length is -1; it must be at least 0."),
        (["--temperature", "nan"], "--temperature is nan; it must be at least 0."),
        (["--temperature", "1e400"], "--temperature is inf; it must be at least 0."),
        (["--length", "9" * 30], "; it must be at most 1000000000."),
        (["--seed", "-1"], "--seed is -1; it must be at least 0."),
        (
            ["--prompt", "Q"],
            (
                "--prompt has 'Q', which the text of the model did not have. It knows "
                "only '\\n ,.abcdehirstwz'."
            ),
        ),
    ],
)
@pytest.mark.usefixtures("checkpoints")
def test_what_cannot_be_sampled(capsys, argv, words):
    status, out, said = run(
        capsys, "sample", *(argv if "--checkpoint" in argv else ["--checkpoint", "old.npz", *argv])
    )
    assert (status, out, len(said)) == (2, "", 1)
    assert words in said[0]


# -- what is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--hidden", "0"], "--hidden is 0; it must be at least 1."),
        (["--layers", "0"], "--layers is 0; it must be at least 1."),
        (["--window", "0"], "--window is 0; it must be at least 1."),
        (["--batch", "-1"], "--batch is -1; it must be at least 1."),
        (["--seed", "-1"], "--seed is -1; it must be at least 0."),
        (["--lr", "nan"], "--lr is nan; it must be positive."),
        (["--clip", "0"], "--clip is 0.0; it must be positive, or inf for no clipping."),
        (["--validation", "1"], "--validation is 1.0; it is a share of the data between 0 and 1."),
        (["--epochs", "0"], "--epochs is 0; it must be at least 1."),
        (["--data", "adding", "--epochs", "3"],
         "--epochs is 3, but the sequences of a task are always new. Use --updates."),
        (["--data", "reber", "--window", "9"],
         "but the sequences of reber have lengths of their own. Leave it out."),
        (["--data", "adding", "--window", "1"], "steps is 1; it must be at least 2"),
        (["--data", "addition"],
         "there is no file addition and no task of that name. Give a file, or one of text, "),
        (["--data", "none.txt"], "cannot read none.txt: No such file or directory."),
        (["--data", "none.csv"], "cannot read none.csv: No such file or directory."),
        (["--data", "empty.txt"], "empty.txt is empty: there is no text to learn."),
        (["--data", "latin.txt"], "latin.txt is not UTF-8 text"),
        (["--data", "nul\0.txt"], "cannot read nul\\x00.txt: a name holds no NUL character."),
        (["--data", "\ud800.csv"], "cannot read \\ud800.csv: "),
        (["--data", "constant.csv"],
         "column 1 of the data is constant: there is nothing to learn."),
        (["--data", "my.txt", "--column", "1"], "--column is '1', but my.txt has no columns."),
        (["--data", "my.txt", "--window", "900"], "are too few for --batch 32 and --window 900: "),
        (["--data", "my.txt", "--resume"], "cannot read the checkpoint run.npz"),
        (["--data", "my.txt", *SMALL, "--checkpoint", "old.npz"],
         "old.npz is there already. Resume it with --resume"),
        (["--data", "my.txt", *SMALL, "--checkpoint", "my.txt"],
         "my.txt is there already. It is no run: give anoth"),
        (["--data", "my.txt", *SMALL, "--checkpoint", "."],
         "cannot write .: it is a folder. Choose another name."),
        (["--data", "none.csv", "--checkpoint", "old.npz"],
         "cannot read none.csv: No such file or directory."),
        (["--data", "my.txt", "--checkpoint", "old.npz"],
         "are too few for --batch 32 and --window 50: "),
        (["--data", "my.txt", *SMALL, "--checkpoint", "old.npz", "--epochs", "0"],
         "--epochs is 0; it must be"),
        (["--data", "my.txt", *SMALL, "--checkpoint", "my.txt/run.npz"],
         "cannot write my.txt/run.npz: Not a direc"),
        (["--data", "."], "cannot read .: it is a folder."),
        (["--data", "x" * 300], "cannot read " + "x" * 300 + ": File name too long."),
        (["--data", "my.txt", "--separator", ";"], "--separator is ;, but my.txt has no columns."),
        (["--data", "my.txt", "--no-header"], "--header is False, but my.txt has no columns."),
        (["--data", "sunspots", "--column", "2"], "--column is '2', but sunspots has no columns."),
        (["--data", "adding", "--column", "a", "--column", "b"],
         "--column is 'a', 'b', but adding has no columns."),
        (["--data", "wide.csv", "--column", "a", "--column", "z"],
         "wide.csv has no column 'z': it has 2 (a, b)."),
        (["--data", "huge.csv"], "its entries are too far apart to be scaled."),
        (["--hidden", "1000001"], "--hidden is 1000001; it must be at most 1000000."),
        (["--layers", "9" * 30], "--layers is " + "9" * 30 + "; it must be at most 1000."),
        (["--batch", "1" + "0" * 30], "; it must be at most 1000000."),
        (["--updates", "1" + "0" * 30], "; it must be at most 1000000000."),
        (["--data", "my.txt", "--epochs", "1" + "0" * 30], "; it must be at most 1000000000."),
        (["--lr", "1e400"], "--lr is inf; it must be positive."),
        (["--data", "adding", "--hidden", "1000000", "--updates", "1"], "Lower the sizes."),
        (["--resume", "--checkpoint", "my.txt"], "my.txt is no checkpoint, or not a whole one"),
        (["--resume", "--checkpoint", "foreign.npz"],
         "foreign.npz is a checkpoint, but not of a run of"),
        (["--resume", "--checkpoint", "old.npz"],
         "old.npz has made its 2 updates. Give a larger total: --epochs or"),
        (["--resume", "--checkpoint", "old.npz", "--hidden", "7"],
         "--hidden is 7, but old.npz was trained with 6."),
        (["--resume", "--checkpoint", "old.npz", "--data", "other.txt"],
         "old.npz was trained on other data ("),
        (["--data", "my.txt", *SMALL, "--out", "my.txt"], "cannot write to the folder my.txt: "),
        (["--data", "sunspots", "--optimizer", "sgd", "--lr", "1e30"], "Lower --lr, or --clip."),
        (["--data", "my.txt", *SMALL, "--lr", "1e38", "--updates", "1", "--optimizer", "sgd"],
         "Lower --lr, or"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("checkpoints")
def test_bad_input_is_one_line_and_nothing_is_written(capsys, argv, words):
    Path("empty.txt").write_text("")
    Path("latin.txt").write_bytes(b"caf\xe9")
    Path("constant.csv").write_text("1\n" * 90)
    Path("other.txt").write_text("something else. " * 100)
    Path("wide.csv").write_text("a,b\n" + "1,2\n3,1\n" * 60)
    Path("huge.csv").write_text("1e308\n-1e308\n" * 60)
    before, old = written(), Path("old.npz").read_bytes()
    status, _, said = run(capsys, "train", *argv)
    assert (status, len(said)) == (2, 1), said
    assert said[0].startswith("tinygrad-rnn: error: ")
    assert words in said[0]
    assert written() == before
    assert Path("old.npz").read_bytes() == old


def test_a_run_of_another_version_is_told(capsys):
    s = Settings(data="my.txt", hidden=6, window=8, batch=4)
    r = Run(s, problem_of(s), 9)
    data = {"fingerprint": r.problem.fingerprint}
    checkpoint.save(
        "run.npz", model=r.model, progress={"settings": s.saved(), "data": data, "total": 9, "n": 3}
    )
    status, _, said = run(capsys, "train", "--resume")
    assert status == 2
    assert (
        "run.npz lacks state, losses, history: another version wrote it. Start a new run."
        in said[0]
    )


def checkpoint_with(path, change):
    """old.npz with something else in its header, or with another array."""
    with zipfile.ZipFile("old.npz") as archive:
        header, members = (
            json.loads(archive.read("header.json")),
            {n: archive.read(n) for n in archive.namelist()[1:]},
        )
    change(header["parts"], members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {"header.json": json.dumps(header), **members}.items():
            archive.writestr(name, content)
    return Path(path).read_bytes()


def npy(array):
    content = io.BytesIO()
    np.lib.format.write_array(content, array)
    return content.getvalue()


def put(value, *places):
    """A change of a header at one place."""

    def change(parts, _):
        for place in places[:-1]:
            parts = parts[place]
        parts[places[-1]] = value

    return change


def array(value, name):
    return lambda _, members: members.update({f"{name}.npy": npy(np.asarray(value))})


ODD = [
    None,
    True,
    -1,
    0,
    3,
    2**70,
    10**400,
    0.5,
    math.nan,
    math.inf,
    "x",
    "\ud800",
    [],
    [1],
    [[1]],
    {},
    {"a": 1},
]
FIELDS = [
    *(
        ("progress", name)
        for name in ("settings", "data", "n", "total", "state", "losses", "history")
    ),
    *(
        ("progress", "settings", name)
        for name in ("data", "column", "cell", "hidden", "layers", "lr", "clip", "seed")
    ),
    *(("progress", "data", name) for name in ("kind", "fingerprint", "symbols")),
    *(("progress", "history", *place) for place in ((0,), (0, 0), (0, 1))),
    ("progress", "state", 0),
    ("progress",),
    ("model",),
    ("model", "cell.W_xh"),
    ("optimizer",),
    ("optimizer", "state"),
    ("optimizer", "state", 0, "step"),
    ("optimizer", "param_groups", 0, "lr"),
    ("rng",),
    ("rng", "state", "inc"),
]


@pytest.mark.parametrize(
    "every", [pytest.param(1, marks=pytest.mark.long), 5], ids=["each value", "a fifth"]
)
@pytest.mark.parametrize("places", FIELDS, ids=lambda places: ".".join(map(str, places)))
@pytest.mark.usefixtures("checkpoints")
def test_odd_values_of_a_checkpoint_are_refused_before_anything_is_written(
    capsys, monkeypatch, places, every
):
    """Each command that reads it ends well, or with one line of ours and the file as it was."""
    monkeypatch.setenv("PATH", "")  # without Graphviz pictures are faster
    refusals = 0
    values = ODD[FIELDS.index(places) % every :: every]
    for value in values:
        content = checkpoint_with("odd.npz", put(value, *places))
        for command in (["train", "--resume", "--updates", "3"], ["sample", "--length", "2"]):
            status, _, said = run(capsys, *command, "--checkpoint", "odd.npz")
            assert status in (0, 2)
            if status == 2:
                refusals += 1
                assert said[-1].startswith("tinygrad-rnn: error: ")
                assert said[-1].isprintable()
                assert Path("odd.npz").read_bytes() == content
            Path("odd.npz").write_bytes(content)
    assert refusals >= len(values) // 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            put(7, "progress", "settings", "hidden"),
            "of the model cannot be an array float32 of shape",
        ),
        (
            put(10**6, "progress", "settings", "hidden"),
            "of the model cannot be an array float32 of shape",
        ),
        (put(2, "progress", "settings", "layers"), "of the model cannot be"),
        (
            put("gru", "progress", "settings", "cell"),
            "W_xh of the model cannot be an array float32 of shape",
        ),
        (put(5, "progress", "n"), "n cannot be 5."),
        (put(10**17, "progress", "total"), "total cannot be 100000000000000000."),
        (put("ab", "progress", "data", "symbols"), "data cannot be {'kind': 'text'"),
        (put("x", "progress", "data", "fingerprint"), "was trained on other data (x) than"),
        (
            put([[0, 1.0, 1.0], [0, 1.0, 1.0]], "progress", "history"),
            "history cannot be [[0, 1.0, 1.0], [0, 1.0, 1.0]].",
        ),
        (put([[3, 1.0, 1.0]], "progress", "history"), "history cannot be [[3, 1.0, 1.0]]."),
        (put([[0, math.nan, 1.0]], "progress", "history"), "history cannot be [[0, nan, 1.0]]."),
        (array(np.zeros(3), "progress/losses"), "losses cannot be an array float64 of shape (3,)."),
        (
            array([1.0, np.inf], "progress/losses"),
            "losses cannot be an array float64 of shape (2,) with NaN or i",
        ),
        (array(np.zeros((9, 6), np.float32), "progress/state.0"), "state cannot be"),
        (
            array(np.full((16, 24), np.nan, np.float32), "model/cell.W_xh"),
            (
                "cell.W_xh of the model cannot be an array float32 of shape (16, 24) "
                "with NaN or infinity in it. The file"
            ),
        ),
        (
            array(np.zeros((0, 24), np.float32), "model/cell.W_xh"),
            "cell.W_xh of the model cannot be",
        ),
        (array(np.zeros((16, 24), complex), "model/cell.W_xh"), "cell.W_xh of the model cannot be"),
        (
            array(np.zeros(3, "U2"), "model/readout.b_y"),
            "readout.b_y of the model cannot be an array <U2",
        ),
        (
            array(np.zeros((9, 9)), "optimizer/state.0.exp_avg"),
            "optimizer: state.0.exp_avg, of cell.W_xh, has shape",
        ),
    ],
)
@pytest.mark.usefixtures("checkpoints")
def test_what_is_wrong_with_a_checkpoint_is_named(capsys, change, words):
    content = checkpoint_with("odd.npz", change)
    status, _, said = run(capsys, "train", "--resume", "--updates", "3", "--checkpoint", "odd.npz")
    assert (status, len(said)) == (2, 1)
    assert "odd.npz" in said[0]
    assert words in said[0]
    assert Path("odd.npz").read_bytes() == content


def test_states_of_another_batch_are_refused(capsys):
    assert (
        run(
            capsys, "train", "--data", "my.txt", *SMALL, "--updates", "2", "--checkpoint", "old.npz"
        )[0]
        == 0
    )
    parts = [np.zeros((9, 6), np.float32)] * 2

    def change(_, members):
        members.update({f"progress/state.{i}.npy": npy(part) for i, part in enumerate(parts)})

    checkpoint_with("odd.npz", change)
    status, _, said = run(capsys, "train", "--resume", "--updates", "3", "--checkpoint", "odd.npz")
    assert status == 2
    assert "odd.npz holds a state of 9 sequences; the run has 4." in said[0]


@pytest.mark.usefixtures("checkpoints")
def test_a_checkpoint_of_before_there_were_several_columns(capsys):
    def change(parts, _):
        settings = parts["progress"]["settings"]
        for name in ("separator", "decimal", "header"):
            del settings[name]

    checkpoint_with("new.npz", change)
    assert run(capsys, "train", "--resume", "--updates", "3", "--checkpoint", "new.npz")[0] == 0
    series = "a,b,c\n" + "".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(60))
    Path("my.csv").write_text(series)
    Path("old.npz").unlink()
    given = [
        "--data",
        "my.csv",
        "--column",
        "b",
        *SMALL,
        "--updates",
        "1",
        "--checkpoint",
        "old.npz",
    ]
    assert run(capsys, "train", *given)[0] == 0
    checkpoint_with("new.npz", put("b", "progress", "settings", "column"))
    assert run(capsys, "train", "--resume", "--updates", "2", "--checkpoint", "new.npz")[0] == 0


def test_several_columns_and_how_a_series_is_written(capsys):
    rows = "".join(f"d{i};{i % 7},5;{i % 5},25;{i * i % 11}\n" for i in range(60))
    Path("my.csv").write_text("day;a;b;c\n" + rows)
    Path("my.tsv").write_text(("day;a;b;c\n" + rows).replace(";", "\t").replace(",", "."))
    Path("packed.csv.gz").write_bytes(gzip.compress(Path("my.csv").read_bytes()))
    small = [*SMALL, "--updates", "2"]
    for i, given in enumerate((
        ["--data", "my.csv", "--column", "c", "--column", "a"],
        ["--data", "my.tsv", "--column", "4", "--column", "2", "--separator", "tab"],
        ["--data", "packed.csv.gz", "--column", "c", "--column", "2", "--decimal", ",", "--header"],
    )):  # fmt: skip
        status, out, _ = run(capsys, "train", *given, *small, "--checkpoint", f"{i}.npz")
        assert status == 0
        assert ("the decimal sign is a comma" in out) == (i == 0)
    for i in (1, 2):
        for name, array in arrays("0.npz").items():
            assert_array_equal(array, arrays(f"{i}.npz")[name])
    status, out, _ = run(capsys, "train", "--data", "my.csv", *small, "--checkpoint", "all.npz")
    assert out.startswith(
        "my.csv: the decimal sign is a comma\nmy.csv: left out column 'day' "
        "(no numbers)\nmy.csv: 60 en"
    )
    assert run(capsys, "train", "--resume", "--updates", "3", "--checkpoint", "0.npz")[0] == 0
    status, _, said = run(
        capsys, "train", "--resume", "--updates", "9", "--column", "c", "--checkpoint", "0.npz"
    )
    assert status == 2
    assert "--column is 'c', but 0.npz was trained with 'c', 'a'." in said[0]
    again = [
        "train",
        "--resume",
        "--updates",
        "4",
        "--column",
        "c",
        "--column",
        "a",
        "--checkpoint",
        "0.npz",
    ]
    assert run(capsys, *again)[0] == 0


def test_home_in_every_path(capsys, monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    Path("my.txt").rename(home / "my.txt")
    given = [
        "--data",
        "~/my.txt",
        *SMALL,
        "--updates",
        "1",
        "--checkpoint",
        "~/new/run.npz",
        "--out",
        "~/p",
    ]
    assert run(capsys, "train", *given)[0] == 0
    assert (
        run(
            capsys,
            "train",
            "--resume",
            "--updates",
            "2",
            "--checkpoint",
            "~/new/run.npz",
            "--out",
            "~/p",
        )[0]
        == 0
    )
    assert run(capsys, "sample", "--length", "3", "--checkpoint", "~/new/run.npz")[0] == 0
    assert run(capsys, "draw", "--weights", "~/new/run.npz", "--steps", "3", "--out", "~/q")[0] == 0
    assert sorted(p.name for p in home.iterdir()) == ["my.txt", "new", "p", "q"]
    assert [p.name for p in tmp_path.iterdir()] == ["home"]
    assert "home" not in run(capsys, "train", *given)[2][0]  # told as it was given


def test_a_file_without_a_suffix_is_text(capsys):
    Path("notes").write_text(Path("my.txt").read_text())
    assert run(capsys, "train", "--data", "notes", *SMALL, "--updates", "1")[0] == 0
    assert load_text("notes") == Path("my.txt").read_text()
    with pytest.raises(DataError, match="cannot read"):
        load_text(".")


def test_a_reader_that_has_read_enough(capsys, monkeypatch):
    run(capsys, "train", "--data", "my.txt", *SMALL, "--updates", "1")
    monkeypatch.setattr(
        "tinygrad_rnn.cli.sample.sample", lambda *_, **__: (_ for _ in ()).throw(BrokenPipeError())
    )
    monkeypatch.setattr("tinygrad_rnn.cli.command.os.dup2", lambda *_: None)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1, raising=False)
    assert main(["sample"]) == 141


def test_a_text_is_that_of_the_help_topics(monkeypatch):
    monkeypatch.setattr("tinygrad_rnn.training.lookup.python_topics", lambda: "to be or not " * 90)
    problem = problem_of(Settings(data="text", window=5, batch=2))
    assert problem.inputs == len(set("to be or not"))
