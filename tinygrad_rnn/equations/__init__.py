"""The equations of docs/equations.md, executed: closed formulas by hand against the library.

The formulas are those of three texts, public lecture notes on backpropagation through time: "000
backpropagation paths", "001 folded model" and "002 BPTT equations", and of the LSTM and the GRU.
Where a text is wrong its formula is computed too, and a check says that it differs.
"""

__all__ = [
    "ByHand",
    "Check",
    "FoldedModel",
    "Recorded",
    "example",
    "misprints",
    "paths",
    "run_checks",
]

from collections.abc import Iterator
from dataclasses import replace

from tinygrad_rnn.equations import bptt, folded, gated, misprints, paths
from tinygrad_rnn.equations.by_hand import ByHand, example
from tinygrad_rnn.equations.check import Check
from tinygrad_rnn.equations.folded import FoldedModel
from tinygrad_rnn.equations.recorded import Recorded

NETWORKS = (
    example(),
    example(f="relu", g="sigmoid", seed=10),  # with seed 0 all units are off at all times
    example(g="softmax", outputs=3),
)


def run_checks() -> list[Check]:
    """Compute every equation by hand and by the library, and say how far the two are apart.

    About 300 checks in the order of the texts: 002 for three choices of f and g, 000 at T = 3 and
    4, 001, LSTM, GRU.
    """
    return list(_checks())


def _checks() -> Iterator[Check]:
    for net in NETWORKS:
        for equation in bptt.EQUATIONS:
            yield from _of_variant(f"{net.f}, {net.g}", equation(net, Recorded(net)))
    net = example()
    for equation in misprints.EQUATIONS:
        yield from equation(net, Recorded(net))
    for T in (3, 4):
        net = example(T)
        for equation in paths.EQUATIONS:
            yield from _of_variant(f"T = {T}", equation(net, Recorded(net, of_last=True)))
    for independent in (*folded.EQUATIONS, *gated.EQUATIONS):
        yield from independent()


def _of_variant(variant: str, checks: Iterator[Check]) -> Iterator[Check]:
    for check in checks:
        yield replace(check, compared=f"{check.compared} ({variant})")


def __dir__() -> list[str]:
    return __all__
