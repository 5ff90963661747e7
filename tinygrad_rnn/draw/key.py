"""How to read the picture of all operations: only what is in it."""

from tinygrad_rnn.draw.board import Board
from tinygrad_rnn.draw.palette import DIRECT, FADED, FORWARD, GREY, INDIRECT_SUM, INK, TOTAL
from tinygrad_rnn.draw.scene import Box, Item, Line, Text, extent
from tinygrad_rnn.draw.symbols import state_names
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn.unroll import Unrolled


def how_to_read(run: Unrolled, board: Board, y: float) -> tuple[list[Item], float]:
    """Two lines from y down, and how far to the right they reach."""
    first, *others = state_names(run)
    meaning = {
        FORWARD: (1.2, "forward"),
        DIRECT: (5, f"direct: ∂L(t)/∂{first}(t), first term of (3.1)"),
        INDIRECT_SUM: (5, "indirect: all later losses, second term of (3.1)"),
        TOTAL: (5, f"∂L/∂{first}(t) = direct + indirect, on its way through the cell"),
    }
    if others:  # (3.1) is about all parts together, and of those only the first is read out
        meaning |= {
            DIRECT: (5, f"direct: from L(t) to {first}(t)"),
            INDIRECT_SUM: (5, "indirect: from the step after, all later losses"),
            TOTAL: (5, "direct + indirect, on its way through the cell"),
        }
    drawn = {item.color for item in board.items if isinstance(item, Line)}
    items: list[Item] = []
    x = 18.0
    for color, (width, label) in meaning.items():
        if color in drawn:
            items += [Line(((x, y), (x + 26, y)), color, width), Text(x + 32, y, label, 10, INK)]
            x += extent(label, 10) + 62
    assert board.gradients is not None
    scale = board.gradients.scale
    span = f"{number(scale.top)} down to {number(scale.bottom)}"
    note = f"line width: log of the norm, {span}, dotted below; numbers: norms; "
    note += "same colour and name of a weight = the same tensor; @: matrix product"
    if any(isinstance(item, Box) and item.stroke == FADED for item in board.items):
        note += "; grey: no gradient comes here"
    items.append(Text(18, y + 20, note, 9.5, GREY))
    return items, max(x, 18 + extent(note, 9.5)) + 18
