"""A file is there whole or not at all."""

import os
import time

import pytest

from tinygrad_rnn import files
from tinygrad_rnn.errors import OutputError
from tinygrad_rnn.files import prepare_folder, write_whole


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


def test_others_may_read_it(tmp_path):
    assert write_whole(tmp_path / "a", b"x").stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize("old", [b"old", None])
def test_a_failure_at_any_step_leaves_what_was_there(tmp_path, monkeypatch, step, old):
    target = tmp_path / "a.svg"
    if old is not None:
        target.write_bytes(old)
    monkeypatch.setattr(files.os, step, refuse)
    with pytest.raises(
        OutputError, match=r"^cannot write .*a\.svg: No space left on device\. Choose another folder\.$"
    ):
        write_whole(target, b"new")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == ({} if old is None else {"a.svg": old})


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
    assert seen == [(str(tmp_path), b"all of it", False)]  # in the same folder, so that renaming is atomic


def test_what_a_killed_process_left_goes_when_it_is_old(tmp_path):
    target, now = tmp_path / "a[1].npz", time.time()
    ages = {".a[1].npz.dead.tmp": 4000, ".a[1].npz.alive.tmp": 10, ".a1.npz.other.tmp": 4000, "a[1].npz.mine.tmp": 4000}
    for name, age in ages.items():
        (tmp_path / name).write_bytes(b"part")
        os.utime(tmp_path / name, (now - age, now - age))
    write_whole(target, b"whole")
    assert {p.name for p in tmp_path.iterdir()} == {"a[1].npz", *ages} - {".a[1].npz.dead.tmp"}
    assert target.read_bytes() == b"whole"


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_whole(tmp_path / "a", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "a").write_text("mine")
    for target in (tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"):
        with pytest.raises(OutputError, match="cannot write"):
            write_whole(target, b"x")
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
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(OutputError, match=r"^cannot write to the folder .*: .*\.$"):
            prepare_folder(folder)
    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"cannot write to the folder .*: No space left on device\.$"):
        prepare_folder(tmp_path)
