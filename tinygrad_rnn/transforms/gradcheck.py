"""Derivatives against central differences, to any order: for authors of operations and cells.

When something is wrong, every operation that f recorded is checked by itself, to name the one that
is responsible.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygrad_rnn._typing import Array, Function, Nested, Seed
from tinygrad_rnn.core.graph import ancestors
from tinygrad_rnn.core.mode import grad_mode, no_grad
from tinygrad_rnn.core.operators import value
from tinygrad_rnn.core.tables import JVP, VJP
from tinygrad_rnn.core.tensor import Tensor
from tinygrad_rnn.core.tree import leaves, rebuild
from tinygrad_rnn.errors import DTypeError, GradientError
from tinygrad_rnn.guards.arguments import generator
from tinygrad_rnn.guards.boundary import name_of, public
from tinygrad_rnn.guards.numbers import number
from tinygrad_rnn.transforms.gradients import grad, jvp


@dataclass(frozen=True)
class Checked:
    """What `check_grads` found right: derivatives to this order by the entries of these arrays."""

    order: int
    arrays: int
    entries: int


@public
def check_grads(
    f: Function,
    args: Sequence[Nested],
    order: int = 2,
    *,
    rng: Seed = 0,
    step: float = 1e-5,
    rtol: float = 1e-6,
    atol: float = 1e-7,
) -> Checked:
    """Raise GradientError unless the derivatives of f at args agree with central differences.

    f      a function of arrays that returns an array of any shape, or a container of such
    args   its arguments, arrays or containers: what is float64 is differentiated, everything else
           is passed on
    order  2 checks the derivative of the derivative too, and so on
    step   of the differences, relative to an entry where that is above 1

    The results are weighted by random arrays, so one scalar stands for all their entries.  The
    error says which argument, which entry, both numbers, and which operation is wrong if one is.
    Rules of `defjvp` are checked too, against those of `defvjp` and, from order 2 on, against
    differences.  Returns how much was checked.
    """
    check = _Check(generator(rng), step, rtol, atol)
    args = tuple(args)
    given = [(f"argument {i}{path}", value(x)) for i, a in enumerate(args) for path, x in leaves(a)]
    moving = [k for k, (name, x) in enumerate(given) if _is_variable(x, name)]
    if not moving:
        raise GradientError("check_grads found no argument that is a float64 array. Pass floats.")

    def of_variables(*xs: object) -> Any:
        new = [x for _, x in given]
        for k, x in zip(moving, xs, strict=True):
            new[k] = x
        return f(*rebuild(args, new))

    xs = [np.array(given[k][1]) for k in moving]
    scalar = check.weighted(of_variables, xs)
    _check_dtypes(_operations(scalar, xs))
    found = check.mismatch(scalar, xs, order)
    if found is not None:
        names = [given[k][0] for k in moving]
        raise GradientError(f"{found.described(names)} {check.cause(scalar, xs, found)}")
    return Checked(order, len(xs), sum(x.size for x in xs))


class _Mismatch(NamedTuple):
    """Two numbers that should be equal: the derivative of `f`, itself of order - 1."""

    f: Function
    order: int
    argnum: int | None  # None: forward against backward, along a random direction
    entry: tuple[int, ...]
    found: float
    expected: float
    kink: bool

    def described(self, names: Sequence[str]) -> str:
        """Which argument, which entry, both numbers."""
        found, expected = number(self.found, 10), number(self.expected, 10)
        if self.argnum is None:
            return (
                f"derivative of order {self.order} along a random direction: by the rules of "
                f"defjvp {found}, by those of defvjp {expected}."
            )
        return (
            f"derivative of order {self.order} with respect to {names[self.argnum]}, entry "
            f"{self.entry}: by the rules {found}, by central differences {expected}."
        )


class _Check(NamedTuple):
    """How to compare."""

    rng: np.random.Generator
    step: float
    rtol: float
    atol: float

    def weighted(self, f: Function, xs: Sequence[Array]) -> Function:
        """f as a scalar: the sum of its results with random weights."""
        with no_grad():
            weights = [self.rng.standard_normal(np.shape(value(y))) for _, y in leaves(f(*xs))]
        return lambda *xs: sum(
            np.sum(y * w) for (_, y), w in zip(leaves(f(*xs)), weights, strict=True)
        )

    def mismatch(
        self, f: Function, xs: list[Array], order: int, current: int = 1
    ) -> _Mismatch | None:
        """The first disagreement at this order or above; None if there is none."""
        argnums = tuple(range(len(xs)))
        gradients = [value(g) for g in grad(f, argnums)(*xs)]  # Tensors if f closes over parameters
        for argnum, gradient in enumerate(gradients):
            left, right, rounding = self._slopes(f, xs, argnum)
            expected = (left + right) / 2
            wrong = ~self._close(gradient, expected, current, rounding)
            if np.any(wrong):
                entry = tuple(int(i) for i in np.argwhere(wrong)[0])
                ours, theirs = float(gradient[entry]), float(expected[entry])
                kink = bool(abs(right[entry] - left[entry]) >= abs(ours - theirs))
                return _Mismatch(f, current, argnum, entry, ours, theirs, kink)

        along = [self.rng.standard_normal(x.shape) for x in xs]

        def backward(*xs: object) -> Any:
            return sum(np.sum(g * v) for g, v in zip(grad(f, argnums)(*xs), along, strict=True))

        def forward(*xs: object) -> Any:
            return jvp(f, xs, along)[1]

        directions = [backward]
        if any(t.fun in JVP for t in _operations(f, xs)):
            directions.append(forward)
            found, expected = float(value(forward(*xs))), float(value(backward(*xs)))
            if not self._close(found, expected, current):
                return _Mismatch(f, current, None, (), found, expected, False)
        if current < order:
            for direction in directions:
                above = self.mismatch(direction, xs, order, current + 1)
                if above is not None:
                    return above
        return None

    def cause(self, f: Function, xs: list[Array], found: _Mismatch) -> str:
        """Which operation of f is responsible for what was found, and what to do about it."""
        # First what the derivative itself applies, then the derivatives of the rules of f.
        for function, order in ((found.f, 1), (f, found.order)):
            for t in _operations(function, xs):
                alone = self._alone(t, order)
                if alone is not None:
                    return _blame(t, alone)
        if found.kink:
            return (
                "The slopes to its left and right differ: a kink lies within the step. Move the "
                "point away."
            )
        if rounded := [t for t in _operations(f, xs) if t.dtype != np.float64]:
            fun, dtype = name_of(rounded[0].fun or repr), rounded[0].dtype
            return (
                f"{fun} gives {dtype}, too coarse for differences. Compute in float64 throughout."
            )
        return (
            "Every operation by itself is right: look for a value that f detaches, by x.data or "
            "x.detach()."
        )

    def _alone(self, t: Tensor, order: int) -> _Mismatch | None:
        """One recorded operation checked by itself, by the arguments that required a gradient."""
        double = {t.dtype, *(t.primals[i].dtype for i in t.argnums)} == {np.dtype(np.float64)}
        if not (double and np.all(np.isfinite(t._data))):
            return None  # differences cannot tell

        def operation(*xs: object) -> Any:
            args = list(t.primals)
            for i, x in zip(t.argnums, xs, strict=True):
                args[i] = x
            fun: Any = t.fun
            return fun(*args, **t.kwargs or {})

        xs = [np.array(t.primals[i]) for i in t.argnums]
        return self.mismatch(self.weighted(operation, xs), xs, order)

    def _slopes(self, f: Function, xs: list[Array], argnum: int) -> Array:
        """Differences to the left and right by each entry, and what rounding adds to them."""
        x = xs[argnum]
        slopes = np.zeros((3, *x.shape))
        with no_grad():
            here = float(value(f(*xs)))
            for entry in np.ndindex(x.shape):
                h = self.step * max(1.0, abs(float(x[entry])))
                for side, sign in enumerate((-1.0, 1.0)):
                    moved = x.copy()
                    moved[entry] += sign * h
                    there = float(value(f(*xs[:argnum], moved, *xs[argnum + 1 :])))
                    slopes[(side, *entry)] = sign * (there - here) / h
                slopes[(2, *entry)] = 4 * np.spacing(abs(here)) / h
        return slopes

    def _close(
        self, found: Array | float, expected: Array | float, order: int, rounding: Array | float = 0
    ) -> Array:
        rtol, atol = self.rtol * 10**order, self.atol * 10**order + rounding
        return np.asarray(np.isclose(found, expected, rtol=rtol, atol=atol))


def _is_variable(x: object, name: str) -> bool:
    dtype = x.dtype if isinstance(x, (np.ndarray, np.generic)) else None
    if dtype is not None and dtype.kind == "f" and dtype != np.float64:
        raise DTypeError(f"{name} has dtype {dtype}; finite differences need float64.")
    return isinstance(x, float) or bool(dtype == np.float64)


def _operations(f: Function, xs: Sequence[Array]) -> list[Tensor]:
    """Everything f records, oldest first."""
    with grad_mode(True):
        y = f(*[Tensor(x, requires_grad=True) for x in xs])
    return [t for t in ancestors([y]) if t.argnums] if isinstance(y, Tensor) else []


def _check_dtypes(operations: Sequence[Tensor]) -> None:
    """A share is cast to the dtype of its argument; a rule that loses digits before is wrong."""
    for t in operations:
        for i in t.argnums:
            rule: Any = VJP[t.fun][i]
            with np.errstate(all="ignore"):
                share = rule(np.ones_like(t._data), t._data, *t.primals, **t.kwargs or {})
            arrays = [p for p in (t._data, *t.primals) if isinstance(p, np.ndarray)]
            given, dtype = {p.dtype for p in arrays if p.dtype.kind == "f"}, t.dtype
            if given == {dtype} and getattr(share, "dtype", dtype) != dtype:
                raise GradientError(
                    f"the rule of {name_of(t.fun or repr)} for argument {i} returned dtype "
                    f"{share.dtype}; everything it was given is {dtype}. Fix the rule given to "
                    "defvjp."
                )


def _blame(t: Tensor, found: _Mismatch) -> str:
    name = name_of(t.fun or repr)
    if found.kink:
        return (
            f"{name} has a kink within the step: its slopes to the left and right differ. Move the "
            "point away from it."
        )
    if found.argnum is None:
        return (
            f"A forward rule of {name} does not fit its reverse rule. Fix the rule given to defjvp."
        )
    if found.order == 1:
        return (
            f"The rule of {name} for argument {t.argnums[found.argnum]} is wrong: by itself, entry "
            f"{found.entry}, it gives {number(found.found, 10)} instead of "
            f"{number(found.expected, 10)}. Fix the rule."
        )
    return (
        f"The rules of {name} are right, their derivatives are not: one of them loses a "
        "dependence, as it does when it closes over a plain array. Pass y and the args in, and use "
        "nothing else."
    )
