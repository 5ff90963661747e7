"""PyTorch's weights by name and shape, and safetensors files; test_torch_weights.py compares with
PyTorch itself.
"""

import json
import re
import sys
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinygrad_rnn import Tensor
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DataError,
    DTypeError,
    MissingFileError,
    OutputError,
    ShapeError,
    TinygradError,
    UsageError,
)
from tinygrad_rnn.functional import relu
from tinygrad_rnn.io.interop import from_torch, load_safetensors, save_safetensors, to_torch
from tinygrad_rnn.nn import (
    GRU,
    RNN,
    Embedding,
    GRUCell,
    LayerNorm,
    Linear,
    LSTMCell,
    Module,
    Readout,
    RNNCell,
)

I, H, O = 2, 3, 5
GATES = {RNNCell: 1, LSTMCell: 4, GRUCell: 3}
cells = pytest.mark.parametrize("make", GATES, ids=lambda make: make.__name__)


class Model(Module):
    def __init__(self, seed, dtype=float):
        self.layers = [GRUCell(I, H, rng=seed, dtype=dtype), LSTMCell(H, H, rng=seed, dtype=dtype)]
        self.readout = Readout(H, O, rng=seed, dtype=dtype)


NAMES = {"layers.0": "gru.*_l0", "layers.1": "lstm.*_l0_reverse", "readout": "fc.*"}


def same(one, two):
    first, second = one.state_dict(), two.state_dict()
    assert list(first) == list(second)
    for name, array in first.items():
        assert_array_equal(array, second[name])
        assert array.dtype == second[name].dtype


@cells
@pytest.mark.parametrize("pattern", ["*", "*_l0", "a.b.*_l7_reverse"])
def test_names_and_shapes_are_pytorchs(make, pattern):
    found = to_torch(make(I, H, rng=1), pattern)
    n = GATES[make] * H
    shapes = {"weight_ih": (n, I), "weight_hh": (n, H), "bias_ih": (n,), "bias_hh": (n,)}
    assert {key: a.shape for key, a in found.items()} == {
        pattern.replace("*", k): s for k, s in shapes.items()
    }
    assert all(array.flags.c_contiguous for array in found.values())


@cells
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_round_trip(make, dtype):
    one, two = make(I, H, rng=1, dtype=dtype), make(I, H, rng=2, dtype=dtype)
    from_torch(two, to_torch(one, "*_l0"), "*_l0")
    same(one, two)


def test_a_round_trip_of_a_model():
    one, two = Model(1), Model(2)
    arrays = to_torch(one, NAMES)
    assert arrays["fc.weight"].shape == (O, H)
    from_torch(two, arrays, NAMES)
    same(one, two)


@pytest.mark.parametrize("make", [RNNCell, LSTMCell])
def test_two_biases_that_are_only_added_become_their_sum(make):
    cell = make(I, H, rng=1)
    arrays = to_torch(cell, "*")
    assert_array_equal(arrays["bias_hh"], 0.0)
    arrays["bias_hh"] = np.arange(GATES[make] * H, dtype=float)
    before = cell.b_h.data
    from_torch(cell, arrays, "*")
    assert_array_equal(cell.b_h.data, before + arrays["bias_hh"])


class Network(Module):
    def __init__(self, seed):
        self.embedding, self.norm = Embedding(7, I, rng=seed), LayerNorm((2, I))
        self.rnn, self.out = (
            GRU(I, H, num_layers=2, bidirectional=True, rng=seed),
            Linear(2 * H, O, rng=seed),
        )


NETWORK = {"embedding": "emb.*", "norm": "norm.*", "rnn": "gru.*", "out": "fc.*"}


def test_a_recurrent_layer_takes_one_pattern_for_all_its_cells():
    one, two = Network(1), Network(2)
    arrays = to_torch(one, NETWORK)
    ways = [f"_l{k}{way}" for k in (0, 1) for way in ("", "_reverse")]
    parts = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert list(arrays) == [
        *("emb.weight", "norm.weight", "norm.bias"),
        *(f"gru.{part}{way}" for way in ways for part in parts),
        *("fc.weight", "fc.bias"),
    ]
    assert_array_equal(arrays["gru.weight_ih_l1_reverse"], one.rnn.cells["l1_reverse"].W_xh.data.T)
    from_torch(two, arrays, NETWORK)
    same(one, two)
    alone = GRU(I, H, num_layers=2, bidirectional=True, rng=3)
    from_torch(alone, {k[4:]: a for k, a in arrays.items() if k.startswith("gru.")}, "*")
    same(alone, one.rnn)


def test_tables_and_norms_are_not_turned():
    network = Network(1)
    arrays = to_torch(network, NETWORK)
    assert_array_equal(arrays["emb.weight"], network.embedding.weight.data)
    assert arrays["norm.weight"].shape == (2, I)
    assert arrays["fc.weight"].shape == (O, 2 * H)
    with pytest.raises(
        ShapeError,
        match=r"emb\.weight has shape \(2, 7\); embedding\.weight is \(7, 2\) and needs \(7, 2\)",
    ):
        from_torch(network, {**arrays, "emb.weight": arrays["emb.weight"].T}, NETWORK)


def test_one_cell_of_a_layer_can_have_a_pattern_of_its_own():
    one, two = (GRU(I, H, num_layers=2, rng=seed) for seed in (1, 2))
    names = {"": "gru.*", "cells.l1": "other.*"}
    arrays = to_torch(one, names)
    assert {key.partition(".")[0] for key in arrays} == {"gru", "other"}
    assert "other.weight_hh" in arrays
    from_torch(two, arrays, names)
    same(one, two)
    with pytest.raises(
        UsageError,
        match=r"what rnn\.cells\.l0\.W_xh is in PyTorch: .* Add 'rnn': '\.\.\.\*' to the",
    ):
        to_torch(Network(1), {k: v for k, v in NETWORK.items() if k != "rnn"})


def test_the_arrays_are_copies():
    cell = GRUCell(I, H, rng=1)
    before = cell.state_dict()
    for array in to_torch(cell, "*").values():
        array[...] = 7.0
    for name, array in cell.state_dict().items():
        assert_array_equal(array, before[name])


def test_dtypes_become_the_models():
    one, two = Model(1), Model(2, np.float32)
    from_torch(two, to_torch(one, NAMES), NAMES)
    assert {array.dtype for array in two.state_dict().values()} == {np.dtype(np.float32)}
    assert_array_equal(two.readout.W_hy.data, one.readout.W_hy.data.astype(np.float32))


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (
            lambda a: a.pop("gru.bias_hh_l0"),
            DataError,
            "layers.0.b_hh needs gru.bias_hh_l0, which is missing; there are gru.weight_ih_l0, ",
        ),
        (
            lambda a: a.clear(),
            DataError,
            "needs gru.weight_ih_l0, which is missing; there are none. Give the pattern",
        ),
        (
            lambda a: a.update(other=1),
            DataError,
            "no parameter takes other. Give a pattern for them",
        ),
        (
            lambda a: a.update({"fc.weight": np.zeros((H, O))}),
            ShapeError,
            "fc.weight has shape (3, 5); readout.W_hy is (3, 5) and needs (5, 3).",
        ),
        (
            lambda a: a.update({"fc.weight": np.zeros((O, H), complex)}),
            DTypeError,
            "fc.weight has dtype complex128; weights are floats.",
        ),
        (
            lambda a: a.update({"fc.bias": np.zeros(O, int)}),
            DTypeError,
            "fc.bias has dtype int64; weights are floats.",
        ),
        (
            lambda a: a.update({"fc.bias": np.zeros(O, bool)}),
            DTypeError,
            "fc.bias has dtype bool; weights are floats.",
        ),
        (
            lambda a: a.update({"fc.bias": [None] * O}),
            DTypeError,
            "fc.bias has dtype object; weights are floats.",
        ),
        (
            lambda a: a.update({"fc.bias": [[1.0], [1.0, 2.0]]}),
            DTypeError,
            "fc.bias is no array of floats: ",
        ),
        (
            lambda a: a.update({"fc.bias": np.zeros(O, "V2")}),
            DTypeError,
            "fc.bias has dtype |V2; weights are floats.",
        ),
        (
            lambda a: a.update({"fc.bias": np.ma.zeros(O)}),
            DTypeError,
            "fc.bias is a MaskedArray. Pass a plain array",
        ),
        (
            lambda a: (
                a.update({"lstm.bias_hh_l0_reverse": np.full(4 * H, 1.7e308)})
                or a.update({"lstm.bias_ih_l0_reverse": np.full(4 * H, 1.7e308)})
            ),
            DTypeError,
            (
                "lstm.bias_ih_l0_reverse + lstm.bias_hh_l0_reverse is 1.7e+308 + "
                "1.7e+308 somewhere, too large for float64"
            ),
        ),
    ],
)
def test_arrays_that_do_not_fit_change_nothing(change, kind, words):
    model, arrays = Model(1), to_torch(Model(2), NAMES)
    change(arrays)
    with pytest.raises(TinygradError) as error:
        from_torch(model, arrays, NAMES)
    assert type(error.value) is kind
    assert words in str(error.value)
    same(model, Model(1))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, ">f4"])
@pytest.mark.parametrize("own", [np.float32, np.float64])
def test_biases_are_widened_added_and_rounded_once(dtype, own):
    cell, rng = RNNCell(I, H, rng=1, dtype=own), np.random.default_rng(0)
    arrays = {name: rng.normal(size=a.shape).astype(dtype) for name, a in to_torch(cell).items()}
    arrays["bias_ih"][0] = arrays["bias_hh"][0] = 40000
    before = {name: array.copy() for name, array in arrays.items()}
    from_torch(cell, arrays)
    wide = np.longdouble if dtype is np.longdouble else np.float64
    assert_array_equal(
        cell.b_h.data, (before["bias_ih"].astype(wide) + before["bias_hh"].astype(wide)).astype(own)
    )
    assert_array_equal(cell.W_hh.data, before["weight_hh"].T.astype(own))
    assert cell.b_h.data[0] == 80000
    assert cell.b_h.dtype == own
    for name, array in arrays.items():
        assert_array_equal(array, before[name])


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2", "float8_e4m3fn"])
def test_short_floats_of_other_libraries(name):
    short = getattr(ml_dtypes, name)
    cell = RNNCell(I, H, rng=1)
    arrays = {key: array.astype(short) for key, array in to_torch(RNNCell(I, H, rng=2)).items()}
    arrays["bias_hh"] = arrays["bias_ih"]
    from_torch(cell, arrays)
    assert_array_equal(cell.W_xh.data, arrays["weight_ih"].astype(float).T)
    assert_array_equal(cell.b_h.data, 2 * arrays["bias_ih"].astype(float))
    with pytest.raises(DTypeError, match="weight_ih has dtype int4; weights are floats"):
        from_torch(
            cell, {key: np.zeros(array.shape, ml_dtypes.int4) for key, array in arrays.items()}
        )


def test_a_number_too_large_for_the_parameter():
    arrays = {name: np.full(a.shape, 1e300) for name, a in to_torch(RNNCell(I, H, rng=1)).items()}
    cell = RNNCell(I, H, rng=1, dtype=np.float32)
    with pytest.raises(
        DTypeError, match=r"^weight_ih is 1e\+300 somewhere, too large for float32\. Make the"
    ):
        from_torch(cell, arrays)
    same(cell, RNNCell(I, H, rng=1, dtype=np.float32))
    from_torch(RNNCell(I, H, rng=1), arrays)
    from_torch(
        cell, {name: np.full(a.shape, np.inf) for name, a in arrays.items()}
    )  # as load_state_dict takes it
    assert np.all(np.isinf(cell.b_h.data))


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: RNNCell(I, H, rng=1), "*"),
        (lambda: GRUCell(I, H, rng=1), "net.rnn.*_l1_reverse"),
        (lambda: GRU(I, H, num_layers=2, bidirectional=True, rng=1), "net.rnn.*"),
        (lambda: Linear(I, O, rng=1), "0.*"),
        (lambda: Linear(I, O, bias=False, rng=1), "0.*"),
        (lambda: Readout(I, O, rng=1), "fc.*"),
        (lambda: Embedding(7, I, rng=1), "emb.*"),
        (lambda: LayerNorm((2, I)), "norm.*"),
    ],
)
def test_names_may_be_left_out_where_there_is_one_layer(make, pattern):
    module, arrays = make(), to_torch(make(), pattern)
    changed = {key: array + 1.0 for key, array in arrays.items()}
    from_torch(module, changed)
    again = to_torch(module, pattern)
    for key in (key for key in changed if "bias" not in key):
        assert_array_equal(again[key], changed[key])
    assert list(to_torch(module)) == list(to_torch(module, "*"))


def test_where_it_is_not_plain_the_error_tells_what_there_is():
    arrays = to_torch(Model(1), NAMES)
    with pytest.raises(
        UsageError,
        match=re.escape(
            "has layers.0, layers.1, readout, the weights have gru.*_l0, lstm.*_l0_reverse, fc.*"
        ),
    ):
        from_torch(Model(2), arrays)
    with pytest.raises(
        UsageError,
        match=re.escape("the module has itself, the weights have gru.*_l0, lstm.*_l0_rev"),
    ):
        from_torch(GRUCell(I, H, rng=1), arrays)
    with pytest.raises(UsageError, match=r"the module has itself, the weights have none\."):
        from_torch(GRUCell(I, H, rng=1), {})
    with pytest.raises(
        UsageError, match=r"the module has layers\.0, layers\.1, readout\. Give names"
    ):
        to_torch(Model(1))


def test_a_torch_module_is_asked_for_what_its_weights_do_not_say():
    """A stand-in with PyTorch's attributes; test_torch_weights.py takes the real ones."""

    class Theirs:
        def __init__(self, weights, **options):
            self.weights, self.options = weights, SimpleNamespace(**options)

        def state_dict(self):
            return self.weights

        def named_modules(self):
            return [("", self.options)]

    for ours, options, words in (
        (
            RNNCell(I, H, rng=1),
            {"nonlinearity": "relu"},
            "has nonlinearity='relu'; RNNCell here computes something",
        ),
        (
            RNNCell(I, H, relu, rng=1),
            {"nonlinearity": "tanh"},
            "has nonlinearity='tanh'; .* Make it with f=np.tanh",
        ),
        (
            RNN(I, H, rng=1, num_layers=2),
            {"nonlinearity": "relu"},
            "RNN here computes .* f=functional.relu",
        ),
        (LayerNorm(I), {"eps": 1e-3}, "has eps=0.001; LayerNorm here has eps=1e-05"),
        (Embedding(3, I, rng=1), {"max_norm": 2.0}, "has max_norm=2.0; Embedding here shortens no"),
        (GRUCell(I, H, rng=1), {"proj_size": 2}, "has proj_size=2; no state is projected"),
    ):
        before = ours.state_dict()
        arrays = {name: array + 1.0 for name, array in to_torch(ours).items()}
        with pytest.raises(UsageError, match=words):
            from_torch(ours, Theirs(arrays, **options))
        for name, array in ours.state_dict().items():
            assert_array_equal(array, before[name])
    right = Theirs(
        to_torch(RNNCell(I, H, rng=2)), nonlinearity="tanh", proj_size=0, eps=None, max_norm=None
    )
    for f in (np.tanh, lambda x: np.sinh(x) / np.cosh(x)):
        cell = RNNCell(I, H, f, rng=1)
        from_torch(cell, right)
        assert_array_equal(cell.W_xh.data, RNNCell(I, H, rng=2).W_xh.data)


class Foreign:
    """A stand-in for a Tensor of PyTorch; test_torch_weights.py takes the real ones."""

    def __init__(self, array, dtype):
        self.array, self.dtype = array, f"torch.{dtype}"

    def is_floating_point(self):
        return True

    def detach(self):
        return self

    cpu = detach

    def float(self):
        return Foreign(self.array.astype(np.float32), "float32")

    def numpy(self):
        assert self.dtype in ("torch.float32", "torch.float64")  # of bfloat16, PyTorch refuses
        return self.array


def test_tensors_of_a_model_are_read_and_each_layer_is_compared():
    """A stand-in with PyTorch's attributes: layers at an attribute, in a list, and one that nothing
    is asked of.
    """

    class Theirs:
        def __init__(self, weights, **options):
            self.weights, self.options = weights, options

        def state_dict(self):
            return {
                name: Foreign(a, "bfloat16" if a.ndim == 1 else "float64")
                for name, a in self.weights.items()
            }

        def named_modules(self):
            return [(name, SimpleNamespace(**options)) for name, options in self.options.items()]

    one, two = Model(1), Model(2)
    weights = to_torch(one, NAMES)
    from_torch(two, Theirs(weights, gru={"proj_size": 0}, lstm={"proj_size": 0}), NAMES)
    assert_array_equal(two.readout.W_hy.data, one.readout.W_hy.data)
    assert_array_equal(two.layers[1].b_h.data, one.layers[1].b_h.data.astype(np.float32))
    with pytest.raises(UsageError, match="has proj_size=3"):
        from_torch(two, Theirs(weights, lstm={"proj_size": 3}), NAMES)
    with pytest.raises(UsageError, match=r"eps=0.001; norm here has eps=1e-05"):
        from_torch(
            Network(1), Theirs(to_torch(Network(2), NETWORK), norm={"eps": 1e-3}, gru={}), NETWORK
        )
    network = Network(1)
    network.rnn = RNN(I, H, num_layers=2, rng=1)
    names = {
        "embedding": "emb.*",
        "norm": "norm.*",
        "out": "fc.*",
        "rnn.cells.l0": "a.*",
        "rnn.cells.l1": "b.*",
    }
    with pytest.raises(
        UsageError, match=r"nonlinearity='relu'; rnn.cells.l1 here computes something else"
    ):
        from_torch(
            network, Theirs(to_torch(network, names), a={}, b={"nonlinearity": "relu"}), names
        )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((3, {}), "module is a tinygrad_rnn.nn.Module, not 3."),
        ((RNNCell(I, H, rng=1), 3), "arrays are a torch.nn.Module or a state_dict, not 3."),
        ((RNNCell(I, H, rng=1), {}, 3), "names is 3; it is a pattern, or {name: pattern}."),
    ],
)
def test_arguments_of_another_kind(args, words):
    with pytest.raises(ArgumentTypeError, match=re.escape(words)):
        from_torch(*args)


def test_patterns_that_do_not_say_enough():
    with pytest.raises(
        UsageError, match=r"what readout\.W_hy is in PyTorch: .* Add 'readout': '\.\.\.\*_l0'"
    ):
        to_torch(Model(1), {k: v for k, v in NAMES.items() if k != "readout"})
    with pytest.raises(UsageError, match=r"the pattern 'rnn' must have one \*"):
        to_torch(RNNCell(I, H, rng=1), "rnn")
    cell = RNNCell(I, H, rng=1)
    cell.peephole = Tensor(1.0)
    with pytest.raises(UsageError, match="it is not said what peephole is in PyTorch"):
        to_torch(cell, "*")


# -- safetensors -----------------------------------------------------------------------------------


def test_safetensors_keep_names_shapes_and_dtypes(tmp_path):
    arrays = {
        "layers.0": np.arange(6.0).reshape(2, 3).T,
        "half": np.float16([1.5]),
        "big end": np.arange(3, dtype=">f4"),
        "scalar": np.array(True),
        "none": np.zeros((0, 2), np.int8),
    }
    found = load_safetensors(save_safetensors(tmp_path / "w.safetensors", arrays))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].shape == array.shape


def safetensors_of(path, dtype, data):
    size = {"BF16": 2, "F16": 2, "F8_E4M3": 1}[dtype]
    entry = {"dtype": dtype, "shape": [len(data) // size], "data_offsets": [0, len(data)]}
    header = json.dumps({"W": entry}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


def test_half_precision_in_safetensors(tmp_path):
    path, numbers = tmp_path / "w.safetensors", np.array([1.5, -(2.0**100), 3e-40, np.inf, 0.0])
    safetensors_of(path, "BF16", numbers.astype(ml_dtypes.bfloat16).tobytes())
    found = load_safetensors(path)["W"]
    assert_array_equal(found, numbers.astype(ml_dtypes.bfloat16).astype(np.float32))
    assert found.dtype == np.float32
    safetensors_of(path, "F16", np.float16([1.5, 65504, 6e-8]).tobytes())
    assert_array_equal(load_safetensors(path)["W"], np.float16([1.5, 65504, 6e-8]))


def test_a_model_through_safetensors(tmp_path):
    one, two = Model(1, np.float32), Model(2, np.float32)
    path = save_safetensors(tmp_path / "w.safetensors", to_torch(one, NAMES))
    from_torch(two, load_safetensors(path), NAMES)
    same(one, two)
    two = Model(2, np.float32)
    two.load_state_dict(load_safetensors(save_safetensors(path, one.state_dict())))
    same(one, two)


def test_safetensors_that_cannot_be_read_or_written(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(
        MissingFileError, match=r"cannot read .*w\.safetensors: No such file or directory"
    ):
        load_safetensors(path)
    content = save_safetensors(path, {"W": np.ones(3)}).read_bytes()
    for cut in range(len(content)):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError, match="It may be cut off"):
            load_safetensors(path)
    safetensors_of(path, "F8_E4M3", b"\0\0")
    with pytest.raises(
        DataError, match=r"w\.safetensors, W has dtype F8_E4M3, which NumPy lacks\. Save it as F32"
    ):
        load_safetensors(path)
    with pytest.raises(ArgumentTypeError, match="arrays are given by name"):
        save_safetensors(path, {3: np.ones(2)})
    for wrong in (np.array([None]), np.array("x"), np.array(1j), np.longdouble([1])):
        with pytest.raises(DTypeError, match="W has dtype"):
            save_safetensors(path, {"W": wrong})
    with pytest.raises(OutputError, match="cannot write"):
        save_safetensors(path / "w.safetensors", {})


def test_without_the_library(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (lambda: load_safetensors("w"), lambda: save_safetensors(tmp_path / "w", {})):
        with pytest.raises(UsageError, match=r"pip install 'tinygrad_rnn\[safetensors\]'"):
            call()
