"""A training run as one file, from which it is resumed bit for bit.

The file is a zip, as np.savez writes it: `header.json`, which names the format and its version and
holds all plain values, and every array as a `.npy` member. np.load reads it too. Nothing in it is
ever unpickled.
"""

__all__ = ["load", "read", "restore", "save"]

import io
import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.errors import ArgumentTypeError, DataError, TinygradError, UsageError
from tinygrad_rnn.guards.boundary import public
from tinygrad_rnn.io.archive import Archive
from tinygrad_rnn.io.files import read_whole, shown, write_whole

FORMAT, VERSION = "tinygrad_rnn checkpoint", 1
_LENGTH = {"MT19937": 624, "Philox": 4}  # of the numbers in store, of which a position is saved
_BITS = 10_000  # of an integer; JSON's reader refuses longer ones
Saved: TypeAlias = dict[str, Any]  # plain values and arrays, by name
_ARRAY = "__array__"  # {"__array__": "model/W_xh.npy"} in the header stands for an array


class _Stateful(Protocol):
    """Anything whose state can be saved and loaded: a Module, an optimiser, a schedule."""

    def state_dict(self) -> Any:
        """The state, in copies."""

    def load_state_dict(self, saved: Any, /) -> Any:
        """Take a state on."""


@public
def save(
    path: str | os.PathLike[str],
    *,
    model: _Stateful | None = None,
    optimizer: _Stateful | None = None,
    schedule: _Stateful | None = None,
    rng: np.random.Generator | None = None,
    progress: Mapping[str, object] | None = None,
) -> Path:
    """Write what is given to one file and return its path.

    model, optimizer, schedule  anything with state_dict() and load_state_dict()
    rng                         a Generator; the state of its bit generator is saved
    progress                    your own values, e.g. {"epoch": 3, "losses": [..]}: numbers, texts,
                                None, arrays, and lists and dicts of these; tuples come back as
                                lists

    The file appears whole or not at all: until it does, an earlier one of this name stays as it
    was. Raises OutputError if it cannot be written, UsageError for a value that such a file cannot
    hold.
    """
    if not isinstance(progress, Mapping | None):
        raise UsageError(f"progress is a dict of your own values, not {progress!r:.60}.")
    given = _given("state_dict", model, optimizer, schedule, rng)
    parts = {name: part.state_dict() for name, part in given.items()} | {"progress": progress or {}}
    arrays: dict[str, Array] = {}
    try:
        plain = {name: _plain(part, name, arrays) for name, part in parts.items()}
        header = json.dumps({"format": FORMAT, "version": VERSION, "parts": plain}, indent=1)
    except RecursionError:
        raise UsageError("what is saved is nested too deeply, or in itself.") from None
    content = io.BytesIO()
    with zipfile.ZipFile(
        content, "w"
    ) as archive:  # ZipInfo has a fixed date: the same state gives the same bytes
        archive.writestr(zipfile.ZipInfo("header.json"), header)
        for member, array in arrays.items():
            with archive.open(zipfile.ZipInfo(member), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return write_whole(path, content.getvalue())


@public
def load(
    path: str | os.PathLike[str],
    *,
    model: _Stateful | None = None,
    optimizer: _Stateful | None = None,
    schedule: _Stateful | None = None,
    rng: np.random.Generator | None = None,
) -> Saved:
    """Put everything given back into the state it was saved in, and return `progress`.

    What is not given is not read: a model can be loaded without its optimiser.
    All or nothing: on an error everything given is as it was before.

    Raises DataError if the file is missing (MissingFileError), cut off, not a checkpoint, or lacks
    what is asked for; the errors of load_state_dict, with the file's name before them, if it does
    not fit.
    """
    return restore(read(path), path, model=model, optimizer=optimizer, schedule=schedule, rng=rng)


@public
def read(path: str | os.PathLike[str]) -> Saved:
    """What a checkpoint holds: {"model": .., "progress": ..} of plain values and arrays.

    Raises DataError if the file is missing (MissingFileError), cut off, or not a checkpoint.
    """
    content = read_whole(path, "the checkpoint ")
    try:
        archive = Archive(content)
        header = json.loads(archive.read("header.json"))
        if header["format"] == FORMAT and header["version"] == VERSION:
            return _contents(header["parts"], archive)
    except Exception as error:  # bytes of any kind can fail in any way
        why = f"{error}. It may be cut off, or another program's."
        raise DataError(f"{shown(path)} is no checkpoint, or not a whole one: {why}") from error
    raise DataError(
        f"{shown(path)} has the format {header['format']!r:.60}, version {header['version']!r:.9}; "
        f"this program reads {FORMAT!r}, version {VERSION}. Read it by the program that wrote it."
    )


@public
def restore(
    parts: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    model: _Stateful | None = None,
    optimizer: _Stateful | None = None,
    schedule: _Stateful | None = None,
    rng: np.random.Generator | None = None,
) -> Saved:
    """`load` of what was read before: restore(read(path), path, ...).  Errors tell the path."""
    where, given = shown(path), _given("load_state_dict", model, optimizer, schedule, rng)
    if not isinstance(parts, Mapping) or "progress" not in parts:
        raise ArgumentTypeError(f"parts are what read(path) returned, not {parts!r:.60}.")
    if missing := given.keys() - parts.keys():
        raise DataError(
            f"{where} has no {', '.join(sorted(missing))}; it holds {', '.join(parts)}. "
            "Save what is to be loaded together."
        )
    before: list[tuple[_Stateful, Any]] = []
    try:
        for name, part in given.items():
            state = part.state_dict()
            if isinstance(state, Mapping) and not isinstance(parts[name], Mapping):
                raise DataError(f"its state is one {type(parts[name]).__name__}, not a dict.")
            part.load_state_dict(parts[name])
            before.append((part, state))
    except Exception as error:
        for part, state in before:
            part.load_state_dict(state)
        if isinstance(error, TinygradError):
            raise type(error)(f"{where}, {name}: {error}") from error
        raise
    progress: Saved = parts["progress"]
    return progress


class _Generator:
    """A random generator as a thing with a state."""

    def __init__(self, rng: np.random.Generator):
        self.bits: Any = rng.bit_generator

    def state_dict(self) -> Saved:
        return dict(self.bits.state)

    def load_state_dict(self, saved: Any, /) -> None:
        kind = type(self.bits)
        found = saved.get("bit_generator") if isinstance(saved, dict) else type(saved).__name__
        if found != kind.__name__:
            raise DataError(
                f"the state is of the bit generator {found}; this Generator has {kind.__name__}."
            )
        other: Any = kind()  # for a first try, because a wrong state may be set half
        if why := _unlike(saved, other.state, ""):
            raise self._refused(why)
        position = saved.get("buffer_pos", saved["state"].get("pos", 0))
        if (
            not 0 <= position <= _LENGTH.get(kind.__name__, 0)
        ):  # older NumPy would read past the end
            raise self._refused(f"the position {position} is out of range")
        try:
            other.state = saved
        except Exception as error:  # values of any kind can fail in any way
            raise self._refused("a number in it is out of range") from error
        if not _same(saved, other.state):  # NumPy takes the lowest bits of some
            raise self._refused("a number in it is out of range")
        self.bits.state = saved

    def _refused(self, why: str) -> DataError:
        kind = type(self.bits).__name__
        return DataError(
            f"the state is none that {kind} can take: {why}. The file was changed by others."
        )


def _unlike(saved: object, own: object, key: str) -> str:
    """What is not of the kind that is there in a generator's own state; "" if all is."""
    wanted = ""
    if isinstance(own, dict):
        if isinstance(saved, dict) and own.keys() <= saved.keys():
            return next(filter(None, (_unlike(saved[k], own[k], f"{key}.{k}") for k in own)), "")
        wanted = f"hold {', '.join(own)}"
    elif type(own) is int and type(saved) is not int:
        wanted = "be an integer"
    elif isinstance(own, np.ndarray) and (
        not isinstance(saved, np.ndarray)
        or saved.dtype.kind not in "iu"
        or saved.shape != own.shape
    ):
        wanted = f"be an array of {own.size} integers"
    told = " ".join(f"{saved!r:.60}".split()) if wanted else ""
    return f"{key.lstrip('.') or 'it'} is {told}; it must {wanted}" if wanted else ""


def _same(saved: Any, own: Any) -> bool:
    if isinstance(own, dict):
        return all(_same(saved[key], own[key]) for key in own)
    return np.array_equal(saved, own)


def _given(
    method: str,
    model: _Stateful | None,
    optimizer: _Stateful | None,
    schedule: _Stateful | None,
    rng: np.random.Generator | None,
) -> dict[str, _Stateful]:
    """The parts that are not None.  Raises ArgumentTypeError for one without the method."""
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise ArgumentTypeError(f"rng is a np.random.Generator, not {rng!r:.60}.")
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    if rng is not None:
        parts["rng"] = _Generator(rng)
    given = {name: part for name, part in parts.items() if part is not None}
    for name, part in given.items():
        if not hasattr(part, method):
            raise ArgumentTypeError(f"{name} has no {method}: it is {part!r:.60}.")
    return given


def _plain(x: object, key: str, arrays: dict[str, Array]) -> Any:
    """x with a reference for each array; the arrays go to `arrays`, by their members' names."""
    if isinstance(x, np.generic) and x.dtype.kind in "biufU":
        x = x.item()
    if x is None or isinstance(x, (float, str)):
        return x
    if isinstance(x, int) and x.bit_length() < _BITS:
        return x
    if isinstance(x, np.ndarray) and not x.dtype.hasobject and not isinstance(x, np.ma.MaskedArray):
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
        f"{key}, a {type(x).__name__}, cannot be saved: a checkpoint holds numbers, texts, None, "
        "arrays, and lists and dicts of these, with texts as keys. Pass x.data of a Tensor."
    )


def _contents(given: object, archive: Archive) -> Saved:
    """All parts, with their arrays.  Raises ValueError for what `save` does not write."""
    if not isinstance(given, dict) or not isinstance(given.get("progress"), dict):
        raise ValueError("its header has no parts, or no progress")
    named: set[str] = set()
    parts: Saved = _with_arrays(given, archive, named)
    return parts


def _with_arrays(x: object, archive: Archive, named: set[str]) -> Any:
    """What `_plain` was given; an array is named once."""
    if isinstance(x, list):
        return [_with_arrays(item, archive, named) for item in x]
    if not isinstance(x, dict):
        return x
    if _ARRAY not in x:
        return {key: _with_arrays(item, archive, named) for key, item in x.items()}
    member = x[_ARRAY]
    if len(x) > 1 or not isinstance(member, str) or member in named:
        raise ValueError(f"its header names an array in an odd way: {x!r:.60}")
    named.add(member)
    return archive.array(member)


def __dir__() -> list[str]:
    return __all__
