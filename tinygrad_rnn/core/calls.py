"""How functions may be called on Tensors, and what is said where a call is wrong."""

import inspect
import math
from typing import NamedTuple

from tinygrad_rnn._typing import Args, Function, Kwargs
from tinygrad_rnn.errors import NoDerivativeError, UnsupportedError
from tinygrad_rnn.guards.boundary import name_of


class Form(NamedTuple):
    """What the rules of a primitive, or the definition of a composite, let a caller give."""

    positional: float  # how many arguments by position; inf for any number
    required: int  # how many of them have no default
    names: frozenset[str]
    any_keyword: bool
    out: float  # where `out` stands among them; inf if it has no position


FORM: dict[Function, Form] = {}


def form_of(fun: Function, skip: int) -> Form:
    """The form of a rule's parameters, without the first `skip`: g and y."""
    parameters = list(inspect.signature(fun).parameters.values())[skip:]
    by_position = [p for p in parameters if p.kind <= p.POSITIONAL_OR_KEYWORD]
    return Form(
        math.inf if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(by_position),
        sum(p.default is p.empty for p in by_position),
        frozenset(p.name for p in parameters),
        any(p.kind is p.VAR_KEYWORD for p in parameters),
        next((i for i, p in enumerate(by_position) if p.name == "out"), math.inf),
    )


def check_call(fun: Function, args: Args, kwargs: Kwargs) -> None:
    """Raise UnsupportedError for arguments that the rules or the definition do not know."""
    form = FORM[fun]
    given = len(args)
    if not kwargs and form.required <= given <= form.positional and given <= form.out:
        return
    unknown = [] if form.any_keyword else sorted(kwargs.keys() - form.names)
    by_position = args[int(form.out)] if given > form.out else None
    known = ", ".join(sorted(form.names - {"out"}))
    if by_position is not None or kwargs.get("out") is not None:
        wrong = f"takes no out=: results are new Tensors, y = f(x). It knows {known}."
    elif unknown:
        wrong = f"takes no {', '.join(unknown)}=. It knows {known}."
    elif given + len(kwargs) < form.required:
        wrong = f"needs {form.required} arguments: {known}."
    elif given > form.positional:
        wrong = (
            f"takes at most {form.positional} arguments by position, not {given}. It knows "
            f"{known}; give the others by name."
        )
    else:
        return
    raise UnsupportedError(f"{name_of(fun)} on Tensors {wrong}")


def no_derivative(fun: Function, argnum: int) -> NoDerivativeError:
    """The error of an argument that requires a gradient and has no rule."""
    name = name_of(fun)
    return NoDerivativeError(
        f"{name} has no derivative for argument {argnum}, a Tensor that requires a gradient. "
        f"Add defvjp({name}, ...), or pass x.data."
    )
