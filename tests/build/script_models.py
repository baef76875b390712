"""Honest TorchScript models that make torch write each of its forms. Needs torch; its source must be in a file."""

import enum
from collections.abc import Iterator
from typing import Any, Dict, List, NamedTuple, Optional, Tuple  # noqa: UP035  # what torch.jit.script reads

import torch
from torch import Tensor, nn


class Pair(NamedTuple):
    a: Tensor
    b: int


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Word(enum.Enum):
    A = "x"
    B = "y"


@torch.jit.interface
class One(nn.Module):
    def one(self, x: Tensor) -> Tensor:
        pass


@torch.jit.script
class Plain:
    def __init__(self, n: int):
        self.n = n
        self.l = [n]

    def add(self, x: Tensor) -> Tensor:
        return x + self.n


class Double(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x

    def one(self, x: Tensor) -> Tensor:
        return x * 2


def negative(x: Tensor) -> Tensor:
    return x.neg()


class Everything(nn.Module):
    impl: One

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 3)
        self.seq = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.LSTM(3, 3))
        self.ml = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
        self.md = nn.ModuleDict({"a b": nn.Linear(3, 3)})
        self.bn = nn.BatchNorm1d(3)
        self.mha = nn.MultiheadAttention(3, 1)
        self.impl = Double()
        self.text = 'héllo\n"x" \\ # '
        self.ints = [1, 2, 3]
        self.floats = [1.5, float("inf"), float("-inf"), float("nan"), 1e-5]
        self.d: Dict[str, int] = {"a": 1}  # noqa: UP006
        self.dt: Dict[int, Tensor] = {1: torch.ones(2)}  # noqa: UP006
        self.tup = (1, "a", 2.5, True)
        self.pair = Pair(torch.ones(2), 3)
        self.dtype = torch.float16
        self.dev = torch.device("cpu")
        self.complex = 1 + 2j
        self.color = Color.RED
        self.plain = Plain(4)
        self.register_buffer("buf", torch.arange(3))

    @torch.jit.export
    def helper(self, x: Tensor, mode: str = "abc#d") -> Tuple[Tensor, Pair]:  # noqa: UP006
        return x, Pair(x, len(mode))

    @torch.jit.export
    def enums(self, c: Color, n: Word) -> int:
        if c == Color.BLUE:
            return c.value
        return len(n.name) if n == Word.B else 0

    @torch.jit.export
    def __getstate__(self):
        return (self.lin.weight, self.training)

    @torch.jit.export
    def __setstate__(self, state: Tuple[Tensor, bool]):  # noqa: UP006
        self.training = state[1]

    def forward(self, x: Tensor, y: Optional[Tensor] = None) -> Dict[str, Tensor]:  # noqa: UP006, UP045
        out: Dict[str, Tensor] = {}  # noqa: UP006
        for layer in self.ml:
            x = layer(x)
        n = 0
        while n < 3:
            n += 1
            if n == 2:
                continue
            x = x + n
        parts: List[Tensor] = []  # noqa: UP006
        for j in range(5):
            parts.append(x)
            if j == 3:
                break
        if y is not None:
            x = x + y
        else:
            assert x.size(0) > 0, f"bad {x.shape}"
        if self.ints[0] == 5:
            raise ValueError("no")
        out["a"] = self.impl.one(x)
        out["b"] = torch.stack(parts)
        x = Plain(3).add(x)
        held: Any = x
        if isinstance(held, (int, float)):
            n = 5
        if isinstance(held, Tensor):
            x = held
        out["f"] = torch.jit.wait(torch.jit.fork(negative, x))
        with torch.no_grad():
            x = x + 1
        x[0] = 5
        k4, k5 = float("inf"), 3j
        words = f"{n}{k4}{k5}"
        for one in words:
            n += ord(one)
        a, b = self.helper(x, "m")
        out["c"] = a[..., None, 0:1] + b.b
        return out


def models() -> Iterator[tuple[str, Any]]:
    """Scripted, traced, frozen and quantized ones."""
    yield "everything", torch.jit.script(Everything())
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2)).eval()
    yield "traced", torch.jit.trace(plain, torch.ones(1, 1, 8, 8))
    yield "frozen", torch.jit.freeze(torch.jit.script(plain))
    layers = nn.Sequential(nn.Linear(3, 3), nn.LSTM(3, 3))
    quantized = torch.ao.quantization.quantize_dynamic(layers, {nn.Linear, nn.LSTM})
    yield "quantized", torch.jit.script(quantized)
