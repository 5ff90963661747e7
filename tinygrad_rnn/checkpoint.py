"""A training run as one file, from which it goes on bit by bit.

The file is a zip, as np.savez writes it: `header.json`, which names the format and its version and holds all plain
values, and every array as a `.npy` member.  np.load reads it too.  Nothing in it is ever unpickled.
"""

import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_rnn.errors import DataError, TinygradError, UsageError
from tinygrad_rnn.files import write_whole

Array = Any

FORMAT, VERSION = "tinygrad_rnn checkpoint", 1
_ARRAY = "__array__"  # {"__array__": "model/W_xh.npy"} in the header stands for an array


def save(
    path: str | os.PathLike[str],
    *,
    model: Any = None,
    optimizer: Any = None,
    schedule: Any = None,
    rng: np.random.Generator | None = None,
    progress: Mapping[str, Any] | None = None,
) -> Path:
    """Write what is given to one file and return its path.

    model, optimizer, schedule  anything with state_dict() and load_state_dict()
    rng                         a Generator; the state of its bit generator is kept
    progress                    your own values, e.g. {"epoch": 3, "losses": [..]}: numbers, texts, None, arrays, and
                                lists and dicts of these; tuples come back as lists

    The file appears whole or not at all: until it does, an earlier one of this name stays as it was.
    Raises OutputError if it cannot be written, UsageError for a value that such a file cannot hold.
    """
    parts = {name: part.state_dict() for name, part in _given(model, optimizer, schedule, rng).items()}
    arrays: dict[str, Array] = {}
    plain = {name: _plain(part, name, arrays) for name, part in {**parts, "progress": progress or {}}.items()}
    header = json.dumps({"format": FORMAT, "version": VERSION, "parts": plain}, indent=1)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:  # ZipInfo has a fixed date: the same state gives the same bytes
        archive.writestr(zipfile.ZipInfo("header.json"), header)
        for member, array in arrays.items():
            with archive.open(zipfile.ZipInfo(member), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return write_whole(path, content.getvalue())


def load(
    path: str | os.PathLike[str],
    *,
    model: Any = None,
    optimizer: Any = None,
    schedule: Any = None,
    rng: np.random.Generator | None = None,
) -> dict[str, Any]:
    """Put everything given back into the state it was saved in, and return `progress`.

    What is not given is not read: a model can be loaded without its optimiser.
    All or nothing: on an error everything given is as it was before.

    Raises DataError if the file is missing, cut off, not a checkpoint, or lacks what is asked for; the errors of
    load_state_dict, with the file's name before them, if it does not fit.
    """
    parts = _read(path)
    given = _given(model, optimizer, schedule, rng)
    if missing := given.keys() - parts.keys():
        raise DataError(f"{path} has no {', '.join(sorted(missing))}; it holds {', '.join(parts)}. Save them together.")
    before: list[tuple[Any, Any]] = []
    try:
        for name, part in given.items():
            state = part.state_dict()
            part.load_state_dict(parts[name])
            before.append((part, state))
    except Exception as error:
        for part, state in before:
            part.load_state_dict(state)
        if isinstance(error, TinygradError):
            raise type(error)(f"{path}, {name}: {error}") from error
        raise
    progress: dict[str, Any] = parts["progress"]
    return progress


class _Generator:
    """A random generator as a thing with a state."""

    def __init__(self, rng: np.random.Generator):
        self.bits: Any = rng.bit_generator

    def state_dict(self) -> dict[str, Any]:
        return dict(self.bits.state)

    def load_state_dict(self, saved: Any) -> None:
        kind = type(self.bits)
        found = saved.get("bit_generator") if isinstance(saved, dict) else type(saved).__name__
        if found != kind.__name__:
            raise DataError(f"the state is of the bit generator {found}; this Generator has {kind.__name__}.")
        try:
            kind().state = saved  # a first try on another one, because a wrong state may be set half
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"the state is none that {kind.__name__} can take: {error!r}.") from error
        self.bits.state = saved


def _given(model: Any, optimizer: Any, schedule: Any, rng: np.random.Generator | None) -> dict[str, Any]:
    """The parts that are not None."""
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule, "rng": rng and _Generator(rng)}
    return {name: part for name, part in parts.items() if part is not None}


def _plain(x: Any, key: str, arrays: dict[str, Array]) -> Any:
    """x with a reference for every array in it; the arrays go to `arrays` by the names of their members."""
    if isinstance(x, np.generic):
        x = x.item()
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    if isinstance(x, np.ndarray) and not x.dtype.hasobject:
        part, _, rest = key.partition(".")
        member = f"{part}/{re.sub(r'[^-.0-9A-Za-z_]', '_', rest)}"
        while f"{member}.npy" in arrays:
            member += "_"
        arrays[f"{member}.npy"] = np.asarray(x)
        return {_ARRAY: f"{member}.npy"}
    if isinstance(x, (list, tuple)):
        return [_plain(item, f"{key}.{i}", arrays) for i, item in enumerate(x)]
    if isinstance(x, Mapping) and all(isinstance(k, str) and k != _ARRAY for k in x):
        return {k: _plain(item, f"{key}.{k}", arrays) for k, item in x.items()}
    raise UsageError(
        f"{key}, a {type(x).__name__}, cannot be saved: a checkpoint holds numbers, texts, None, arrays, and "
        "lists and dicts of these, with texts as keys. Pass x.data of a Tensor."
    )


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """All parts, with their arrays."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the checkpoint {path}: {error.strerror or error}.") from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            header = json.loads(archive.read("header.json"))
            if header["format"] == FORMAT and header["version"] == VERSION:
                parts: dict[str, Any] = _with_arrays(header["parts"], archive)
                return parts
    except Exception as error:  # bytes of any kind can fail in any way
        raise DataError(
            f"{path} is no checkpoint, or not a whole one: {error}. It may be cut off, or another program's."
        ) from error
    raise DataError(
        f"{path} is of the format {header['format']!r}, version {header['version']}; this program reads {FORMAT!r}, "
        f"version {VERSION}. Read it with the program that wrote it."
    )


def _with_arrays(x: Any, archive: zipfile.ZipFile) -> Any:
    """What `_plain` was given."""
    if isinstance(x, list):
        return [_with_arrays(item, archive) for item in x]
    if not isinstance(x, dict):
        return x
    if _ARRAY in x:
        member = io.BytesIO(archive.read(x[_ARRAY]))  # read whole, so that its checksum is compared
        return np.lib.format.read_array(member, allow_pickle=False)
    return {key: _with_arrays(item, archive) for key, item in x.items()}
