"""Text as a stream of symbols: an English text that every Python has, and vocabularies."""

import os

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.errors import DataError, DTypeError
from tinygrad_rnn.guards.arguments import check_text
from tinygrad_rnn.guards.boundary import public, public_class
from tinygrad_rnn.io.archive import unzipped
from tinygrad_rnn.io.files import read_whole, shown


@public
def python_topics() -> str:
    """The help topics of this Python, about 450,000 characters of English and some code.

    They come with the standard library (`help("topics")`) and differ from one Python version to the
    next. Raises DataError if this Python was installed without them.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise DataError(
            "this Python has no help topics (module pydoc_data.topics). Install the whole "
            "standard library, or read a text of your own."
        ) from error
    return "\n".join(topics[name] for name in sorted(topics))


@public
def load_text(path: str | os.PathLike[str]) -> str:
    """The text of a UTF-8 file, packed by gzip or not, with "\\n" at the ends of lines.

    Raises DataError, naming the file, if it is missing, empty or not UTF-8.
    """
    where = shown(path)
    text = decoded(unpacked(read_whole(path), where), where)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        raise DataError(f"{where} is empty: there is no text to learn.")
    return text


def unpacked(content: bytes, where: str) -> bytes:
    """What a gzip file holds; any other content as it is.  Raises DataError."""
    try:
        return unzipped(content)
    except Exception as error:  # bytes of any kind can fail in any way
        raise DataError(f"{where} cannot be unpacked: {error}.") from error


def decoded(content: bytes, where: str) -> str:
    """UTF-8, with a byte order mark or without, as text.  Raises DataError for anything else."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        found = "it is UTF-16" if wide else f"line {line} is the first that is not"
        why = f"{error.reason} at byte {error.start}"
        raise DataError(f"{where} is not UTF-8 text ({why}). Save it as UTF-8; {found}.") from error


@public_class
class Vocabulary:
    """The characters of a text, in sorted order, each with its index.

    Raises DataError if the text is empty.
    """

    def __init__(self, text: str):
        self.symbols = "".join(sorted(set(check_text(text, "the text"))))
        if not self.symbols:
            raise DataError("the text is empty: there is no symbol to learn.")
        self._index = {symbol: i for i, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self)} symbols>"

    def encode(self, text: str) -> Array:
        """Indices (T,).  Raises DataError, naming the position, for a character that it lacks."""
        try:
            return np.array([self._index[symbol] for symbol in check_text(text, "the text")], int)
        except KeyError as error:
            at = text.index(error.args[0])
            raise DataError(
                f"character {at + 1} of the text is {text[at]!r}, which is not in the vocabulary. "
                "Make the vocabulary from all of the text, or replace the character."
            ) from None

    def decode(self, indices: ArrayLike) -> str:
        """The text of indices (T,).

        Raises DataError for one outside 0..len - 1, DTypeError for what is no integer.
        """
        indices = np.asarray(value(indices))
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            found = f"{indices.dtype} of shape {indices.shape}"
            raise DTypeError(f"indices are integers (T,), not {found}.")
        if indices.size and not (indices.min() >= 0 and indices.max() < len(self)):
            raise DataError(
                f"indices run from {indices.min()} to {indices.max()}; with {len(self)} symbols "
                f"they must lie in 0..{len(self) - 1}."
            )
        return "".join(self.symbols[i] for i in indices)
