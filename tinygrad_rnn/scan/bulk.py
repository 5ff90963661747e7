"""Code for operations on all time steps at once."""

import numpy as np

from tinygrad_rnn.scan.forms import Aligned, Bulk, T, in_bulk, indices_in_bulk
from tinygrad_rnn.scan.operations import VIEWS, contract, is_ufunc, total_of_rows, total_scattered
from tinygrad_rnn.scan.segment import Segment
from tinygrad_rnn.scan.traced import END, Operand, Traced


def write_bulk(segment: Segment, operations: list[Traced]) -> None:
    """Operations before or after the loop."""
    for v in operations:
        series_of(segment, v)
        segment.release(v)


def series_of(segment: Segment, v: Traced) -> str:
    """The name of the series of v; what is a view inside the loop gets one here."""
    if id(v) not in segment.series:
        _write(segment, v)
    return segment.series[id(v)]


def _write(segment: Segment, v: Traced) -> None:
    """Write v for all steps."""
    names = segment.names
    form = None if v.phase == END else in_bulk(v, segment.timed)
    operands = [series_of(segment, a) for a in v.args if segment.timed(a)]
    if v.phase == END:
        _sum(segment, v, operands)
        return
    if form is None:
        _step_by_step(segment, v)
        return
    given = [_operand(segment, v, a) for a in form[1]]
    if is_ufunc(v.fun):
        segment.run.append(names.into(v.fun, given, segment.inherit(v)))
    elif v.fun is np.matmul:
        _product(segment, v, given)
    else:
        segment.series[id(v)] = name = names.of(v)
        made_of = operands if _is_view(segment, v, form) else ["made in run"]
        segment.line(made_of, f"{name} = {names.call(form[0], given, form[2])}", name)


def _is_view(segment: Segment, v: Traced, form: Bulk) -> bool:
    """Whether NumPy gives a view of the operand's series, which can be made without numbers."""
    fun, (x, *others), kwargs = form
    if v.fun not in VIEWS or any(isinstance(a, Traced) for a in others):
        return False
    if not isinstance(x, Traced):
        return False
    base = segment.like.get(id(x))
    base = np.empty((2, *x.shape), x.dtype) if base is None else base
    others = [tuple(2 if n is T else n for n in a) if type(a) is tuple else a for a in others]
    segment.like[id(v)] = view = fun(base, *others, **kwargs)
    return np.may_share_memory(view, base)


def _operand(segment: Segment, v: Traced, a: Operand) -> str:
    if isinstance(a, Aligned):
        return f"{_operand(segment, v, a.operand)}.reshape({segment.names.literal(a.shape)})"
    if segment.timed(a):
        return series_of(segment, a)
    return segment.names.of(a) if isinstance(a, Traced) else segment.names.argument(v, a)


def _product(segment: Segment, v: Traced, given: list[str]) -> None:
    a, b = v.args
    out = segment.own(v)
    if segment.timed(a) and not segment.timed(b) and b.ndim == 2 and a.ndim > 1:
        rows = f"{out}_rows"  # rows against one matrix
        if rows not in segment.fixed:
            segment.line([out], f"{rows} = {out}.reshape(-1, {v.shape[-1]})", rows)
        segment.run.append(f"{given[0]}.reshape(-1, {a.shape[-1]}).dot({given[1]}, {rows})")
    else:
        segment.run.append(segment.names.call(np.matmul, [*given, out]))


def _sum(segment: Segment, v: Traced, operands: list[str]) -> None:
    names = segment.names
    segment.series[id(v)] = name = names.of(v)

    def rows(i: int) -> str:
        return f"{operands[i]}.reshape(-1, {v.args[i].shape[-1]})"

    if v.fun is contract:
        made = f"{rows(0)}.T.dot({rows(1)})"
    elif v.fun is total_of_rows:
        count = " * ".join(["T", *map(str, v.args[0].shape[:-1])])
        segment.bind.append(f"{name}_ones = {names.function(np.ones)}({count}, '{v.dtype}')")
        made = f"{name}_ones.dot({rows(0)})"
    elif v.fun is total_scattered:
        key, _ = indices_in_bulk(v, segment.timed) or ((), 0)
        given = [_operand(segment, v, a) for a in (*v.args[:2], *key)]
        made = names.call(total_scattered, given)
    else:
        made = f"{names.object(np.add.reduce, 'add_reduce')}({operands[0]}, 0)"
    segment.run.append(f"{name} = {made}")


def _step_by_step(segment: Segment, v: Traced) -> None:
    """No batched form is known: a loop of its own."""
    out = segment.own(v)
    given = [_operand(segment, v, a) for a in v.args]
    given = [f"{g}[t, ...]" if segment.timed(a) else g for g, a in zip(given, v.args, strict=True)]
    segment.run.append("for t in range(T):  # no batched form is known")
    segment.run.append(f"    {out}[t, ...] = {segment.names.call(v.fun, given, v.kwargs)}")
