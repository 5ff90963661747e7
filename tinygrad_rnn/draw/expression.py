"""What a Tensor was computed from, as an equation: read from the graph, so for any cell."""

from collections import Counter
from collections.abc import Mapping
from itertools import count
from string import ascii_lowercase

from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.scene import clean
from tinygrad_rnn.guards.numbers import number

_INFIX = {  # sign, and how tightly it binds
    "add": ("+", 1), "subtract": ("−", 1),
    "multiply": ("∗", 2), "divide": ("/", 2), "matmul": ("@", 2),
}  # fmt: skip
_ATOM, _LONG = 4, 300

Written = tuple[str, int]  # text, and how tightly it binds


def equation(tensor: Tensor, known: Mapping[Tensor, str]) -> str:
    """The right side of `tensor = ...` down to the Tensors in `known`.

    What is used twice gets a letter first.

    >>> W, x = Tensor([2.0], requires_grad=True, name="W"), Tensor([1.0], name="x")
    >>> y = W * x
    >>> equation(y * y + y, {})
    'a = W ∗ x; a ∗ a + a'
    """
    known = {x: name for x, name in known.items() if x is not tensor}
    inside = ancestors([tensor], stop=known)
    uses = Counter(a for x in inside if x not in known for a in x.args if isinstance(a, Tensor))
    names = {*known.values(), *(x.name for x in inside)}
    letters = (
        letter + "′" * primes
        for primes in count()
        for letter in ascii_lowercase
        if letter not in names
    )
    first: list[str] = []
    written: dict[Tensor, Written] = {}
    for x in inside:
        if x in known:
            written[x] = known[x], _ATOM
        elif x.fun is None:
            written[x] = clean(x.name or "constant", 40), _ATOM
        else:
            written[x] = _applied(x, written)
            if uses[x] > 1 and x is not tensor:
                letter = next(letters)
                first.append(f"{letter} = {written[x][0]}")
                written[x] = letter, _ATOM
    return clean("; ".join([*first, written[tensor][0]]), _LONG)


def _applied(x: Tensor, written: Mapping[Tensor, Written]) -> Written:
    """One application in terms of its operands."""
    name = getattr(x.fun, "__name__", "f")
    args = [written[a] if isinstance(a, Tensor) else (_constant(a), _ATOM) for a in x.args]
    if name in _INFIX and len(args) == 2:
        sign, tight = _INFIX[name]
        left = _bound(args[0], tight)
        right = _bound(args[1], tight + (name in ("subtract", "divide")))
        return clean(f"{left} {sign} {right}", _LONG), tight
    if name == "negative":
        return f"−{_bound(args[0], 2)}", 1
    if name == "getitem" and len(x.args) == 2:
        return f"{_bound(args[0], _ATOM)}[{_index(x.args[1])}]", _ATOM
    return clean(f"{name}({', '.join(text for text, _ in args)})", _LONG), _ATOM


def _bound(operand: Written, tight: int) -> str:
    text, own = operand
    return text if own >= tight else f"({text})"


def _constant(a: object) -> str:
    if isinstance(a, (int, float)):
        return number(a, 4)
    shape = getattr(a, "shape", None)
    return "target" if shape is not None else clean(repr(a), 24)


def _index(index: object) -> str:
    if isinstance(index, tuple):
        return ", ".join(map(_index, index))
    if isinstance(index, slice):
        start, stop = ("" if i is None else str(i) for i in (index.start, index.stop))
        return f"{start}:{stop}"
    return "…" if index is Ellipsis else clean(str(index), 24)
