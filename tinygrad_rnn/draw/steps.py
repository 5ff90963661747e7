"""Which operations belong to a step of an unrolled network: those of its cell, and its read-out."""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.layered import depths
from tinygrad_rnn.nn.states import parts
from tinygrad_rnn.nn.unroll import Unrolled


class Value(NamedTuple):
    """A named value of step t: y, L, or a part of the state h."""

    symbol: str
    t: int
    part: int = 0


Node: TypeAlias = Tensor | Value  # the operation of a Tensor, or an input; or a value


class Steps:
    """The graph of a network, cut into steps.

    losses  t -> L_t, where it requires a gradient
    listed  the Tensors of all states -> the first step whose state they are part of
    """

    def __init__(self, run: Unrolled):
        self.run = run
        losses = {t: L for t, L in enumerate(run.losses, 1) if L is not None}
        self.losses = {t: L for t, L in losses.items() if L.requires_grad}
        self.listed = {x: t for t in range(len(run), 0, -1) for x in parts(run.states[t - 1])}

    def state(self, t: int) -> tuple[Tensor, ...]:
        """The parts of the state after step t; before the first for t = 0."""
        return parts(self.run.states[t - 1] if t else self.run.initial)

    def cell(self, t: int) -> list[Tensor]:
        """What the state of step t is computed from, up to earlier states."""
        own = [x for x in self.state(t) if self.listed.get(x) == t]
        return _between(own, {x for x, at in self.listed.items() if at < t})

    def head(self, t: int) -> tuple[dict[Node, int], list[tuple[Node, Node]]]:
        """Heights above h_t of all between the state and the loss; a named value has its own."""
        run = self.run
        named = dict.fromkeys(run.outputs[t - 1 : t], Value("y", t))
        if t in self.losses:
            named[self.losses[t]] = Value("L", t)
        stop = {*self.listed, *run.outside}
        inside = _between(named, stop)
        within = set(inside)
        nodes: list[Node] = [Value("h", t, i) for i, _ in enumerate(self.state(t))]
        states = {x: Value("h", t, i) for i, x in enumerate(self.state(t))}
        nearest = named | states
        edges: list[tuple[Node, Node]] = []
        for x in inside:
            nodes.append(x)
            for a in operands(x):
                if a in states or a in within:
                    edges.append((nearest.get(a, a), x))
            if x in named:
                nodes.append(named[x])
                edges.append((x, named[x]))
        return depths(nodes, edges), edges

    def kinds(self, t: int) -> list[object]:
        """The functions of step t, in order: two steps with the same ones are copies."""
        head, _ = self.head(t)
        return [x.fun if isinstance(x, Tensor) else x.symbol for x in (*self.cell(t), *head)]

    def tensor(self, node: Node) -> Tensor:
        """The Tensor behind a node."""
        if isinstance(node, Tensor):
            return node
        if node.symbol == "h":
            return self.state(node.t)[node.part]
        return (self.run.outputs if node.symbol == "y" else self.run.losses)[node.t - 1]


def _between(ends: Iterable[Tensor], stop: set[Tensor]) -> list[Tensor]:
    """The operations that `ends` come from, without what is before `stop`."""
    ends = list(ends)
    met = ancestors(ends, stop=stop) if ends else []
    return [x for x in met if x.fun is not None and x not in stop]


def operands(tensor: Tensor) -> list[Tensor]:
    """The Tensors that one was computed from, each once."""
    return list(dict.fromkeys(a for a in tensor.args if isinstance(a, Tensor)))
