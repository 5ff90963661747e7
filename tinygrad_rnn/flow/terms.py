"""Gradient flow: equation (3.1) in numbers, for any graph and any list of states.

Everything here is a sum or a product of walks (listed.py).  What comes from the losses without meeting any
listed state is the direct term; a term of (3.1) is one direct term carried down alone; the total is all of
them carried down together; a Jacobian is unit vectors carried down; what reaches a weight during step t is
its contribution at time t.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.errors import RangeError, UsageError
from tinygrad_rnn.flow.chain import Link, by_matrices, chain, side_by_side
from tinygrad_rnn.flow.listed import Arrivals, Listed, one_for_each
from tinygrad_rnn.flow.seen import check_seen
from tinygrad_rnn.guards.boundary import public, public_class
from tinygrad_rnn.nn.unroll import parts

Array = Any

_MOST_BYTES = 256 * 2**20  # terms are stored up to this size and computed again beyond


@dataclass(frozen=True)
class Row:
    """One line of the table of (3.1) at some t: the direct term (k = t), dL_k/dh_k . dh_k/dh_t, or a sum of such."""

    ks: tuple[int, ...]
    norm: float
    share: float  # the projection on dL/dh_t as a fraction of it; shares add up to 1


@dataclass(frozen=True)
class Truncated:
    """The gradients that truncated BPTT gives when every loss is carried back through `window` states.

    totals          dL/dh_t with only the terms k < t + window
    gradients       for each parameter; with window = T they are the full ones
    relative_error  |truncated - full| / |full| for each parameter, Frobenius norms
    """

    window: int
    totals: list[Any]
    gradients: dict[str, Array]
    relative_error: dict[str, float]


@public
def gradient_flow(losses: Any, states: Sequence[Any]) -> "GradientFlow":
    """Measure how the gradients of L = sum_k L_k reach the states s_1 .. s_T.

    losses  one scalar Tensor for each state, or a single one, which counts as L_T.  None, a plain
            number and a Tensor that requires no gradient mean that the step has no loss
    states  Tensors, or tuples of Tensors such as (h_t, c_t), in the order of time

    Raises ShapeError if their numbers differ, GradientError if no loss depends on a Tensor that requires a gradient.
    """
    states = list(states)
    if not states:
        raise UsageError("gradient_flow needs at least one state.")
    losses = one_for_each(losses, len(states))
    for t, state in enumerate(states, 1):
        if not parts(state) or not all(isinstance(part, Tensor) for part in parts(state)):
            kind = type(state).__name__ if parts(state) else "an empty tuple"
            raise UsageError(
                f"state {t} is {kind}; a state is a Tensor or a non-empty tuple of Tensors."
            )
    flow = GradientFlow(losses, states)
    check_seen(losses, list(map(parts, states)))
    return flow


@public_class
class GradientFlow:
    """dL/dh_t = dL_t/dh_t + sum_{k>t} dL_k/dh_k . dh_k/dh_t, (3.1), with every term at hand.

    total, direct, indirect   lists of T arrays, entry t - 1 for s_t (tuples of arrays where a state is a tuple);
                              total = direct + indirect, and total equals `.grad` of the state after backward
    parameters                {name: Tensor} of everything with requires_grad that the losses depend on

    Methods that take k or t count from 1 to T, as the equations do.  "Direct" means along paths that meet no
    later listed state.  In a tuple (h, c) whose h is computed from c, dL/dc includes the path through h, as
    `.grad` does; Jacobians hold the parts of a state independent, as coordinates of one vector.  A part that a
    step passes on unchanged has its `.grad` where it is listed first; later entries hold what the later losses send.
    A part that does not require a gradient has none.
    """

    def __init__(self, losses: list[Tensor | Any], states: list[Any]):
        self.losses, self.states = losses, states
        self._listed = Listed(losses, [parts(state) for state in states])
        self.parameters = self._listed.parameters
        self._direct = self._listed.direct()
        self._links: list[Link] | None = (
            None  # the steps as matrices, when asked for; empty: there are none
        )
        self._rows: OrderedDict[int, list[Arrivals]] = OrderedDict()
        self._jacobians: dict[int, Array] = {}

        total = {t: state for t, _, state in self._listed.walk(self._direct)}
        direct = {t: next(self._listed.walk({t: self._direct[t]}, lowest=t))[2] for t in total}
        self.total = [self._as_state(total[t]) for t in range(len(self))]
        self.direct = [self._as_state(direct[t]) for t in range(len(self))]
        self.indirect = [
            self._as_state([a - b for a, b in zip(total[t], direct[t], strict=True)])
            for t in range(len(self))
        ]

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        return f"<gradient flow over T = {len(self)} states, parameters {', '.join(self.parameters) or 'none'}>"

    # -- the terms of (3.1) ---------------------------------------------------------------------------

    def term(self, k: int, t: int) -> Any:
        """dL_k/dh_k . dh_k/dh_t, the share of (3.1) that loss k sends to h_t; k = t is the direct term."""
        self._check_pair(k, t)
        return self._as_state(self._row(k - 1)[t - 1])

    def arriving(self) -> Iterator[tuple[int, Array]]:
        """For t = T .. 1: (t, terms), where row k - t of terms is term(k, t) as one vector, parts end to end.

        All terms in about T steps where each state depends on the last one only.
        """
        if self._links is None:
            self._links = chain(self._listed) or []
        if self._links or len(self) == 1:
            return by_matrices(self._listed, self._direct, self._links)
        return side_by_side(self._listed, self._direct)

    def norms(self, part: int | None = None) -> Array:
        """(T, T): entry [k - 1, t - 1] is the norm of term(k, t), 0 for k < t; of one part of a tuple, or of all."""
        T = len(self)
        most = min(len(parts(state)) for state in self.states)
        if part is not None and not 0 <= part < most:
            raise RangeError(f"part is {part}; a state has the parts 0..{most - 1}.")
        norms = np.zeros((T, T))
        for t, terms in self.arriving():
            ends = np.cumsum([0, *(x.size for x in parts(self.states[t - 1]))])
            norms[t - 1 :, t - 1] = lengths(
                terms if part is None else terms[:, ends[part] : ends[part + 1]]
            )
        return norms

    def summed(self, ks: Iterable[int]) -> list[Array]:
        """The sum of what the losses ks send, as one vector for each t = 1 .. max(ks)."""
        inject = {k - 1: self._direct[k - 1] for k in ks}
        return [
            np.concatenate([np.ravel(a) for a in state])
            for _, _, state in self._listed.walk(inject)
        ][::-1]

    def share(self, k: int, t: int) -> float:
        """The projection of term(k, t) on dL/dh_t, as a fraction: over k they add up to 1; nan if dL/dh_t is 0."""
        term, total = (
            np.concatenate([np.ravel(a) for a in parts(x)])
            for x in (self.term(k, t), self.total[t - 1])
        )
        return float(projections(term, total))

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
            by_norm = sorted(
                list(terms)[1:], key=dict(enumerate(lengths(column), t)).__getitem__, reverse=True
            )
            kept, rest = sorted(by_norm[: most - 2]), tuple(sorted(by_norm[most - 2 :]))
            groups = [(t,), *((k,) for k in kept), rest]
        sums = {ks: np.sum([terms[k] for k in ks], axis=0) for ks in groups}
        total = np.concatenate([np.ravel(a) for a in parts(self.total[t - 1])])
        return [Row(ks, float(lengths(v)), float(projections(v, total))) for ks, v in sums.items()]

    def total_norm(self, t: int) -> float:
        """The norm of dL/dh_t."""
        self._check(t, "t")
        return _norm(parts(self.total[t - 1]))

    # -- Jacobians ------------------------------------------------------------------------------------

    def jacobian(self, k: int, t: int | None = None) -> Array:
        """dh_k/dh_t by carrying unit vectors down; without t the one-step Jacobian J_k = dh_k/dh_(k-1).

        (..., n_k, n_t) with the batch axes first; row i is the gradient of entry i of s_k.  A tuple state counts as
        one vector.  GradientError if the rows of a batch depend on each other, or s_t does not require a gradient.
        """
        if t is None:
            self._check(k, "k", 2)
            t = k - 1
        self._check_pair(k, t)
        if t == k - 1 and self._links:
            return self._links[k - 2].jacobian
        if t == k - 1 and k in self._jacobians:
            return self._jacobians[k]
        like = self._listed.joint(k)
        units = np.eye(like.shape[-1], dtype=like.dtype)
        if t == k:
            return np.broadcast_to(units, (*like.shape[:-1], *units.shape))
        self._listed.check_jacobian(k, t)
        rows = [self._listed.carried(k, t, np.broadcast_to(unit, like.shape)) for unit in units]
        jacobian = np.stack(rows, axis=-2)
        if t == k - 1:
            self._jacobians[k] = jacobian
        return jacobian

    def jacobian_product(self, k: int, t: int) -> Array:
        """J_k . J_(k-1) ... J_(t+1), (3.3): equal to jacobian(k, t) when each state depends on the last one only."""
        self._check_pair(k, t)
        product = self.jacobian(k, k)
        for j in range(k, t, -1):
            product = product @ self.jacobian(j)
        return product

    def singular_values(self, k: int) -> Array:
        """Singular values of J_k = dh_k/dh_(k-1), largest first: (..., n), for k = 2 .. T."""
        return np.linalg.svd(self.jacobian(k), compute_uv=False)

    # -- weights --------------------------------------------------------------------------------------

    def contribution(self, parameter: Tensor | str) -> Array:
        """(T, *shape): what each time step adds to dL/d(parameter), the terms of 3.2 to 3.4; their sum is `.grad`."""
        tensor = self.parameters.get(parameter) if isinstance(parameter, str) else parameter
        if not isinstance(tensor, Tensor) or tensor not in set(self.parameters.values()):
            raise UsageError(
                f"{parameter!r} is not a parameter of these losses; they have {', '.join(self.parameters)}."
            )
        return self._reached(tensor, self._given_to_parameters())

    def contributions(self) -> dict[str, Array]:
        """`contribution` of every parameter, by one walk."""
        given = self._given_to_parameters()
        return {name: self._reached(tensor, given) for name, tensor in self.parameters.items()}

    def _given_to_parameters(self) -> list[dict[Tensor, Array]]:
        given: list[dict[Tensor, Array]] = [{} for _ in self.states]
        self._listed.gather(self._listed.walk(self._direct, given=given), given)
        return given

    def _reached(self, tensor: Tensor, given: list[dict[Tensor, Array]]) -> Array:
        return np.stack([reached.get(tensor, np.zeros_like(value(tensor))) for reached in given])

    def truncated(self, window: int) -> Truncated:
        """What truncated BPTT gives that carries each loss back through `window` states (1: direct terms only)."""
        self._check(window, "window")
        T = len(self)
        arrivals: dict[int, Arrivals] = {t: [] for t in range(T)}
        for k in (k for k in range(T) if self._direct[k]):
            for t, arriving, _ in self._listed.walk(
                {k: self._direct[k]}, lowest=max(0, k - window + 1)
            ):
                old = arrivals[t] or self._listed.zeros(t)
                arrivals[t] = [a + b for a, b in zip(old, arriving, strict=True)]
        full: dict[Tensor, Array] = {}
        self._listed.gather(self._listed.walk(self._direct, given=[full] * T), [full] * T)
        cut: dict[Tensor, Array] = {}
        alone = [
            next(self._listed.walk({t: arrivals[t]}, lowest=t, given=[cut] * T)) for t in range(T)
        ]
        self._listed.gather(alone, [cut] * T)
        gradients = {n: cut.get(p, np.zeros_like(value(p))) for n, p in self.parameters.items()}
        error = {
            n: _norm([gradients[n] - full[p]]) / (_norm([full[p]]) or 1.0)
            for n, p in self.parameters.items()
        }
        return Truncated(window, [self._as_state(state) for _, _, state in alone], gradients, error)

    def _row(self, k: int) -> list[Arrivals]:
        """All terms that come from the loss of state k, entry t for state t."""
        if k not in self._rows:
            found = {t: state for t, _, state in self._listed.walk({k: self._direct[k]})}
            self._rows[k] = [found[t] for t in range(k + 1)]
            size = sum(a.nbytes for a in found[k]) * len(self)
            while len(self._rows) > 1 and len(self._rows) * size > _MOST_BYTES:
                self._rows.popitem(last=False)
        return self._rows[k]

    def _as_state(self, state: Sequence[Array]) -> Any:
        return tuple(state) if len(state) > 1 else state[0]

    def _check_pair(self, k: int, t: int) -> None:
        self._check(t, "t")
        self._check(k, "k", t, " k comes first and is t or later: gradients go back in time.")

    def _check(self, n: int, what: str, lowest: int = 1, why: str = "") -> None:
        if not isinstance(n, (int, np.integer)) or not lowest <= n <= len(self):
            why = why if lowest > 1 else ""
            raise RangeError(f"{what} is {n}; it must lie in {lowest}..{len(self)}.{why}")


def lengths(rows: Array) -> Array:
    """Norms along the last axis; squares that would overflow do not."""
    unit = _largest(np.asarray(rows))
    with np.errstate(all="ignore"):
        return np.asarray(np.sqrt(np.sum((rows / unit[..., None]) ** 2, axis=-1)) * unit)


def projections(rows: Array, total: Array) -> Array:
    """The projection of each row on the total as a fraction of it: nan where the total is 0."""
    unit = _largest(total)[..., None]
    with np.errstate(all="ignore"):
        square = np.sum((total / unit) ** 2, axis=-1)
        return np.asarray(
            np.sum(rows / unit * (total / unit), axis=-1) / np.where(square > 0, square, np.nan)
        )


def _largest(rows: Array) -> Array:
    """The largest entry along the last axis; 1 where that is 0 or not finite."""
    top = np.max(np.abs(rows), axis=-1, initial=0.0)
    return np.where((top > 0) & np.isfinite(top), top, 1.0)


def _norm(state: Sequence[Array]) -> float:
    """The Frobenius norm of all parts together."""
    return float(lengths(np.concatenate([np.ravel(a) for a in state])))
