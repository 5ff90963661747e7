"""Counting: by hand, as a distribution, and on what it has never seen."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tinygrad_rnn.data import NGram
from tinygrad_rnn.errors import DataError, RangeError

pytestmark = pytest.mark.tiny


def by_hand(train, order, size, history, symbol):
    """p(symbol | history) by the recursion of the docstring, with lists."""
    p = 1.0 / size
    for n in range(min(order - 1, len(history)) + 1):
        h = list(history[len(history) - n :])
        followers = [train[i + n] for i in range(len(train) - n) if list(train[i : i + n]) == h]
        if followers:
            kinds = len(set(followers))
            p = (followers.count(symbol) + kinds * p) / (len(followers) + kinds)
    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bits_are_those_of_the_recursion(order):
    rng = np.random.default_rng(order)
    train, test = rng.integers(0, 4, 40), rng.integers(0, 5, 30)  # symbol 4 is never seen
    model = NGram(train, order, 5)
    expected = [
        -np.log2(by_hand(train.tolist(), order, 5, test[:t].tolist(), test[t])) for t in range(30)
    ]
    assert_allclose(model.bits(test), np.mean(expected))


def test_probabilities_add_up_to_one_even_after_the_last_context():
    train = np.array([0, 1, 0, 1, 2])
    model = NGram(train, 3, 4)
    for history in ([0, 1], [1, 2], [3, 3], [2]):
        stream = [np.array([*history, s]) for s in range(4)]
        n = len(history)
        before = model.bits(np.array(history)) * n
        assert_allclose(sum(2 ** -(model.bits(s) * (n + 1) - before) for s in stream), 1)


def test_a_periodic_stream_is_known_and_a_random_one_is_not():
    assert NGram(np.arange(3000) % 3, 2, 3).bits(np.arange(300) % 3) < 0.02
    noise = np.random.default_rng(0).integers(0, 8, 6000)
    assert_allclose(NGram(noise[:5000], 1, 8).bits(noise[5000:]), 3, atol=0.01)


@pytest.mark.parametrize(
    "stream",
    [np.array([], int), np.array([0, 4]), np.array([-1]), np.ones(3), np.ones((2, 2), int)],
)
def test_what_is_no_stream_of_symbols(stream):
    with pytest.raises(
        DataError, match=r"integers in 0\.\.3; this is .* Encode the text with its Vocabulary\."
    ):
        NGram(stream, 2, 4)


def test_an_order_below_one():
    with pytest.raises(RangeError, match="order is 0"):
        NGram(np.zeros(3, int), 0, 4)
