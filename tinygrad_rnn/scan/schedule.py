"""When each operation of a step runs: once, before the loop for all of time, in the loop, after it, or at the very end.

prepare   depends on parameters only                             once
before    known for all of time                                  batched over T
loop      the next step waits for it                             T times
after     depends on the state, but no state depends on it       batched over T
finish    follows sums over time                                 once
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinygrad_rnn.scan.forms import copied
from tinygrad_rnn.scan.trace import topological
from tinygrad_rnn.scan.traced import BEFORE, END, LOOP, ONCE, Traced


@dataclass
class Schedule:
    """The operations of a program in five phases, and the values that go in and come out."""

    reverse: bool  # whether the loop runs from the last step to the first
    leaves: list[Traced]  # parameters and constants
    timed: list[Traced]  # inputs with a time axis
    carries: list[tuple[Traced, Traced]]  # the state as it comes into a step, and as it leaves
    prepare: list[Traced]
    before: list[Traced]
    loop: list[Traced]
    after: list[Traced]
    finish: list[Traced]
    constants: list[Traced]  # what the first phase hands to the others
    sums: list[Traced]  # sums over time, which the last phase takes
    series: list[Traced]  # results with a time axis
    results: list[Traced]  # results of the last phase


def schedule(
    carries: Sequence[tuple[Traced, Traced]],
    series: Sequence[Traced],
    results: Sequence[Traced] = (),
    reverse: bool = False,
) -> Schedule:
    """Sort everything that `carries`, `series` and `results` are computed from into phases."""
    carries = _own_place(carries)
    nexts = [after for _, after in carries]
    order = topological([*nexts, *series, *results, *(before for before, _ in carries)])
    waited_for = {id(v) for v in topological(nexts)}
    copies = {id(v) for v in nexts}
    operations = [v for v in order if v.fun is not None]
    loop = [v for v in operations if id(v) in waited_for and (v.phase == LOOP or id(v) in copies)]
    in_loop = {id(v) for v in loop}
    after_sums = [v for v in operations if v.phase == END]
    sums = [
        v
        for v in after_sums
        if all(a.phase != END for a in v.args if isinstance(a, Traced)) and _is_sum(v)
    ]
    is_sum = {id(v) for v in sums}
    finish = [v for v in after_sums if id(v) not in is_sum]
    prepare = [v for v in operations if v.phase == ONCE and id(v) not in in_loop]
    later = [v for v in operations if v.phase in (BEFORE, LOOP) or id(v) in in_loop] + sums
    used = {id(a) for v in later + finish for a in v.args if isinstance(a, Traced)} | {
        id(v) for v in [*series, *results]
    }
    return Schedule(
        reverse,
        leaves=[v for v in order if v.fun is None and v.phase == ONCE],
        timed=[v for v in order if v.fun is None and v.phase == BEFORE],
        carries=list(carries),
        prepare=prepare,
        before=[v for v in operations if v.phase == BEFORE and id(v) not in in_loop],
        loop=loop,
        after=[v for v in operations if v.phase == LOOP and id(v) not in in_loop] + sums,
        finish=finish,
        constants=[v for v in order if v.phase == ONCE and id(v) in used and id(v) not in in_loop],
        sums=sums,
        series=list(series),
        results=list(results),
    )


def _is_sum(v: Traced) -> bool:
    return any(a.phase in (BEFORE, LOOP) for a in v.args if isinstance(a, Traced))


def _own_place(carries: Sequence[tuple[Traced, Traced]]) -> list[tuple[Traced, Traced]]:
    """Every part of the state leaves the step as a value of its own: no input, no constant, no part twice."""
    placed: list[tuple[Traced, Traced]] = []
    for before, after in carries:
        taken = any(after is other for _, other in placed)
        if after.fun is None or after.phase != LOOP or taken:
            after = Traced(after.shape, after.dtype, LOOP, copied, (after,))
        placed.append((before, after))
    return placed


def users(values: Iterable[Traced]) -> dict[int, list[Traced]]:
    """By id: the operations among `values` that take it as an operand."""
    found: dict[int, list[Traced]] = {}
    for v in values:
        for a in v.args:
            if isinstance(a, Traced):
                found.setdefault(id(a), []).append(v)
    return found
