"""GGML files of before GGUF by hand: a magic, numbers, words, and tensors each behind its own description."""

import struct


def numbers(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def words(*said: str, scored: bool = False) -> bytes:
    return b"".join(numbers(len(one.encode())) + one.encode() + (bytes(4) if scored else b"") for one in said)


def tensor(name: str, shape: tuple[int, ...], kind: int, data: bytes, at: int = 0, align: int = 1) -> bytes:
    """`at` is where the tensor begins in the file, which decides how much padding there is."""
    head = numbers(len(shape), len(name), kind, *shape) + name.encode()
    return head + bytes(-(at + len(head)) % align) + data


def ggjt(version: int = 3, kind: int = 2, data: bytes = bytes(18)) -> bytes:
    """A LLaMA of three words and one tensor of one block."""
    head = b"tjgg" + numbers(version, 3, 32, 256, 1, 1, 32, 2) + words("a", "é", "b", scored=True)
    return head + tensor("w", (32,), kind, data, len(head), 32)


def ggmf() -> bytes:
    return b"fmgg" + numbers(1, 2, 32, 256, 1, 1, 32, 0) + words("a", "b", scored=True) + tensor("w", (2,), 0, bytes(8))


def ggml(kind: int = 2, data: bytes = bytes(20), type_: int = 2) -> bytes:
    head = b"lmgg" + numbers(2, 32, 256, 1, 1, 32, type_) + words("a", "b")
    return head + tensor("w", (32,), kind, data)


def whisper() -> bytes:
    head = b"lmgg" + numbers(51864, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1) + numbers(2, 3) + bytes(24)
    return head + numbers(2) + words("a", "b") + tensor("conv1.bias", (1, 4), 0, bytes(16))


def gpt2() -> bytes:
    return b"lmgg" + numbers(2, 8, 4, 1, 1, 1) + numbers(2) + words("a", "b") + tensor("wte", (4,), 1, bytes(8))


def lora() -> bytes:
    head = b"algg" + numbers(1, 8, 16)
    return head + tensor("w.loraA", (8, 2), 0, bytes(64), len(head), 32)


def rwkv() -> bytes:
    return b"fmgg" + numbers(101, 50277, 768, 12, 1) + tensor("emb.weight", (4, 2), 1, bytes(16))
