"""The numbers behind the page: every term of (3.1) for every t, stored once.

Arrays travel as base64 of little-endian floats.  Norms and shares are triangles, row k after row k:
entry k (k - 1) / 2 + t - 1 belongs to the term (k, t).
"""

import base64
from collections.abc import Sequence

import numpy as np

from tinygrad_rnn._typing import Array, ArrayLike, Kwargs
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.draw.axis import step_ticks
from tinygrad_rnn.draw.expression import equation
from tinygrad_rnn.draw.links import across
from tinygrad_rnn.draw.measures import EVERY, page_sizes, shown_columns
from tinygrad_rnn.draw.palette import INDIRECT, THIN, LogScale, distance, script_colors
from tinygrad_rnn.draw.roles import roles
from tinygrad_rnn.draw.scene import clean
from tinygrad_rnn.draw.strands import ways
from tinygrad_rnn.draw.support import Support
from tinygrad_rnn.draw.symbols import cell_name, joint_name, state_names
from tinygrad_rnn.errors import GradientError, ShapeError
from tinygrad_rnn.flow.terms import GradientFlow
from tinygrad_rnn.flow.vectors import lengths, projections
from tinygrad_rnn.nn.states import parts
from tinygrad_rnn.nn.unroll import Unrolled

_ROWS = 12  # of the table of (3.1); the smaller terms are summed into the last
_EXACT = 300  # the longest sequence of which each norm has all its digits, and each share is sent
_VECTORS, _MATRICES = 600_000, 300_000  # bytes at most: of all terms, of all Jacobians
_VALUES = 64  # entries of one value


def page_data(run: Unrolled, flow: GradientFlow, t: int) -> Kwargs:
    """Everything the page shows, as JSON can carry it; t is the state it opens with."""
    support = Support(flow)
    terms = Terms(flow, support)
    T, names = len(run), state_names(run)
    times = range(1, T + 1)
    columns = {s: shown_columns(s, T) for s in times}
    return {
        "cell": cell_name(run),
        "T": T,
        "t": t,
        "states": names,
        "joint": joint_name(names),
        "outputs": bool(run.outputs),
        "losses": [k in support.losses for k in times],
        "earliest": [support.earliest.get(k) for k in times],
        "own": [k in support.senders.get(k, ()) for k in times],
        "shared": [bool(support.senders.get(k, {k}) - {k}) for k in times],
        "linked": [bool(across(run, s)) for s in times],
        "reached": [[support.part(s, x) for x in parts(run.states[s - 1])] for s in times],
        **terms.data(),
        **_jacobians(flow),
        "columns": [columns[s] for s in (times if EVERY.most < T else [1])],
        "strands": [ways(support, T, s, columns[s]) for s in times],
        "shades": len(INDIRECT),
        "colors": script_colors(),
        "thin": THIN,
        "sizes": page_sizes(),
        "longest": EVERY.most,
        "ticks": step_ticks(T),
        "weights": _weights(run, flow),
        "values": _values(run),
        "equations": _equations(run),
    }


class Terms:
    """Norms, shares and vectors of all terms, and the sums of those that are not shown alone.

    One pass over the flow, from t = T down to 1.
    """

    def __init__(self, flow: GradientFlow, support: Support):
        self.flow, self.T, self.support = flow, len(flow), support
        T = self.T
        self.total = np.stack([_joined(parts(total)) for total in flow.total])
        self.norms, self.shares = np.zeros((T, T)), np.full((T, T), np.nan)  # [k - 1, t - 1]
        self.rest = np.zeros_like(self.total)  # the small terms of each table, summed
        self.rows: dict[int, list[int]] = {}  # t -> the losses with a row of their own in its table
        self.others: dict[int, int] = {}  # t -> how many there are besides
        self.hidden = {t: self._left_out(t) for t in range(1, T + 1)}
        self.sums: dict[int, list[float]] = {
            t: [] for t in self.hidden
        }  # what these send, from t on
        few = T * (T + 1) // 2 * self.total.shape[-1] * 16 // 3 <= _VECTORS
        self.vectors = np.zeros((T, T, self.total.shape[-1])) if few else None
        for t, terms in flow.arriving():
            self._column(t, terms)

    def _column(self, t: int, terms: Array) -> None:
        """All terms at t; row k - t belongs to loss k."""
        norms = lengths(terms)
        self.norms[t - 1 :, t - 1] = norms
        self.shares[t - 1 :, t - 1] = projections(terms, self.total[t - 1])
        if self.vectors is not None:
            self.vectors[t - 1 :, t - 1] = terms
        sending = [i for i in range(1, len(terms)) if t + i in self.support.senders]
        later = np.array(sending, dtype=int)
        most = _ROWS - 2 if 1 + len(later) > _ROWS else len(later)
        largest, rest = np.split(later[np.argsort(-norms[later], kind="stable")], [most])
        self.rows[t] = [t, *sorted(int(i) + t for i in largest)]
        self.rest[t - 1], self.others[t] = np.sum(terms[rest], axis=0), len(rest)
        # the maps in which t is a column right of the chosen one
        for earlier in range(max(1, t - EVERY.near - 2), t + 1):
            hidden = self.hidden[earlier]
            if hidden and t < hidden[0]:
                total = np.sum(terms[hidden[0] - t : hidden[-1] - t + 1], axis=0)
                self.sums[earlier].insert(0, float(lengths(total)))

    def _left_out(self, t: int) -> list[int]:
        """The later steps that the map of t leaves out: a range; none if it has no loss."""
        shown = set(shown_columns(t, self.T))
        hidden = [k for k in range(t, self.T + 1) if k not in shown]
        return hidden if any(k in self.support.earliest for k in hidden) else []

    def data(self) -> Kwargs:
        """As JSON can carry it."""
        T, triangle = self.T, np.tril_indices(self.T)
        norms = self.norms[triangle]
        scale = LogScale([float(n) for n in norms])
        indirect = np.stack([_joined(parts(a)) for a in self.flow.indirect])
        times = range(1, T + 1)
        tables = [
            {
                "ks": self.rows[t],
                "shades": [None if k == t else distance(k, t, T) for k in self.rows[t]],
                "shares": packed(self.shares[[k - 1 for k in self.rows[t]], t - 1]),
                "others": self.others[t],
            }
            for t in times
        ]
        return {
            "scale": [scale.bottom, scale.top],
            "norms": packed(norms, logarithm=T > _EXACT),
            "shares": packed(self.shares[triangle], short=True) if T <= _EXACT else None,
            "vectors": None if self.vectors is None else packed(self.vectors[triangle], short=True),
            "width": self.total.shape[-1],
            "total": packed(lengths(self.total)),
            "indirect": packed(lengths(indirect)),
            "tables": tables,
            "others": {
                "norms": packed(lengths(self.rest)),
                "shares": packed(projections(self.rest, self.total)),
            },
            "hidden": [[ks[0], ks[-1]] if (ks := self.hidden[t]) else None for t in times],
            "sums": [packed(self.sums[t]) for t in times],
        }


def packed(values: ArrayLike, *, short: bool = False, logarithm: bool = False) -> dict[str, str]:
    """Floats as text.

    short      4 bytes each where no small or large number is lost, otherwise 8
    logarithm  the decimal logarithms in 4 bytes, for very many positive numbers of any size
    """
    with np.errstate(all="ignore"):
        array = np.ravel(np.asarray(values, dtype=float))
        if logarithm:
            return {"log": base64.b64encode(np.log10(array).astype("<f4").tobytes()).decode()}
        sizes = np.abs(array[np.isfinite(array) & (array != 0)])
    fits = sizes.size == 0 or (sizes.min() > 1e-30 and sizes.max() < 1e30)
    kind = "f4" if short and fits else "f8"
    return {kind: base64.b64encode(array.astype(f"<{kind}").tobytes()).decode()}


def _jacobians(flow: GradientFlow) -> Kwargs:
    """‖J_t‖ for t = 2 .. T, the largest singular value, and the matrices if they are small."""
    try:
        matrices = [flow.jacobian(t) for t in range(2, len(flow) + 1)]
        if not all(np.all(np.isfinite(J)) for J in matrices):
            return {"gains": None, "matrices": None}
        gains = [np.max(np.linalg.svd(J, compute_uv=False), initial=0.0) for J in matrices]
    except (GradientError, ShapeError, np.linalg.LinAlgError):  # none for each row of the batch
        return {"gains": None, "matrices": None}
    single = all(J.size == J.shape[-1] * J.shape[-2] for J in matrices)
    few = sum(J.size for J in matrices) * 16 // 3 <= _MATRICES
    return {
        "gains": packed(gains),
        "matrices": packed(_joined(matrices), short=True) if single and few else None,
    }


def _weights(run: Unrolled, flow: GradientFlow) -> list[Kwargs]:
    """For each parameter what each step adds to its gradient: norm, and share by projection."""
    role = roles(run)
    found = []
    for name, contribution in flow.contributions().items():
        tensor, steps = flow.parameters[name], contribution.reshape(len(flow), -1)
        whole = np.sum(steps, axis=0)
        found.append(
            {
                "name": clean(name, 40),
                "role": role.get(tensor, "bias"),
                "norm": packed(lengths(whole)),
                "norms": packed(lengths(steps)),
                "shares": packed(projections(steps, whole)),
                **_value([tensor]),
            }
        )
    return found


def _values(run: Unrolled) -> Kwargs:
    """What x_t, each part of the state, y_t and L_t are."""
    states = [parts(state) for state in run.states]
    return {
        "x": _value(run.xs),
        "h": [_value([state[i] for state in states]) for i in range(len(states[0]))],
        "y": _value(run.outputs) if run.outputs else None,
        "L": _value(run.losses),
    }


def _value(tensors: Sequence[Tensor | None]) -> Kwargs:
    """The shape of a series of Tensors, and their entries if they are few; nan for None."""
    there = [x for x in tensors if x is not None]
    first, same = there[0], all(x.shape == there[0].shape for x in there)
    small = same and first.size <= _VALUES and len(tensors) * first.size <= 50 * _EXACT
    nothing = np.full(first.size, np.nan)
    rows = [nothing if x is None else np.ravel(x.data) for x in tensors] if small else []
    entries = packed(rows, short=first.data.dtype.itemsize <= 4) if small else None
    return {"shape": list(first.shape), "entries": entries}


def _equations(run: Unrolled) -> Kwargs:
    """How the last step computed its state and output, and how the last loss came about."""
    known, now = _known(run, len(run))
    last = max(t for t, L in enumerate(run.losses, 1) if L is not None)
    earlier, then = _known(run, last)
    outputs = dict.fromkeys(run.outputs[last - 1 : last], "y_t")
    return {
        "h": [f"{name} = {known.get(x) or equation(x, now | known)}" for x, name in now.items()],
        "y": [f"y_t = {equation(y, known | now)}" for y in run.outputs[-1:]],
        "L": [f"L_t = {equation(run.losses[last - 1], earlier | then | outputs)}"],
    }


def _known(run: Unrolled, t: int) -> tuple[dict[Tensor, str], dict[Tensor, str]]:
    """What step t starts from, and what it makes, by its names."""
    before, names = parts(run.states[t - 2] if t > 1 else run.initial), state_names(run)
    known = {run.xs[t - 1]: "x_t"} | {x: f"{n}_(t−1)" for x, n in zip(before, names, strict=True)}
    return known, {x: f"{n}_t" for x, n in zip(parts(run.states[t - 1]), names, strict=True)}


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.ravel(a) for a in arrays]) if len(arrays) else np.zeros(0)
