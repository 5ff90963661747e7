"""Which functions are atomic, and what their derivatives are: tables, and what fills them.

A function on Tensors is one of
    a primitive   it has rules in VJP; applying it makes one node of the graph
    a composite   written in terms of other functions, which the graph shows.  It may return
                  NotImplemented to leave a call to the rules of the same function
    a constant    truth values, indices, structure: it takes and gives plain arrays
    refused       it writes into arrays, stores them, or calls back with bare ones: an error that
                  says what to do instead
or it is unknown, and using it is an error too: no gradient is ever lost silently.

Notation, here and in every rule: `g` is the cotangent dL/dy of the result, `y` the result itself,
and a rule returns the share dL/dx of its argument: a vector-Jacobian product.  A rule may be given
for the other direction too: from the tangent `dx` of an argument, what it adds to the tangent of y,
a Jacobian-vector product.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from tinygrad_rnn._typing import Args, Array, Function
from tinygrad_rnn.core.calls import FORM, form_of
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.guards.boundary import CAUGHT, blamed, name_of, package_of, public
from tinygrad_rnn.guards.operands import NUMBERS, REAL, real_array

Rule = Function
F = TypeVar("F", bound=Function)
P = ParamSpec("P")
X = TypeVar("X")  # what a primitive of arrays takes and gives: arrays, or Tensors

_ndarray_protocol = np.ndarray.__array_function__

VJP: dict[Function, Sequence[Rule | None]] = {}  # rules by argument number
JVP: dict[Function, Sequence[Rule | None]] = {}  # rules of forward mode, where someone gave them
COMPOSITE: dict[Function, Function] = {}
CONSTANT: set[Function] = set()
REFUSED: dict[Function, str] = {}  # why, and what to do instead

# What a share depends on beside g, shapes, and arguments without a derivative, by which a careful
# walk tells a 0 that cuts off from a 0 that is only a number (rules/dependence.py fills these):
LINEAR: set[Function] = set()  # on nothing
BILINEAR: set[Function] = set()  # on the other operands, on each of them linearly
PRODUCTS: set[Function] = set()  # on factors of the result, which is 0 where one of them always is
CHOSEN: set[Function] = set()  # on which entries the values select; the slopes are numbers


class Together(Sequence[Rule]):
    """The rule of a function of any number of arrays: one call gives all shares that are wanted.

    careful  the same for a careful walk, where it takes another way
    """

    def __init__(self, rule: Rule, careful: Rule | None = None):
        self.rule, self.careful = rule, careful or rule

    def __getitem__(self, argnum: Any) -> Any:
        return lambda *args, **kwargs: self.rule((argnum,), *args, **kwargs)[0]

    def __len__(self) -> int:
        raise TypeError("a variadic primitive has no fixed number of arguments")


@public
def defvjp(fun: Function, *rules: Rule | None) -> None:
    """Give `fun` one rule per argument: `rule(g, y, *args, **kwargs)` returns the argument's share.

    None stands for an argument that has no derivative (an axis, a condition).  Rules are plain
    NumPy.  A share may keep broadcast axes, which are summed away where the node is pulled back.
    """
    known = [rule for rule in rules if rule is not None]
    if not known:
        raise UsageError(
            f"defvjp({name_of(fun)}, ...) needs at least one rule. "
            "Use defconstant if there is none."
        )
    form = FORM[fun] = form_of(known[0], skip=2)
    missing = 0 if form.positional == math.inf else int(form.positional) - len(rules)
    VJP[fun] = (*rules, *[None] * missing)


def defvjp_variadic(fun: Function, rule: Rule, careful: Rule | None = None) -> None:
    """Give `fun(*arrays, **kwargs)` one rule for all its arrays.

    `rule(argnums, g, y, *arrays, **kwargs)` returns the shares of the arguments with these numbers,
    in their order: one call for all, so that a stack of n arrays costs n and not n².
    """
    VJP[fun] = Together(rule, careful)
    FORM[fun] = form_of(rule, skip=3)


@public
def defjvp(fun: Function, *rules: Rule | None) -> None:
    """Give a primitive rules for `jvp` too, one per argument.

    `rule(dx, y, *args, **kwargs)` returns what the tangent dx of that argument adds to the tangent
    of y; it is broadcast to the shape of y.  Optional: without a rule, or where it is None, that of
    `defvjp` is transposed.  `check_grads` compares both directions.
    """
    if fun not in VJP:
        raise UsageError(
            f"defjvp({name_of(fun)}, ...) adds a forward rule to a primitive, and {name_of(fun)} "
            "is none yet: reverse mode needs its rule first. "
            f"Call defvjp({name_of(fun)}, ...) before it."
        )
    JVP[fun] = rules


def has_rule(fun: Function, argnum: int) -> bool:
    """Whether there is a derivative by this argument: then an array is wanted there."""
    rules = VJP.get(fun, ())
    return isinstance(rules, Together) or (argnum < len(rules) and rules[argnum] is not None)


def jvp_rule(fun: Function, argnum: int) -> Rule | None:
    """The forward rule of an argument; None where the reverse one has to be transposed.

    The Jacobian of an elementwise function is diagonal: its reverse rule, given a tangent of y's
    shape, is its forward rule too.
    """
    rules = JVP.get(fun, ())
    if argnum < len(rules) and rules[argnum] is not None:
        return rules[argnum]
    if isinstance(fun, np.ufunc) and fun.signature is None:  # np.matmul has a signature
        reverse: Any = VJP[fun][argnum]
        return lambda dx, y, *args: reverse(np.broadcast_to(dx, y.shape), y, *args)
    return None


def composite(fun: Function) -> Callable[[F], F]:
    """`@composite(np.var)`: the decorated function is what `np.var` means on Tensors."""

    def register(definition: F) -> F:
        COMPOSITE[fun] = definition
        FORM[fun] = form_of(definition, skip=0)
        return definition

    return register


def defconstant(*funs: Function) -> None:
    """Declare functions that give plain arrays: truth values, indices, counts, structure."""
    CONSTANT.update(funs)


def defrefused(why: str, *funs: Function) -> None:
    """Declare functions that cannot be used on Tensors; `why` ends with what to do instead."""
    REFUSED.update(dict.fromkeys(funs, why))


@public
def primitive(fun: Callable[Concatenate[Array, P], Array]) -> Callable[Concatenate[X, P], X]:
    """Make a function of arrays atomic, as `np.tanh` is; give it rules with `defvjp`.

    On arrays the result is `fun`; on an array-like that overrides NumPy's functions (a Tensor) it
    asks that object, by NumPy's own `__array_function__` protocol.  An array that a function of
    yours returns is copied, so it may be a buffer that it fills again at the next call.
    """
    own = package_of(fun) == "tinygrad_rnn"

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        for arg in (*args, *kwargs.values()) if kwargs else args:
            override = getattr(type(arg), "__array_function__", _ndarray_protocol)
            if override is not _ndarray_protocol:
                return override(arg, call, (type(arg),), args, kwargs)
        if not own:
            y = fun(*args, **kwargs)
            return y.copy() if type(y) is np.ndarray else y
        try:
            return fun(*_with_an_array(fun, args), **kwargs)
        except CAUGHT as error:
            ours = blamed(fun, args, kwargs, error)
            if ours is None:
                raise
            raise ours from error

    return call


def _with_an_array(fun: Function, args: Args) -> Args:
    """The first argument may be a list, a Series or anything else that holds real numbers."""
    if not args or type(args[0]) in NUMBERS:
        return args
    if type(args[0]) is np.ndarray and args[0].dtype in REAL:
        return args
    return real_array(args[0], f"argument 0 of {name_of(fun)}"), *args[1:]
