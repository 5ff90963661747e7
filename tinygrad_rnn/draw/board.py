"""Operations, values and wires: what pictures of operations are made of, whatever their layout.

Wires turn at right angles.  A gradient goes back beside its forward wire.
"""

import math
from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace

import numpy as np

from tinygrad_rnn._typing import Array
from tinygrad_rnn.core.backward import pullback
from tinygrad_rnn.core.careful import Careful, carefully
from tinygrad_rnn.core.tensor import Tensor, seed
from tinygrad_rnn.draw.palette import (
    FADED,
    FORWARD,
    GREY,
    INK,
    LOSS,
    OUTLINE,
    PAPER,
    WEIGHTS,
    LogScale,
    readable,
)
from tinygrad_rnn.draw.scene import (
    Box,
    Item,
    Line,
    Point,
    Shape,
    Text,
    Triangle,
    clean,
    extent,
    fitted,
    subscript,
)
from tinygrad_rnn.guards.boundary import name_of
from tinygrad_rnn.guards.numbers import number

_SHAPES: dict[str, Shape] = {"input": "ellipse", "loss": "rect"}  # others are round
_SIGNS = {
    "add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negative": "−", "matmul": "@",
    "power": "^", "sum": "Σ", "sigmoid": "σ", "transpose": "ᵀ", "absolute": "|·|", "positive": "=",
    "sqrt": "√", "square": "²",
}  # fmt: skip
_THICK, _APART = 5.0, 3.6  # the widest gradient; half the distance of the two lines of a wire


class Gradients:
    """What one backward pass from a scalar sends along each edge, and brings to each Tensor."""

    def __init__(self, root: Tensor):
        shares: dict[tuple[Tensor, Tensor], Array] = {}
        seeds = {root: seed(root)}

        def walk(careful: Careful | None) -> dict[Tensor, Array]:
            shares.clear()
            whole = {}
            for tensor, g, sent in pullback(seeds, careful=careful):
                whole[tensor] = g
                for i, share in zip(tensor.argnums, sent, strict=False):
                    edge = (tensor, tensor.args[i])  # an operand used twice gets one line
                    shares[edge] = shares[edge] + share if edge in shares else share
            return whole

        self.whole = {tensor: _norm(g) for tensor, g in carefully(seeds, walk).items()}
        self.along = {edge: _norm(share) for edge, share in shares.items()}
        self._shares = shares
        self.scale = LogScale(list(self.along.values()))

    def together(self, operand: Tensor, among: Collection[Tensor]) -> float:
        """The norm of the sum of what these results send to one operand."""
        sent = [self._shares[x, operand] for x in among if (x, operand) in self._shares]
        return _norm(np.asarray(sum(sent))) if sent else 0.0


def _norm(g: Array) -> float:
    return float(np.linalg.norm(np.ravel(g)))


class Board:
    """Items in the making; boxes are found again by their key."""

    def __init__(self, gradients: Gradients | None):
        self.gradients = gradients
        self.items: list[Item] = []
        self.boxes: dict[Hashable, Box] = {}

    def op(self, tensor: Tensor, x: float, y: float, gates: Sequence[str] = ()) -> None:
        """A circle with the sign of the function, and beside it the plain numbers it is given.

        gates: what the blocks of a split along the last axis are called.
        """
        label = _gate(tensor, gates) or sign(tensor)
        size = 12.0 if len(label) <= 2 else 8.5
        width = max(26.0, extent(label, size) + 8)
        operands = " , ".join(map(_shape, tensor.args))
        tip = f"{name_of(tensor.fun or repr)}: {operands} → {tensor.shape}"
        stroke, color = (FADED, FADED) if self.silent(tensor) else (OUTLINE, GREY)
        circle = Box(x, y, width, 26, label, "ellipse", size=size, stroke=stroke, tip=tip)
        self._box(tensor, replace(circle, color=color))

    def silent(self, *results: Tensor) -> bool:
        """Whether there is a backward pass, and it comes to none of these results."""
        return self.gradients is not None and not any(x in self.gradients.whole for x in results)

    def value(
        self,
        key: Hashable,
        tensor: Tensor,
        label: str,
        x: float,
        y: float,
        kind: str = "value",
        faded: bool = False,
    ) -> None:
        """A named value: an input, a state, an output, a loss.  Faded: no gradient passes it."""
        ink = FADED if faded else GREY if kind == "initial" else INK
        width = max(40.0, extent(clean(label), 14) + 12)
        width = min(width, 90.0)
        text, shape = fitted(label, 14, width - 6), _SHAPES.get(kind, "round")
        fill, line = LOSS if kind == "loss" else PAPER, 1.8 if kind == "state" else 1.0
        box = Box(x, y, width, 28, text, shape, fill, stroke=ink, color=ink, size=14, width=line)
        self._box(key, replace(box, dashed=kind == "initial", tip=facts(tensor)))

    def fold(self, key: Hashable, name: str, count: int, tip: str, x: float, y: float) -> None:
        """Many operations as one box."""
        width = min(max(52.0, extent(clean(name), 11) + 12), 84.0)
        self._box(key, Box(x, y, width, 34, shape="round", fill=LOSS, width=1.6, tip=tip))
        self.items.append(Text(x, y - 6, fitted(name, 11, width - 6), 11, INK, "middle", tip))
        self.items.append(
            Text(x, y + 8, f"{count} op{'s' if count != 1 else ''}", 8.5, GREY, "middle", tip)
        )

    def chip(
        self,
        tensor: Tensor,
        name: str,
        role: str,
        x: float,
        y: float,
        toward: Point,
        faded: bool = False,
    ) -> None:
        """A parameter beside the operation that uses it; one colour and name is one tensor."""
        fill, stroke = (PAPER, FADED) if faded else WEIGHTS[role]
        label, ink = fitted(name, 9, 44), FADED if faded else INK
        width = max(26.0, extent(label, 9) + 9)
        box = Box(x, y, width, 15, label, "round", fill, stroke, size=9, color=ink)
        self.items.append(replace(box, tip=facts(tensor)))
        if toward[0] == x:  # below the operation
            self._arrow((x, y - 7.5), toward, stroke)
        else:
            self._arrow((x + width / 2, y), toward, stroke)

    def _arrow(self, start: Point, tip: Point, color: str) -> None:
        up = start[0] == tip[0]
        end = (tip[0], tip[1] + 4) if up else (tip[0] - 4, tip[1])
        self.items.append(Line((start, end), color, 1.0))
        self.items.append(Triangle(*tip, "up" if up else "right", 4, 4, color))

    def wire(
        self,
        points: list[Point],
        norm: float | None,
        color: str,
        label: float | None = None,
        tip: str = "",
        faded: bool = False,
    ) -> None:
        """A forward wire along `points` and the gradient, if there is one, beside it.

        norm   of the gradient; its line is as wide as the log of it
        label  a number to write where the gradient arrives
        faded  the forward wire leads where no gradient comes from
        """
        forward = _beside(points, -_APART if norm is not None else 0.0)
        toward = _direction(points[-2], points[-1])
        self._headed(forward, toward, FADED if faded else FORWARD, 1.0, 5.0, 5.0)
        if norm is None or self.gradients is None:
            return
        back = _beside(points, _APART)[::-1]
        scale = self.gradients.scale
        width = scale.width(norm, _THICK)
        if not scale.visible(norm):
            self.items.append(Line(tuple(back), FADED, 0.8, dotted=True, tip=tip))
        else:
            self._headed(
                back,
                _direction(back[-2], back[-1]),
                color,
                width,
                4 + 1.4 * width,
                3.5 + 1.9 * width,
                tip,
            )
        if label is not None:
            x, y = back[-1]
            if back[-1][0] == back[-2][0]:
                self.items.append(
                    Text(
                        x + width / 2 + 6,
                        (y + back[-2][1]) / 2,
                        number(label),
                        8.5,
                        readable(color),
                    )
                )
            else:
                middle = (x + back[-2][0]) / 2
                self.items.append(
                    Text(middle, y + width / 2 + 8, number(label), 8.5, readable(color), "middle")
                )

    def _headed(
        self,
        points: list[Point],
        toward: str,
        color: str,
        width: float,
        length: float,
        breadth: float,
        tip: str = "",
    ) -> None:
        x, y = points[-1]
        dx, dy = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[toward]
        gap = math.dist(points[-1], points[-2])
        length = min(length, gap * 0.8)
        end = (x + dx * length, y + dy * length)
        self.items.append(Line((*points[:-1], end), color, width, radius=6, tip=tip))
        self.items.append(Triangle(x, y, toward, length, breadth, color))  # type: ignore[arg-type]

    def _box(self, key: Hashable, box: Box) -> None:
        self.boxes[key] = box
        self.items.append(box)


def sign(tensor: Tensor) -> str:
    """`@`, `tanh`, `0.5 ×`: the function as a reader writes it."""
    name = getattr(tensor.fun, "__name__", "?")
    mark = _SIGNS.get(name, fitted(name, 8.5, 48))
    if name in ("add", "subtract", "multiply", "divide", "power"):
        before, after = (number(a) if isinstance(a, (int, float)) else "" for a in tensor.args[:2])
        mark = f"{before} {mark} {after}".strip()
    return "[ ]" if name == "getitem" else mark


def _gate(tensor: Tensor, gates: Sequence[str]) -> str:
    """The gate that a slice of all pre-activations belongs to."""
    if getattr(tensor.fun, "__name__", "") != "getitem" or not gates:
        return ""
    whole, index = tensor.primals[0].shape[-1], tensor.args[1]
    last = index[-1] if isinstance(index, tuple) and index else index
    width = whole // len(gates)
    if not isinstance(last, slice) or whole % len(gates) or tensor.shape[-1:] != (width,):
        return ""
    return str(gates[last.indices(whole)[0] // width])


def facts(tensor: Tensor) -> str:
    """Name, shape and, if it is small, value."""
    shown = (
        f" = {np.array2string(tensor.data, precision=4, threshold=12)}" if tensor.size <= 12 else ""
    )
    return f"{tensor.name or 'unnamed'}: shape {tensor.shape}{shown}"


def written(name: str) -> str:
    """`h_12` as h₁₂; any other name as it is."""
    base, _, index = name.rpartition("_")
    return base + subscript(int(index)) if base and index.isdecimal() and len(index) < 6 else name


def _shape(argument: object) -> str:
    if isinstance(argument, (Tensor, np.ndarray)):
        return f"{getattr(argument, 'name', None) or ''}{argument.shape}"
    return clean(repr(argument), 40)


def _beside(points: list[Point], shift: float) -> list[Point]:
    """A right-angled line moved aside; its ends stay on the boxes they touch."""
    flat = [abs(a[1] - b[1]) < 1e-9 for a, b in zip(points, points[1:], strict=False)]
    moved = []
    for i, (x, y) in enumerate(points):
        around = flat[max(0, i - 1) : i + 1]
        moved.append((x + (shift if False in around else 0), y + (shift if True in around else 0)))
    return moved


def _direction(a: Point, b: Point) -> str:
    if abs(a[1] - b[1]) < 1e-9:
        return "right" if b[0] > a[0] else "left"
    return "down" if b[1] > a[1] else "up"
