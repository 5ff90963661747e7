"""A schedule as Python source: NumPy calls on buffers and views that are made beforehand.

prepare(leaves)        -> what depends on parameters only
bind(T)                -> run; buffers and views for T steps are made here, once
run(constants, inputs) -> series, sums over time, the last state, and what is kept for the backward pass
finish(constants, sums) -> results
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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

Array = Any


@dataclass(eq=False)
class Code:
    """The functions of one program, and their source."""

    source: str
    environment: dict[str, Any]  # what the source calls by name
    stepped: list[int]  # numbers of the inputs that `run` wants as lists of steps too
    prepare: Callable[..., tuple[Array, ...]]
    bind: Callable[[int], Callable[..., Any]]
    finish: Callable[..., tuple[Array, ...]]

    @classmethod
    def made(
        cls, source: str, environment: dict[str, Any], stepped: list[int], program: Any = None
    ) -> "Code":
        """Run the source, or the program it was compiled to, to get its functions."""
        names = dict(environment)
        exec(program or compile(source, "<scan>", "exec"), names)
        return cls(source, environment, stepped, names["prepare"], names["bind"], names["finish"])


def emit(schedule: Schedule, keep: Sequence[Traced] = ()) -> Code:
    """Write and compile the program; `keep`: values whose series the backward pass will ask for."""
    names = Names()
    bind, stepped = _bind(schedule, keep, names)
    source = "\n\n\n".join(
        [
            _once(
                "prepare",
                schedule.leaves,
                schedule.once,
                schedule.prepared,
                names,
                _beside_rows(schedule),
            ),
            bind,
            _once(
                "finish",
                [*schedule.prepared, *schedule.sums],
                schedule.end,
                schedule.results,
                names,
            ),
        ]
    )
    return Code.made(source, names.environment, stepped)


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
        call = names.call(v.fun, [_argument(names, v, a) for a in v.args], v.kwargs)
        if (
            v.fun in VIEWS and id(v) not in as_views
        ):  # a product with a matrix in C order is up to three times as fast
            call = names.call(np.ascontiguousarray, [call]) if v.ndim else call
        lines.append(f"    {names.of(v)} = {call}")
    result = Segment.tuple(map(names.of, wanted))
    return "\n".join(
        [f"def {name}({', '.join(map(names.of, given))}):", *lines, f"    return {result}"]
    )


def _beside_rows(schedule: Schedule) -> set[int]:
    """Ids of transposed matrices that only multiply long rows, one at a time: there a view does as well as a copy."""
    read = users([*schedule.once, *schedule.before, *schedule.loop, *schedule.after, *schedule.end])
    return {
        id(v)
        for v in schedule.once
        if v.fun is np.transpose
        and v.shape[0] >= 2 * v.shape[-1]
        and all(
            u.fun is np.matmul and u.args[0].size == u.args[0].shape[-1]
            for u in read.get(id(v), ())
        )
    }


def _argument(names: Names, v: Traced, a: Any) -> str:
    return names.of(a) if isinstance(a, Traced) else names.literal(a)


def _bind(schedule: Schedule, keep: Sequence[Traced], names: Names) -> tuple[str, list[int]]:
    segment = Segment(schedule, keep, names)
    for v in schedule.timed:
        segment.series[id(v)] = names.of(v)
    initial = _states(segment)
    buffers = Buffers(segment, _needed(segment, keep))
    segment.run.append("# before the loop: known for all of time")
    write_bulk(segment, schedule.before)
    segment.run.append("# the loop: what the next step waits for")
    loop = Loop(segment, buffers)
    loop.write()
    segment.run.append("# after the loop: no later step waits for it")
    write_bulk(segment, schedule.after)
    end = "0" if schedule.reverse else "-1"
    results = [
        [_whole(segment, v) for v in schedule.series],
        [names.of(v) for v in schedule.sums],
        [f"{segment.series[id(after)]}[{end}]" for _, after in schedule.carries],
        [_whole(segment, v) for v in keep],
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
    """Each part of the state has T + 1 places: what comes into step t lies beside what leaves it."""
    reverse = segment.schedule.reverse
    first, before, after = ("T", "[1:]", "[:-1]") if reverse else ("0", "[:-1]", "[1:]")
    initial = []
    for leaf, result in segment.schedule.carries:
        name = segment.buffer(leaf, "T + 1")
        initial.append(f"{name}_initial")
        for v, part, label in ((leaf, before, "before"), (result, after, "after")):
            segment.series[id(v)] = view = f"{name}_{label}"
            segment.line([name], f"{view} = {name}{part}", view)
        segment.run.append(f"{name}[{first}] = {initial[-1]}")
    return initial


def _needed(segment: Segment, keep: Sequence[Traced]) -> set[int]:
    """Ids of the values of the loop whose series is read after it; behind a view, what it is a view of."""
    schedule = segment.schedule
    stack = [
        *keep,
        *schedule.series,
        *(a for v in schedule.after for a in v.args if isinstance(a, Traced)),
    ]
    stack += [after for _, after in schedule.carries]
    needed: set[int] = set()
    while stack:
        v = stack.pop()
        if id(v) not in needed:
            needed.add(id(v))
            if v.fun in VIEWS and id(v) in segment.in_loop:
                stack += [a for a in v.args if isinstance(a, Traced)]
    return needed


def _whole(segment: Segment, v: Traced) -> str:
    """The series of v as an expression; a constant is the same at every step."""
    if segment.timed(v):
        return series_of(segment, v)
    return segment.names.call(
        np.broadcast_to, [segment.names.of(v), segment.names.literal((T, *v.shape))]
    )
