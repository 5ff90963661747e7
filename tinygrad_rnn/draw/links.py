"""Which parts of a state are computed from which, read from the graph."""

from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.nn.states import parts
from tinygrad_rnn.nn.unroll import Unrolled

Link = tuple[int, int]  # from part i to part j


def previous(run: Unrolled, t: int) -> tuple[Tensor, ...]:
    """The parts of the state that step t starts from."""
    return parts(run.states[t - 2] if t > 1 else run.initial)


def across(run: Unrolled, t: int) -> list[Link]:
    """From which parts of s_(t-1) each part of s_t is computed, or passed on: directly.

    How a part that requires no gradient was computed is not recorded; it counts as computed from
    itself.  Not all that reads a constant s_0 is recorded; so the first step has the links of the
    second too.
    """
    before, found = previous(run, t), list[Link]()
    if t == 1 and not all(x.requires_grad for x in before):
        found += across(run, 2) if len(run) > 1 else [(i, i) for i, _ in enumerate(before)]
    for j, x in enumerate(parts(run.states[t - 1])):
        if x.requires_grad or x in set(before):
            reached = _reached(run, t, x)
            found += [(i, j) for i, y in enumerate(before) if y in reached]
        elif j < len(before):
            found.append((j, j))
    return list(dict.fromkeys(found))


def within(run: Unrolled, t: int) -> list[Link]:
    """From which parts of s_t itself each is computed: h from c, a layer from that below.

    What was another part of s_(t-1) is read from there.
    """
    before, state, found = previous(run, t), parts(run.states[t - 1]), list[Link]()
    own = [
        x not in set(before) or any(x is y for y in before[i : i + 1]) for i, x in enumerate(state)
    ]
    for j, x in enumerate(state):
        reached = _reached(run, t, x) - {x}
        found += [(i, j) for i, y in enumerate(state) if own[i] and y in reached]
    return found


def main_links(run: Unrolled, t: int) -> list[Link]:
    """Those across that a picture shows; all would be too many: in an LSTM each comes from each.

    From each part to itself, and others where a part had no line without them.
    """
    links = across(run, t)
    inside, leaving = within(run, t), within(run, t - 1) if t > 1 else []
    same = {i for i, j in links if i == j}
    led, leads = same | {j for _, j in inside}, same | {i for i, _ in leaving}
    return [(i, j) for i, j in links if i == j or j not in led or i not in leads]


def _reached(run: Unrolled, t: int, x: Tensor) -> set[Tensor]:
    """What part x of s_t is computed from, up to the parts of its state and of the one before."""
    before = set(previous(run, t))
    return set(ancestors([x], stop={*before, *parts(run.states[t - 1])} - ({x} - before)))
