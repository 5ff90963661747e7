"""How an unrolled network is written: its cell, its states, its derivatives.

A state of several parts, such as (h, c), is one vector s in all derivatives.
"""

from collections.abc import Sequence

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.scene import clean, subscript
from tinygrad_rnn.nn.states import given_names, parts
from tinygrad_rnn.nn.unroll import Unrolled


def time(run: Unrolled, t: int) -> int:
    """The time of step t: of a network that ran backwards, counted from the end."""
    return len(run) + 1 - t if run.backward else t


def cell_name(run: Unrolled) -> str:
    """RNN, LSTM, GRU, or what the user's cell is called."""
    name = getattr(run.cell, "__name__", type(run.cell).__name__)
    return clean("cell" if name == "<lambda>" else name.removesuffix("Cell") or name, 40)


def part_names(states: Sequence[Tensor | tuple[Tensor, ...]]) -> list[str]:
    """h, or h and c: the names of the parts of states, in the order of time, without their times.

    A Tensor has its name from the part where it stands first; it may be another part later, such as
    h_(t-1).
    """
    home: dict[Tensor, int] = {}
    latest: dict[int, Tensor] = {}
    for state in states:
        for i, part in enumerate(parts(state)):
            if home.setdefault(part, i) == i:
                latest[i] = part
    names: list[str] = []
    for i, _ in enumerate(parts(states[-1])):
        full = latest[i].name or "" if i in latest else ""
        base, _, index = full.rpartition("_")
        name = clean(base if base and index.isdecimal() else full, 12)
        numbered = f"s{i + 1}" if isinstance(states[-1], tuple) else "h"
        names.append(numbered if not name or name in names else name)
    return names


def state_names(run: Unrolled) -> list[str]:
    """The names of the parts of the states: those that the cell gives, or their Tensors."""
    given = given_names(run.cell)
    if given is None or len(given) != len(parts(run.states[-1])):
        return part_names([run.initial, *run.states])
    return [clean(name, 12) + "′" * run.backward for name in given]


def joint_name(names: Sequence[str]) -> str:
    """h, or s for (h, c): the state as one vector."""
    return names[0] if len(names) == 1 else "s" if "s" not in names else "S"


def definition(names: Sequence[str]) -> str:
    """s = (h, c); empty if the state is one Tensor."""
    return f"{joint_name(names)} = ({', '.join(names)})" if len(names) > 1 else ""


def state_symbol(run: Unrolled, t: int) -> str:
    """h₃, or h₃ c₃ for a tuple."""
    return " ".join(name + subscript(time(run, t)) for name in state_names(run))


def total_symbol(run: Unrolled, t: int) -> str:
    """∂L/∂h₃, or ∂L/∂s₃."""
    return f"∂L/∂{joint_symbol(run, t)}"


def joint_symbol(run: Unrolled, t: int) -> str:
    """h₃, or s₃ for (h₃, c₃)."""
    return joint_name(state_names(run)) + subscript(time(run, t))


def term_symbol(run: Unrolled, k: int, t: int, own: bool = True) -> str:
    """∂L₅/∂h₅ · ∂h₅/∂h₃; ∂⁺L/∂h₅ · ∂h₅/∂h₃ where other losses read h₅ past all later states."""
    at_k, at_t = joint_symbol(run, k), joint_symbol(run, t)
    head = f"∂L{subscript(time(run, k))}/∂{at_k}" if own else f"∂⁺L/∂{at_k}"
    return head if k == t else f"{head} · ∂{at_k}/∂{at_t}"
