"""Single constructs that a cell may use, each the smallest cell that has it: `scan` agrees with the
unrolled tape.
"""

import functools
import itertools
import tracemalloc
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support import stress_cells
from support.scans import agree, draw

import tinygrad_rnn as tg
from tinygrad_rnn import functional
from tinygrad_rnn.core.tree import LEAF
from tinygrad_rnn.errors import DataError, TraceError, UnsupportedError
from tinygrad_rnn.functional import sigmoid
from tinygrad_rnn.scan import operations, scan
from tinygrad_rnn.scan.cache import plan_for
from tinygrad_rnn.scan.trace import Signature, Wanted

pytestmark = pytest.mark.tiny


def tensor(*shape, seed=0, dtype=float):
    return tg.Tensor(draw(*shape, seed=seed).astype(dtype), requires_grad=True)


W, U, V, b, s = (
    tensor(4, 4),
    tensor(4, 4, seed=1),
    tensor(4, 8, seed=2),
    tensor(4, seed=3),
    tensor(seed=4),
)
PARAMETERS = [W, U, V, b, s]


def check(cell, B=3, state=None):
    """Inputs (5, B, 4) and a state (B, 4), or (5, 4) and (4,) where B is None."""
    batch = () if B is None else (B,)
    h0 = tensor(*batch, 4, seed=6) if state is None else state
    agree(stress_cells.Case(cell, tensor(5, *batch, 4, seed=5), h0, PARAMETERS))


# -- values and gradients --------------------------------------------------------------------------

CELLS = {
    "(late + early) + (late + early)": lambda x, h: (h @ U + x @ W) + (np.tanh(h) + x),
    "late + (late + early)": lambda x, h: np.tanh(np.sin(h) + (h @ U + x @ W)),
    "late / early": lambda x, h: np.tanh(h @ U / (1.0 + x * x)),
    "late * number * number": lambda x, h: np.tanh(h @ U) * 0.5 * 3.0 + x,
    "a constant joined to x": lambda x, h: (
        h * np.max(np.concatenate([x, W[:3]], -1), -1, keepdims=True)
    ),
    "a block of rows and columns": lambda x, h: np.tanh(h) + (h @ U)[0:1, 1:3][:, :1] * x,
    "a gate of a product and a number": lambda x, h: sigmoid(h @ U + 1.0) * np.tanh(x + h),
    "the length of a batch": lambda x, h: np.tanh(h @ U) / len(h) + x,
    "the rows of a batch": lambda x, h: np.tanh(
        np.stack([row * (i + 1) for i, row in enumerate(h)]) + x
    ),
    "!=": lambda x, h: np.where(np.sign(h) != np.sign(x), np.tanh(h + x), h),
    "<=": lambda x, h: np.where(h <= x, np.tanh(h + x), h * x),
    ">=": lambda x, h: np.where(h >= x, np.tanh(h + x), h * x),
    "|": lambda x, h: np.where((h > 1) | (x > 0), np.tanh(h), x),
    "^": lambda x, h: np.where((h > 0) ^ (x > 0), np.tanh(h), x),
    "~": lambda x, h: np.where(~(h > x), np.tanh(h), x),
    "a Tensor made in the cell": lambda x, h: np.tanh(h @ U + x) * tg.Tensor(np.full(4, 0.5)),
    "a parameter before the state": lambda x, h: (
        np.einsum("ij,bj->bi", U, np.where(x.data > 0, b, h)) + x
    ),
    "sorted": lambda x, h: np.tanh(np.sort(h @ U + x @ W, axis=-1)),
    "a slice of what was centred": lambda x, h: np.tanh(
        x + (h - np.mean(h, axis=-1, keepdims=True))[:, :1]
    ),
    "a state that is cut off": lambda x, h: (np.tanh(x @ W).detach(), np.sin(h) * x),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_construct(name):
    check(CELLS[name])


def test_a_length_asked_of_a_value_without_axes():
    with pytest.raises(TraceError, match="a value without axes has no length"):
        scan(lambda x, h: h + len(np.sum(x)), draw(3, 2), draw(2))


ROWS = {
    "tanh of every slice": lambda z, x, h: np.tanh(z[..., :4]) * np.tanh(z[..., 4:]),
    "sums of slices that differ": lambda z, x, h: (
        np.tanh(z[..., :4] + (h @ V)[..., 1:5]) * z[..., 4:]
    ),
    "a sum of one slice": lambda z, x, h: np.tanh(z[..., :4] + (h @ V)[..., :4]) * z[..., 4:],
}


@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("name", ROWS)
def test_slices_of_a_row(name, B):
    check(lambda x, h: ROWS[name](np.tanh(h) @ V + x @ V, x, h), B)


class Pair(NamedTuple):
    h: object
    c: object


def test_a_state_that_is_a_named_tuple_and_outputs_in_a_dict():
    """The cell meets the containers it was given, and its own come back."""

    def cell(x, s):
        c = np.tanh(x @ W + s.h @ U)
        return Pair(h=np.sin(s.c + c), c=c), {"c": c, "h": [s.h, s.c]}

    h0 = Pair(tensor(3, 4, seed=6), tensor(3, 4, seed=7))
    xs = tensor(5, 3, 4, seed=5)
    agree(stress_cells.Case(cell, xs, h0, PARAMETERS))
    outputs, state = scan(cell, xs, h0)
    assert type(state) is Pair
    assert outputs["h"][0].shape == (5, 3, 4)


@pytest.mark.parametrize("unrolled", [False, True])
@pytest.mark.parametrize("returned", [None, [1.0, 2.0], ({}, 1.0)], ids=str)
def test_a_state_of_another_structure(returned, unrolled):
    with pytest.raises(TraceError, match="one array as its state and returned"):
        scan(lambda x, h: returned, draw(3, 2, 4), draw(2, 4), unrolled=unrolled)


def test_rows_of_the_state_chosen_by_an_input():
    """As a beam search does: row i goes on from the row that order[t, i] names."""
    order = np.random.default_rng(0).integers(0, 3, (5, 3))
    cell = lambda xo, h: np.tanh(h[xo[1]] @ U + xo[0] @ W)
    agree(stress_cells.Case(cell, (tensor(5, 3, 4), order), tensor(3, 4, seed=6), PARAMETERS))


TOKENS, TARGETS = (np.random.default_rng(i).integers(0, 4, (5, 3)) for i in (1, 2))
KEYS = {
    "rows of a parameter": lambda i, j, h: np.tanh(W[i] + h @ U),
    "entries of a parameter": lambda i, j, h: np.tanh(h @ U) * W[i, j][:, None],
    "entries of the state": lambda i, j, h: np.tanh(h @ U) + h[np.arange(3), i][:, None],
    "rows of the state, and a column": lambda i, j, h: (
        np.tanh(h[j % 3] @ U) + h[i % 3, 2][:, None] * W[j]
    ),
    "indices of another number of axes": lambda i, j, h: (
        np.tanh(h @ U) + W[i[:, None], np.arange(4)]
    ),
    "one number for all rows": lambda i, j, h: (
        np.tanh(h @ U) * h[i[0] % 3, j][:, None] + W[i[1], np.arange(4)]
    ),
    "an index beside a slice": lambda i, j, h: np.tanh(h @ U) + V[i, 2:6] * h[j[0] % 3, 1:2],
    "an index that is computed": lambda i, j, h: np.tanh(W[np.argmax(h @ U, axis=-1)] + h),
    "the input of a product": lambda i, j, h: np.tanh(
        (h @ U)[np.arange(3), j][:, None] + x_of(i) @ W
    ),
}


def x_of(i):
    return np.where(i[:, None] == np.arange(4), 1.0, 0.5)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("outside", [False, True], ids=["in the loop", "after the loop"])
def test_indices_that_come_with_the_input(name, outside):
    """`outside`: what is looked up is given out, and no later step waits for it."""
    step = lambda ij, h: KEYS[name](*ij, h)
    cell = (lambda ij, h: (np.tanh(W[ij[0]] + h @ U), step(ij, h))) if outside else step
    agree(stress_cells.Case(cell, (TOKENS, TARGETS), tensor(3, 4, seed=6), [W, U, V]))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("options", [{}, {"ignore_index": 3}, {"label_smoothing": 0.1}], ids=str)
def test_a_loss_in_the_cell(options, reduction):
    def cell(ij, h):
        h = np.tanh(functional.embedding(ij[0], W) + h @ U)
        return h, functional.cross_entropy(h @ V, ij[1], reduction=reduction, **options)

    agree(stress_cells.Case(cell, (TOKENS, TARGETS), tensor(3, 4, seed=6), [W, U, V]))


def test_losses_with_probabilities_in_the_cell():
    q = functional.softmax(draw(5, 3, 4, seed=7))
    for loss in (functional.cross_entropy, functional.binary_cross_entropy_with_logits):
        cell = lambda q_t, h, loss=loss: (np.tanh(q_t @ W + h @ U), loss(h @ U, q_t))
        agree(stress_cells.Case(cell, q, tensor(3, 4, seed=6), [W, U]))
        agree(
            stress_cells.Case(cell, tg.Tensor(q, requires_grad=True), tensor(3, 4, seed=6), [W, U])
        )


def test_numbers_are_checked_in_every_call_though_the_cell_is_traced_once():
    cell = lambda ij, h: (np.tanh(W[ij[0]] + h @ U), functional.cross_entropy(h @ U, ij[1]))
    scan(cell, (TOKENS, TARGETS), np.zeros((3, 4)))
    wrong = TARGETS.copy()
    wrong[4, 2] = -1
    with pytest.raises(DataError, match="-1 is no class index; with 4 logits"):
        scan(cell, (TOKENS, wrong), np.zeros((3, 4)))
    with pytest.raises(DataError, match="there is no row 4; a weight of shape"):
        scan(lambda i, h: np.tanh(functional.embedding(i, W) + h), TOKENS + 1, np.zeros((3, 4)))
    ignoring = lambda t, h: (np.tanh(h @ U), functional.cross_entropy(h @ U, t, ignore_index=1))
    with pytest.raises(DataError, match="every target is ignored"):
        scan(ignoring, np.ones((5, 3), int), np.zeros((3, 4)))


def test_what_is_looked_up_is_summed_without_an_array_for_every_step():
    table = tg.Tensor(np.zeros((50_000, 4)), requires_grad=True)
    tokens = np.random.default_rng(0).integers(0, 50_000, (200, 3))
    tracemalloc.start()
    np.sum(
        scan(lambda i, h: np.tanh(table[i] + h @ U), tokens, np.zeros((3, 4))).outputs
    ).backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.count_nonzero(np.any(table.grad, axis=1)) == len(np.unique(tokens))
    assert peak < 12 * table.data.nbytes  # 200 of them otherwise


def test_a_mask_as_a_key():
    with pytest.raises(TraceError, match=r"how many entries a mask chooses.*np\.where\(mask"):
        scan(lambda x, h: h + np.sum(h[h > x]), draw(3, 2), draw(2))


def test_a_loop_with_nothing_in_it():
    """Without a state, or backward where the state has no gradient, every step is known at once."""
    xs = tensor(5, 3, 4)
    agree(stress_cells.Case(lambda x, nothing: ((), np.tanh(x @ W)), xs, (), PARAMETERS))
    agree(stress_cells.Case(lambda x, n: (n + 1, x @ W * n), xs, np.int64(0), PARAMETERS))


def test_a_matrix_times_one_input_vector():
    check(lambda x, h: np.tanh(W @ x + U @ h), B=None)


@tg.primitive
def root(x):
    return np.sqrt(x)


def guarded(g, d):
    return g / np.where((d == 0) & (g == 0), 1.0, d)


tg.defvjp(root, lambda g, y, x: guarded(g, 2.0 * y))


def test_a_rule_that_takes_0_over_0_as_0():
    """∂√a/∂a = 1 / 2√a, and 0 where a = 0 and np.where lets no gradient through."""
    check(lambda x, h: np.tanh(h @ U) + root(np.square(h) + 0.1) * x)
    check(lambda x, h: np.where(x > 0, root(np.where(x > 0, np.abs(h @ U), 0.0)), np.tanh(h)))


@tg.primitive
def unit_gradient(x):
    return x.copy()


tg.defvjp(unit_gradient, lambda g, y, x: g / np.sqrt(1.0 + np.sum(g * g)))


def test_a_rule_that_divides_by_its_cotangent():
    """A rule need not be linear in g: this one holds every gradient that comes back through time
    below 1.
    """
    check(lambda x, h: unit_gradient(np.tanh(x @ W + h @ U)))


# -- sums over time --------------------------------------------------------------------------------


@tg.primitive
def twice_scaled(p, x):
    return p * x + p * np.sin(x)


tg.defvjp(
    twice_scaled,
    lambda g, y, p, x: g * x + g * np.sin(x),
    lambda g, y, p, x: g * (p + p * np.cos(x)),
)


@tg.primitive
def raised(p, x):
    return x + np.sum(p)


tg.defvjp(raised, lambda g, y, p, x: g * np.ones_like(p), lambda g, y, p, x: g)


def test_the_sum_of_a_sum():
    """Σ_t (a_t + b_t) = Σ_t a_t + Σ_t b_t: the share of p has two terms."""
    p = tensor(3, 4, seed=7)
    agree(
        stress_cells.Case(
            lambda x, h: np.tanh(twice_scaled(p, h) + x), tensor(5, 3, 4), tensor(3, 4), [p]
        )
    )


def test_the_sum_of_what_is_broadcast():
    """p (4,) adds Σp to a scalar state: its share g_t · 1 has more entries than g_t."""
    p = tensor(4, seed=7)
    agree(stress_cells.Case(lambda x, h: np.tanh(raised(p, h * x)), tensor(5), tensor(seed=1), [p]))


def test_sums_over_time_by_their_definition():
    """contract, total_of_rows and total are names for sums that the program writes out."""
    x, d = draw(5, 3, 4), draw(5, 3, 2, seed=1)
    assert_allclose(
        operations.contract(x, d), sum(x_t.T @ d_t for x_t, d_t in zip(x, d, strict=True))
    )
    assert_allclose(operations.total(x), sum(x))
    assert_allclose(operations.total_of_rows(x), sum(row for x_t in x for row in x_t))
    assert_array_equal(operations.copied(x), x)
    assert not np.may_share_memory(operations.copied(x), x)


# -- what a cell can reach -------------------------------------------------------------------------


def affine(A, x, h):
    return np.tanh(x @ A + h)


def test_a_cell_with_some_arguments_given():
    check(functools.partial(affine, W))
    check(functools.partial(affine, U))  # another plan: the argument is another one


def test_a_name_that_has_no_value_yet():
    def outer():
        def cell(x, h):
            return np.tanh(x @ W + h) if x.ndim else later

        found = scan(cell, draw(3, 2, 4), draw(2, 4)).outputs.data
        later = None
        return found

    assert_allclose(
        outer(), scan(lambda x, h: np.tanh(x @ W + h), draw(3, 2, 4), draw(2, 4)).outputs.data
    )


# -- errors ----------------------------------------------------------------------------------------


def by_turns(*functions):
    """A function that is each of these in turn, which nothing within reach of it shows."""
    turn = itertools.cycle(functions)
    return lambda x, h: next(turn)(x + h)


@pytest.mark.parametrize(
    "second", [np.sin, lambda a: np.tanh(a) * 2.0], ids=["another function", "one more"]
)
def test_a_cell_that_is_another_at_every_call(second):
    with pytest.raises(TraceError, match="did something else when it was run again"):
        scan(by_turns(np.tanh, second), draw(3, 2, 4), draw(2, 4))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (
            lambda x, h: np.add.accumulate(h, axis=1),
            r"np\.add\.accumulate cannot be traced.*function over an axis",
        ),
        (
            lambda x, h: np.add(h, x, out=np.empty((2, 4))),
            r"np\.add with out= cannot be traced\. Write y = f\(x\)",
        ),
        (
            lambda x, h: np.interp(h, xp=x[0], fp=x[1]),
            r"arrays in a list, a key or by name\. Pass arrays by position",
        ),
        (lambda x, h: np.modf(h)[0], r"np\.modf gives a tuple, not an array, and cannot be traced"),
    ],
)
def test_what_cannot_be_traced(cell, words):
    with pytest.raises(UnsupportedError, match=words):
        scan(cell, draw(3, 2, 4), draw(2, 4))


# -- plans -----------------------------------------------------------------------------------------


def test_explain_of_a_cell_without_gradients():
    text = scan.explain(lambda x, h: np.tanh(x + h), draw(3, 2, 4), draw(2, 4))
    assert text.startswith("# forward")
    assert "# backward" not in text


def program():
    kind = (((2, 4), np.dtype(float)),)
    return plan_for(
        lambda x, h: np.tanh(x + h),
        Signature(LEAF, kind, LEAF, kind, ((), ())),
        Wanted([False], [False]),
    ).forward


def test_buffers_are_kept_for_the_last_lengths():
    forward = program()
    taken = {T: forward.take(T) for T in range(1, 12)}
    for workspace in taken.values():
        forward.give_back(workspace)
    assert [T for T, w in taken.items() if forward.take(T) is w] == [4, 5, 6, 7, 8, 9, 10, 11]


def test_buffers_that_another_thread_takes_first():
    class Snatched(list):
        def pop(self):
            self.clear()  # what another thread does between the look and the grasp
            return super().pop()

    forward = program()
    theirs = forward.take(3)
    forward._idle[3] = Snatched([theirs])
    ours = forward.take(3)
    assert ours.T == 3
    assert ours is not theirs


class Kept(NamedTuple):
    """A state."""

    h: Any
    c: Any


class Turned(NamedTuple):
    """The same parts in another order."""

    c: Any
    h: Any


def test_named_tuples_of_two_types_have_two_plans() -> None:
    def cell(x: Any, s: Any) -> Any:
        return type(s)(h=0.5 * s.h + x, c=s.c * 2.0)

    xs, h, c = np.ones(3), np.zeros(()), np.ones(())
    for kind in (Kept, Turned, Kept):
        state = tg.scan(cell, xs, kind(h=h, c=c)).state
        assert type(state) is kind
        assert (state.h.item(), state.c.item()) == (1.75, 8.0)


@pytest.mark.parametrize("unrolled", [False, True])
def test_a_state_of_another_type_of_named_tuple_is_refused(unrolled: bool) -> None:
    cell = lambda x, s: Turned(h=s.h + x * x, c=s.c * x)
    with pytest.raises(TraceError, match="one Kept of 2 as its state and returned one Turned of 2"):
        tg.scan(cell, np.ones(2), Kept(np.zeros(()), np.ones(())), unrolled=unrolled)


@pytest.mark.parametrize("unrolled", [False, True])
def test_a_plain_tuple_becomes_the_named_state(unrolled: bool) -> None:
    xs, h0 = np.array([2.0, 3.0]), Kept(np.zeros(()), np.ones(()))
    found = tg.scan(lambda x, s: (s.h + x * x, s.c * x), xs, h0, unrolled=unrolled).state
    assert type(found) is Kept
    assert (found.h.item(), found.c.item()) == (4.0 + 9.0, 6.0)
    lstm = tg.nn.LSTMCell(1, 2, rng=0)
    named, plain = Kept(np.zeros(2), np.zeros(2)), (np.zeros(2), np.zeros(2))
    a, b = (tg.scan(lstm, np.ones((3, 1)), h0, unrolled=unrolled).outputs for h0 in (named, plain))
    assert_array_equal(a.data, b.data)


def test_outputs_in_dicts_are_paired_by_their_keys() -> None:
    def cell(x: Any, h: Any) -> Any:
        a, b = ("a", x), ("b", 100.0 * x)
        return h + x, dict([a, b] if x.item() < 2.5 else [b, a])

    outputs = tg.scan(cell, np.array([1.0, 2.0, 3.0]), np.zeros(()), unrolled=True).outputs
    assert_array_equal(outputs["a"].data, [1.0, 2.0, 3.0])
    assert_array_equal(outputs["b"].data, [100.0, 200.0, 300.0])
