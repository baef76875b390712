"""The layouts that were in wide use are read to their last byte; what is none of them is a gap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.formats.ggml import FORMAT
from tests.build import ggml_builder as g
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, kinds_of, probe, read, tree


def example() -> bytes:
    return g.ggjt()


GOOD = {
    "ggjt 3": g.ggjt(),
    "ggjt 2": g.ggjt(2, 2, bytes(20)),
    "ggjt 1": g.ggjt(1, 8, bytes(36)),
    "ggmf": g.ggmf(),
    "ggml": g.ggml(),
    "ggml, new blocks": g.ggml(2, bytes(18), 2002),
    "whisper": g.whisper(),
    "GPT-2": g.gpt2(),
    "LoRA": g.lora(),
    "RWKV": g.rwkv(),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_honest_files_are_complete_and_quiet(data: bytes) -> None:
    assert FORMAT.claims(probe(data, "model.bin"))
    reading = tree(data, FORMAT)
    assert reading.formats == ("ggml",)
    assert gaps_of(reading) == []
    assert kinds_of(reading) == []
    assert reading.coverage.passed_over_bytes > 0


def _lora(shape: tuple[int, ...], kind: int = 0, name: str = "w") -> bytes:
    head = b"algg" + g.numbers(1, 8, 16)
    return head + g.tensor(name, shape, kind, bytes(64), len(head), 32)


def test_types_of_rwkv_have_their_own_numbers() -> None:
    head = b"fmgg" + g.numbers(101, 50277, 768, 12, 9)
    assert gaps_of(tree(head + g.tensor("w", (32,), 9, bytes(34)), FORMAT)) == []
    assert gaps_of(tree(head + g.tensor("w", (32,), 4, bytes(34)), FORMAT))


LIES = {
    "overflow": (_lora((2**31 - 1,) * 4), "gguf-tensor-overflows"),
    "negative": (_lora((-1, 8)), "gguf-tensor-overflows"),
    "beyond": (_lora((4096, 4096)), "gguf-tensor-beyond-file"),
    "dimensions": (_lora((1,) * 5), "gguf-dimensions-too-many"),
    "type": (_lora((8,), 99), "gguf-element-type-unknown"),
    "blocks": (_lora((33,), 2), "gguf-rows-split-blocks"),
    "twice": (g.ggmf() + g.tensor("w", (2,), 0, bytes(8)), "gguf-tensor-repeated"),
    "padding": (
        b"algg" + g.numbers(1, 8, 16, 1, 1, 0, 4) + b"w" + b"x" * 31 + bytes(16),
        "gguf-padding-filled",
    ),
}


@pytest.mark.parametrize(("data", "kind"), LIES.values(), ids=LIES)
def test_lies_are_stated(data: bytes, kind: str) -> None:
    assert kind in kinds_of(tree(data, FORMAT))


@pytest.mark.parametrize(
    "data",
    [
        b"lmgg" + g.numbers(3, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        b"lmgg" + g.numbers(2**23, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        b"lmgg" + g.numbers(2, 32, 256, 1, 1, 32, 2) + g.numbers(2**31 - 1),
        g.ggjt() + b"trailing pickle\x80\x04.",
    ],
)
def test_what_is_not_understood_is_a_gap(data: bytes) -> None:
    assert FORMAT.claims(probe(data))
    assert gaps_of(tree(data, FORMAT))


@pytest.mark.parametrize("data", [b"lmgg", b"lmgg is text", b"tjgg\x09\0\0\0", b"GGUF\x03\0\0\0", b"lmgg" + bytes(40)])
def test_other_things_are_not_claimed(data: bytes) -> None:
    assert not FORMAT.claims(probe(data, "a.ggml"))


def test_damaged_and_changed() -> None:
    cut_everywhere(g.ggjt(), FORMAT)
    change_everywhere(g.ggjt(), FORMAT)
    change_everywhere(g.whisper(), FORMAT)


@given(st.sampled_from([b"lmgg", b"fmgg\1\0\0\0", b"tjgg\3\0\0\0", b"algg\1\0\0\0"]), st.binary(max_size=200))
def test_any_bytes_end_well(head: bytes, tail: bytes) -> None:
    read(FORMAT, head + tail)
