"""What others packed, unpacked only where that does not take far more room than the file itself.

What is wrong with the bytes is told by an exception of any kind: the caller names the file.
"""

import gzip
import io
import zipfile

import numpy as np

from tinygrad_rnn._typing import Array

_ALWAYS, _TIMES = 1 << 28, 100  # a file may become 256 MiB, or a hundred times its size


class Archive:
    """A zip file; its directory is looked at before anything in it is unpacked."""

    def __init__(self, content: bytes):
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._zip.infolist():
            if member.filename in self._members:
                raise ValueError(f"it holds {member.filename!r:.60} twice")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{member.filename!r:.60} is packed in an unusual way")
            self._members[member.filename] = member
        _check_size(len(content), sum(member.file_size for member in self._members.values()))

    @property
    def names(self) -> list[str]:
        """What its members are called."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """The bytes of a member, their checksum compared; never more than the directory says."""
        if name not in self._members:
            raise ValueError(f"there is no item named {name!r:.60} in it")
        size = self._members[name].file_size
        with self._zip.open(self._members[name]) as file:
            content = file.read(size)
        if len(content) != size:
            raise ValueError(f"{name!r:.60} is shorter than the directory says")
        return content

    def array(self, name: str) -> Array:
        """A member that is an `.npy` file."""
        return array_of(self.read(name))


def array_of(content: bytes) -> Array:
    """The array of an `.npy` file; never a pickled object."""
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def unzipped(content: bytes) -> bytes:
    """What a gzip file holds; any other content as it is."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        unpacked = file.read(_allowed(len(content)) + 1)
    _check_size(len(content), len(unpacked))
    return unpacked


def _allowed(packed: int) -> int:
    return max(_ALWAYS, _TIMES * packed)


def _check_size(packed: int, unpacked: int) -> None:
    if unpacked > _allowed(packed):
        raise ValueError(f"its {packed:,} bytes would become {unpacked:,} or more")
