"""Which Tensors of a graph stand in one box.

Those of a named scope do, and the oldest where there are too many.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.scene import clean
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.transforms.scope import Scope, innermost

Group: TypeAlias = Scope | str  # a scope, or what has no scope and is named so


@dataclass(frozen=True, eq=False)  # one fold is not another, whatever is inside
class Fold:
    """Some operations drawn as one box, and the leaves that only they use."""

    name: str
    members: tuple[Tensor, ...]

    @property
    def operations(self) -> list[Tensor]:
        """Without the leaves."""
        return [x for x in self.members if x.fun is not None]

    @property
    def tip(self) -> str:
        """What is inside."""
        kinds = Counter(name_of(x.fun) for x in self.operations if x.fun is not None)
        names = list(dict.fromkeys(x.name for x in self.members if x.fun is None and x.name))
        inside = ", ".join(f"{kind} × {n}" if n > 1 else kind for kind, n in kinds.most_common())
        told = [f"{self.name}: {len(self.operations)} operations", inside, ", ".join(names)]
        return clean("; ".join(filter(None, told)), 400)


def folds(
    tensors: Sequence[Tensor], fold: bool | Collection[str] | None, limit: int
) -> dict[Tensor, Fold]:
    """The fold of each Tensor that is in one.

    tensors  oldest first; the last is the root, which stays in sight
    fold     True: every scope that lies in no other; names: the scopes of these names; False: none;
             None: every outer scope if there are more than `limit` Tensors
    limit    above this number of boxes the oldest Tensors become one
    """
    groups: dict[Tensor, Group] = {}
    if fold is None:
        fold = len(tensors) > limit
    if fold is not False:
        for x, inner in innermost(tensors[:-1]).items():
            scope = _folded(
                inner, None if fold is True else {fold} if isinstance(fold, str) else set(fold)
            )
            if scope is not None:
                groups[x] = scope
    operations = [x for x in tensors if x.fun is not None]
    order = list(dict.fromkeys(groups.get(x, x) for x in reversed(operations)))  # latest first
    if len(order) > limit:
        # only what is older than all in sight may go: no box is both before and after another
        seen = set(order[: max(1, limit - 1)])
        first = min(x.serial for x in operations if groups.get(x, x) in seen)
        groups |= dict.fromkeys((x for x in operations if x.serial < first), "older")
    members: dict[Group, list[Tensor]] = {}
    for x in operations:
        if x in groups:
            members.setdefault(groups[x], []).append(x)
    leaves = [x for x in tensors if x.fun is None]
    for leaf, group in _alone(tensors, groups).items():
        members[group].insert(0, leaf)
    taken = {x for xs in members.values() for x in xs}
    if len([x for x in leaves if x not in taken]) > limit:
        members["leaves"] = [x for x in leaves if x not in taken]
    made = {
        key: Fold(key if isinstance(key, str) else clean(key.name, 40), tuple(xs))
        for key, xs in members.items()
    }
    return {x: made[key] for key, xs in members.items() for x in xs}


def _folded(scope: Scope | None, names: set[str] | None) -> Scope | None:
    """The outermost scope around an operation that is to be folded."""
    found = None
    while scope is not None:
        if names is None or scope.name in names:
            found = scope
        scope = scope.outer
    return found


def _alone(tensors: Sequence[Tensor], groups: dict[Tensor, Group]) -> dict[Tensor, Group]:
    """Leaves that only one group uses go with it; but a scope leaves its parameters in sight."""
    users: dict[Tensor, set[Group | None]] = {}
    for x in tensors:
        for a in x.args:
            if isinstance(a, Tensor) and a.fun is None:
                users.setdefault(a, set()).add(groups.get(x))
    single = {a: next(iter(used)) for a, used in users.items() if len(used) == 1}
    return {
        a: g for a, g in single.items() if g is not None and (g == "older" or not a.requires_grad)
    }
