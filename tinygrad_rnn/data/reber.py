"""The embedded Reber grammar: predict the next symbol where the last choice repeats the first."""

from collections.abc import Sequence

import numpy as np

from tinygrad_rnn._typing import Array, DTypeLike, Seed
from tinygrad_rnn.data.one_hot import one_hot
from tinygrad_rnn.errors import ArgumentTypeError, DataError
from tinygrad_rnn.guards.arguments import check_count, check_text, generator, real_dtype
from tinygrad_rnn.guards.boundary import public

REBER_SYMBOLS = "BTPSXVE"
_WAYS = (  # node of the Reber grammar -> {symbol: next node}; each way out is equally likely
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
)
_END = len(_WAYS)


@public
def embedded_reber(count: int, *, rng: Seed) -> list[str]:
    """`count` random strings: B, T or P, a string of the Reber grammar, the same T or P, E.

    Reber (1967), doi:10.1016/S0022-5371(67)80149-X; Cleeremans, Servan-Schreiber and McClelland
    (1989), doi:10.1162/neco.1989.1.3.372; Hochreiter and Schmidhuber (1997),
    doi:10.1162/neco.1997.9.8.1735, section 5.1. Raises RangeError if count is below 1.
    """
    rng = generator(rng)
    return [_string(rng) for _ in range(check_count(count, "count"))]


@public
def reber_successors(string: str) -> list[str]:
    """What may follow each symbol of an embedded Reber string; its last E is followed by nothing.

    Raises DataError, naming the position, if the string does not belong to the grammar.
    """
    wanted, node, successors = "B", -1, []  # node of the inner grammar; -1 before it, _END after it
    for i, symbol in enumerate(check_text(string, "string")):
        if not wanted or symbol not in wanted:
            raise DataError(
                f"{string!r} is no embedded Reber string: symbol {i + 1} is {symbol!r} where "
                f"{' or '.join(wanted) or 'the end'} is due."
            )
        if i == 0:
            wanted = "TP"
        elif i == 1:
            node, wanted = 0, "B"
        elif node < _END:
            node = _WAYS[node][symbol]
            wanted = "".join(_WAYS[node]) if node < _END else string[1]
        else:
            wanted = "" if symbol == "E" else "E"
        successors.append(wanted)
    if wanted:
        raise DataError(
            f"{string!r} is no embedded Reber string: it ends where {' or '.join(wanted)} is due."
        )
    return successors


@public
def encode_reber(strings: Sequence[str], dtype: DTypeLike = float) -> tuple[Array, Array, Array]:
    """Strings as arrays, for prediction: xs (T, B, 7), targets (T, B), legal (T, B, 7).

    xs are one-hot in the order of REBER_SYMBOLS, without the last E; targets the indices of the
    symbols that follow; legal says of each symbol whether the grammar allows it next. T is one less
    than the length of the longest string; behind the end of the others xs is 0, the target is -1
    and nothing is legal.

    Raises DataError if there is no string, or one does not belong to the grammar.
    """
    if isinstance(strings, str) or not isinstance(strings, Sequence):
        raise ArgumentTypeError(f"strings is a list of texts, not {strings!r:.60}.")
    if not strings:
        raise DataError("there is no string to encode.")
    for string in strings:
        check_text(string, "a string")
    dtype = real_dtype(dtype)
    T, B, size = max(map(len, strings)) - 1, len(strings), len(REBER_SYMBOLS)
    xs, legal = np.zeros((T, B, size), dtype), np.zeros((T, B, size), bool)
    targets = np.full((T, B), -1)
    for b, string in enumerate(strings):
        successors = reber_successors(string)
        symbols = np.array([REBER_SYMBOLS.index(symbol) for symbol in string])
        xs[: len(string) - 1, b] = one_hot(symbols[:-1], size, dtype)
        targets[: len(string) - 1, b] = symbols[1:]
        for t, wanted in enumerate(successors[:-1]):
            legal[t, b, [REBER_SYMBOLS.index(symbol) for symbol in wanted]] = True
    return xs, targets, legal


def _string(rng: np.random.Generator) -> str:
    branch, node, inner = "TP"[rng.integers(2)], 0, ""
    while node < _END:
        ways = list(_WAYS[node].items())
        symbol, node = ways[rng.integers(len(ways))]
        inner += symbol
    return f"B{branch}{inner}{branch}E"
