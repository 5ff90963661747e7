"""Writing a file so that it is there whole or not at all."""

import contextlib
import glob
import os
import tempfile
import time
from pathlib import Path

from tinygrad_rnn.errors import OutputError

_STALE = 3600.0  # seconds: nobody is writing to a temporary file that is older


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write under a temporary name in the same folder, flush, rename.  Raises OutputError.

    What a process that was killed left of an earlier attempt at this file is removed when it is an hour old.
    """
    target = Path(path)
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException as error:  # Ctrl-C too leaves no temporary file behind
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if not isinstance(error, OSError):
            raise
        raise OutputError(f"cannot write {target}: {error.strerror or error}. Choose another folder.") from error
    _remove_stale(target)
    return target


def _remove_stale(target: Path) -> None:
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
        with contextlib.suppress(OSError):  # another writer may have removed it
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink()


def prepare_folder(path: str | os.PathLike[str]) -> Path:
    """Make the folder if need be and see that files can be written to it.  Raises OutputError."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to the folder {folder}: {error.strerror or error}.") from error
    return folder
