"""What the tape costs: time and memory per node, length of chains, import, gradient flow.

Run `python tests/benchmarks/tape.py [--quick]`, with OMP_NUM_THREADS=1 on a machine that does
nothing else. Contenders take turns in every round and the medians are compared: ratios carry over
to other machines, times do not.
"""

import argparse
import gc
import importlib
import os
import platform
import subprocess
import sys
import time
import tracemalloc

import numpy as np

import tinygrad_rnn as tg
from tinygrad_rnn.functional import half_squared_error
from tinygrad_rnn.nn import RNNCell

X, C = np.linspace(0.1, 1.0, 10), np.linspace(0.9, 0.99, 10)
OPS = {  # name: (the op in any library, its rule by hand for bare NumPy)
    "x + c": (lambda lib, x, c: x + c, lambda g, y, x: g),
    "x * c": (lambda lib, x, c: x * c, lambda g, y, x: g * C),
    "tanh(x)": (lambda lib, x, c: lib.tanh(x), lambda g, y, x: g * (1 - y * y)),
    "sin(x)": (lambda lib, x, c: lib.sin(x), lambda g, y, x: g * np.cos(x)),
}


def seconds(f, *args):
    start = time.perf_counter()
    result = f(*args)
    return time.perf_counter() - start, result


def optional(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"  ({name} is not installed and left out)")
        return None


def chain(op, lib, x, c, n):
    for _ in range(n):
        x = op(lib, x, c)
    return x


def contenders(n):
    """{name: function of an op and its rule that gives (seconds forward, seconds backward)}."""

    def bare(op, rule):
        def forward():
            values = [X]
            for _ in range(n):
                values.append(op(np, values[-1], C))
            return values

        def backward(values, g):
            for i in range(n, 0, -1):
                g = rule(g, values[i], values[i - 1])

        t, values = seconds(forward)
        return t, seconds(backward, values, np.ones(10))[0]

    def tape(op, rule):
        t, y = seconds(chain, op, np, tg.Tensor(X, requires_grad=True), C, n)
        return t, seconds(y.backward, np.ones(10))[0]

    found = {"bare NumPy, by hand": bare, "tinygrad_rnn": tape}
    if torch := optional("torch"):
        torch.set_num_threads(1)

        def eager(op, rule):
            t, y = seconds(
                chain, op, torch, torch.tensor(X, requires_grad=True), torch.tensor(C), n
            )
            return t, seconds(y.backward, torch.ones(10, dtype=torch.float64))[0]

        found[f"torch {torch.__version__} eager"] = eager
    if autograd := optional("autograd"):
        wrapped = importlib.import_module("autograd.numpy")

        def hips(op, rule):
            t, (vjp, _) = seconds(autograd.make_vjp(lambda x: chain(op, wrapped, x, C, n)), X)
            return t, seconds(vjp, np.ones(10))[0]

        found["autograd (HIPS)"] = hips
    if mygrad := optional("mygrad"):

        def my(op, rule):
            t, y = seconds(chain, op, mygrad, mygrad.tensor(X), C, n)
            return t, seconds(y.backward, np.ones(10))[0]

        found["MyGrad"] = my
    return found


def per_op(repeats, n=1000):
    print(
        f"\nns per op, forward + backward, on 10 elements of float64: chains of "
        f"{n}, median of {repeats} rounds"
    )
    runs = contenders(n)
    times = {(name, op): [] for name in runs for op in OPS}
    for _ in range(repeats):
        for op in OPS:
            for name, run in runs.items():  # interleaved: a slow moment hits all of them
                times[name, op].append(run(*OPS[op]))
    ns = {key: np.median(t, axis=0) / n * 1e9 for key, t in times.items()}
    print(
        f"  {'':24}"
        + "".join(f"{op:>14}" for op in OPS)
        + "   ratio to tinygrad_rnn, medians over ops"
    )
    for name in runs:
        ratio = np.median([ns[name, op] / ns["tinygrad_rnn", op] for op in OPS], axis=0)
        cells = "".join(f"{'{:.0f} + {:.0f}'.format(*ns[name, op]):>14}" for op in OPS)
        print(f"  {name:24}{cells}   {ratio[0]:.2f} forward, {ratio[1]:.2f} backward")


def memory(nodes=10_000):
    gc.collect()
    tracemalloc.start()
    x = tg.Tensor(X, requires_grad=True)
    y, before = x, tracemalloc.get_traced_memory()[0]
    for _ in range(nodes):
        y = np.tanh(y)
    used = (tracemalloc.get_traced_memory()[0] - before) / nodes
    arrays = sys.getsizeof(np.empty(10))
    tracemalloc.stop()
    print(
        f"\nmemory: {used:.0f} bytes per node of one operand, {arrays} of them "
        f"the array of 10 elements (tracemalloc)"
    )


def linearity(lengths, repeats):
    print(
        f"\nchains of one op, ns per op, median of {repeats}: equal rows mean "
        f"linear time and no recursion"
    )
    print(f"  {'length':>9} {'forward':>9} {'backward':>9} {'drop':>9}")
    for n in lengths:
        rows = []
        for _ in range(repeats):
            x = y = tg.Tensor(X, requires_grad=True)
            start = time.perf_counter()
            for _ in range(n):
                y = y * 0.5
            forward = time.perf_counter() - start
            backward, _ = seconds(y.backward, np.ones(10))
            start = time.perf_counter()
            del y
            rows.append((forward, backward, time.perf_counter() - start))
            del x
        print("  {:9d} {:9.0f} {:9.0f} {:9.0f}".format(n, *(np.median(rows, axis=0) / n * 1e9)))


def import_times(repeats):
    print(
        f"\nimport in a fresh process, ms, median of {repeats} interleaved (an "
        f"empty process subtracted)"
    )
    times = {"pass": [], "import numpy": [], "import tinygrad_rnn": []}
    for _ in range(repeats):
        for code in times:
            times[code].append(
                seconds(lambda c=code: subprocess.run([sys.executable, "-c", c], check=True))[0]
                * 1e3
            )
    medians = {code: np.median(t) for code, t in times.items()}
    for code in ("import numpy", "import tinygrad_rnn"):
        print(f"  {code:24} {medians[code] - medians['pass']:7.1f}")


def flow(repeats, T=100, H=64, B=16):
    print(f"\ngradient flow, ms, T = {T}, H = {H}, B = {B}, float64, median of {repeats}")
    rng = np.random.default_rng(0)
    xs, targets, cell = (
        rng.standard_normal((T, B, 8)),
        rng.standard_normal((T, B, H)),
        RNNCell(8, H, rng=rng),
    )
    rows = []
    for _ in range(repeats):
        build, u = seconds(lambda: tg.unroll(cell, xs, loss=half_squared_error, targets=targets))
        backward, _ = seconds(u.loss.backward)
        measure, g = seconds(tg.gradient_flow, u.losses, u.states)
        rows.append((build, backward, measure, seconds(g.norms)[0]))
    names = "unroll", "backward", "gradient_flow", f"norms ({T * (T + 1) // 2} terms)"
    for name, ms in zip(names, np.median(rows, axis=0) * 1e3, strict=True):
        print(f"  {name:24} {ms:7.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats and shorter chains")
    quick = parser.parse_args().quick
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    print(
        (
            f"Python {platform.python_version()}, NumPy {np.__version__}, "
            f"{blas['name']} {blas['version']}, "
        ),
        end="",
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE"):
        print(f"  {name} = {os.environ.get(name, 'unset')}")
    per_op(7 if quick else 51)
    memory()
    linearity([10**3, 10**4, 10**5] if quick else [10**3, 10**4, 10**5, 10**6], 3)
    import_times(3 if quick else 7)
    flow(1 if quick else 5)


if __name__ == "__main__":
    main()
