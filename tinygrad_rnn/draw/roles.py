"""Which parameter does what in a cell: read from the graph, so that any cell can be drawn."""

from collections.abc import Iterable

from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.links import across, previous
from tinygrad_rnn.nn.states import parts
from tinygrad_rnn.nn.unroll import Unrolled

Role = str  # "input", "recurrent", "readout" or "bias"


def roles(run: Unrolled) -> dict[Tensor, Role]:
    """The role of each parameter: what it is applied to, in the last step that reads a state.

    recurrent  applied to something that comes from the previous state
    input      applied to something that comes from x_t only
    readout    used between the state and the loss
    bias       none of these, or added and not multiplied
    """
    found: dict[Tensor, Role] = {}
    tied = next((t for t in range(len(run), 0, -1) if across(run, t)), len(run))
    states, before, x = parts(run.states[tied - 1]), previous(run, tied), run.xs[tied - 1]
    _search(states, {*before, x}, {x: "input", **dict.fromkeys(before, "recurrent")}, found)
    last = max((t for t, loss in enumerate(run.losses, 1) if loss is not None), default=len(run))
    states, before = parts(run.states[last - 1]), previous(run, last)
    heads = (*run.losses[last - 1 : last], *run.outputs[last - 1 : last])
    ends = [x for x in heads if x is not None]
    _search(ends, {*states, *before, *run.outside}, dict.fromkeys(states, "readout"), found)
    return found


def _search(
    ends: Iterable[Tensor], stop: set[Tensor], origin: dict[Tensor, Role], found: dict[Tensor, Role]
) -> None:
    """Walk from `stop` to `ends`, oldest first, and mark what each result stems from."""
    stems: dict[Tensor, Role | None] = {}
    for tensor in ancestors(ends, stop=stop):
        if tensor in origin:
            stems[tensor] = origin[tensor]
            continue
        operands = [a for a in tensor.args if isinstance(a, Tensor)]
        kinds = {stems.get(a) for a in operands} - {None}
        stems[tensor] = "recurrent" if "recurrent" in kinds else next(iter(kinds), None)
        for a in operands:
            if a.fun is None and a.requires_grad and a not in origin and len(operands) > 1:
                additive = getattr(tensor.fun, "__name__", "") in ("add", "subtract")
                found.setdefault(a, "bias" if additive else stems[tensor] or "bias")
