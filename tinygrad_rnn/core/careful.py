"""What a selection cut off contributes 0, whatever the slope: a second walk that sees to it.

An entry of a cotangent is *dead* where nothing it reaches counts: `np.where` took the other branch,
a maximum was elsewhere, an index passed it by, it is multiplied by a constant 0, or all that it
reaches is dead itself.  The share of a dead entry is 0, even if its slope is infinite or NaN.  A 0
that is only a number, such as 1 / inf, cuts nothing off: 0 times infinity stays NaN there.

Which entries of an operand reach which entries of the result is asked of the rule itself: the rule
of a linear function, given a cotangent that is 0 where it is dead, gives 0 where only dead entries
are reached.  Other functions are asked at a point where their slopes are neither 0 nor infinite.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from tinygrad_rnn._typing import Args, Array, Shape
from tinygrad_rnn.core.graph import Recorded, T, ancestors
from tinygrad_rnn.core.structural import fit
from tinygrad_rnn.core.tables import BILINEAR, CHOSEN, LINEAR, PRODUCTS, VJP, Together, has_rule
from tinygrad_rnn.errors import DataError
from tinygrad_rnn.guards.boundary import package_of

Mask: TypeAlias = Array | None  # of bools; None stands for all
Map: TypeAlias = Callable[[Array, Any], Any]  # a linear map of v at a point; None: as recorded
MapOfAll: TypeAlias = Callable[[Array], dict[int, Array]]  # the same for all operands in one call

quiet = partial(np.errstate, all="ignore")  # a slope of 1 / 0 is no mishap: the values have warned


def carefully(
    seeds: Mapping[T, Array],
    walk: Callable[["Careful | None"], dict[T, Array]],
    stop: Collection[T] = (),
) -> dict[T, Array]:
    """What a walk from the seeds finds; a careful one where that is not finite and y is not NaN.

    walk  runs `pullback` with the `careful` it is given, and returns the cotangents that matter
    """
    with quiet():
        found = walk(None)
        if all_finite(found.values()) or not _known_where_it_counts(seeds):
            return found
        return walk(Careful(seeds, ancestors(seeds, stop=set(stop) - seeds.keys())))


def all_finite(cotangents: Iterable[Array]) -> bool:
    """Whether every entry of every one is a finite number."""
    cotangents, squares = list(cotangents), 0.0
    for g in cotangents:  # quicker; the sum may overflow
        if type(g) is not np.ndarray or g.dtype.char not in "df":
            return all(map(finite, cotangents))
        flat = g.ravel(order="K")
        squares += float(flat.dot(flat))
    return math.isfinite(squares) or all(map(finite, cotangents))


def finite(g: object) -> bool:
    """Whether every entry is a finite number."""
    return bool(np.isfinite(_numbers(g)).all())


def _known_where_it_counts(seeds: Mapping[T, Array]) -> bool:
    """Whether y is a number, or infinite, wherever its cotangent is not 0."""
    return all(not np.any(np.isnan(y._data) & _not_zero(g)) for y, g in seeds.items())


class Careful:
    """Which entries are dead, for a walk to ask at each operation.

    given  the cotangents, or tangents, that the walk starts with; an entry of 0 there is dead
    graph  all that the walk may pass, oldest first
    """

    def __init__(self, given: Mapping[Any, Array], graph: Iterable[Recorded]):
        self._rng = np.random.default_rng(0)
        self.live: dict[Recorded, Mask] = {
            x: None if getattr(v, "requires_grad", False) else _not_zero(v)
            for x, v in given.items()
        }
        # What a rule of all operands gave, and for which operation
        self._at_once: tuple[Recorded | None, dict[int, Array]] = None, {}
        # Where a value is 0 whatever the leaves are, as in np.where(m, x, 0.0)
        self._never: dict[Recorded, Array] = {}
        for tensor in graph:
            self._note_zeros(tensor)

    def share(self, tensor: Recorded, argnum: int, g: Array, share: Array, operands: Args) -> Array:
        """The share without what is dead in it; what is live is noted for the operand."""
        fun, argnums, kwargs = tensor.fun, tensor.argnums, tensor.kwargs or {}
        rules: Any = VJP[fun]
        rule = rules[argnum]

        def pull(g: Array, point: Any) -> Any:
            if point is None:
                return rule(g, tensor._data, *tensor.primals, **kwargs)
            return rule(g, None if fun in BILINEAR else fun(*point, **kwargs), *point, **kwargs)

        def pull_all(g: Array) -> dict[int, Array]:
            shares = rules.rule(argnums, g, tensor._data, *tensor.primals, **kwargs)
            return dict(zip(argnums, shares, strict=True))

        at_once = pull_all if isinstance(rules, Together) else None
        live = self.live.get(tensor)
        share, alive = self.cut(tensor, argnum, g, live, share, operands, pull, at_once)
        if alive is not None:
            primal = tensor.primals[argnum]
            alive = _not_zero(fit(alive.astype(primal.dtype), primal, fun, argnum))
        self.merge(tensor.args[argnum], alive)
        return share

    def cut(
        self,
        tensor: Recorded,
        argnum: int,
        v: Array,
        live: Mask,
        found: Array,
        operands: Args,
        run: Map,
        run_all: MapOfAll | None = None,
    ) -> tuple[Array, Mask]:
        """What a map gave for v, without what is dead, and what is live in it.

        run      the map, linear in v: a rule of `tensor` by this argument, or its transpose
        run_all  the maps by all arguments, where one rule gives them: linear in their number
        """
        if not isinstance(getattr(found, "_data", found), (np.ndarray, np.generic)):
            return found, None
        with quiet():
            alive = self._reached(tensor, argnum, live, np.shape(v), run, run_all)
            if alive is None or alive.shape != found.shape:
                alive = None if live is None or live.any() else np.zeros(found.shape, bool)
            if tensor.fun in BILINEAR:
                found = self._without_bad(tensor, argnum, v, live, found, operands, run)
        return found if alive is None or alive.all() else np.where(alive, found, 0.0), alive

    def merge(self, x: Recorded, alive: Mask) -> None:
        """Note what is live in one of the shares that add up at x."""
        before = self.live.get(x, np.False_)
        self.live[x] = None if alive is None or before is None else alive | before

    def _reached(
        self,
        tensor: Recorded,
        argnum: int,
        live: Mask,
        shape: Shape,
        run: Map,
        run_all: MapOfAll | None,
    ) -> Mask:
        """What live entries reach; None if that is unknown."""
        fun = tensor.fun
        everything = self._weights(shape)
        some = everything if live is None else everything * live
        if fun in LINEAR and run_all is not None:
            if self._at_once[0] is not tensor:
                self._at_once = tensor, run_all(some)
            return _not_zero(self._at_once[1][argnum])
        if fun in LINEAR:
            return _not_zero(run(some, None))
        if fun in BILINEAR:
            factors = [self._factor(tensor, i) for i in range(len(tensor.args))]
            return _not_zero(run(some, factors))
        if fun in CHOSEN:
            point = [_without_nan(p) for p in tensor.primals]
            if isinstance(fun, np.ufunc):  # entry by entry; the slope of remainder(inf, b) is NaN
                return _not_zero(run(everything, point)) & (np.True_ if live is None else live)
            return _not_zero(run(some, point))
        if live is None or package_of(fun) not in ("numpy", "tinygrad_rnn"):
            return None  # a function of the user's may branch on values
        found: Mask = None
        for low, high in ((0.5, 0.9), (1.2, 1.9)):  # every function is defined on one of them
            try:
                reached = _numbers(run(some, self._point(tensor, low, high)))
            except (ValueError, ArithmeticError):  # not positive definite, say
                continue
            if np.all(np.isfinite(reached)):
                found = (reached != 0) | (False if found is None else found)
        return found

    def _without_bad(
        self,
        tensor: Recorded,
        argnum: int,
        v: Array,
        live: Mask,
        found: Array,
        operands: Args,
        run: Map,
    ) -> Array:
        """A sum of products without those of a dead entry and a bad factor, or of a bad one and 0.

        Bad is what is infinite or NaN; 0 what is always 0.
        """
        factors = [self._factor(tensor, i) for i in range(len(operands))]
        alive = self._weights(np.shape(v)) * (True if live is None else live)
        clean, met = list(operands), np.zeros(found.shape, bool)
        bad_factors = [i for i, p in enumerate(tensor.primals) if i != argnum and not finite(p)]
        for i in bad_factors:
            bad = ~np.isfinite(tensor.primals[i])
            clean[i] = np.where(bad, 0.0, operands[i])
            met |= _not_zero(run(alive, [*factors[:i], factors[i] * bad, *factors[i + 1 :]]))
        if not finite(v):
            bad = ~np.isfinite(_numbers(v))
            v = np.where(bad, 0.0, v)
            met |= _not_zero(run(alive * bad, factors))
        elif not bad_factors:
            return found
        return np.where(met, found, run(v, clean))

    def _factor(self, tensor: Recorded, i: int) -> Array:
        """An operand as numbers that are 0 only where it always is."""
        primal = tensor.primals[i]
        weights = self._weights(np.shape(primal))
        if i not in tensor.argnums:
            return weights * _not_zero(primal)
        never = self._never.get(tensor.args[i])
        return weights if never is None else weights * ~never

    def _note_zeros(self, tensor: Recorded) -> None:
        fun, primals = tensor.fun, tensor.primals
        if (fun in LINEAR or fun in BILINEAR or fun in PRODUCTS) and tensor._data.size:
            factors = [
                self._factor(tensor, i) if has_rule(fun, i) else p for i, p in enumerate(primals)
            ]
            try:
                never = np.asarray(fun(*factors, **tensor.kwargs or {})) == 0
            except DataError:  # of a function that takes these numbers only, as a probability
                return
            if never.any():
                self._never[tensor] = never

    def _point(self, tensor: Recorded, low: float, high: float) -> list[Any]:
        """Operands where known slopes are neither 0 nor infinite; what is always 0 stays 0."""
        return [
            np.asarray(self._rng.uniform(low, high, p.shape) * _not_zero(self._factor(tensor, i)))
            if _is_floating(p) and has_rule(tensor.fun, i)
            else p
            for i, p in enumerate(tensor.primals)
        ]

    def _weights(self, shape: Shape) -> Array:
        """Numbers of which no two cancel."""
        return np.asarray(self._rng.uniform(1.0, 2.0, shape))


def _numbers(x: object) -> Array:
    return np.asarray(getattr(x, "_data", x))


def _not_zero(x: object) -> Array:
    return np.asarray(_numbers(x) != 0)


def _is_floating(x: object) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _without_nan(x: Any) -> Any:
    return np.where(np.isnan(x), 0.5, x) if _is_floating(x) else x
