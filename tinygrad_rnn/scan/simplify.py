"""The same step with less to do at each t: rules of algebra that move work out of the loop.

A value is *late* if it depends on the state (in the backward step: on the cotangent that comes
back), *early* if it is known for all of time.  Sums and products are regrouped so that early
operands meet early operands; these are then computed once for all t.  A cotangent stays
core * factor, so that the factors are made in bulk.

    (h U + x W) + b         ->  h U + (x W + b)
    (core * f1) * f2        ->  core * (f1 * f2)
    core * f1 + core * f2   ->  core * (f1 + f2)
    (h U)[:, a:b]           ->  h U[:, a:b]             one product for each gate: in one piece
    sigmoid(a)              ->  tanh(a/2)/2 + 1/2       for a gate; weights take the first 1/2
    (1 - z) * n + z * h     ->  n + z * (h - n)
    a - mean(a)             ->  h U' + x W'             for a = h U + x W; rows of U, W less mean
    0 if 0/0 else core / d  ->  core * (1/d)
"""

from collections.abc import Sequence

from tinygrad_rnn.scan import algebra  # noqa: F401 (registers its rules, as gates does)
from tinygrad_rnn.scan.gates import with_merged_sums
from tinygrad_rnn.scan.rewrite import Rewriter
from tinygrad_rnn.scan.trace import topological
from tinygrad_rnn.scan.traced import Leaves, Traced, tracing


def simplify(
    results: Sequence[Traced],
    leaves: Leaves,
    saved: Sequence[Traced] = (),
    linear: bool = False,
    gates: bool = False,
) -> list[Traced]:
    """The same values from fewer operations in the loop, then the `saved`; leaves stay the same.

    linear  late values are cotangents, in which everything is linear: a choice of one or 0 is a
            product
    gates   compute sigmoids by tanh: for numbers only, the result is not to be transposed
    """
    with tracing(leaves):
        values = with_merged_sums([*results, *saved])
        order = topological(values)
        rewriter = Rewriter(order, values[: len(results)], linear, gates)
        for v in order:
            rewriter.visit(v)
    return [rewriter.new[id(v)] for v in values]
