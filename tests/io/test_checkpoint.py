"""Checkpoints: a run is resumed bit for bit; no file is half written, and none half read."""

import io
import json
import os
import re
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_rnn as tg
from tinygrad_rnn import checkpoint, optim
from tinygrad_rnn.errors import (
    ArgumentTypeError,
    DataError,
    MissingFileError,
    OutputError,
    ShapeError,
    TinygradError,
    UsageError,
)
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
        first, then = (
            optim.LinearLR(self.optimizer, total_iters=3),
            optim.CosineAnnealingLR(self.optimizer, 9),
        )
        self.schedule = optim.SequentialLR(self.optimizer, [first, then], milestones=[3])
        self.rng = np.random.Generator(bits(seed))

    def __call__(self, steps):
        dtype = self.model.cell.dtype
        for _ in range(steps):
            xs = self.rng.standard_normal((5, 3, 2)).astype(dtype)
            targets = self.rng.integers(0, 2, (5, 3, 1)).astype(dtype)
            u = tg.unroll(
                self.model.cell,
                xs,
                readout=self.model.readout,
                loss=tg.functional.half_squared_error,
                targets=targets,
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
        rest = [
            self.optimizer.state_dict(),
            self.schedule.state_dict(),
            self.rng.bit_generator.state,
        ]
        return json.dumps([arrays, rest], default=lambda a: a.tobytes().hex())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path, bits, dtype):
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
        "arrays": {
            "a/b": np.arange(3),
            "a_b": np.float32([[1.5]]),
            "../c": np.array(True),
            "": np.zeros((0, 2)),
        },
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


def endless():
    holds_itself = {}
    holds_itself["x"] = holds_itself
    return holds_itself


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        ({"loss": tg.Tensor(1.0)}, "progress.loss, a Tensor, cannot be saved"),
        ({"runs": [{"model": Model(0)}]}, "progress.runs.0.model, a Model, cannot be saved"),
        ({"objects": np.array([None])}, "progress.objects, a ndarray, cannot be saved"),
        ({"z": 1j}, "progress.z, a complex, cannot be saved"),
        ({"z": np.longdouble(1)}, "progress.z, a longdouble, cannot be saved"),
        ({1: 2}, "progress, a dict, cannot be saved"),
        ({"n": 10**5000}, "progress.n, a int, cannot be saved"),
        (
            {"when": np.datetime64("2020-01-01", "ns")},
            "progress.when, a datetime64, cannot be saved",
        ),
        (
            {"x": np.ma.masked_array([1.0, 2.0], [True, False])},
            "progress.x, a MaskedArray, cannot be saved",
        ),
        ([1, 2], "progress is a dict of your own values, not [1, 2]."),
        (endless(), "what is saved is nested too deeply, or in itself."),
        ({"x": {"__array__": "model/W.npy"}}, "progress.x, a dict, cannot be saved"),
    ],
)
def test_what_cannot_be_saved(tmp_path, progress, words):
    with pytest.raises(UsageError) as error:
        checkpoint.save(tmp_path / "run.npz", progress=progress)
    assert words in str(error.value)
    assert list(tmp_path.iterdir()) == []


# -- the file --------------------------------------------------------------------------------------


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


STOPPED = """
import os, sys
import numpy as np
from tinygrad_rnn import checkpoint
from tinygrad_rnn.io import files

path, step = sys.argv[1:]

def save(n):
    checkpoint.save(path, progress={"n": n, "array": np.full(30_000, n)})

def stand_still(*_, **__):
    print("here", flush=True)
    sys.stdin.read()  # until it is killed

class Half:
    def __init__(self, handle, mode):
        self.file = open(handle, mode)
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.file.close()
    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        stand_still()

save(1)
if step == "fdopen":
    files.os.fdopen = Half
elif step == "renamed":
    files._remove_stale = stand_still
else:
    setattr(files.os, step, stand_still)
save(2)
"""


@pytest.mark.parametrize("step", ["fdopen", "fsync", "replace", "renamed"])
def test_a_process_killed_while_it_saves_leaves_a_whole_file(tmp_path, step):
    """Killed without warning at each step of a save: the state before, or the new one once it is
    renamed.
    """
    path = tmp_path / "run.npz"
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(path), step],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "here\n"
        process.kill()
    n = 2 if step == "renamed" else 1
    found = checkpoint.load(path)
    assert found["n"] == n
    assert_array_equal(found["array"], np.full(30_000, n))
    left = set(tmp_path.iterdir()) - {path}
    assert len(left) == (step in ("fdopen", "chmod", "fsync", "replace"))
    for other in left:
        os.utime(other, (0, 0))
    checkpoint.save(path, progress={"n": 3})
    assert list(tmp_path.iterdir()) == [path]


# -- what does not fit -----------------------------------------------------------------------------


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
    assert "cannot read the checkpoint" in refused(tmp_path / "none.npz", Run(), MissingFileError)
    assert "it is a folder" in refused(tmp_path, Run())


def test_every_cut_of_a_file_is_refused(tmp_path):
    path, run = tmp_path / "run.npz", Run(1)
    content = checkpoint.save(path, **vars(Run(0)(1))).read_bytes()
    for length in [*range(0, len(content), 97), *range(len(content) - 30, len(content))]:
        path.write_bytes(content[:length])
        assert "is no checkpoint, or not a whole one" in refused(path, run)


def test_a_damaged_file_is_refused_or_whole(tmp_path):
    """One byte changed, anywhere: an error, or, where the zip does not use that byte, the state
    that was saved.
    """
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


def archive_of(path, header, **members):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", header if isinstance(header, str) else json.dumps(header))
        for name, array in members.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array)


def header_of(progress, **parts):
    return {"format": checkpoint.FORMAT, "version": 1, "parts": {**parts, "progress": progress}}


def test_files_of_others(tmp_path):
    path, run = tmp_path / "run.npz", Run()
    path.write_text("W = 3")
    assert "is no checkpoint, or not a whole one: File is not a zip file" in refused(path, run)
    np.savez(path, W=np.ones(3))
    assert "no item named 'header.json'" in refused(path, run)
    x = {"__array__": "x.npy"}
    for header, words in [
        (
            {"format": "a song", "version": 1},
            "has the format 'a song', version 1; this program reads 'tinygrad_rnn checkpoint'",
        ),
        ({"format": checkpoint.FORMAT, "version": 2}, "checkpoint', version 2; this program reads"),
        ([], "is no checkpoint"),
        ({}, "is no checkpoint"),
        ("[" * 100_000, "is no checkpoint"),
        ('{"format": ' + "1" * 10_000 + "}", "is no checkpoint"),
        (
            {"format": checkpoint.FORMAT, "version": 1, "parts": []},
            "its header has no parts, or no progress",
        ),
        (
            {"format": checkpoint.FORMAT, "version": 1, "parts": {}},
            "its header has no parts, or no progress",
        ),
        (header_of([1]), "its header has no parts, or no progress"),
        (header_of({"a": {"__array__": "y.npy"}}), "named 'y.npy'"),
        (header_of({"a": x, "b": x}), "names an array in an odd way"),
        (header_of({"a": {**x, "more": 1}}), "names an array in an odd way"),
        (header_of({"a": {"__array__": 3}}), "names an array in an odd way"),
        (header_of({}), "has no model, optimizer, rng, sched"),
        (
            header_of({}, model=3, optimizer={}, schedule={}, rng={}),
            "model: its state is one int, not a dict",
        ),
        (
            header_of({}, model=[], optimizer={}, schedule={}, rng={}),
            "model: its state is one list",
        ),
    ]:
        archive_of(path, header, x=np.ones(2))
        assert words in refused(path, run)


def changed_everywhere(tree, odd):
    """Every tree that differs from this one by one odd value at one place."""
    if isinstance(tree, dict):
        for key, item in tree.items():
            yield {k: v for k, v in tree.items() if k != key}
            yield from ({**tree, key: new} for new in changed_everywhere(item, odd))
    elif isinstance(tree, list) and tree:
        yield from (
            [*tree[:i], new, *tree[i + 1 :]]
            for i in (0, -1)
            for new in changed_everywhere(tree[i], odd)
        )
    yield from odd


ODD = [
    None,
    True,
    -1,
    2**70,
    10**400,
    0.5,
    float("nan"),
    1e308,
    "x",
    [],
    [1],
    [[0.0]],
    {},
    {"a": 1},
]


@pytest.mark.parametrize("part", ["optimizer", "schedule", "rng"])
def test_odd_values_anywhere_in_a_state_are_refused_or_work(tmp_path, part):
    """Whatever stands at any place: an error of ours with nothing changed,
    or a run that can go on.
    """
    stopped = Run(0)(2)
    if part == "rng":
        stopped.rng = np.random.Generator(np.random.MT19937(3))
    with zipfile.ZipFile(checkpoint.save(tmp_path / "run.npz", **vars(stopped))) as archive:
        saved = json.loads(archive.read("header.json"))["parts"][part]
    if part == "optimizer":
        saved["state"] = [{"step": 2}] * 4
    resumed = Run(1)
    if part == "rng":
        resumed.rng = np.random.Generator(np.random.MT19937(4))
    seen = 0
    for state in changed_everywhere(saved, ODD):
        archive_of(
            tmp_path / "odd.npz",
            header_of({}, **{part: state}),
            **{"rng/state.key": np.arange(624)},
        )
        before = resumed.state()
        try:
            checkpoint.load(tmp_path / "odd.npz", **{part: getattr(resumed, part)})
        except TinygradError:
            seen += 1
            assert resumed.state() == before
        resumed.rng.random(3)
    assert seen > 40


@pytest.mark.parametrize(("bits", "key"), [("MT19937", "pos"), ("Philox", "buffer_pos")])
@pytest.mark.parametrize("position", [-1, 625, 10**8])
def test_a_position_past_the_end_of_a_generators_store(tmp_path, bits, key, position):
    rng = np.random.Generator(getattr(np.random, bits)(1))
    state = rng.bit_generator.state
    (state["state"] if key == "pos" else state)[key] = position

    class Wrong:
        def state_dict(self):
            return state

    path = checkpoint.save(tmp_path / "run.npz", model=Wrong())
    with zipfile.ZipFile(path) as archive:
        text = archive.read("header.json").decode().replace('"model": {', '"rng": {', 1)
        members = {
            name.removesuffix(".npy"): np.load(archive.open(name))
            for name in archive.namelist()[1:]
        }
    archive_of(path, text, **members)
    with pytest.raises(DataError, match=rf"rng: the state is none that {bits} can take"):
        checkpoint.load(path, rng=rng)
    assert rng.random() == np.random.Generator(getattr(np.random, bits)(1)).random()


def lying(path, name, size, packed):
    """An archive whose directory says that a member has this size."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(header_of({"x": {"__array__": name}})))
        archive.writestr(name, packed)
    content = path.read_bytes()
    where = content.rindex(b"PK\1\2")
    path.write_bytes(content[: where + 24] + size.to_bytes(4, "little") + content[where + 28 :])


def test_a_small_archive_that_would_fill_the_memory(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("header.json", json.dumps(header_of({"x": {"__array__": "x.npy"}})))
        with archive.open("x.npy", "w") as file:
            for _ in range(300):
                file.write(bytes(10**6))
    assert path.stat().st_size < 2**21
    with pytest.raises(DataError, match=r"its [\d,]+ bytes would become 300,\d+,\d+ or more"):
        checkpoint.load(path)


def test_a_directory_that_lies(tmp_path):
    path, content = tmp_path / "run.npz", io.BytesIO()
    np.save(content, np.zeros(10**6))
    for size in (0, 100, 2**31, 2**32 - 1):
        lying(path, "x.npy", size, content.getvalue())
        tracemalloc.start()
        with pytest.raises(DataError, match="is no checkpoint, or not a whole one"):
            checkpoint.load(path)
        assert tracemalloc.get_traced_memory()[1] < 10**6  # less than the member has
        tracemalloc.stop()


def npy(shape, descr="<f8", data=b"", order=False):
    head = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + (len(head) + 1).to_bytes(2, "little") + head + b"\n" + data


@pytest.mark.parametrize(
    "member",
    [
        npy((10**15,)),
        npy((2**62, 4)),
        npy((-1,), data=bytes(8)),
        npy((-1, -1), data=bytes(8)),
        npy((3,), data=bytes(16)),
        npy((2,), "|O", bytes(16)),
        npy((2,), [("a", "|O")], bytes(16)),
        npy("x" * 20_000),
        npy("(" * 9000),
        npy((10**6, 10**6), order=True),
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\7\0",
    ],
)
def test_members_that_are_no_arrays(tmp_path, member):
    path = tmp_path / "run.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(header_of({"x": {"__array__": "x.npy"}})))
        archive.writestr("x.npy", member)
    with pytest.raises(DataError, match="is no checkpoint, or not a whole one"):
        checkpoint.load(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, None])
def test_members_of_one_name_and_members_packed_oddly(tmp_path, method):
    path = tmp_path / "run.npz"
    with zipfile.ZipFile(path, "w", method or zipfile.ZIP_STORED) as archive:
        archive.writestr("header.json", json.dumps(header_of({})))
        if method is None:
            archive.writestr("header.json", json.dumps(header_of({"n": 2})))
    with pytest.raises(
        DataError,
        match="it holds 'header.json' twice" if method is None else "is packed in an unusual way",
    ):
        checkpoint.load(path)


def test_an_archive_packed_anew_is_read(tmp_path):
    path = checkpoint.save(tmp_path / "run.npz", progress={"x": np.zeros(10**6)})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert_array_equal(checkpoint.load(path)["x"], np.zeros(10**6))


def test_a_checkpoint_can_be_looked_at(tmp_path):
    run = Run(0)(2)
    path = checkpoint.save(tmp_path / "run.npz", **vars(run), progress={"n": 3})
    parts = checkpoint.read(path)
    assert list(parts) == ["model", "optimizer", "schedule", "rng", "progress"]
    assert_array_equal(parts["model"]["cell.W_xh"], run.model.cell.W_xh.data)
    path.unlink()
    resumed = Run(1)
    assert checkpoint.restore(parts, path, **vars(resumed)) == {"n": 3}
    assert resumed.state() == run.state()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rng": 0}, "rng is a np.random.Generator, not 0."),
        ({"rng": np.random.RandomState(0)}, "rng is a np.random.Generator"),
        ({"model": 3}, "model has no state_dict: it is 3."),
        ({"schedule": np.ones(2)}, "schedule has no state_dict"),
    ],
)
def test_what_has_no_state(tmp_path, given, words):
    with pytest.raises(ArgumentTypeError, match=re.escape(words)):
        checkpoint.save(tmp_path / "run.npz", **given)
    path = checkpoint.save(tmp_path / "run.npz", model=Model(0))
    with pytest.raises(
        ArgumentTypeError, match=re.escape(words.replace("no state_dict", "no load_state_dict"))
    ):
        checkpoint.load(path, **given)


def test_pickled_objects_are_never_read(tmp_path):
    path = tmp_path / "run.npz"
    content = {
        "format": checkpoint.FORMAT,
        "version": 1,
        "parts": {"progress": {"x": {"__array__": "x.npy"}}},
    }
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
    assert (
        "model: the names do not fit Model; missing: cell.b_hh, cell.b_xh; unknown: cell.b_h."
        in refused(path, other)
    )


def test_a_part_that_does_not_fit_leaves_the_earlier_parts_as_they_were(tmp_path):
    path = checkpoint.save(tmp_path / "run.npz", **vars(Run(0)(2)))
    assert "optimizer: the state is of Adam, this optimiser is SGD" in refused(
        path, Run(1, make=optim.SGD)
    )
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


@pytest.mark.parametrize(
    ("bits", "key", "value", "words"),
    [
        ("PCG64", "state", 0, "state is 0; it must hold state, inc."),
        ("PCG64", "state", {"state": 1}, "state is {'state': 1}; it must hold state, inc."),
        ("PCG64", "state.state", 1.5, "state.state is 1.5; it must be an integer."),
        ("PCG64", "state.inc", None, "state.inc is None; it must be an integer."),
        ("PCG64", "has_uint32", True, "has_uint32 is True; it must be an integer."),
        ("PCG64", "uinteger", -1, "a number in it is out of range."),
        ("PCG64", "state.state", 2**128 + 1, "a number in it is out of range."),
        ("MT19937", "state.key", 0, "state.key is 0; it must be an array of 624 integers."),
        ("MT19937", "state.key", np.arange(623), "it must be an array of 624 integers."),
        ("MT19937", "state.key", np.full(624, 0.5), "it must be an array of 624 integers."),
        ("MT19937", "state.pos", 1.0, "state.pos is 1.0; it must be an integer."),
        ("Philox", "buffer_pos", 9, "the position 9 is out of range."),
    ],
)
def test_why_a_state_is_none_of_the_bit_generator(bits, key, value, words):
    rng = np.random.Generator(getattr(np.random, bits)(1))
    changed = rng.bit_generator.state
    *outer, last = key.split(".")
    (changed[outer[0]] if outer else changed)[last] = value
    told = rf"rng: the state is none that {bits} can take: .*{re.escape(words)}"
    told += r" The file was changed by others\.$"
    with pytest.raises(DataError, match=told) as caught:
        checkpoint.restore({"rng": changed, "progress": {}}, "run.npz", rng=rng)
    assert "Error" not in str(caught.value)
    assert str(caught.value).isprintable()
    fresh = np.random.Generator(getattr(np.random, bits)(1))
    assert_array_equal(rng.integers(2**62, size=9), fresh.integers(2**62, size=9))


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


def test_parts_are_those_of_a_file():
    with pytest.raises(ArgumentTypeError, match=r"parts are what read\(path\) returned, not 3"):
        checkpoint.restore(3, "run.npz")
