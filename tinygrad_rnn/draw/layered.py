"""Rows for the nodes of a layered graph: close to their neighbours, never two in one place.

The layers are given; an edge over several layers gets an invisible node in each, so that lines have room.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

Node = Any  # anything hashable
Edge = tuple[Node, Node]


def depths(nodes: Sequence[Node], edges: Iterable[Edge]) -> dict[Node, int]:
    """The length of the longest path to each node from a node without predecessors; nodes come in topological order."""
    before: dict[Node, list[Node]] = {node: [] for node in nodes}
    for a, b in edges:
        before[b].append(a)
    depth: dict[Node, int] = {}
    for node in nodes:
        depth[node] = 1 + max((depth[a] for a in before[node]), default=-1)
    return depth


def rows(
    layer: Mapping[Node, int],
    edges: Sequence[Edge],
    fixed: Mapping[Node, int] | None = None,
    sweeps: int = 4,
) -> tuple[dict[Node, int], dict[Edge, list[tuple[int, int]]]]:
    """A row from 0 up for each node, and for each long edge the (layer, row) places it passes.

    fixed: nodes whose rows are given.  The first node of a layer that wants a row gets it; sweeps alternate
    between looking at predecessors and at successors.
    """
    fixed = fixed or {}
    routes: dict[Edge, list[Node]] = {}
    before: dict[Node, list[Node]] = {node: [] for node in layer}
    after: dict[Node, list[Node]] = {node: [] for node in layer}
    level = dict(layer)
    for edge in edges:
        a, b = edge
        via: list[Node] = [("via", edge, at) for at in range(layer[a] + 1, layer[b])]
        routes[edge] = via
        for node in via:
            level[node] = int(node[2])
            before[node], after[node] = [], []
        chain = [a, *via, b]
        for p, q in zip(chain, chain[1:], strict=False):
            before[q].append(p)
            after[p].append(q)
    members: dict[int, list[Node]] = {}
    for node, at in level.items():
        members.setdefault(at, []).append(node)
    row: dict[Node, int] = dict(fixed)
    for sweep in range(sweeps):
        forward = sweep % 2 == 0
        for at in sorted(members, reverse=not forward):
            near = before if forward else after
            _place(members[at], near if sweep else before, row, fixed)
    return {n: row[n] for n in layer}, {
        e: [(level[n], row[n]) for n in via] for e, via in routes.items()
    }


def _place(
    nodes: list[Node],
    near: Mapping[Node, list[Node]],
    row: dict[Node, int],
    fixed: Mapping[Node, int],
) -> None:
    """Give the nodes of one layer the free rows closest to the mean of their placed neighbours.

    Passing lines choose first, so that they stay straight; at a tie the row found before decides.
    """
    taken = {fixed[n] for n in nodes if n in fixed}
    wish: dict[Node, float] = {}
    for n in nodes:
        known = [row[m] for m in near[n] if m in row]
        wish[n] = sum(known) / len(known) if known else float(row.get(n, 0))
    free = [n for n in nodes if n not in fixed]
    for n in sorted(free, key=lambda n: (not _passes(n), wish[n], row.get(n, 0))):
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


def _passes(node: Node) -> bool:
    return isinstance(node, tuple) and node[0] == "via"
