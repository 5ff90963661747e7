"""How fast `scan` trains cells: forward + backward against torch, jax, the tape, autograd, MyGrad,
and the floor.

    python tests/benchmarks/scan.py [--quick] [--cells RNN,LSTM] [--out DIR]

runs every setting (one and two threads; OpenBLAS kernels as chosen for this processor and
Haswell's, AVX2) in a process of its own and writes scan.md, a table, and scan.svg, a plot, to DIR.
Gradients are compared before anything is timed. Contenders take turns in every round; medians are
compared, and only ratios of one run carry over to other machines. Peers that are not installed are
left out.  The floor is the matrix products of the same shapes and the bare tanh.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scan_cells import CELLS, parameters

import tinygrad_rnn as tg
from tinygrad_rnn.functional import sigmoid

SIZES = [
    (1, 16, 16, 25),
    (1, 64, 128, 100),
    (32, 64, 128, 100),
    (32, 64, 256, 100),
    (64, 64, 512, 50),
    (16, 64, 64, 1000),
]
SLOW = {"tape": 3, "torch loop": 3, "autograd": 1, "mygrad": 1}  # rounds at most: these take long
NUMPY = SimpleNamespace(
    tanh=np.tanh, sqrt=np.sqrt, sigmoid=sigmoid, mean=lambda a: np.mean(a, axis=-1, keepdims=True)
)


def optional(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


class Task:
    """One cell at one size: its numbers,
    and contenders that give the gradients of its parameters.
    """

    def __init__(self, name, B, I, H, T):
        rng = np.random.default_rng(0)
        self.name, self.B, self.I, self.H, self.T = name, B, I, H, T
        self.cell, self.shapes, self.states, self.products, self.tanhs = CELLS[name]
        self.p = parameters(name, I, H, rng)
        self.xs = rng.standard_normal((T, B, I), dtype=np.float32)
        self.g = rng.standard_normal((T, B, H), dtype=np.float32)
        self.zeros = np.zeros((B, H), np.float32)

    def h0(self, array=lambda a: a):
        return array(self.zeros) if self.states == 1 else (array(self.zeros),) * self.states

    def loop(self, lib, p, xs, h):
        """The outputs of all steps, one after another."""
        outputs = []
        for x in xs:
            h = self.cell(lib, p, x, h)
            outputs.append(h if self.states == 1 else h[0])
        return outputs

    def scan(self, **options):
        p = {k: tg.Tensor(v, requires_grad=True, name=k) for k, v in self.p.items()}
        cell = lambda x, h: self.cell(NUMPY, p, x, h)
        h0 = self.h0()

        def run():
            for t in p.values():
                t.grad = None
            tg.scan(cell, self.xs, h0, **options).outputs.backward(self.g)
            return {k: t.grad for k, t in p.items()}

        return run

    def tape(self):
        return self.scan(unrolled=True)

    def torch_loop(self, torch):
        p = {k: torch.tensor(v, requires_grad=True) for k, v in self.p.items()}
        xs, g, h0 = torch.tensor(self.xs), torch.tensor(self.g), self.h0(torch.tensor)
        lib = SimpleNamespace(
            tanh=torch.tanh,
            sqrt=torch.sqrt,
            sigmoid=torch.sigmoid,
            mean=lambda a: a.mean(-1, keepdim=True),
        )

        def run():
            for t in p.values():
                t.grad = None
            torch.stack(self.loop(lib, p, xs, h0)).backward(g)
            return {k: t.grad.numpy() for k, t in p.items()}

        return run

    def torch_nn(self, torch):
        net = getattr(torch.nn, self.name)(self.I, self.H)
        biases = (self.p["b"], self.p.get("d", np.zeros_like(self.p["b"])))
        with torch.no_grad():
            for target, source in zip(
                net.parameters(), (self.p["W"].T, self.p["U"].T, *biases), strict=True
            ):
                target.copy_(torch.tensor(source))
        xs, g = torch.tensor(self.xs), torch.tensor(self.g)

        def run():
            net.zero_grad(set_to_none=True)
            net(xs)[0].backward(g)
            W, U, b, _ = (t.grad.numpy() for t in net.parameters())
            return {"W": W.T, "U": U.T, "b": b}

        return run

    def jax_scan(self, jax):
        lib = SimpleNamespace(
            tanh=jax.numpy.tanh,
            sqrt=jax.numpy.sqrt,
            sigmoid=jax.nn.sigmoid,
            mean=lambda a: a.mean(-1, keepdims=True),
        )

        def loss(p, xs, h0, g):
            def step(h, x):
                h = self.cell(lib, p, x, h)
                return h, h if self.states == 1 else h[0]

            return (jax.lax.scan(step, h0, xs)[1] * g).sum()

        gradient = jax.jit(jax.grad(loss))
        p, xs, h0, g = jax.device_put((self.p, self.xs, self.h0(), self.g))
        return lambda: {
            k: np.asarray(v) for k, v in jax.block_until_ready(gradient(p, xs, h0, g)).items()
        }

    def autograd(self, autograd):
        anp = importlib.import_module("autograd.numpy")
        lib = SimpleNamespace(
            tanh=anp.tanh,
            sqrt=anp.sqrt,
            sigmoid=lambda a: 0.5 * anp.tanh(0.5 * a) + 0.5,
            mean=lambda a: anp.mean(a, axis=-1, keepdims=True),
        )
        loss = lambda p: sum(
            anp.sum(y * g)
            for y, g in zip(self.loop(lib, p, self.xs, self.h0()), self.g, strict=True)
        )
        gradient = autograd.grad(loss)
        return lambda: gradient(self.p)

    def mygrad(self, mg):
        lib = SimpleNamespace(
            tanh=mg.tanh,
            sqrt=mg.sqrt,
            sigmoid=lambda a: 0.5 * mg.tanh(0.5 * a) + 0.5,
            mean=lambda a: mg.mean(a, axis=-1, keepdims=True),
        )

        def run():
            p = {k: mg.tensor(v) for k, v in self.p.items()}
            y = mg.stack(self.loop(lib, p, self.xs, self.h0()))
            (y * self.g).sum().backward()
            return {k: t.grad for k, t in p.items()}

        return run

    def floor(self):
        """The products that cannot be avoided and the bare tanh, into buffers made beforehand."""
        T, B, I, H, n = self.T, self.B, self.I, self.H, self.products
        draw = lambda *shape: np.random.default_rng(0).standard_normal(shape, dtype=np.float32) / H
        blocks, width = (1, n * H) if B == 1 else (n, H)
        W, U, V = draw(I, n * H), [draw(H, width)] * blocks, [draw(width, H)] * blocks
        X, rows = np.empty((T * B, n * H), np.float32), self.xs.reshape(T * B, I)
        z, d, h, D, Hs = draw(B, width), draw(B, H), draw(B, H), draw(T * B, n * H), draw(T * B, H)
        tanhs = draw(self.tanhs, B, H)

        def run():
            rows.dot(W, X)
            for _ in range(T):
                for M in U:
                    h.dot(M, z)
                np.tanh(tanhs, tanhs)
            for _ in range(T):
                for M in V:
                    z.dot(M, d)
            rows.T.dot(D)
            Hs.T.dot(D)

        return run

    def contenders(self, torch, jax, autograd, mygrad):
        found = {"scan": self.scan(), "floor": self.floor(), "tape": self.tape()}
        if torch:
            found["torch loop"] = self.torch_loop(torch)
            if self.name in ("RNN", "LSTM", "GRU"):
                found["torch nn"] = self.torch_nn(torch)
        if jax:
            found["jax scan"] = self.jax_scan(jax)
        if self.T * self.B < 4000:
            found |= {"autograd": self.autograd(autograd)} if autograd else {}
            found |= {"mygrad": self.mygrad(mygrad)} if mygrad else {}
        return found


def compare(found, expected, who):
    for k, g in found.items():
        scale = np.abs(expected[k]).max()
        if not np.allclose(g, expected[k], rtol=5e-3, atol=5e-3 * scale):
            raise SystemExit(
                f"{who}: the gradient of {k} differs by {np.abs(g - expected[k]).max()} of {scale}"
            )


def measure(task, peers, seconds):
    """Median milliseconds of each contender, and of its ratio to scan within a round; the first
    call of scan.
    """
    start = time.perf_counter()
    runs = task.contenders(*peers)
    expected = runs["scan"]()
    first = time.perf_counter() - start
    for who, run in runs.items():
        if (found := run()) is not None:
            compare(found, expected, who)
    times = {who: [] for who in runs}
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < 5 or time.perf_counter() < end:
        for who, run in runs.items():
            if rounds < SLOW.get(who, rounds + 1):
                start = time.perf_counter()
                run()
                times[who].append(time.perf_counter() - start)
        rounds += 1
    ms = {who: float(np.median(t)) * 1e3 for who, t in times.items()}
    ratio = {
        who: float(np.median(np.array(t) / np.array(times["scan"][: len(t)])))
        for who, t in times.items()
    }
    return {
        "ms": ms,
        "ratio": ratio,
        "least": {w: min(t) * 1e3 for w, t in times.items()},
        "first": first * 1e3,
    }


def planning(task):
    """Milliseconds to trace and compile: a first call minus a second, of a short sequence; the
    least of five.
    """
    task.xs, task.g = task.xs[:2], task.g[:2]
    found = []
    for _ in range(5):
        run, times = task.scan(), []
        for _ in range(2):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        found.append(times[0] - times[1])
    return float(min(found)) * 1e3


def one_setting(cells, sizes, seconds, threads):
    torch, jax = optional("torch"), optional("jax")
    if torch:
        torch.set_num_threads(threads)
    peers = (torch, jax, optional("autograd"), optional("mygrad"))
    results = []
    for name in cells:
        for size in sizes:
            task = Task(name, *size)
            results.append(
                {
                    "cell": name,
                    "size": size,
                    **measure(task, peers, seconds),
                    "plan": planning(task),
                }
            )
            print(".", end="", file=sys.stderr, flush=True)
    print(json.dumps(results))


def long_sequence(T, B=32, I=64, H=128):
    """A loss inside the cell over T steps: (option, seconds, MiB beyond inputs and outputs) for
    each option.
    """
    rng = np.random.default_rng(0)
    p = {k: tg.Tensor(v, requires_grad=True) for k, v in parameters("RNN", I, H, rng).items()}
    xs = rng.standard_normal((T, B, I), dtype=np.float32)

    def cell(x, h):
        h = np.tanh(x @ p["W"] + h @ p["U"] + p["b"])
        return h, np.sum(h * h)

    rows = []
    for option in (None, "auto", 100):
        run = lambda o=option: np.sum(
            tg.scan(cell, xs, np.zeros((B, H), np.float32), checkpoint=o).outputs
        ).backward()
        run()
        least = min(timed(run) for _ in range(7))
        tg.scan.forget()
        tracemalloc.start()
        run()
        rows.append((option, least, tracemalloc.get_traced_memory()[1] / 2**20))
        tracemalloc.stop()
    if torch := optional("torch"):
        net, x = torch.nn.RNN(I, H), torch.tensor(xs)
        run = lambda: (net(x)[0] ** 2).sum().backward()
        run()
        rows.append(("torch nn", min(timed(run) for _ in range(7)), float("nan")))
    return rows


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


# -- settings, table and plot ----------------------------------------------------------------------

SETTINGS = {
    "1 thread, native kernels": (1, None),
    "1 thread, Haswell kernels": (1, "Haswell"),
    "2 threads, native kernels": (2, None),
    "2 threads, Haswell kernels": (2, "Haswell"),
}


def in_process(threads, kernels, arguments):
    env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    env |= {
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "JAX_PLATFORMS": "cpu",
    }
    if kernels:
        env["OPENBLAS_CORETYPE"] = kernels
    if threads == 1:
        env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    command = [sys.executable, __file__, "--one", str(threads), *arguments]
    return json.loads(
        subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    )


def least(r, who):
    """The ratio of the shortest times: what a disturbed machine tells of a quiet one."""
    return r["least"][who] / r["least"]["scan"]


def table(title, results):
    peers = ["torch nn", "jax scan", "torch loop", "tape", "autograd", "mygrad"]
    lines = [f"\n## {title}\n"]
    lines.append(
        "Times of others divided by the time of scan (above 1, scan is faster), and scan by "
        "the floor: the"
    )
    lines.append("median within a round, and in brackets that of the shortest times.\n")
    lines.append(
        "| cell | B, I, H, T | scan ms | scan / floor | "
        + " | ".join(peers)
        + " | trace + compile ms |"
    )
    lines.append("|---" * (5 + len(peers)) + "|")
    for r in results:
        cells = [
            f"{r['ratio'][who]:.2f} ({least(r, who):.2f})" if who in r["ratio"] else ""
            for who in peers
        ]
        size, ms = (
            ", ".join(map(str, r["size"])),
            f"{r['ms']['scan']:.2f} ({r['least']['scan']:.2f})",
        )
        floor = f"{1 / r['ratio']['floor']:.2f} ({1 / least(r, 'floor'):.2f})"
        lines.append(
            f"| {r['cell']} | {size} | {ms} | {floor} | {' | '.join(cells)} | {r['plan']:.1f} |"
        )
    for who in ("torch nn", "jax scan"):
        for cell in CELLS:
            pairs = [
                (r["ratio"][who], least(r, who))
                for r in results
                if r["cell"] == cell and who in r["ratio"]
            ]
            if pairs:
                means = np.exp(np.mean(np.log(pairs), axis=0))
                lines.append(
                    f"\n{cell} against {who}: geometric mean {means[0]:.2f} ({means[1]:.2f})."
                )
    return "\n".join(lines) + "\n"


def plot(title, results):
    """Dots on a logarithmic axis, one row for each cell and size, as SVG."""
    colours = {
        "torch nn": "#d1495b",
        "jax scan": "#3066be",
        "torch loop": "#e8a33d",
        "tape": "#777777",
        "floor": "#111111",
    }
    place = lambda ratio: 220 + 110 * (np.log10(ratio) + 1)
    shapes = [f'<text x="10" y="18" font-weight="bold">{title}: time / time of scan</text>']
    for i, (who, colour) in enumerate(colours.items()):
        shapes.append(
            f'<circle cx="{20 + 110 * i}" cy="34" r="4" fill="{colour}"/>'
            f'<text x="{28 + 110 * i}" y="38">{who}</text>'
        )
    bottom = 60 + 16 * len(results)
    for tick in (0.1, 1, 10, 100):
        shapes.append(f'<path d="M{place(tick)} 48V{bottom}" stroke="#ccc"/>')
        shapes.append(f'<text x="{place(tick) - 8}" y="{bottom + 14}">{tick}</text>')
    for row, r in enumerate(results):
        y = 60 + 16 * row
        shapes.append(
            f'<text x="10" y="{y + 4}">{r["cell"]} {", ".join(map(str, r["size"]))}</text>'
        )
        for who, colour in colours.items():
            if who in r["ratio"]:
                shapes.append(
                    f'<circle cx="{place(r["ratio"][who]):.1f}" cy="{y}" r="4" fill="{colour}"/>'
                )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{bottom + 24}" '
        'font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="white"/>{"".join(shapes)}</svg>\n'
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one setting, three sizes, few rounds")
    parser.add_argument("--cells", default=",".join(CELLS), help="which cells, by commas")
    parser.add_argument("--settings", default="0,1,2,3", help="which settings, by their numbers")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each cell and size")
    parser.add_argument(
        "--sizes",
        default=",".join(map(str, range(len(SIZES)))),
        help="which sizes, by their numbers",
    )
    parser.add_argument("--out", type=Path, default=Path("."), help="where scan.md and scan.svg go")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # the threads of this process
    parser.add_argument("--long", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick:
        given.sizes, given.settings, given.seconds = "0,1,2", "0", 0.2
    if given.one == 1 and hasattr(os, "sched_setaffinity"):  # XLA's flags leave it a second thread
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if given.long:
        print(json.dumps(long_sequence(10_000)))
        return
    if given.one:
        one_setting(
            given.cells.split(","),
            [SIZES[int(i)] for i in given.sizes.split(",")],
            given.seconds,
            given.one,
        )
        return
    passed = ["--cells", given.cells, "--sizes", given.sizes, "--seconds", str(given.seconds)]
    versions = ", ".join(
        f"{m} {optional(m).__version__}" for m in ("numpy", "torch", "jax") if optional(m)
    )
    text = "# scan: forward + backward, float32, medians\n\n"
    text += f"{platform.machine()}, {versions}, load {os.getloadavg()[0]:.1f}\n"
    for number in map(int, given.settings.split(",")):
        title, (threads, kernels) = list(SETTINGS.items())[number]
        results = in_process(threads, kernels, passed)
        text += table(title, results)
        name = "scan.svg" if number == 0 else f"scan-{number}.svg"
        (given.out / name).write_text(plot(title, results), encoding="utf-8")
    if not given.quick:
        text += "\n## RNN with the loss inside, T = 10,000, B = 32, H = 128, "
        text += "1 thread, native kernels\n\n"
        text += "| checkpoint | seconds | peak MiB |\n|---|---|---|\n"
        text += "".join(
            f"| {o} | {s:.2f} | {m:.1f} |\n" for o, s, m in in_process(1, None, ["--long"])
        )
    (given.out / "scan.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
