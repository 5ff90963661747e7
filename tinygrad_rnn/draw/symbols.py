"""How an unrolled network is written: its cell, its states, its derivatives."""

from tinygrad_rnn.draw.scene import clean, subscript
from tinygrad_rnn.unroll import Unrolled, parts


def time(run: Unrolled, t: int) -> int:
    """The time of step t: of a network that ran backwards, counted from the end."""
    return len(run) + 1 - t if run.backward else t


def cell_name(run: Unrolled) -> str:
    """RNN, LSTM, GRU, or what the user's cell is called."""
    name = getattr(run.cell, "__name__", type(run.cell).__name__)
    return clean("cell" if name == "<lambda>" else name.removesuffix("Cell") or name, 40)


def state_names(run: Unrolled) -> list[str]:
    """h, or h and c: the names of the parts without their time."""
    return [clean((part.name or "h").rsplit("_", 1)[0], 12) for part in parts(run.states[-1])]


def state_symbol(run: Unrolled, t: int) -> str:
    """h₃, or h₃ c₃ for a tuple."""
    return " ".join(name + subscript(time(run, t)) for name in state_names(run))


def total_symbol(run: Unrolled, t: int) -> str:
    """∂L/∂h₃, or ∂L/∂(h, c)₃."""
    return f"∂L/∂{joint_symbol(run, t)}"


def joint_symbol(run: Unrolled, t: int) -> str:
    """h₃, or (h, c)₃: the state as one vector."""
    names = state_names(run)
    return (names[0] if len(names) == 1 else f"({', '.join(names)})") + subscript(time(run, t))


def term_symbol(run: Unrolled, k: int, t: int) -> str:
    """∂L₅/∂h₅ · ∂h₅/∂h₃."""
    at_k, at_t = joint_symbol(run, k), joint_symbol(run, t)
    head = f"∂L{subscript(time(run, k))}/∂{at_k}"
    return head if k == t else f"{head} · ∂{at_k}/∂{at_t}"
