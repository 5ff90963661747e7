"""Paths as people write them, and files that are there whole or not at all."""

import contextlib
import errno
import glob
import hashlib
import os
import secrets
import stat
import sys
import tempfile
import time
from pathlib import Path

from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DataError,
    MissingFileError,
    OutputError,
    TinygradError,
)

if sys.platform != "win32":
    import fcntl

_STALE = 3600.0  # seconds: nobody is writing to a temporary file that is older
_SUFFIX = ".tinygrad_rnn.tmp"
_NAMING = (errno.EISDIR, errno.ENAMETOOLONG, errno.ENXIO, errno.ELOOP)  # no matter of the folder


def local(path: str | os.PathLike[str]) -> Path:
    """The path, with `~` or `~user` at its beginning as that home folder.

    Raises FileNotFoundError for the home of nobody, ValueError for a NUL in the name.
    """
    text = text_of(path)
    if "\0" in text:
        raise ValueError("a name holds no NUL character")
    found = Path(os.path.expanduser(text))
    if text.startswith("~") and str(found).startswith("~") and len(found.parts) > 1:
        raise FileNotFoundError(errno.ENOENT, f"there is no home folder {found.parts[0]}")
    return found.absolute() if str(found).startswith("~") else found  # not to be taken for a home


def text_of(path: str | os.PathLike[str]) -> str:
    """The path as it was written.  Raises ArgumentTypeError for what is no path."""
    try:
        return os.fsdecode(path)
    except TypeError:
        raise ArgumentTypeError(f"a path is a text or a Path, not {path!r:.60}.") from None


def shown(path: str | os.PathLike[str]) -> str:
    """The path as an error tells it: on one line, whatever its characters are."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text_of(path))


def read_whole(path: str | os.PathLike[str], what: str = "") -> bytes:
    """The bytes of a file; `what` says in an error which file it is.

    Raises MissingFileError if it is not there, DataError if it cannot be read.
    """
    try:
        source = local(path)
        mode = source.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise _no_file(mode)
        return source.read_bytes()
    except TinygradError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        kind = MissingFileError if isinstance(error, FileNotFoundError) else DataError
        raise kind(f"cannot read {what}{shown(path)}: {_why(error)}.") from error


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write under a temporary name in the same folder, flush, rename; returns the path.

    A link stays one: what it points to is written.  A file that is replaced keeps its mode.
    What a killed process left of an earlier attempt at this file is removed when it is an hour old.
    Raises OutputError.
    """
    temporary = None
    try:
        given = local(path)
        target = _target(given)
        old = _mode_of(target)
        _make_folder(target.parent)
        beginning = _beginning(target.name)
        name = target.with_name(f"{beginning}{secrets.token_hex(8)}{_SUFFIX}")
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0),
                         0o666 if old is None else stat.S_IMODE(old) & 0o777)  # fmt: skip
        temporary = name
        with os.fdopen(handle, "wb") as file:
            _lock(handle)
            if old is not None:
                os.chmod(temporary, stat.S_IMODE(old))
            file.write(content)
            file.flush()
            os.fsync(handle)
        os.replace(temporary, target)
    except BaseException as error:  # Ctrl-C too leaves no temporary file behind
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, TinygradError) or not isinstance(error, (OSError, ValueError)):
            raise
        raise _cannot_write(path, error) from error
    _remove_stale(target.parent, beginning)
    return given


def prepare_file(path: str | os.PathLike[str]) -> Path:
    """Make its folder if need be and see that the file could be written.  Raises OutputError."""
    try:
        file = local(path)
        target = _target(file)
        _mode_of(target)
    except TinygradError:
        raise
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from error
    prepare_folder(target.parent)
    return file


def prepare_folder(path: str | os.PathLike[str]) -> Path:
    """Make the folder if need be and see that files can be written to it.  Raises OutputError."""
    try:
        folder = local(path)
        _make_folder(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except TinygradError:
        raise
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write to the folder {shown(path)}: {_why(error)}.") from error
    return folder


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _cannot_write(path: str | os.PathLike[str], error: Exception) -> OutputError:
    naming = not isinstance(error, OSError) or error.errno in _NAMING
    other = "name" if naming else "folder"
    return OutputError(f"cannot write {shown(path)}: {_why(error)}. Choose another {other}.")


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _no_file(mode: int) -> OSError:
    if stat.S_ISDIR(mode):
        return IsADirectoryError(errno.EISDIR, "it is a folder")
    return OSError(errno.ENXIO, "it is a device, not a file")


def _mode_of(target: Path) -> int | None:
    """The mode of the file; None if it is not there.  Raises OSError for a folder or a device."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise _no_file(mode)
    return mode


def _make_folder(folder: Path) -> None:
    try:
        os.makedirs(os.path.realpath(folder), exist_ok=True)  # a link may lead nowhere yet
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a folder") from error


def _beginning(name: str) -> str:
    """How the temporary files of this file begin, and of no other; short whatever the name is."""
    return f".{name[:24]}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}."


def _lock(handle: int) -> bool:
    """Whether nobody else holds the open file; a lock ends with its process, however that ends."""
    if sys.platform != "win32":  # there an open file cannot be removed
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held, or a file system without locks
            return False
    return True


def _remove_stale(folder: Path, beginning: str) -> None:
    for left in folder.glob(f"{glob.escape(beginning)}{'[0-9a-f]' * 16}{_SUFFIX}"):
        with contextlib.suppress(OSError):  # another writer may have removed it
            found = left.lstat()
            if not stat.S_ISREG(found.st_mode) or time.time() - found.st_mtime <= _STALE:
                continue
            handle = os.open(left, os.O_RDONLY)
            try:
                abandoned = _lock(handle)
            finally:
                os.close(handle)
            if abandoned:
                left.unlink()
