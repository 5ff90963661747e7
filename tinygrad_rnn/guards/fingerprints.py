"""A gradient is of the numbers the forward pass saw, whoever writes into an array afterwards.

A graph keeps the arrays it was computed from.  Those that others can write to are guarded when
they are recorded:

    a result       its `.data` is a view that cannot be written to
    a leaf         it owns its array.  Until somebody reads `.data`, nobody else can write to it;
                   from then on the graph keeps a fingerprint of what it read, a `Mark`
    a plain array  small ones are copied, so a gradient stays right; large ones are marked
    a list, a key  copied

The walk compares fingerprints before it uses an array, and refuses one that was changed.
"""

import array
import copy
import zlib
from collections.abc import MutableMapping, MutableSequence, MutableSet
from itertools import chain
from typing import Any, Final, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.errors import GradientError
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.guards.operands import NUMBERS

COPIED: Final = 65536  # bytes: up to here a copy costs less than two fingerprints
HELD: Final = 1 << 22  # the same for an array recorded once for all steps; beyond, memory counts
_BLOCK: Final = 4096  # bytes summed into one number
_ODD: Final = 6364136223846793005  # so that each bit counts
_WEIGHTS: Final = np.cumprod(np.full(_BLOCK // 8, _ODD, np.uint64))

FIXED: set[type] = {*NUMBERS, str, slice, type(None), type(...)}  # nobody can write into these

_forward = [object()]  # another one after each walk back; until then prints of shared leaves hold


Print: TypeAlias = bytes | tuple[int, int]


class Mark:
    """What a recorded operation knows of an array that it keeps.

    print    the fingerprint of the array when it was recorded; None while nobody else can write
    shared   whether somebody else can
    """

    __slots__ = ("array", "checked", "forward", "print", "shared")

    def __init__(self, array: Array, shared: bool):
        self.array, self.shared = array, shared
        self.print: Print | None = None
        self.forward: object = None
        self.checked: object = None


Marks: TypeAlias = Mark | tuple[Mark, ...] | None


def fingerprint(x: Array) -> Print:
    """Something that is equal only as long as the array holds the same bytes in the same order.

    Each block of a large array is summed, a word at a time with a weight by its position.  The
    upper bits of a word are folded into the lower ones first: an even number of signs alone, bit
    63, would add up to 0 modulo 2^64.
    """
    if x.nbytes <= COPIED:
        return x.tobytes()
    octets: Any = np.ascontiguousarray(x).reshape(-1).view(np.uint8)
    whole = octets.size // _BLOCK * _BLOCK
    words = octets[:whole].view(np.uint64).reshape(-1, _BLOCK // 8)
    sums = np.einsum("ij,j->i", words ^ (words >> np.uint64(29)), _WEIGHTS)
    return zlib.crc32(sums), zlib.crc32(octets[whole:])


def read_by_user(mark: Mark) -> Mark:
    """The mark of a leaf whose array somebody has asked for, for what is recorded from now on."""
    if mark.shared and mark.print is None:
        return mark
    if mark.print is None:
        mark.print = fingerprint(mark.array)  # nobody can have written to it before now
    return Mark(mark.array, shared=True)


def recorded_again(mark: Mark) -> Mark:
    """The mark of a shared leaf for an operation that is being recorded."""
    if mark.print is not None and mark.forward is _forward[0]:
        return mark
    again = Mark(mark.array, shared=True)
    again.print, again.forward = fingerprint(mark.array), _forward[0]
    return again


def marked(array: Array) -> Mark:
    """The mark of a large plain array."""
    mark = Mark(array, shared=True)
    mark.print = fingerprint(array)
    return mark


def copied(x: Any) -> Any:
    """Lists, keys and options as a graph keeps them, with copies of the arrays in them."""
    if type(x) in FIXED or (type(x) is tuple and FIXED.issuperset(map(type, x))):
        return x
    if isinstance(x, (list, tuple)):
        items = [copied(item) for item in x]
        return getattr(x, "_make", type(x))(items)
    if isinstance(x, MutableMapping):
        x = copy.copy(x)
        x.update({key: copied(item) for key, item in x.items()})
        return x
    if isinstance(x, memoryview):
        return memoryview(bytearray(x)).cast(x.format, x.shape)  # type: ignore[call-overload]
    if isinstance(x, (MutableSequence, MutableSet, array.array)):
        return copy.copy(x)
    return np.array(x) if hasattr(x, "__array__") and not isinstance(x, (np.generic, type)) else x


def together(*marks: Marks) -> Marks:
    """All marks of several operands."""
    found: list[Any] = [m for m in marks if m is not None]
    if len(found) < 2:
        return found[0] if found else None
    if tuple not in map(type, found):
        return tuple(found)
    tuples = [each if type(each) is tuple else (each,) for each in found]
    return tuple(dict.fromkeys(chain.from_iterable(tuples)))  # each mark once


def held(x: Any, found: list[Marks], most: int) -> Any:
    """A plain array as a graph may keep it: a copy; beyond `most` bytes itself, marked in found."""
    if type(x) is not np.ndarray:
        return x
    if x.nbytes <= most:
        return x.copy()
    found.append(marked(x))
    return x


def inherited(a: Any) -> Marks:
    """The marks that an operation gets from an operand: of arrays that share its memory."""
    marks: Any = a.marks
    if a.fun is not None:
        return marks if a._data.base is not None else None
    if type(marks) is Mark:
        if marks.shared:
            a.marks = marks = recorded_again(marks)
    elif marks is not None:
        a.marks = marks = tuple(
            [recorded_again(m) if m.shared or m.print is not None else m for m in marks]
        )
    return marks  # type: ignore[no-any-return]


def of_another(marks: Marks) -> Marks:
    """Marks as a leaf has them that does not own its array."""
    return (marks,) if type(marks) is Mark else marks


def check(tensor: Any, walk: object) -> None:
    """Raise GradientError if an array that this operation keeps has changed.

    Each array is looked at once in a walk.
    """
    marks = tensor.marks
    for mark in marks if type(marks) is tuple else (marks,):
        if mark.print is None or mark.checked is walk:
            continue
        mark.checked = walk
        if fingerprint(mark.array) != mark.print:
            raise _changed(tensor, mark)


def walked() -> None:
    """A walk back is over: what is recorded next is fingerprinted anew."""
    _forward[0] = object()


def _changed(tensor: Any, mark: Mark) -> GradientError:
    where = [i for i, primal in enumerate(tensor.primals) if primal is mark.array]
    what, whose = "an array", ""
    if where:
        operand = tensor.args[where[0]]
        name = getattr(operand, "name", None)
        what, whose = f"argument {where[0]}", f" ({name})" if name else ""
    return GradientError(
        f"{name_of(tensor.fun or repr)} kept {what}{whose}, of shape {mark.array.shape}, and it "
        "was written into afterwards: the gradient would be wrong. Give the operation a copy, or "
        "fill a new array for each step; of a Tensor, assign new data (x.data = ...), or call "
        "backward before you write."
    )
