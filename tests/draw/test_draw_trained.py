"""`draw --weights`: the gradient paths of a model that was trained elsewhere."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_rnn as tg
from tinygrad_rnn.cli import main
from tinygrad_rnn.errors import DataError, ShapeError, TinygradError
from tinygrad_rnn.io.interop import save_safetensors, to_torch
from tinygrad_rnn.training.foreign import model_from_torch
from tinygrad_rnn.training.model import Stack, make_model
from tinygrad_rnn.training.trained import trained_run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savetxt("my.csv", np.sin(np.arange(30)[:, None] * [0.5, 0.3]), delimiter=",")
    Path("my.txt").write_text("abracadabra, said the wizard.\n" * 30, "utf-8")


def weights(kind="lstm", layers=1, inputs=1, hidden=3, outputs=1, prefix="net.rnn."):
    """(our model, PyTorch's arrays)."""
    model = make_model(kind, inputs, hidden, layers, outputs, rng=0, dtype=float)
    cells = (
        {"cell": f"{prefix}*_l0"}
        if layers == 1
        else {f"cell.cells.{i}": f"{prefix}*_l{i}" for i in range(layers)}
    )
    return model, to_torch(model, {**cells, "readout": "head.*"})


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_shapes_tell_the_cell_its_sizes_and_layers(kind, layers):
    ours, arrays = weights(kind, layers, inputs=2, outputs=2)
    model, about = model_from_torch(arrays)
    assert (
        about
        == f"{kind.upper()}{' with tanh' * (kind == 'rnn')}, {layers} x 3, 2 inputs, 2 outputs"
    )
    assert isinstance(model.cell, Stack) == (layers > 1)
    xs = np.random.default_rng(1).standard_normal((4, 1, 2))
    assert_allclose(model(xs)[0].data, ours(xs)[0].data)


def test_a_cell_alone_and_layers_without_bias():
    ours, arrays = weights("gru", prefix="")
    cell = {name.replace("_l0", ""): array for name, array in arrays.items()}
    assert_allclose(model_from_torch(cell)[0].cell.W_hh.data, ours.cell.W_hh.data)
    bare = {name: array for name, array in arrays.items() if "bias" not in name}
    model, _ = model_from_torch(bare)
    assert not np.any(model.readout.b_y.data)
    assert not np.any(model.cell.b_hh.data)


def test_the_pictures_are_those_of_the_model(capsys):
    ours, arrays = weights(inputs=2, outputs=2)
    save_safetensors("net.safetensors", arrays)
    assert (
        main(
            [
                "draw",
                "--weights",
                "net.safetensors",
                "--data",
                "my.csv",
                "--steps",
                "4",
                "--out",
                "p",
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "LSTM, 1 x 3, 2 inputs, 2 outputs, on 4 steps at the end of my.csv" in out
    assert sorted(p.name for p in Path("p").iterdir()) == [
        "bptt.html",
        "heatmap.svg",
        "operations.svg",
        "paths_t1.svg",
    ]
    run, _ = trained_run("net.safetensors", "my.csv", None, 4)
    series = np.loadtxt("my.csv", delimiter=",")
    same = tg.unroll(ours.cell, series[-5:-1], readout=ours.readout,
                     loss=tg.functional.half_squared_error,
                     targets=series[-4:])  # fmt: skip
    assert_allclose(
        tg.gradient_flow(run.losses, run.states).norms(),
        tg.gradient_flow(same.losses, same.states).norms(),
    )


def test_arrays_as_numpy_saves_them_do_as_well(capsys):
    _, arrays = weights(inputs=2, outputs=2)
    np.savez("net.npz", **arrays)
    save_safetensors("net.safetensors", arrays)
    runs = [trained_run(name, "my.csv", None, 4)[0] for name in ("net.npz", "net.safetensors")]
    assert_allclose(*[tg.gradient_flow(run.losses, run.states).norms() for run in runs])
    whole = Path("net.npz").read_bytes()
    Path("odd.npz").write_bytes(whole.replace(b"NUMPY", b"NUMMY"))
    np.savez("objects.npz", weight_ih_l0=np.array([None]))
    for argv, words in (
        (
            ["--weights", "net.npz"],
            "--data is missing: which series shall the model of net.npz read?",
        ),
        (
            ["--weights", "odd.npz", "--data", "my.csv"],
            "odd.npz is no .npz file, or not a whole one: ",
        ),
        (
            ["--weights", "objects.npz", "--data", "my.csv"],
            "objects.npz is no .npz file, or not a whole one: ",
        ),
    ):
        assert main(["draw", *argv]) == 2
        assert words in capsys.readouterr().err


def test_a_checkpoint_knows_its_column():
    small = ["--hidden", "4", "--updates", "2", "--window", "5", "--batch", "2"]
    assert main(["train", "--data", "my.csv", *small, "--column", "2"]) == 0
    run, _ = trained_run("run.npz", None, None, 8)
    given, _ = trained_run("run.npz", "my.csv", "2", 8)
    assert_allclose([x.data for x in run.xs], [x.data for x in given.xs])
    series = np.loadtxt("my.csv", delimiter=",")[-9:-1, 1]
    assert_allclose(np.corrcoef(np.ravel([x.data for x in run.xs]), series)[0, 1], 1)


def test_a_checkpoint_knows_its_vocabulary_and_scale(capsys):
    small = ["--hidden", "4", "--updates", "2", "--window", "5", "--batch", "2"]
    assert main(["train", "--data", "my.txt", *small, "--checkpoint", "text.npz"]) == 0
    assert (
        main(["train", "--data", "my.csv", *small, "--checkpoint", "series.npz", "--layers", "2"])
        == 0
    )
    assert main(["train", "--data", "xor", *small, "--checkpoint", "task.npz"]) == 0
    capsys.readouterr()
    assert main(["draw", "--weights", "text.npz", "--steps", "6"]) == 0
    assert "on the last 6 characters of my.txt: 'izard.'" in capsys.readouterr().out
    assert main(["--weights", "text.npz", "--steps", "6"]) == 0  # as in 0.1.0
    assert "Write `tinygrad-rnn draw`" in capsys.readouterr().err
    assert main(["draw", "--weights", "series.npz", "--steps", "3"]) == 0
    run, _ = trained_run("series.npz", None, None, 29)
    assert abs(np.mean([x.data for x in run.xs])) < 0.3
    for argv, words in (
        (
            ["--weights", "task.npz"],
            "task.npz was trained on the task xor; `train` draws its gradients.",
        ),
        (["--weights", "text.npz", "--column", "1"], "text.npz is a model of characters."),
        (
            ["--weights", "text.npz", "--steps", "900"],
            "with 900 entries in my.txt it must lie in 1..899.",
        ),
        (
            ["--weights", "series.npz", "--data", "sunspots"],
            "sunspots has 1 columns; the model of series.npz reads 2",
        ),
        (["--weights", "none.npz"], "cannot read the checkpoint none.npz"),
    ):
        assert main(["draw", *argv]) == 2
        assert words in capsys.readouterr().err


def test_weights_in_half_precision_and_those_that_are_none(capsys):
    ours, arrays = weights(inputs=2, outputs=2)
    half = {name: array.astype(np.float16) for name, array in arrays.items()}
    np.savez_compressed("half.npz", **half)
    model, _ = model_from_torch(half)
    assert_allclose(model.cell.W_hh.data, ours.cell.W_hh.data, atol=1e-3)
    assert model.cell.W_hh.dtype == float
    assert len(trained_run("half.npz", "my.csv", None, 4)[0]) == 4
    np.savez("whole.npz", **{name: np.ones(array.shape, np.int8) for name, array in arrays.items()})
    with (
        zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("net.rnn.weight_ih_l0.npy", "w") as file,
    ):
        for _ in range(300):
            file.write(bytes(10**6))
    for name, words in (
        ("whole.npz", "has dtype int8; weights are floats."),
        ("bomb.npz", "bytes would become 300,000,0"),
    ):
        assert main(["draw", "--weights", name, "--data", "my.csv"]) == 2
        assert words in capsys.readouterr().err


def test_options_that_a_trained_model_leaves_no_room_for(capsys):
    save_safetensors("net.safetensors", weights(inputs=2, outputs=2)[1])
    for option, value in (
        ("cell", "gru"),
        ("hidden", "8"),
        ("epochs", "0"),
        ("lr", "0.3"),
        ("seed", "0"),
    ):
        argv = ["draw", "--weights", "net.safetensors", "--data", "my.csv", f"--{option}", value]
        assert main(argv) == 2
        assert (
            f"--{option} is {value}, but the model of --weights is trained already."
            in capsys.readouterr().err
        )
    assert not Path("pictures").exists()


def test_how_the_data_is_written(capsys):
    save_safetensors("net.safetensors", weights(inputs=2, outputs=2)[1])
    plain = Path("my.csv").read_text()
    rows = [row.replace(",", ";").replace(".", ",") for row in plain.splitlines()]
    Path("german.csv").write_text("\n".join(["Tag;a;b", *(f"x;{row}" for row in rows), ""]))
    runs = [
        trained_run("net.safetensors", name, column, 4, **reading)[0]
        for name, column, reading in (
            ("my.csv", None, {}),
            ("german.csv", None, {}),
            ("german.csv", ["a", 3], {"separator": ";", "decimal": ",", "header": True}),
        )
    ]
    for run in runs[1:]:
        assert_allclose([x.data for x in run.xs], [x.data for x in runs[0].xs])
    assert (
        main(["draw", "--weights", "net.safetensors", "--data", "german.csv", "--steps", "3"]) == 0
    )
    out = capsys.readouterr().out
    assert out.startswith(
        "german.csv: the decimal sign is a comma\ngerman.csv: left out column "
        "'Tag' (no numbers)\nLSTM"
    )
    assert (
        main(["draw", "--weights", "net.safetensors", "--data", "sunspots", "--column", "2"]) == 2
    )
    assert "--column is '2', but the sunspot numbers are one column." in capsys.readouterr().err


def without(arrays, *parts):
    return {
        name: array for name, array in arrays.items() if not any(part in name for part in parts)
    }


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda a: without(a, "rnn"), DataError,
         "there is no recurrent layer: .* there are head.weight, head.bias"),
        (lambda a: without(a, "hh"), DataError, "net.rnn.weight_hh_l0 is missing; there are"),
        (lambda a: without(a, "head"), DataError,
         "one Linear that reads its 3 states; there are no arrays"),
        (lambda a: {**a, "two.weight": np.ones((1, 3))}, DataError,
         r"there are .*two\.weight \(1, 3\)"),
        (lambda a: {**a, "b.weight_ih_l0": np.ones((3, 3))}, DataError,
         "there are 2 recurrent layers, b., net.rnn."),
        (lambda a: {**a, "net.rnn.weight_ih_l0_reverse": np.ones(1)}, DataError,
         "is of a bidirectional layer"),
        (lambda a: {**a, "net.rnn.weight_hh_l0": np.ones((7, 3))}, ShapeError,
         r"\(7, 3\); with H = 3 its rows are H"),
        (lambda a: {**a, "net.rnn.weight_hh_l0": np.ones(3)}, ShapeError,
         r"has shape \(3,\); a weight is"),
        (lambda a: {**a, "net.rnn.bias_ih_l0": np.ones(5)}, ShapeError,
         r"net\.rnn\.bias_ih_l0 has shape \(5,\)"),
    ],
)  # fmt: skip
def test_what_is_no_model_that_can_be_drawn(change, error, words):
    with pytest.raises(error, match=words):
        model_from_torch(change(weights()[1]))


def test_a_series_must_be_given_and_fit():
    save_safetensors("net.safetensors", weights()[1])
    for data, words in (
        (None, "--data is missing"),
        ("my.csv", "my.csv has 2 columns; the model of net.safetensors reads 1"),
    ):
        with pytest.raises(TinygradError, match=words):
            trained_run("net.safetensors", data, None, 4)
    assert len(trained_run("net.safetensors", "my.csv", "2", 4)[0]) == 4
