"""Letter sequences: each consonant says which vowel follows, and how often."""

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Seed
from tinygrad_rnn.errors import DataError
from tinygrad_rnn.guards.arguments import check_count, check_text, generator, real_dtype
from tinygrad_rnn.guards.boundary import public

SYLLABLES = {"b": "ba", "d": "dii", "g": "guuu"}
LETTER_FEATURES = ("consonant", "vowel", "interrupted", "high", "back", "voiced")
_VECTORS = {
    "b": (1, 0, 1, 0, 0, 1),
    "d": (1, 0, 1, 1, 0, 1),
    "g": (1, 0, 1, 0, 1, 1),
    "a": (0, 1, 0, 0, 1, 1),
    "i": (0, 1, 0, 1, 0, 1),
    "u": (0, 1, 0, 1, 1, 1),
}


@public
def letter_sequence(consonants: int, *, rng: Seed) -> str:
    """Random consonants b, d, g, each written out as ba, dii, guuu: what is the next letter?

    Vowels, and that a consonant comes, can be predicted; which consonant cannot. Elman (1990),
    doi:10.1207/s15516709cog1402_1, section "Structure in Letter Sequences": 1,000 consonants.
    Raises RangeError if consonants is below 1.
    """
    drawn = generator(rng).integers(0, 3, check_count(consonants, "consonants"))
    return "".join(list(SYLLABLES.values())[i] for i in drawn)


@public
def letter_vectors(letters: str, dtype: DTypeLike = float) -> Array:
    """Letters as phonetic features (T, 6), in the order of LETTER_FEATURES: Elman (1990), Table 1.

    Raises DataError for a letter that is not among a, b, d, g, i, u.
    """
    dtype = real_dtype(dtype)
    for t, letter in enumerate(check_text(letters, "letters"), 1):
        if letter not in _VECTORS:
            raise DataError(
                f"letter {t} is {letter!r}; the alphabet is {', '.join(sorted(_VECTORS))}."
            )
    vectors = [_VECTORS[letter] for letter in letters]
    return np.array(vectors, dtype).reshape(-1, len(LETTER_FEATURES))
