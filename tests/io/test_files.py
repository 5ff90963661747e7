"""A file is there whole or not at all, with the mode it should have,
and nobody else's is touched.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tinygrad_rnn.errors import ArgumentTypeError, DataError, MissingFileError, OutputError
from tinygrad_rnn.io import files
from tinygrad_rnn.io.files import (
    local,
    prepare_file,
    prepare_folder,
    read_whole,
    shown,
    write_whole,
)

pytestmark = pytest.mark.tiny

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, locks and links are POSIX's")


def refuse(*args, **kwargs):
    raise OSError(28, "No space left on device")


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


def test_a_file_is_written_and_returned(tmp_path):
    target = tmp_path / "new" / "folder" / "a.svg"
    assert write_whole(target, b"whole") == target
    assert target.read_bytes() == b"whole"
    assert list(target.parent.iterdir()) == [target]
    assert write_whole(str(target), b"") == target
    assert target.read_bytes() == b""


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask):
    before = os.umask(umask)
    try:
        assert write_whole(tmp_path / "a", b"x").stat().st_mode & 0o7777 == 0o666 & ~umask
    finally:
        os.umask(before)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755, 0o666])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, mode):
    target = tmp_path / "a"
    target.write_bytes(b"old")
    target.chmod(mode)
    assert write_whole(target, b"new").stat().st_mode & 0o7777 == mode
    assert target.read_bytes() == b"new"


@posix
def test_what_is_private_is_so_from_the_beginning(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o600)
    modes = []
    monkeypatch.setattr(
        files.os, "chmod", lambda path, mode: modes.append(os.stat(path).st_mode & 0o777)
    )
    write_whole(tmp_path / "a", b"new")
    assert modes == [0o600]


@posix
def test_a_link_is_followed_and_stays(tmp_path):
    kept, link, chain = tmp_path / "kept" / "real", tmp_path / "link", tmp_path / "chain"
    kept.parent.mkdir()
    kept.write_bytes(b"old")
    kept.chmod(0o640)
    link.symlink_to(Path("kept") / "real")
    chain.symlink_to(link)
    assert write_whole(chain, b"new") == chain
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"new", 0o640)
    assert link.is_symlink()
    assert chain.is_symlink()
    assert [p.name for p in kept.parent.iterdir()] == ["real"]


@posix
def test_a_link_to_what_is_not_there_yet_and_one_that_leads_nowhere(tmp_path):
    link, folder, ring = tmp_path / "link", tmp_path / "folder", tmp_path / "ring"
    link.symlink_to(Path("new") / "target")
    folder.symlink_to(tmp_path / "elsewhere")
    ring.symlink_to(ring)
    write_whole(link, b"x")
    assert (tmp_path / "new" / "target").read_bytes() == b"x"
    write_whole(folder / "a", b"x")
    assert prepare_folder(folder) == folder
    assert (tmp_path / "elsewhere" / "a").read_bytes() == b"x"
    with pytest.raises(
        OutputError, match=r"cannot write .*ring: .*symbolic links\. Choose another name\.$"
    ):
        write_whole(ring, b"x")
    assert ring.is_symlink()


@pytest.mark.parametrize(("step", "old"), [("open", None), ("fsync", None), ("replace", None),
                                           ("open", b"old"),
                                           ("chmod", b"old"), ("fsync", b"old"),
                                           ("replace", b"old")])  # fmt: skip
def test_a_failure_at_any_step_leaves_what_was_there(tmp_path, monkeypatch, step, old):
    target = tmp_path / "a.svg"
    if old is not None:
        target.write_bytes(old)
    monkeypatch.setattr(files.os, step, refuse)
    with pytest.raises(
        OutputError,
        match=r"^cannot write .*a\.svg: No space left on device\. Choose another folder\.$",
    ):
        write_whole(target, b"new")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == (
        {} if old is None else {"a.svg": old}
    )


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_an_interruption_leaves_no_temporary_file(tmp_path, monkeypatch, step):
    monkeypatch.setattr(files.os, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.svg", b"new")
    assert list(tmp_path.iterdir()) == []


def test_the_file_appears_in_one_step(tmp_path, monkeypatch):
    seen = []

    def replace(source, target):
        seen.append((os.path.dirname(source), open_and_read(source), target.exists()))

    def open_and_read(path):
        with open(path, "rb") as file:
            return file.read()

    monkeypatch.setattr(files.os, "replace", replace)
    write_whole(tmp_path / "a", b"all of it")
    assert seen == [
        (str(tmp_path), b"all of it", False)
    ]  # in the same folder, so that renaming is atomic


def left_behind(target, monkeypatch):
    """The path of what a process leaves that is killed before it renames its temporary file; an
    hour old.
    """
    before = set(target.parent.iterdir())
    with monkeypatch.context() as m:
        m.setattr(files.os, "replace", refuse)
        m.setattr(files.os, "unlink", refuse)
        with pytest.raises(OutputError):
            write_whole(target, b"part")
    (left,) = set(target.parent.iterdir()) - before
    os.utime(left, (time.time() - 4000,) * 2)
    return left


def test_what_a_killed_process_left_goes_when_it_is_old(tmp_path, monkeypatch):
    target = tmp_path / "a[1].npz"
    left, young = left_behind(target, monkeypatch), left_behind(target, monkeypatch)
    os.utime(young)
    write_whole(target, b"whole")
    assert not left.exists()
    assert young.exists()
    assert target.read_bytes() == b"whole"


def test_the_temporary_files_of_others_stay(tmp_path, monkeypatch):
    target = tmp_path / "run.npz"
    ours = left_behind(target, monkeypatch).name
    others = [
        *(
            left_behind(tmp_path / name, monkeypatch).name
            for name in ("run.npz2", "run", "x" * 30 + "a", "x" * 30 + "b")
        ),
        ".run.npz.dead.tmp",
        ".run.npz.tmp",
        ours.removeprefix("."),
        ours.replace(".tinygrad_rnn.tmp", ".mine.tinygrad_rnn.tmp"),
        ours.removesuffix(".tinygrad_rnn.tmp"),
    ]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
        os.utime(tmp_path / name, (time.time() - 10**6,) * 2)
    write_whole(target, b"whole")
    assert {p.name for p in tmp_path.iterdir()} == {"run.npz", *others}
    write_whole(tmp_path / ("x" * 30 + "a"), b"whole")
    assert (tmp_path / others[3]).exists()  # of a name that only ends in another way


HOLDING = """
import os, sys
from tinygrad_rnn.io import files

def hold(*_):
    os.utime(sys.argv[1] + "/" + next(n for n in os.listdir(sys.argv[1]) if n.endswith(".tmp")),
             (0, 0))
    print("holding", flush=True)
    sys.stdin.read()

files.os.fsync = hold
files.write_whole(sys.argv[1] + "/a", b"theirs")
"""


@posix
def test_the_temporary_file_of_a_living_process_stays_however_old_it_is(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "holding\n"
        write_whole(tmp_path / "a", b"ours")
        assert len(list(tmp_path.iterdir())) == 2
        process.stdin.close()
        assert process.wait() == 0
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"theirs"


@pytest.mark.parametrize(
    "name", ["x" * 250, "ü" * 120, "x" * 255, " ", "a\nb", "-rf", ".tmp", "~$a.npz", "%s{0}"]
)
def test_odd_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, name):
        write_whole(path, b"x")
        assert read_whole(path) == b"x"
        assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a\0b", r"a\\x00b: a name holds no NUL character"),
        ("\ud800", r"\\ud800: .*surrogates not allowed"),
        ("x" * 256, "File name too long"),
        ("", "it is a folder"),
        ("/dev/null", "it is a device, not a file"),
    ],
)
def test_names_that_no_file_can_have(tmp_path, name, words):
    path = f"{tmp_path}/{name}" if name != "/dev/null" else name
    if name == "/dev/null" and not os.path.exists(name):
        path, words = str(tmp_path), "it is a folder"
    for write in (lambda: write_whole(path, b"x"), lambda: prepare_file(path)):
        with pytest.raises(
            OutputError, match=rf"^cannot write .*{words}.*\. Choose another name\.$"
        ) as caught:
            write()
        assert str(caught.value).isprintable()
    with pytest.raises(DataError, match=rf"^cannot read the weights .*{words}") as caught:
        read_whole(path, "the weights ")
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [None, 3, ["a"], 1.5])
def test_what_is_no_path(path):
    for call in (read_whole, prepare_file, prepare_folder, lambda path: write_whole(path, b"")):
        with pytest.raises(ArgumentTypeError, match="a path is a text or a Path, not "):
            call(path)


def test_home(tmp_path, monkeypatch):
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    for path in ("~/a/b.txt", Path("~/a/b.txt")):
        assert write_whole(path, b"x") == home / "a" / "b.txt"
        assert read_whole(path) == b"x"
    assert prepare_folder("~/c") == home / "c"
    assert prepare_file("~/c/d") == home / "c" / "d"
    assert list(here.iterdir()) == []
    for path in ("~nobody-of-this-name/a", "~nobody-of-this-name/b/c"):
        with pytest.raises(OutputError, match="there is no home folder ~nobody-of-this-name"):
            write_whole(path, b"x")
        with pytest.raises(OutputError, match="there is no home folder ~nobody-of-this-name"):
            prepare_folder(path)
        with pytest.raises(MissingFileError, match="there is no home folder ~nobody-of-this-name"):
            read_whole(path)
    assert list(here.iterdir()) == []
    write_whole("./~/a", b"y")  # said to be a folder here
    assert (here / "~" / "a").read_bytes() == b"y"
    assert local(local("./~/a")) == here / "~" / "a"
    assert local("a~/~b") == Path("a~/~b")


def test_a_file_that_is_not_there_is_told_by_pythons_kind(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"^cannot read .*none: No such file or directory\.$"
    ):
        read_whole(tmp_path / "none")
    assert shown(tmp_path / "a b") == str(tmp_path / "a b")


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_whole(tmp_path / "a", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "a").write_text("mine")
    for target in (tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"):
        for write in (
            lambda target=target: write_whole(target, b"x"),
            lambda target=target: prepare_file(target),
        ):
            with pytest.raises(OutputError, match=r"cannot write .*: Not a directory\."):
                write()
    assert (tmp_path / "a").read_text() == "mine"


def test_an_error_is_an_os_error(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(OSError, match="cannot write"):
        write_whole(tmp_path / "a" / "b", b"x")


def test_a_folder_is_prepared_and_left_empty(tmp_path):
    folder = prepare_folder(tmp_path / "a" / "b")
    assert folder == tmp_path / "a" / "b"
    assert list(folder.iterdir()) == []
    assert prepare_folder(str(folder)) == folder


def test_a_folder_that_cannot_be_prepared(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("mine")
    for folder, words in (
        (tmp_path / "a", "it is a file, not a folder"),
        (tmp_path / "a" / "b", "Not a directory"),
    ):
        with pytest.raises(OutputError, match=rf"^cannot write to the folder .*: {words}\.$"):
            prepare_folder(folder)
    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
    with pytest.raises(
        OutputError, match=r"cannot write to the folder .*: No space left on device\.$"
    ):
        prepare_folder(tmp_path)
