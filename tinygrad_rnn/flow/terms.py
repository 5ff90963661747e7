"""Gradient flow: equation (3.1) in numbers, for any graph and any list of states.

Everything here is a sum or a product of walks (listed.py).  What comes from the losses without
meeting any listed state is the direct term; a term of (3.1) is one direct term carried down alone;
the total is all of them carried down together; a Jacobian is unit vectors carried down; what
reaches a weight during step t is its contribution at time t.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow.chain import Link, by_matrices, chain, side_by_side
from tinygrad_rnn.flow.jacobian import jacobian
from tinygrad_rnn.flow.listed import Arrivals, Gradients, Listed, one_for_each, plus
from tinygrad_rnn.flow.seen import check_seen
from tinygrad_rnn.flow.truncated import Truncated, truncated
from tinygrad_rnn.flow.vectors import StateArrays, as_state, flat, lengths, projections
from tinygrad_rnn.guards.boundary import public, public_class
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.nn.states import parts
from tinygrad_rnn.nn.unroll import UnrolledState

_MOST_BYTES = 256 * 2**20  # terms are stored up to this size and computed again beyond


@dataclass(frozen=True)
class Row:
    """A line of the table of (3.1) at some t: the direct term (k = t), a later one, or a sum.

    ks     the steps whose terms it holds
    norm   of their sum
    share  its projection on dL/dh_t as a fraction of it; shares add up to 1
    """

    ks: tuple[int, ...]
    norm: float
    share: float


@public
def gradient_flow(
    losses: Tensor | Iterable[Tensor | float | None], states: Iterable[UnrolledState]
) -> "GradientFlow":
    """Measure how the gradients of L = sum_k L_k reach the states s_1 .. s_T, (3.1).

    losses  one scalar Tensor for each state, or a single one, which counts as L_T.  None, a plain
            number and a Tensor that requires no gradient mean that the step has no loss
    states  Tensors, or tuples of Tensors such as (h_t, c_t), in the order of time

    Raises ShapeError if their numbers differ, GradientError if no loss depends on a Tensor that
    requires a gradient, or if gradients go past the states.
    """
    states = list(states)
    if not states:
        raise UsageError("gradient_flow needs at least one state.")
    of_each = one_for_each(losses, len(states))
    for t, state in enumerate(states, 1):
        if not parts(state) or not all(isinstance(part, Tensor) for part in parts(state)):
            kind = type(state).__name__ if parts(state) else "an empty tuple"
            raise UsageError(
                f"state {t} is {kind}; a state is a Tensor or a non-empty tuple of Tensors."
            )
    flow = GradientFlow(of_each, states)
    check_seen(of_each, list(map(parts, states)))
    return flow


@public_class
class GradientFlow:
    """dL/dh_t = dL_t/dh_t + sum_{k>t} dL_k/dh_k . dh_k/dh_t, (3.1), with every term at hand.

    total, direct, indirect   lists of T arrays, entry t - 1 for s_t (tuples of arrays where a state
                              is a tuple); total = direct + indirect, and total equals `.grad` of
                              the state after backward
    parameters                {name: Tensor} of everything with requires_grad that the losses depend
                              on

    Methods that take k or t count from 1 to T, as the equations do.  "Direct" means along paths
    that meet no later listed state.  In a tuple (h, c) whose h is computed from c, dL/dc includes
    the path through h, as `.grad` does; Jacobians hold the parts of a state independent, as
    coordinates of one vector.  A part that a step passes on unchanged has its `.grad` where it is
    listed first; later entries hold what the later losses send.  A part that does not require a
    gradient has none.
    """

    def __init__(self, losses: list[Tensor | None], states: list[UnrolledState]):
        self.losses, self.states = losses, states
        self._listed = listed = Listed(losses, [parts(state) for state in states])
        self.parameters = listed.parameters
        self._direct = listed.direct()
        self._links: list[Link] | None = None  # the steps as matrices, when asked for
        self._rows: OrderedDict[int, list[Arrivals]] = OrderedDict()  # of terms, by k
        self._jacobians: dict[int, Array] = {}  # of one step, by k

        total = {visit.t: visit.complete for visit in listed.walk(self._direct)}
        direct = {t: next(listed.walk({t: self._direct[t]}, lowest=t)).complete for t in total}
        times = range(len(states))
        self._totals = [flat(total[t]) for t in times]
        self.total = [as_state(total[t]) for t in times]
        self.direct = [as_state(direct[t]) for t in times]
        self.indirect = [
            as_state([a - b for a, b in zip(total[t], direct[t], strict=True)]) for t in times
        ]

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        state = parts(self.states[-1])
        batch = f"B={state[0].shape[0]}, " if state[0].ndim == 2 else ""
        names = [(x.name or "").rpartition("_") for x in state]
        shapes = ", ".join(
            f"{base if base and time.isdecimal() else 's'}: {x.shape}"
            for x, (base, _, time) in zip(state, names, strict=True)
        )
        losses = [L.item() for L in self.losses if L is not None and L.requires_grad]
        loss = f"L={number(sum(losses))} from {len(losses)} loss{'es' * (len(losses) != 1)}"
        return f"GradientFlow(T={len(self)}, {batch}{shapes}, {loss})"

    # -- the terms of (3.1) ------------------------------------------------------------------------

    def term(self, k: int, t: int) -> StateArrays:
        """dL_k/dh_k . dh_k/dh_t: what loss k contributes to (3.1) at h_t; k = t is the direct term.

        Raises RangeError unless 1 <= t <= k <= T.
        """
        self._check_pair(k, t)
        return as_state(self._row(k - 1)[t - 1])

    def arriving(self) -> Iterator[tuple[int, Array]]:
        """For t = T .. 1: (t, terms), where row k - t of terms is term(k, t) as one vector.

        The parts of a state stand end to end.  All terms take about T steps where each state
        depends on the last one only.
        """
        if self._links is None:
            self._links = chain(self._listed) or []
            for k, (J, _) in enumerate(self._links, 1):
                if J is not None:
                    self._jacobians[k] = J
        if self._links:
            return by_matrices(self._listed, self._direct, self._links)
        return side_by_side(self._listed, self._direct)

    def norms(self, part: int | None = None) -> Array:
        """(T, T): entry [k - 1, t - 1] is the norm of term(k, t), 0 for k < t.

        part  of one part of a tuple, counted from 0; None: of all together

        Raises RangeError for a part that some state does not have.
        """
        T = len(self)
        most = min(len(parts(state)) for state in self.states)
        if part is not None and not 0 <= part < most:
            raise RangeError(f"part is {part}; a state has the parts 0..{most - 1}.")
        norms = np.zeros((T, T))
        for t, terms in self.arriving():
            if part is not None:
                ends = np.cumsum([0, *(x.size for x in parts(self.states[t - 1]))])
                terms = terms[:, ends[part] : ends[part + 1]]
            norms[t - 1 :, t - 1] = lengths(terms)
        return norms

    def summed(self, ks: Iterable[int]) -> list[Array]:
        """The sum of what the losses ks send, as one vector for each t = 1 .. max(ks)."""
        walk = self._listed.walk({k - 1: self._direct[k - 1] for k in ks})
        return [flat(visit.complete) for visit in walk][::-1]

    def share(self, k: int, t: int) -> float:
        """The projection of term(k, t) on dL/dh_t as a fraction of it; nan if dL/dh_t is 0.

        Over k the shares add up to 1.
        """
        return float(projections(flat(parts(self.term(k, t))), self._total(t)))

    def table(self, t: int, most: int | None = None) -> list[Row]:
        """The direct term at t, then later ones; beyond `most` (>= 2) the smallest are summed."""
        self._check(t, "t")
        if most is not None and most < 2:
            raise RangeError(
                f"most is {most}; a table has at least 2 rows: the direct term and the rest."
            )
        column = next(terms for at, terms in self.arriving() if at == t)
        terms = {k: term for k, term in enumerate(column, t) if k == t or self._direct[k - 1]}
        groups: list[tuple[int, ...]] = [(k,) for k in terms]
        if most is not None and len(groups) > most:
            norms = dict(enumerate(lengths(column), t))
            by_norm = sorted(list(terms)[1:], key=norms.__getitem__, reverse=True)
            largest, rest = sorted(by_norm[: most - 2]), tuple(sorted(by_norm[most - 2 :]))
            groups = [(t,), *((k,) for k in largest), rest]
        sums = {ks: np.sum([terms[k] for k in ks], axis=0) for ks in groups}
        total = self._total(t)
        return [Row(ks, float(lengths(v)), float(projections(v, total))) for ks, v in sums.items()]

    def total_norm(self, t: int) -> float:
        """The norm of dL/dh_t."""
        self._check(t, "t")
        return float(lengths(self._total(t)))

    # -- Jacobians ---------------------------------------------------------------------------------

    def jacobian(self, k: int, t: int | None = None) -> Array:
        """dh_k/dh_t by carrying unit vectors down; without t the one-step J_k = dh_k/dh_(k-1).

        (..., n_k, n_t) with the batch axes first; row i is the gradient of entry i of s_k.  A tuple
        state counts as one vector.

        Raises GradientError if the rows of a batch depend on each other, or s_t does not require a
        gradient.
        """
        if t is None:
            self._check(k, "k", 2)
            t = k - 1
        self._check_pair(k, t)
        if t != k - 1:
            return jacobian(self._listed, k - 1, t - 1)
        if k not in self._jacobians:
            self._jacobians[k] = jacobian(self._listed, k - 1, t - 1)
        return self._jacobians[k].copy()

    def jacobian_product(self, k: int, t: int) -> Array:
        """J_k . J_(k-1) ... J_(t+1), (3.3).

        It equals jacobian(k, t) where each state depends on the last one only.
        """
        self._check_pair(k, t)
        product = self.jacobian(k, k)
        for j in range(k, t, -1):
            product = product @ self.jacobian(j)
        return product

    def singular_values(self, k: int) -> Array:
        """Singular values of J_k = dh_k/dh_(k-1), largest first: (..., n), for k = 2 .. T."""
        return np.linalg.svd(self.jacobian(k), compute_uv=False)

    # -- weights -----------------------------------------------------------------------------------

    def contribution(self, parameter: Tensor | str) -> Array:
        """(T, *shape): what each step adds to dL/d(parameter), 3.2 to 3.4; their sum is `.grad`.

        Raises UsageError for what is no parameter of these losses.
        """
        tensor = self.parameters.get(parameter) if isinstance(parameter, str) else parameter
        if not isinstance(tensor, Tensor) or tensor not in set(self.parameters.values()):
            raise UsageError(
                f"{parameter!r} is not a parameter of these losses; they have "
                f"{', '.join(self.parameters)}."
            )
        return self._contributions({"": tensor})[""]

    def contributions(self) -> dict[str, Array]:
        """`contribution` of every parameter, by one walk."""
        return self._contributions(self.parameters)

    def truncated(self, window: int) -> Truncated:
        """What truncated BPTT gives that carries each loss back through `window` states.

        window  1 .. T; 1: the direct terms only
        """
        self._check(window, "window")
        return truncated(self._listed, self._direct, window)

    def _contributions(self, tensors: Mapping[str, Tensor]) -> dict[str, Array]:
        sent: list[Gradients] = [{} for _ in self.states]
        for t, gradients in self._listed.sent(self._listed.walk(self._direct, parameters=True)):
            sent[t] = plus(sent[t], gradients)
        nothing = {name: np.zeros_like(value(x)) for name, x in tensors.items()}
        return {n: np.stack([g.get(x, nothing[n]) for g in sent]) for n, x in tensors.items()}

    def _row(self, k: int) -> list[Arrivals]:
        """All terms that come from the loss of state k, entry t for state t; counted from 0."""
        if k not in self._rows:
            walk = self._listed.walk({k: self._direct[k]})
            self._rows[k] = [visit.complete for visit in walk][::-1]
            size = sum(a.nbytes for a in self._rows[k][k]) * len(self)
            while len(self._rows) > 1 and len(self._rows) * size > _MOST_BYTES:
                self._rows.popitem(last=False)
        return self._rows[k]

    def _total(self, t: int) -> Array:
        return self._totals[t - 1]

    def _check_pair(self, k: int, t: int) -> None:
        self._check(t, "t")
        self._check(k, "k", t, " k comes first and is t or later: gradients go back in time.")

    def _check(self, n: int, what: str, lowest: int = 1, why: str = "") -> None:
        if not isinstance(n, (int, np.integer)) or not lowest <= n <= len(self):
            why = why if lowest > 1 else ""
            raise RangeError(f"{what} is {n}; it must lie in {lowest}..{len(self)}.{why}")
