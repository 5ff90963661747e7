"""The classic tasks: each by the definition of its paper, its baseline, its seed, and the words for
wrong input.
"""

import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_rnn import data
from tinygrad_rnn.errors import ArgumentTypeError, DataError, RangeError, UsageError

TASKS = {
    "adding_problem": lambda rng: data.adding_problem(20, 4, rng=rng),
    "adding_problem, anywhere": lambda rng: data.adding_problem(20, 4, rng=rng, variant="anywhere"),
    "adding_problem, 1997": lambda rng: data.adding_problem(100, 4, rng=rng, variant="1997"),
    "copy_memory": lambda rng: data.copy_memory(5, 4, rng=rng),
    "temporal_order": lambda rng: data.temporal_order(50, 4, rng=rng),
    "temporal_order_1997": lambda rng: data.temporal_order_1997(4, rng=rng),
    "temporal_xor": lambda rng: (data.temporal_xor(20, rng=rng),),
    "letter_sequence": lambda rng: (np.array(list(data.letter_sequence(20, rng=rng))),),
    "embedded_reber": lambda rng: (np.array(data.embedded_reber(20, rng=rng)),),
}


@pytest.mark.parametrize("draw", TASKS.values(), ids=TASKS)
def test_the_seed_decides_and_a_generator_goes_on(draw):
    def same(a, b):
        return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))

    assert same(draw(3), draw(3))
    assert same(draw(3), draw(np.random.default_rng(3)))
    assert not same(draw(3), draw(4))
    rng = np.random.default_rng(3)
    assert not same(draw(rng), draw(rng))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: data.adding_problem(1, 4, rng=0),
            "steps is 1; it must be at least 2, one for each marked number.",
        ),
        (lambda: data.adding_problem(20, 0, rng=0), "batch is 0; it must be at least 1."),
        (
            lambda: data.adding_problem(10, 4, rng=0, variant="1997"),
            "steps is 10; it must be at least 11, ten for",
        ),
        (
            lambda: data.copy_memory(0, 4, rng=0),
            'delay is 0; it must be at least 1, the step at which "now" is said.',
        ),
        (lambda: data.copy_memory(5, 0, rng=0), "batch is 0; it must be at least 1."),
        (lambda: data.copy_memory_baseline(0), "delay is 0; it must be at least 1."),
        (
            lambda: data.temporal_order(9, 4, rng=0),
            "steps is 9; it must be at least 10, so that each tenth has a step",
        ),
        (lambda: data.temporal_order(50, 0, rng=0), "batch is 0; it must be at least 1."),
        (lambda: data.temporal_order_1997(0, rng=0), "batch is 0; it must be at least 1."),
        (lambda: data.temporal_xor(0, rng=0), "triples is 0; it must be at least 1."),
        (lambda: data.letter_sequence(0, rng=0), "consonants is 0; it must be at least 1."),
        (lambda: data.embedded_reber(0, rng=0), "count is 0; it must be at least 1."),
        (lambda: data.influence_balancing(0, 0), "n is 0; it must be at least 1."),
        (lambda: data.influence_balancing(23, -1), "p is -1; it must be at least 0."),
        (
            lambda: data.influence_balancing(23, 24),
            "p is 24; of n = 23 states at most 23 can be positive.",
        ),
        (lambda: data.columns(np.arange(3), 0), "batch is 0; it must be at least 1."),
        (lambda: data.segments(np.arange(3), 0), "steps is 0; it must be at least 1."),
    ],
)
def test_counts_out_of_range(call, words):
    with pytest.raises(RangeError, match=re.escape(words)):
        call()


def test_a_count_that_is_no_integer():
    with pytest.raises(ArgumentTypeError, match=r"steps is 20\.5; it must be an integer\."):
        data.adding_problem(20.5, 4, rng=0)


# -- the adding problem ----------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["halves", "anywhere"])
def test_adding_gives_the_sum_of_two_marked_numbers(variant):
    xs, targets = data.adding_problem(51, 20_000, rng=0, variant=variant)
    numbers, markers = xs[..., 0], xs[..., 1]
    assert xs.shape == (51, 20_000, 2)
    assert targets.shape == (20_000, 1)
    assert set(np.unique(markers)) == {0, 1}
    assert_array_equal(markers.sum(axis=0), 2)
    assert_allclose(targets[:, 0], np.sum(numbers * markers, axis=0))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert_allclose(np.mean((targets - 1) ** 2), 1 / 6, rtol=0.02)  # the baseline
    in_first_half = markers[:25].sum(axis=0)
    if variant == "halves":
        assert_array_equal(in_first_half, 1)
    else:
        assert set(in_first_half) == {0, 1, 2}
    assert np.all(markers.sum(axis=1) > 0)  # every step is marked at times


def test_adding_of_1997():
    lengths, firsts, seconds = set(), set(), set()
    for seed in range(80):
        xs, targets = data.adding_problem(100, 30, rng=seed, variant="1997")
        lengths.add(len(xs))
        for numbers, markers, target in zip(xs[..., 0].T, xs[..., 1].T, targets[:, 0], strict=True):
            places = np.flatnonzero(markers == 1)
            assert len(places) == 2
            assert abs(target - 0.5 - np.sum(numbers[places[places > 0]]) / 4) < 1e-12
            ends = [len(xs) - 1] if 0 in places else [0, len(xs) - 1]
            assert np.flatnonzero(markers == -1).tolist() == ends
            firsts.add(places[0])
            seconds.add(places[1])
    assert lengths == set(range(100, 111))
    assert firsts == set(range(10))
    assert seconds == set(range(1, 50))
    xs, targets = data.adding_problem(100, 100_000, rng=0, variant="1997")
    assert_allclose(np.mean((targets - 0.5) ** 2), 1 / 24, rtol=0.1)


def test_an_unknown_variant():
    with pytest.raises(
        UsageError,
        match=r"variant is 'old'; the adding problem has 'halves', 'anywhere' and '1997'\.",
    ):
        data.adding_problem(20, 4, rng=0, variant="old")


# -- copy memory -----------------------------------------------------------------------------------


def test_copy_memory_shows_ten_symbols_waits_and_wants_them():
    delay = 7
    xs, targets = data.copy_memory(delay, 1_000, rng=0)
    assert xs.shape == (27, 1_000, 10)
    assert_array_equal(xs.sum(axis=-1), 1)
    symbols = xs.argmax(axis=-1)
    assert_array_equal(np.unique(symbols[:10]), np.arange(8))
    assert_array_equal(symbols[10 : 10 + delay - 1], 8)  # blank
    assert_array_equal(symbols[10 + delay - 1], 9)  # now
    assert_array_equal(symbols[10 + delay :], 8)
    assert_array_equal(targets[: delay + 10], 8)
    assert_array_equal(targets[delay + 10 :], symbols[:10])


def test_the_baseline_of_copy_memory_is_the_cross_entropy_of_guessing_one_in_eight():
    _, targets = data.copy_memory(100, 5, rng=0)
    without_memory = np.where(targets == 8, 1.0, 1 / 8)
    assert_allclose(np.mean(-np.log(without_memory)), data.copy_memory_baseline(100))
    assert_allclose(data.copy_memory_baseline(100), 10 * np.log(8) / 120)


# -- temporal order --------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [10, 57, 200])
def test_temporal_order(T):
    xs, targets = data.temporal_order(T, 8_000, rng=0)
    assert xs.shape == (T, 8_000, 6)
    assert_array_equal(xs.sum(axis=-1), 1)
    symbols = xs.argmax(axis=-1)
    places = [np.flatnonzero(column < 2) for column in symbols.T]
    first, second = np.array(places).T  # two in each column
    assert (first.min(), first.max()) == (T // 10, 2 * T // 10 - 1)
    assert (second.min(), second.max()) == (4 * T // 10, 5 * T // 10 - 1)
    rows = np.arange(8_000)
    assert_array_equal(targets, 2 * symbols[first, rows] + symbols[second, rows])
    assert_allclose(np.bincount(targets), 2_000, rtol=0.1)  # balanced
    assert_array_equal(np.unique(symbols), np.arange(6))


@pytest.mark.parametrize(
    ("relevant", "places", "classes"),
    [(2, [(10, 20), (50, 60)], 4), (3, [(10, 20), (33, 43), (66, 76)], 8)],
)
def test_temporal_order_of_1997(relevant, places, classes):
    drawn = [data.temporal_order_1997(400, rng=seed, relevant=relevant) for seed in range(60)]
    assert {len(xs) for xs, _ in drawn} == set(range(100, 111))
    for xs, targets in drawn:
        symbols = xs.argmax(axis=-1)
        assert xs.shape[-1] == 8
        assert_array_equal(xs.sum(axis=-1), 1)
        assert_array_equal(symbols[0], 6)
        assert_array_equal(symbols[-1], 7)
        assert symbols[1:-1].max() == 5
        found = np.array([np.flatnonzero(column < 2) for column in symbols.T])
        assert list(zip(found.min(axis=0), found.max(axis=0), strict=True)) == places
        digits = symbols[found, np.arange(400)[:, None]]
        assert_array_equal(targets, digits @ 2 ** np.arange(relevant)[::-1])
    assert_allclose(np.bincount(np.concatenate([t for _, t in drawn])), 24_000 / classes, rtol=0.07)


def test_an_unknown_temporal_order():
    with pytest.raises(
        UsageError, match=r"relevant is 4; task 6a has 2 relevant symbols and task 6b has 3\."
    ):
        data.temporal_order_1997(4, rng=0, relevant=4)


# -- the embedded Reber grammar --------------------------------------------------------------------


def accepts(string):
    """The grammar as the diagram of Cleeremans et al.
    (1989) shows it, node by node, as sets of triples.
    """
    edges = {
        ("start", "B", "choice"),
        ("choice", "T", "upper"),
        ("choice", "P", "lower"),
        ("upper", "S", "upper"),
        ("upper", "X", "upper right"),
        ("lower", "T", "lower"),
        ("lower", "V", "lower right"),
        ("upper right", "X", "lower"),
        ("upper right", "S", "out"),
        ("lower right", "P", "upper right"),
        ("lower right", "V", "out"),
        ("out", "E", "end"),
    }
    if not re.fullmatch(r"B([TP]).*\1E", string):
        return False
    nodes = {"start"}
    for symbol in string[2:-2]:
        nodes = {after for before, s, after in edges if before in nodes and s == symbol}
    return nodes == {"end"}


def test_the_automaton_of_the_test_knows_reber_strings():
    known = ["BTSSXXTVVE", "BPVVE", "BTXXVPSE", "BPVPXVPXVPXVVE", "BTSXXVPSE"]
    wrong = ["BTSSPXSE", "BPTVVB", "BTXXVVSE", "BPVSPSE", "BTSSSE"]
    assert all(accepts(f"BT{inner}TE") and accepts(f"BP{inner}PE") for inner in known)
    assert not any(accepts(f"BT{inner}TE") for inner in wrong)
    assert not any(accepts(f"BT{inner}PE") for inner in known)


def test_every_reber_string_is_accepted():
    strings = data.embedded_reber(2_000, rng=0)
    assert all(accepts(s) for s in strings)
    assert min(map(len, strings)) == 9
    assert max(map(len, strings)) > 25
    assert_allclose(np.mean([s[1] == "T" for s in strings]), 0.5, atol=0.05)
    assert_allclose(np.mean([s[3] == "T" for s in strings]), 0.5, atol=0.05)


def test_successors_are_all_symbols_that_lead_to_a_string():
    strings = data.embedded_reber(3_000, rng=0)
    seen = {}  # what followed each prefix
    for string in strings:
        for i in range(len(string)):
            seen.setdefault(string[: i + 1], set()).update(string[i + 1 : i + 2])
    for string in strings:
        successors = data.reber_successors(string)
        assert successors[-1] == ""
        assert all(set(wanted) >= seen[string[: i + 1]] for i, wanted in enumerate(successors))
    assert data.reber_successors("BTBPVVETE") == ["TP", "B", "TP", "TV", "PV", "E", "T", "E", ""]


@pytest.mark.parametrize(
    ("string", "words"),
    [
        ("", "'' is no embedded Reber string: it ends where B is due."),
        ("BTBPVVEPE", "'BTBPVVEPE' is no embedded Reber string: symbol 8 is 'P' where T is due."),
        (
            "BTBPSVETE",
            "'BTBPSVETE' is no embedded Reber string: symbol 5 is 'S' where T or V is due.",
        ),
        ("BTBPVVET", "'BTBPVVET' is no embedded Reber string: it ends where E is due."),
        (
            "BTBPVVETEE",
            "'BTBPVVETEE' is no embedded Reber string: symbol 10 is 'E' where the end is due.",
        ),
        ("BX", "'BX' is no embedded Reber string: symbol 2 is 'X' where T or P is due."),
    ],
)
def test_strings_outside_the_grammar(string, words):
    with pytest.raises(DataError, match=f"^{re.escape(words)}$"):
        data.reber_successors(string)


def test_encoded_strings_read_back():
    strings = data.embedded_reber(50, rng=0)
    xs, targets, legal = data.encode_reber(strings)
    T = max(map(len, strings)) - 1
    assert xs.shape == legal.shape == (T, 50, 7)
    assert targets.shape == (T, 50)
    for b, string in enumerate(strings):
        n = len(string) - 1
        assert "".join(data.REBER_SYMBOLS[i] for i in xs[:n, b].argmax(axis=-1)) == string[:-1]
        assert "".join(data.REBER_SYMBOLS[i] for i in targets[:n, b]) == string[1:]
        assert_array_equal(xs[n:, b], 0)
        assert_array_equal(targets[n:, b], -1)
        assert not legal[n:, b].any()
        assert legal[np.arange(n), b, targets[:n, b]].all()
        rows = [
            "".join(s for s, allowed in zip(data.REBER_SYMBOLS, row, strict=True) if allowed)
            for row in legal[:n, b]
        ]
        assert [set(row) for row in rows] == [set(s) for s in data.reber_successors(string)[:-1]]
    with pytest.raises(DataError, match="there is no string to encode"):
        data.encode_reber([])


# -- Elman's tasks ---------------------------------------------------------------------------------


def test_every_third_bit_is_the_exclusive_or_of_the_two_before():
    bits = data.temporal_xor(1_000, rng=0)
    assert bits.shape == (3_000, 1)
    first, second, third = bits.reshape(-1, 3).astype(bool).T
    assert_array_equal(third, first ^ second)
    counts = np.unique(np.stack([first, second]), axis=1, return_counts=True)[1]
    assert_allclose(counts, 250, rtol=0.2)


def test_letters_are_consonants_with_their_vowels():
    letters = data.letter_sequence(1_000, rng=0)
    assert re.fullmatch("(ba|dii|guuu)*", letters)
    counts = np.array([letters.count(consonant) for consonant in "bdg"])
    assert counts.sum() == 1_000
    assert_allclose(counts, 333, rtol=0.15)
    assert (letters.count("a"), letters.count("i"), letters.count("u")) == tuple(counts * [1, 2, 3])


def test_letters_as_features():
    vectors = data.letter_vectors("bdgaiu")
    named = dict(zip(data.LETTER_FEATURES, vectors.T, strict=True))
    assert_array_equal(named["consonant"], [1, 1, 1, 0, 0, 0])
    assert_array_equal(named["vowel"], 1 - named["consonant"])
    assert_array_equal(named["interrupted"], named["consonant"])
    assert_array_equal(named["high"], [0, 1, 0, 0, 1, 1])
    assert_array_equal(named["back"], [0, 0, 1, 1, 0, 1])
    assert_array_equal(named["voiced"], 1)
    assert len(np.unique(vectors, axis=0)) == 6
    assert data.letter_vectors("").shape == (0, 6)
    with pytest.raises(DataError, match=r"letter 3 is 'x'; the alphabet is a, b, d, g, i, u\."):
        data.letter_vectors("bax")


# -- influence balancing ---------------------------------------------------------------------------


def test_influence_balancing_sums_to_minus_six():
    A, signs = data.influence_balancing()
    assert_array_equal(A, (np.eye(23) + np.eye(23, k=1)) / 2)
    assert_array_equal(signs, [1] * 10 + [-1] * 13)
    reach = [np.linalg.matrix_power(A, j)[0] @ signs for j in range(41)]
    assert_allclose(np.linalg.solve(np.eye(23) - A, signs)[0], -6)
    assert_array_equal(reach[:10], 1)
    assert_allclose(np.cumsum(reach)[[9, 19, 39]], [10, 16.476, 0.566], atol=5e-4)
    assert np.cumsum(reach)[40] < 0


def test_influence_balancing_of_any_size():
    A, signs = data.influence_balancing(5, 4)
    assert_allclose(np.linalg.solve(np.eye(5) - A, signs)[0], 2 * (2 * 4 - 5))


# -- text and streams ------------------------------------------------------------------------------


def test_the_topics_are_english():
    text = data.python_topics()
    assert len(text) > 300_000
    assert text.count(" the ") > 3_000
    assert text == data.python_topics()


def test_a_python_without_topics(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(
        DataError, match=r"this Python has no help topics .*Install the whole standard library"
    ):
        data.python_topics()


def test_a_vocabulary_reads_back_what_it_encodes():
    text = "to be, or not to be"
    vocabulary = data.Vocabulary(text)
    assert vocabulary.symbols == " ,benort"
    assert len(vocabulary) == 8
    assert repr(vocabulary) == "<Vocabulary of 8 symbols>"
    assert_array_equal(vocabulary.encode("be "), [2, 3, 0])
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.decode(vocabulary.encode("")) == ""


def test_what_a_vocabulary_does_not_hold():
    vocabulary = data.Vocabulary("ab")
    with pytest.raises(
        DataError, match=r"character 3 of the text is 'c', which is not in the vocabulary\. Make"
    ):
        vocabulary.encode("abcab")
    with pytest.raises(
        DataError, match=r"indices run from -1 to 2; with 2 symbols they must lie in 0\.\.1\."
    ):
        vocabulary.decode([0, -1, 2])
    with pytest.raises(DataError, match="the text is empty"):
        data.Vocabulary("")


def test_columns_are_unbroken_pieces_of_the_stream():
    stream = np.arange(23)
    side_by_side = data.columns(stream, 4)
    assert side_by_side.shape == (5, 4)
    assert_array_equal(side_by_side.T.ravel(), stream[:20])
    assert data.columns(stream.reshape(-1, 1), 4).shape == (5, 4, 1)
    with pytest.raises(
        DataError, match=r"the stream has 3 entries; a batch of 4 needs at least 4\."
    ):
        data.columns(np.arange(3), 4)


def test_segments_go_on_where_the_last_one_ended():
    rows = data.columns(np.arange(22), 2)
    pieces = list(data.segments(rows, 3))
    assert len(pieces) == 3
    assert_array_equal(np.concatenate([xs for xs, _ in pieces]), rows[:9])
    assert_array_equal(np.concatenate([targets for _, targets in pieces]), rows[1:10])
    with pytest.raises(
        DataError, match="3 rows do not hold a segment of 3 steps and what follows it"
    ):
        data.segments(rows[:3], 3)


# -- precision -------------------------------------------------------------------------------------


def test_float32_when_asked_for():
    strings = data.embedded_reber(3, rng=0)
    for array in (
        *data.adding_problem(20, 4, rng=0, dtype=np.float32),
        *data.adding_problem(20, 4, rng=0, variant="1997", dtype=np.float32),
        data.copy_memory(5, 4, rng=0, dtype=np.float32)[0],
        data.temporal_order(20, 4, rng=0, dtype=np.float32)[0],
        data.temporal_order_1997(4, rng=0, dtype=np.float32)[0],
        data.temporal_xor(4, rng=0, dtype=np.float32),
        data.letter_vectors("ba", dtype=np.float32),
        data.encode_reber(strings, dtype=np.float32)[0],
        *data.influence_balancing(dtype=np.float32),
    ):
        assert array.dtype == np.float32
