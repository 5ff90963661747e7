"""A schedule as Python code: NumPy calls on buffers and views that are made beforehand.

prepare(leaves)         -> what depends on parameters only
bind(T)                 -> run; buffers and views for T steps are made here, once
run(prepared, inputs)   -> series, sums over time, the last state, and what the backward pass reads
finish(prepared, sums)  -> results
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.scan.buffers import Buffers
from tinygrad_rnn.scan.bulk import series_of, write_bulk
from tinygrad_rnn.scan.forms import T
from tinygrad_rnn.scan.loop import Loop
from tinygrad_rnn.scan.names import Names
from tinygrad_rnn.scan.operations import VIEWS
from tinygrad_rnn.scan.schedule import Schedule
from tinygrad_rnn.scan.segment import Segment
from tinygrad_rnn.scan.trace import users
from tinygrad_rnn.scan.traced import Traced


@dataclass(eq=False)
class Code:
    """The functions of one program, and their text."""

    text: str
    environment: Mapping[str, object]  # what the text calls by name
    stepped: list[int]  # numbers of the inputs that `run` wants as lists of steps too
    prepare: Callable[..., tuple[Array, ...]]
    bind: Callable[[int], Callable[..., Any]]
    finish: Callable[..., tuple[Array, ...]]

    @classmethod
    def made(
        cls,
        text: str,
        environment: Mapping[str, object],
        stepped: list[int],
        compiled: CodeType | None = None,
    ) -> "Code":
        """Execute the text, or what it was compiled to, to get its functions."""
        names: dict[str, Any] = dict(environment)
        exec(compiled or compile(text, "<scan>", "exec"), names)
        return cls(text, environment, stepped, names["prepare"], names["bind"], names["finish"])


def emit(schedule: Schedule, saved: Sequence[Traced] = ()) -> Code:
    """Write and compile the program; `saved`: values whose series the backward pass will read."""
    names, s = Names(), schedule
    bind, stepped = _bind(s, saved, names)
    prepare = _once("prepare", s.leaves, s.once, s.prepared, names, _beside_rows(s))
    finish = _once("finish", [*s.prepared, *s.sums], s.end, s.results, names)
    return Code.made("\n\n\n".join([prepare, bind, finish]), names.environment, stepped)


def _once(
    name: str,
    given: Sequence[Traced],
    operations: Iterable[Traced],
    wanted: Sequence[Traced],
    names: Names,
    as_views: Collection[int] = (),
) -> str:
    lines = []
    for v in operations:
        args = [names.of(a) if isinstance(a, Traced) else names.literal(a) for a in v.args]
        call = names.call(v.fun, args, v.kwargs)
        if v.fun in VIEWS and v.ndim and id(v) not in as_views:
            # a product with a matrix in C order is up to three times as fast
            call = names.call(np.ascontiguousarray, [call])
        lines.append(f"    {names.of(v)} = {call}")
    result = Segment.tuple(map(names.of, wanted))
    header = f"def {name}({', '.join(map(names.of, given))}):"
    return "\n".join([header, *lines, f"    return {result}"])


def _beside_rows(schedule: Schedule) -> set[int]:
    """Ids of transposed matrices that only multiply long rows, one at a time.

    There a view does as well as a copy.
    """
    s = schedule
    readers = users([*s.once, *s.before, *s.loop, *s.after, *s.end])

    def of_row(u: Traced) -> bool:
        return u.fun is np.matmul and bool(u.args[0].size == u.args[0].shape[-1])

    long = (v for v in s.once if v.fun is np.transpose and v.shape[0] >= 2 * v.shape[-1])
    return {id(v) for v in long if all(map(of_row, readers.get(id(v), ())))}


def _bind(schedule: Schedule, saved: Sequence[Traced], names: Names) -> tuple[str, list[int]]:
    segment = Segment(schedule, saved, names)
    for v in schedule.timed:
        segment.series[id(v)] = names.of(v)
    initial = _states(segment)
    buffers = Buffers(segment, _needed(segment, saved))
    segment.run.append("# before the loop: known for all of time")
    write_bulk(segment, schedule.before)
    segment.run.append("# the loop: what the next step waits for")
    loop = Loop(segment, buffers)
    loop.write()
    segment.run.append("# after the loop: no later step waits for it")
    write_bulk(segment, schedule.after)
    last = "0" if schedule.reverse else "-1"
    results = [
        [_whole(segment, v) for v in schedule.series],
        [names.of(v) for v in schedule.sums],
        [f"{segment.series[id(after)]}[{last}]" for _, after in schedule.carries],
        [_whole(segment, v) for v in saved],
    ]
    given = [*map(names.of, schedule.prepared), *map(names.of, schedule.timed)]
    given += [f"{names.of(schedule.timed[i])}_steps" for i in loop.stepped] + initial
    lines = [
        "def bind(T):",
        *("    " + line for line in segment.bind),
        f"    def run({', '.join(given)}):",
        *("        " + line for line in segment.run),
        f"        return {', '.join(map(Segment.tuple, results))}",
        "    return run",
    ]
    return "\n".join(lines), loop.stepped


def _states(segment: Segment) -> list[str]:
    """Buffers of T + 1 entries for the state: what enters step t lies beside what leaves it."""
    reverse = segment.schedule.reverse
    first, before, after = ("T", "[1:]", "[:-1]") if reverse else ("0", "[:-1]", "[1:]")
    initial = []
    for leaf, result in segment.schedule.carries:
        name = segment.buffer(leaf, "T + 1")
        initial.append(f"{name}_initial")
        for v, steps, label in ((leaf, before, "before"), (result, after, "after")):
            segment.series[id(v)] = view = f"{name}_{label}"
            segment.line([name], f"{view} = {name}{steps}", view)
        segment.run.append(f"{name}[{first}] = {initial[-1]}")
    return initial


def _needed(segment: Segment, saved: Sequence[Traced]) -> set[int]:
    """Ids of the values of the loop whose series is read after it.

    Behind a view stands what it is a view of.
    """
    schedule = segment.schedule
    stack = [*saved, *schedule.series, *(a for v in schedule.after for a in v.operands)]
    stack += [after for _, after in schedule.carries]
    needed: set[int] = set()
    while stack:
        v = stack.pop()
        if id(v) not in needed:
            needed.add(id(v))
            if v.fun in VIEWS and id(v) in segment.in_loop:
                stack += v.operands
    return needed


def _whole(segment: Segment, v: Traced) -> str:
    """The series of v as an expression; what is known once is the same at every step."""
    if segment.timed(v):
        return series_of(segment, v)
    shape = segment.names.literal((T, *v.shape))
    return segment.names.call(np.broadcast_to, [segment.names.of(v), shape])
