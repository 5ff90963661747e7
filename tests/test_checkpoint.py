"""Checkpoints: a run that was stopped goes on bit by bit; no file is ever half written, and none is half read."""

import json
import os
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import checkpoint, optim
from tinygrad_rnn.errors import DataError, OutputError, ShapeError, TinygradError, UsageError
from tinygrad_rnn.nn import GRUCell, LSTMCell, Module, Readout


class Model(Module):
    def __init__(self, seed, hidden=4, cell=LSTMCell, dtype=float):
        self.cell = cell(2, hidden, rng=seed, dtype=dtype)
        self.readout = Readout(hidden, 1, rng=seed, dtype=dtype)


class Run:
    """A model in training: Adam, a warm-up with a cosine, batches drawn at random."""

    def __init__(self, seed=0, hidden=4, bits=np.random.PCG64, dtype=float, make=optim.Adam):
        self.model = Model(seed, hidden, dtype=dtype)
        self.optimizer = make(self.model, 0.05)
        first, then = optim.LinearLR(self.optimizer, total_iters=3), optim.CosineAnnealingLR(self.optimizer, 9)
        self.schedule = optim.SequentialLR(self.optimizer, [first, then], milestones=[3])
        self.rng = np.random.Generator(bits(seed))

    def __call__(self, steps):
        dtype = self.model.cell.dtype
        for _ in range(steps):
            xs = self.rng.standard_normal((5, 3, 2)).astype(dtype)
            targets = self.rng.integers(0, 2, (5, 3, 1)).astype(dtype)
            u = tg.unroll(
                self.model.cell, xs, readout=self.model.readout, loss=tg.functional.half_squared_error, targets=targets
            )
            self.optimizer.zero_grad()
            u.loss.backward()
            optim.clip_grad_norm(self.model, 1.0)
            self.optimizer.step()
            self.schedule.step()
        return self

    def state(self):
        """Everything, as one text that differs in every bit that differs."""
        arrays = {name: array.tobytes().hex() for name, array in self.model.state_dict().items()}
        rest = [self.optimizer.state_dict(), self.schedule.state_dict(), self.rng.bit_generator.state]
        return json.dumps([arrays, rest], default=lambda a: a.tobytes().hex())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_a_stopped_run_goes_on_bit_by_bit(tmp_path, bits, dtype):
    bits, path = getattr(np.random, bits), tmp_path / "run.npz"
    stopped = Run(0, bits=bits, dtype=dtype)(5)
    stopped.rng.integers(0, 9, dtype=np.uint32)  # half of a 64 bit number is in store
    checkpoint.save(path, **vars(stopped), progress={"epoch": 5})
    resumed = Run(1, bits=bits, dtype=dtype)(2)
    assert checkpoint.load(path, **vars(resumed)) == {"epoch": 5}
    assert resumed.state() == stopped.state()
    assert resumed(5).state() == stopped(5).state()


@pytest.mark.parametrize("make", [optim.SGD, optim.RMSprop, optim.Adagrad, optim.AdamW])
def test_with_every_optimiser(tmp_path, make):
    stopped, resumed = Run(0, make=make)(5), Run(1, make=make)
    checkpoint.save(tmp_path / "run.npz", **vars(stopped))
    checkpoint.load(tmp_path / "run.npz", **vars(resumed))
    assert resumed(5).state() == stopped(5).state()


def test_a_plateau_schedule(tmp_path):
    def make():
        return optim.ReduceLROnPlateau(optim.SGD(Model(0), 0.4), patience=1)

    stopped, resumed = make(), make()
    for measure in (1.0, np.inf, np.float32(2.0)):
        stopped.step(measure)
    checkpoint.save(tmp_path / "run.npz", schedule=stopped, optimizer=stopped.optimizer)
    checkpoint.load(tmp_path / "run.npz", schedule=resumed, optimizer=resumed.optimizer)
    assert resumed.state_dict() == stopped.state_dict()
    assert resumed.get_last_lr() == stopped.get_last_lr() == [0.4 * 0.1]


def test_progress_of_every_kind(tmp_path):
    progress = {
        "epoch": 3,
        "best": np.float64(0.1),
        "seed": 2**200,
        "odd": [float("inf"), -0.0, 5e-324],
        "names": ["für", "", None, True],
        "arrays": {"a/b": np.arange(3), "a_b": np.float32([[1.5]]), "../c": np.array(True), "": np.zeros((0, 2))},
        "text": np.array(["x", "yz"]),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "pair": (1, np.int64(2)),
    }
    found = checkpoint.load(checkpoint.save(tmp_path / "run", progress=progress))
    arrays, expected = found.pop("arrays"), progress.pop("arrays")
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        assert_array_equal(arrays[name], array)
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
    assert found.pop("text").tolist() == progress.pop("text").tolist()
    columns = found.pop("columns")
    assert_array_equal(columns, progress.pop("columns"))
    assert columns.flags.f_contiguous  # the order in memory decides the rounding of products
    assert found == {**progress, "pair": [1, 2]}


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        ({"loss": tg.Tensor(1.0)}, "progress.loss, a Tensor, cannot be saved"),
        ({"runs": [{"model": Model(0)}]}, "progress.runs.0.model, a Model, cannot be saved"),
        ({"objects": np.array([None])}, "progress.objects, a ndarray, cannot be saved"),
        ({"z": 1j}, "progress.z, a complex, cannot be saved"),
        ({"z": np.longdouble(1)}, "progress.z, a longdouble, cannot be saved"),
        ({1: 2}, "progress, a dict, cannot be saved"),
        ({"x": {"__array__": "model/W.npy"}}, "progress.x, a dict, cannot be saved"),
    ],
)
def test_what_cannot_be_saved(tmp_path, progress, words):
    with pytest.raises(UsageError) as error:
        checkpoint.save(tmp_path / "run.npz", progress=progress)
    assert words in str(error.value)
    assert list(tmp_path.iterdir()) == []


# -- the file -----------------------------------------------------------------------------------------


def test_the_file_is_a_zip_of_json_and_arrays(tmp_path):
    run = Run()(2)
    path = checkpoint.save(tmp_path / "run.npz", **vars(run))
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read("header.json"))
        assert archive.testzip() is None
    assert (header["format"], header["version"]) == ("tinygrad_rnn checkpoint", 1)
    assert list(header["parts"]) == ["model", "optimizer", "schedule", "rng", "progress"]
    assert header["parts"]["model"]["cell.W_xh"] == {"__array__": "model/cell.W_xh.npy"}
    with np.load(path, allow_pickle=False) as members:
        assert_array_equal(members["model/cell.W_xh"], run.model.cell.W_xh.data)
        assert "optimizer/state.0.exp_avg" in members


def test_the_same_state_gives_the_same_bytes(tmp_path):
    first = checkpoint.save(tmp_path / "a.npz", **vars(Run()(2))).read_bytes()
    assert first == checkpoint.save(tmp_path / "b.npz", **vars(Run()(2))).read_bytes()


def test_a_model_alone(tmp_path):
    path, other = checkpoint.save(tmp_path / "run.npz", **vars(Run(0)(2))), Model(5)
    assert checkpoint.load(path, model=other) == {}
    assert_array_equal(other.cell.W_xh.data, Run(0)(2).model.cell.W_xh.data)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        checkpoint.save(tmp_path / "file" / "run.npz", model=Model(0))


ENDLESS = """
import sys
import numpy as np
from tinygrad_rnn import checkpoint

n = 0
while True:
    n += 1
    checkpoint.save(sys.argv[1], progress={"n": n, "array": np.full(300_000, n)})
    print(n, flush=True)
"""


def test_a_process_killed_while_it_saves_leaves_a_whole_file(tmp_path):
    """Killed without warning at different moments: a whole state is there, the last told or one more."""
    path = tmp_path / "run.npz"
    command = [sys.executable, "-c", ENDLESS, str(path)]
    kills = interrupted = 0
    while kills < 8 or (not interrupted and kills < 50):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "1\n"
            time.sleep(0.003 * (kills % 8))
            process.kill()
            told = [1, *map(int, process.stdout.read().splitlines())]
        found = checkpoint.load(path)
        assert told[-1] <= found["n"] <= told[-1] + 1
        assert_array_equal(found["array"], np.full(300_000, found["n"]))
        kills += 1
        for other in set(tmp_path.iterdir()) - {path}:  # the temporary file of a save that was cut short
            interrupted += 1
            os.unlink(other)
    assert interrupted > 0


# -- what does not fit --------------------------------------------------------------------------------


def refused(path, run, kind=DataError):
    """The words of the error; the run must be as it was."""
    before = run.state()
    with pytest.raises(TinygradError) as error:
        checkpoint.load(path, **vars(run))
    assert type(error.value) is kind
    assert str(path) in str(error.value)
    assert run.state() == before
    return str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    assert "cannot read the checkpoint" in refused(tmp_path / "none.npz", Run())
    assert "cannot read the checkpoint" in refused(tmp_path, Run())


def test_every_cut_of_a_file_is_refused(tmp_path):
    path, run = tmp_path / "run.npz", Run(1)
    content = checkpoint.save(path, **vars(Run(0)(1))).read_bytes()
    for length in [*range(0, len(content), 97), *range(len(content) - 30, len(content))]:
        path.write_bytes(content[:length])
        assert "is no checkpoint, or not a whole one" in refused(path, run)


def test_a_damaged_file_is_refused_or_whole(tmp_path):
    """One byte changed, anywhere: an error, or, where the zip does not use that byte, the state that was saved."""
    path = tmp_path / "run.npz"
    progress = {"a": np.arange(5.0), "n": 3, "text": "abc"}
    content = checkpoint.save(path, progress=progress).read_bytes()
    refusals = 0
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 0xFF]) + content[i + 1 :])
        try:
            found = checkpoint.load(path)
        except DataError:
            refusals += 1
        else:
            assert_array_equal(found.pop("a"), progress["a"])
            assert found == {"n": 3, "text": "abc"}
    assert refusals > 0.6 * len(content)


def test_files_of_others(tmp_path):
    path, run = tmp_path / "run.npz", Run()
    path.write_text("W = 3")
    assert "is no checkpoint, or not a whole one: File is not a zip file" in refused(path, run)
    np.savez(path, W=np.ones(3))
    assert "no item named 'header.json'" in refused(path, run)
    for header, words in [
        (
            {"format": "a song", "version": 1},
            "is of the format 'a song', version 1; this program reads 'tinygrad_rnn checkpoint'",
        ),
        ({"format": checkpoint.FORMAT, "version": 2}, "checkpoint', version 2; this program reads"),
        ([], "is no checkpoint"),
        ({}, "is no checkpoint"),
        ({"format": checkpoint.FORMAT, "version": 1, "parts": {"progress": {"__array__": "x.npy"}}}, "named 'x.npy'"),
        ({"format": checkpoint.FORMAT, "version": 1, "parts": {"progress": {}}}, "has no model, optimizer, rng, sched"),
    ]:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("header.json", json.dumps(header))
        assert words in refused(path, run)


def test_pickled_objects_are_never_read(tmp_path):
    path = tmp_path / "run.npz"
    content = {"format": checkpoint.FORMAT, "version": 1, "parts": {"progress": {"x": {"__array__": "x.npy"}}}}
    np.save(tmp_path / "x.npy", np.array([{}]), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(content))
        archive.write(tmp_path / "x.npy", "x.npy")
    with pytest.raises(DataError, match="allow_pickle=False"):
        checkpoint.load(path)


def test_a_model_of_another_size_or_kind(tmp_path):
    path = checkpoint.save(tmp_path / "run.npz", **vars(Run(0)(2)))
    words = refused(path, Run(1, hidden=5)(1), ShapeError)
    assert "run.npz, model: cell.W_xh has shape (2, 16), but (2, 20) in the model." in words
    other = Run(1)
    other.model = Model(1, cell=GRUCell)
    assert "model: the names do not fit Model; missing: cell.b_hh, cell.b_xh; unknown: cell.b_h." in refused(
        path, other
    )


def test_a_part_that_does_not_fit_leaves_the_earlier_parts_as_they_were(tmp_path):
    path = checkpoint.save(tmp_path / "run.npz", **vars(Run(0)(2)))
    assert "optimizer: the state is of Adam, this optimiser is SGD" in refused(path, Run(1, make=optim.SGD))
    other = Run(1)
    other.schedule = optim.StepLR(other.optimizer, 2)
    assert "schedule: the state is of SequentialLR, this schedule is StepLR" in refused(path, other)
    words = refused(path, Run(1, bits=np.random.Philox)(1))
    assert "rng: the state is of the bit generator PCG64; this Generator has Philox." in words


def test_a_state_that_the_bit_generator_cannot_take(tmp_path):
    class Wrong:
        def state_dict(self):
            return {**np.random.PCG64(1).state, "state": {"state": -1, "inc": "x"}}

    path = checkpoint.save(tmp_path / "run.npz", model=Wrong())
    content = path.read_bytes()
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read("header.json"))
    header["parts"]["rng"] = header["parts"].pop("model")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    with pytest.raises(DataError, match="rng: the state is none that PCG64 can take"):
        checkpoint.load(path, rng=rng)
    assert rng.bit_generator.state == before


class Unloadable:
    """A part of the user's whose own error comes out of load_state_dict."""

    def state_dict(self):
        return {"epochs": 3}

    def load_state_dict(self, saved):
        raise KeyError("epoch")


def test_an_error_of_the_users_own_comes_out_as_it_is(tmp_path):
    stopped, resumed = Run(0)(2), Run(1)
    path = checkpoint.save(tmp_path / "run.npz", model=stopped.model, schedule=Unloadable())
    before = resumed.state()
    with pytest.raises(KeyError, match=r"^'epoch'$"):
        checkpoint.load(path, model=resumed.model, schedule=Unloadable())
    assert resumed.state() == before
