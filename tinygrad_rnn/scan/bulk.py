"""Source for operations on all time steps at once."""

from typing import Any

import numpy as np

from tinygrad_rnn.scan.forms import Aligned, Bulk, T, in_bulk, indices_in_bulk
from tinygrad_rnn.scan.operations import VIEWS, contract, is_ufunc, total_of_rows, total_scattered
from tinygrad_rnn.scan.segment import Segment
from tinygrad_rnn.scan.traced import END, Traced


def write_bulk(segment: Segment, operations: list[Traced]) -> None:
    """Operations before or after the loop."""
    for v in operations:
        if id(v) not in segment.series:
            in_series(segment, v)
        segment.release(v)


def series_of(segment: Segment, v: Traced) -> str:
    """The name of the series of v; what is a view inside the loop gets one here."""
    if id(v) not in segment.series:
        in_series(segment, v)
    return segment.series[id(v)]


def in_series(segment: Segment, v: Traced) -> None:
    """Write v for all steps."""
    names = segment.names
    form = None if v.phase == END else in_bulk(v, segment.timed)
    sources = [series_of(segment, a) for a in v.args if segment.timed(a)]
    if v.phase == END:
        _sum(segment, v, sources)
    elif form is None:
        _step_by_step(segment, v)
    elif is_ufunc(v.fun):
        given = [_operand(segment, v, a) for a in form[1]]
        segment.run.append(names.into(v.fun, given, segment.inherit(v)))
    elif v.fun is np.matmul:
        _product(segment, v, [_operand(segment, v, a) for a in form[1]])
    else:
        given, name = [_operand(segment, v, a) for a in form[1]], names.of(v)
        segment.series[id(v)] = name
        segment.line(
            sources if _is_view(segment, v, form) else ["made in run"],
            f"{name} = {names.call(form[0], given, form[2])}",
            name,
        )


def _is_view(segment: Segment, v: Traced, form: Bulk) -> bool:
    """Whether NumPy gives a view of the operand's series, so that it can be made before there are numbers."""
    fun, (x, *others), kwargs = form
    if (
        v.fun not in VIEWS
        or any(isinstance(a, Traced) for a in others)
        or not isinstance(x, Traced)
    ):
        return False
    base = segment.like.get(id(x))
    base = np.empty((2, *x.shape), x.dtype) if base is None else base
    view = fun(
        base,
        *(tuple(2 if n is T else n for n in a) if type(a) is tuple else a for a in others),
        **kwargs,
    )
    segment.like[id(v)] = view
    return np.may_share_memory(view, base)


def _operand(segment: Segment, v: Traced, a: Any) -> str:
    if isinstance(a, Aligned):
        return f"{_operand(segment, v, a.operand)}.reshape({segment.names.literal(a.shape)})"
    if segment.timed(a):
        return series_of(segment, a)
    return segment.names.of(a) if isinstance(a, Traced) else segment.names.argument(v, a)


def _product(segment: Segment, v: Traced, given: list[str]) -> None:
    a, b = v.args
    out = segment.own(v)
    if (
        segment.timed(a) and not segment.timed(b) and b.ndim == 2 and a.ndim > 1
    ):  # rows against one matrix
        rows = f"{given[0]}.reshape(-1, {a.shape[-1]})"
        segment.run.append(f"{rows}.dot({given[1]}, {_rows(segment, out, v.shape[-1])})")
    else:
        segment.run.append(segment.names.call(np.matmul, [*given, out]))


def _rows(segment: Segment, name: str, width: int) -> str:
    rows = f"{name}_rows"
    if rows not in segment.fixed:
        segment.line([name], f"{rows} = {name}.reshape(-1, {width})", rows)
    return rows


def _sum(segment: Segment, v: Traced, sources: list[str]) -> None:
    names = segment.names
    if v.fun is contract:
        a, b = (
            f"{name}.reshape(-1, {x.shape[-1]})" for name, x in zip(sources, v.args, strict=True)
        )
        segment.run.append(f"{names.of(v)} = {a}.T.dot({b})")
    elif v.fun is total_of_rows:
        segment.bind.append(
            f"{names.of(v)}_ones = {names.function(np.ones)}({_count(v.args[0])}, '{v.dtype}')"
        )
        segment.run.append(
            f"{names.of(v)} = {names.of(v)}_ones.dot({sources[0]}.reshape(-1, {v.shape[-1]}))"
        )
    elif v.fun is total_scattered:
        key, _ = indices_in_bulk(v, segment.timed) or ((), 0)
        given = [_operand(segment, v, a) for a in (*v.args[:2], *key)]
        segment.run.append(f"{names.of(v)} = {names.call(total_scattered, given)}")
    else:
        segment.run.append(
            f"{names.of(v)} = {names.object(np.add.reduce, 'add_reduce')}({sources[0]}, 0)"
        )
    segment.series[id(v)] = names.of(v)


def _count(a: Traced) -> str:
    return " * ".join(["T", *map(str, a.shape[:-1])])


def _step_by_step(segment: Segment, v: Traced) -> None:
    """No batched form is known: a loop of its own."""
    out = segment.own(v)
    given = [
        f"{_operand(segment, v, a)}[t, ...]" if segment.timed(a) else _operand(segment, v, a)
        for a in v.args
    ]
    segment.run.append("for t in range(T):  # no batched form is known")
    segment.run.append(f"    {out}[t, ...] = {segment.names.call(v.fun, given, v.kwargs)}")
