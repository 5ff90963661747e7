"""What a selection cut off contributes 0, whatever the slope: the walk that is taken where a plain one is not finite.

An entry of a cotangent is *dead* where nothing it reaches counts: `np.where` took the other branch, a maximum was
elsewhere, an index passed it by, it is multiplied by a constant 0, or all that it reaches is dead itself.  The share of
a dead entry is 0, even if its slope is infinite or NaN.  A 0 that is only a number, such as 1 / inf, cuts nothing off:
0 times infinity stays NaN there.

Which entries of an operand reach which entries of the result is asked of the rule itself: the rule of a linear
function, given a cotangent that is 0 where it is dead, gives 0 where only dead entries are reached.  Other functions
are asked at a point where their slopes are neither 0 nor infinite.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from tinygrad_rnn.core.tables import BILINEAR, CHOSEN, LINEAR, PRODUCTS, has_rule
from tinygrad_rnn.errors import DataError
from tinygrad_rnn.guards.boundary import package_of

Array = Any
Mask = Any  # an array of bools; None stands for all
Applied = Callable[
    [Array, Any], Array
]  # (v, point): a linear map applied to v; at a point, or where it was recorded

# Without NumPy's warnings: a slope of 1 / 0 is no mishap of a walk, and the values have told theirs.
quiet = partial(np.errstate, all="ignore")


def all_finite(cotangents: Iterable[Any]) -> bool:
    """Is every entry of every one a finite number?"""
    cotangents, squares = list(cotangents), 0.0
    for g in cotangents:  # quicker; the sum may overflow
        if type(g) is not np.ndarray or g.dtype.char not in "df":
            return all(map(finite, cotangents))
        flat = g.ravel(order="K")
        squares += float(flat.dot(flat))
    return math.isfinite(squares) or all(map(finite, cotangents))


def finite(g: Any) -> bool:
    """Is every entry a finite number?"""
    return bool(np.isfinite(_numbers(g)).all())


def known_where_it_counts(seeds: Mapping[Any, Array]) -> bool:
    """Is what is differentiated a number, or infinite, wherever its cotangent is not 0?"""
    return all(not np.any(np.isnan(y._data) & (_numbers(g) != 0)) for y, g in seeds.items())


class Careful:
    """Which entries are dead, for a walk to ask at each operation.

    given  the cotangents, or tangents, that the walk starts with.  An entry of 0 is a constant, so it is dead
    graph  all that the walk may pass, oldest first
    """

    def __init__(self, given: Mapping[Any, Array], graph: Iterable[Any]):
        self._rng = np.random.default_rng(0)
        self.live: dict[Any, Mask] = {
            x: None if getattr(v, "requires_grad", False) else _numbers(v) != 0
            for x, v in given.items()
        }
        self._at_once: tuple[Any, dict[int, Array]] = (
            None,
            {},
        )  # what a rule of all operands gave, and of which call
        self._never: dict[
            Any, Array
        ] = {}  # where a value is 0 whatever the leaves are, as in np.where(m, x, 0.0)
        for tensor in graph:
            self._note_zeros(tensor)

    def cut(
        self,
        tensor: Any,
        argnum: int,
        v: Array,
        live: Mask,
        found: Array,
        operands: tuple[Any, ...],
        run: Applied,
        run_all: Callable[[Array], dict[int, Array]] | None = None,
    ) -> tuple[Array, Mask]:
        """What a map gave for v, without what is dead, and what is live in it.

        run      the map, linear in v: a rule of `tensor` by this argument, or its transpose
        run_all  the maps of all arguments of a function that has one rule for them, for its time to be linear in them
        """
        if not isinstance(getattr(found, "_data", found), (np.ndarray, np.generic)):
            return found, None
        with np.errstate(all="ignore"):
            alive = self._reached(tensor, argnum, live, np.shape(v), run, run_all)
            if alive is None or alive.shape != found.shape:
                alive = None if live is None or live.any() else np.zeros(found.shape, bool)
            if tensor.fun in BILINEAR:
                found = self._without_bad(tensor, argnum, v, live, found, operands, run)
        return found if alive is None or alive.all() else np.where(alive, found, 0.0), alive

    def merge(self, x: Any, alive: Mask) -> None:
        """Note what is live in one of the parts that add up at x."""
        before = self.live.get(x, False)
        self.live[x] = None if alive is None or before is None else alive | before

    def _reached(
        self,
        tensor: Any,
        argnum: int,
        live: Mask,
        shape: tuple[int, ...],
        run: Applied,
        run_all: Any,
    ) -> Mask:
        """What live entries reach; None if that is unknown."""
        fun = tensor.fun
        if fun in LINEAR and run_all is not None:
            if self._at_once[0] is not tensor:
                self._at_once = (
                    tensor,
                    run_all(self._weights(shape) * (True if live is None else live)),
                )
            return _numbers(self._at_once[1][argnum]) != 0
        everything = self._weights(shape)
        some = everything if live is None else everything * live
        if fun in LINEAR:
            return _numbers(run(some, None)) != 0
        if fun in BILINEAR:
            return (
                _numbers(run(some, [self._factor(tensor, i) for i in range(len(tensor.args))])) != 0
            )
        if fun in CHOSEN:
            point = [_without_nan(p) for p in tensor.primals]
            if isinstance(
                fun, np.ufunc
            ):  # entry by entry, and of remainder(inf, b) the slope is NaN
                return (_numbers(run(everything, point)) != 0) & (live is None or live)
            return _numbers(run(some, point)) != 0
        if live is None or package_of(fun) not in (
            "numpy",
            "tinygrad_rnn",
        ):  # another's may branch on values
            return None
        found: Mask = None
        for low, high in (
            (0.5, 0.9),
            (1.2, 1.9),
        ):  # one of them lies in the domain of every function
            try:
                reached = _numbers(run(some, self._point(tensor, low, high)))
            except (ValueError, ArithmeticError):  # not positive definite, say
                continue
            if np.all(np.isfinite(reached)):
                found = (reached != 0) | (False if found is None else found)
        return found

    def _without_bad(
        self,
        tensor: Any,
        argnum: int,
        v: Array,
        live: Mask,
        found: Array,
        operands: tuple[Any, ...],
        run: Applied,
    ) -> Array:
        """A sum of products without those of a dead entry and an infinite factor, or of a bad one and a constant 0."""
        factors = [self._factor(tensor, i) for i in range(len(operands))]
        alive = self._weights(np.shape(v)) * (True if live is None else live)
        clean, met = list(operands), np.zeros(found.shape, bool)
        bad_factors = [
            i for i, p in enumerate(tensor.primals) if i != argnum and not finite(np.asarray(p))
        ]
        for i in bad_factors:
            bad = ~np.isfinite(tensor.primals[i])
            clean[i] = np.where(bad, 0.0, operands[i])
            met |= _numbers(run(alive, [*factors[:i], factors[i] * bad, *factors[i + 1 :]])) != 0
        if not finite(v):
            bad = ~np.isfinite(_numbers(v))
            v = np.where(bad, 0.0, v)
            met |= _numbers(run(alive * bad, factors)) != 0
        elif not bad_factors:
            return found
        return np.where(met, found, run(v, clean))

    def _factor(self, tensor: Any, i: int) -> Array:
        """An operand as numbers that are 0 only where it always is."""
        primal = tensor.primals[i]
        weights = self._weights(np.shape(primal))
        if i not in tensor.argnums:
            return weights * np.not_equal(primal, 0)
        never = self._never.get(tensor.args[i])
        return weights if never is None else weights * ~never

    def _note_zeros(self, tensor: Any) -> None:
        fun = tensor.fun
        if (fun in LINEAR or fun in BILINEAR or fun in PRODUCTS) and tensor._data.size:
            values = [
                self._factor(tensor, i) if has_rule(fun, i) else p
                for i, p in enumerate(tensor.primals)
            ]
            try:
                never = np.asarray(fun(*values, **tensor.kwargs or {})) == 0
            except DataError:  # of a function that takes these numbers only, as a probability
                return
            if never.any():
                self._never[tensor] = never

    def _point(self, tensor: Any, low: float, high: float) -> list[Any]:
        """Operands at which the slopes of known functions are neither 0 nor infinite, but for what is always 0."""
        return [
            np.asarray(self._rng.uniform(low, high, p.shape) * (self._factor(tensor, i) != 0))
            if _is_floating(p) and has_rule(tensor.fun, i)
            else p
            for i, p in enumerate(tensor.primals)
        ]

    def _weights(self, shape: tuple[int, ...]) -> Array:
        """Numbers of which no two cancel."""
        return np.asarray(self._rng.uniform(1.0, 2.0, shape))


def _numbers(x: Any) -> Array:
    return np.asarray(getattr(x, "_data", x))


def _is_floating(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _without_nan(x: Any) -> Any:
    return np.where(np.isnan(x), 0.5, x) if _is_floating(x) else x
