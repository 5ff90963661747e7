"""Rows for the nodes of a layered graph: close to their neighbours, never two at one spot.

The layers are given.  An edge over several layers gets an invisible node in each, so that lines
have room.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

N = TypeVar("N", bound=Hashable)  # a node


class _Via(NamedTuple):
    """The invisible node of an edge in one layer."""

    edge: tuple[Hashable, Hashable]
    layer: int


def depths(nodes: Sequence[N], edges: Iterable[tuple[N, N]]) -> dict[N, int]:
    """The length of the longest path to each node from a node without predecessors.

    nodes: in topological order
    """
    before: dict[N, list[N]] = {node: [] for node in nodes}
    for a, b in edges:
        before[b].append(a)
    depth: dict[N, int] = {}
    for node in nodes:
        depth[node] = 1 + max((depth[a] for a in before[node]), default=-1)
    return depth


def rows(
    layer: Mapping[N, int],
    edges: Sequence[tuple[N, N]],
    fixed: Mapping[N, int] | None = None,
    walks: int = 4,
) -> tuple[dict[N, int], dict[tuple[N, N], list[tuple[int, int]]]]:
    """A row from 0 up for each node, and for each long edge the (layer, row) it passes.

    fixed: nodes whose rows are given.  The first node of a layer that wants a row gets it.  The
    layers are walked several times, looking at predecessors and at successors in turn.
    """
    routes: dict[tuple[N, N], list[_Via]] = {}
    at_layer: dict[Hashable, int] = dict(layer.items())
    before: dict[Hashable, list[Hashable]] = {node: [] for node in layer}
    after: dict[Hashable, list[Hashable]] = {node: [] for node in layer}
    for edge in edges:
        a, b = edge
        via = [_Via(edge, at) for at in range(layer[a] + 1, layer[b])]
        routes[edge] = via
        for node in via:
            at_layer[node] = node.layer
            before[node], after[node] = [], []
        chain = [a, *via, b]
        for p, q in zip(chain, chain[1:], strict=False):
            before[q].append(p)
            after[p].append(q)
    members: dict[int, list[Hashable]] = {}
    for one, at in at_layer.items():
        members.setdefault(at, []).append(one)
    given: dict[Hashable, int] = dict((fixed or {}).items())
    row = dict(given)
    for walk in range(walks):
        forward = walk % 2 == 0
        for at in sorted(members, reverse=not forward):
            near = before if forward else after
            _place(members[at], near if walk else before, row, given)
    return {n: row[n] for n in layer}, {
        e: [(n.layer, row[n]) for n in via] for e, via in routes.items()
    }


def _place(
    nodes: list[Hashable],
    near: Mapping[Hashable, list[Hashable]],
    row: dict[Hashable, int],
    fixed: Mapping[Hashable, int],
) -> None:
    """Give the nodes of one layer the free rows closest to the mean of their neighbours.

    Passing lines choose first, so that they stay straight; at a tie the row found before decides.
    """
    taken = {fixed[n] for n in nodes if n in fixed}
    wish: dict[Hashable, float] = {}
    for n in nodes:
        known = [row[m] for m in near[n] if m in row]
        wish[n] = sum(known) / len(known) if known else float(row.get(n, 0))
    free = [n for n in nodes if n not in fixed]
    for n in sorted(free, key=lambda n: (not isinstance(n, _Via), wish[n], row.get(n, 0))):
        row[n] = _free(wish[n], taken)
        taken.add(row[n])


def _free(wish: float, taken: Collection[int]) -> int:
    """The free row closest to a wish; of two the upper."""
    above = int(wish)
    below = above + 1
    while True:
        if above >= 0 and wish - above <= below - wish:
            if above not in taken:
                return above
            above -= 1
        else:
            if below not in taken:
                return below
            below += 1
