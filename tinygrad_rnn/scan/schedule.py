"""When each operation of a step runs.

once    depends on parameters only                        once
before  known for all of time                             batched over T
loop    the next step waits for it                        T times
after   depends on the state, but no later step waits     batched over T
end     follows sums over time                            once
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinygrad_rnn.scan.operations import copied
from tinygrad_rnn.scan.trace import topological
from tinygrad_rnn.scan.traced import BEFORE, END, LOOP, ONCE, Traced


@dataclass
class Schedule:
    """The operations of a program in five phases, and the values that go in and come out."""

    reverse: bool  # whether the loop runs from the last step to the first
    leaves: list[Traced]  # parameters and other arrays that the cell reads
    timed: list[Traced]  # inputs with a time axis
    carries: list[tuple[Traced, Traced]]  # the state as it comes into a step, and as it leaves
    once: list[Traced]
    before: list[Traced]
    loop: list[Traced]
    after: list[Traced]
    end: list[Traced]
    prepared: list[Traced]  # what the first phase hands to the others
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
    carries = _own_values(carries)
    nexts = [after for _, after in carries]
    order = topological([*nexts, *series, *results, *(before for before, _ in carries)])
    waited_for, copies = {id(v) for v in topological(nexts)}, {id(v) for v in nexts}
    leaves, operations = _split(order, lambda v: v.fun is None)
    loop, others = _split(
        operations, lambda v: id(v) in waited_for and (v.phase == LOOP or id(v) in copies)
    )
    of = {phase: [v for v in others if v.phase == phase] for phase in (ONCE, BEFORE, LOOP, END)}
    sums, end = _split(of[END], _is_sum)
    in_loop = {id(v) for v in loop}
    readers = [*of[BEFORE], *loop, *of[LOOP], *of[END]]
    used = {id(a) for v in readers for a in v.operands} | {id(v) for v in [*series, *results]}
    return Schedule(
        reverse,
        leaves=[v for v in leaves if v.phase == ONCE],
        timed=[v for v in leaves if v.phase == BEFORE],
        carries=carries,
        once=of[ONCE],
        before=of[BEFORE],
        loop=loop,
        after=of[LOOP] + sums,
        end=end,
        prepared=[v for v in order if v.phase == ONCE and id(v) in used - in_loop],
        sums=sums,
        series=list(series),
        results=list(results),
    )


def _split(
    values: Sequence[Traced], chosen: Callable[[Traced], bool]
) -> tuple[list[Traced], list[Traced]]:
    return [v for v in values if chosen(v)], [v for v in values if not chosen(v)]


def _is_sum(v: Traced) -> bool:
    """Whether v is a sum over time of values that differ from step to step."""
    return max((a.phase for a in v.operands), default=ONCE) in (BEFORE, LOOP)


def _own_values(carries: Sequence[tuple[Traced, Traced]]) -> list[tuple[Traced, Traced]]:
    """Let every part of the state leave the step as a value of its own, no input, and once."""
    found: list[tuple[Traced, Traced]] = []
    for before, after in carries:
        taken = any(after is other for _, other in found)
        if after.fun is None or after.phase != LOOP or taken:
            after = Traced(*after.kind, LOOP, copied, (after,))
        found.append((before, after))
    return found
