"""Honest files are complete and quiet, in every version and byte order; every lie of the header is stated."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.encodings.ggml_types import TYPES
from modelairlock.formats.gguf import FORMAT
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.tree import read_tree
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Member, Setting
from tests.build import gguf_builder as g
from tests.build.gguf_builder import ARRAY, BOOL, F32, I32, STRING, U8, U32, U64, Dialect, array, gguf, key, string
from tests.build.pickle_builder import call, global_, whole
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, kinds_of, probe, read, tree, walk

BIG, V1 = Dialect(big=True), Dialect(version=1)


def example() -> bytes:
    """A bit of everything."""
    keys = [
        g.ARCHITECTURE,
        key("general.alignment", g.plain(U32, 32)),
        key("tokenizer.chat_template", string("{{ messages }}")),
        key("tokenizer.ggml.tokens", array(STRING, ["a", "é", ""])),
        key("tokenizer.ggml.scores", array(F32, [0.0, 1.0, 2.0])),
        key("general.file_type", g.plain(U32, 1)),
    ]
    tensors = [g.tensor("a", (4, 2)), g.tensor("b", (32,), 2, 32), g.tensor("c", (3,), 0, 64)]
    return gguf(keys, tensors, bytes(76))


def scalars(d: Dialect = g.LITTLE) -> list[bytes]:
    kinds = [kind for kind in range(13) if kind not in (STRING, ARRAY)]
    return [key(f"k{kind}", g.plain(kind, 1, d), d) for kind in kinds] + [
        key(f"l{kind}", array(kind, [1, 0], d), d) for kind in kinds
    ]


GOOD = {
    "everything": example(),
    "plain": gguf(),
    "version 1": gguf(d=V1),
    "version 2": gguf(d=Dialect(version=2)),
    "big-endian": gguf(d=BIG),
    "Ollama's big-endian": gguf(d=Dialect(True, 3, b"FUGG")),
    "all kinds": gguf(scalars()),
    "all kinds, big-endian": gguf(scalars(BIG), [g.tensor("w", (8,), d=BIG)], d=BIG),
    "nothing": gguf([], [], b""),
    "words only": gguf(None, [], b""),
    "no padding at the end": gguf(None, [g.tensor("w", (3,))], bytes(12)),
    "alignment": gguf([key("general.alignment", g.plain(U32, 128))], [g.tensor("w", (8,))], alignment=128),
    "scalar": gguf(None, [g.tensor("w", ())], bytes(4)),
    "empty tensor": gguf(None, [g.tensor("v", (0, 4)), g.tensor("w", (8,))]),
    "whole tokenizer": gguf([key("tokenizer.huggingface.json", string("{}"))]),
    "no text": gguf([key("tokenizer.chat_template", string(""))]),
    "Q2_0 of today": gguf(None, [g.tensor("a", (128,), 42), g.tensor("b", (8,), 0, 64)], bytes(96)),
    "Q2_0 of a fork": gguf(None, [g.tensor("a", (512,), 42), g.tensor("b", (8,), 0, 160)], bytes(192)),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_honest_files_are_complete_and_quiet(data: bytes) -> None:
    reading = tree(data, FORMAT)
    assert reading.formats == ("gguf",)
    assert gaps_of(reading) == []
    assert kinds_of(reading) == []


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_its_size(kind: int) -> None:
    for block, size in TYPES[kind].sizes[:1]:
        table = [g.tensor("a", (block, 3), kind), g.tensor("b", (8,), 0, -(-size * 3 // 32) * 32)]
        data = gguf(None, table, bytes(-(-size * 3 // 32) * 32 + 32))
        reading = tree(data, FORMAT)
        assert gaps_of(reading) == []
        assert kinds_of(reading) == (["gguf-element-type-removed"] if TYPES[kind].removed else [])


def test_templates_are_members_and_settings_are_told() -> None:
    keys = [
        key("tokenizer.chat_template", string("one")),
        key("tokenizer.chat_template.tool_use", string("two")),
        key("tokenizer.chat_templates", array(STRING, ["default", "tool_use"])),
        key("split.count", g.plain(g.U16, 3)),
        key("general.source.url", string("https://example.org")),
        key("general.description", string("x" * 600_000)),
        key("odd.chat_template", array(STRING, ["three"])),
        key("b.block_count", g.plain(U32, 512)),
        key("adapter.merged", g.plain(BOOL, 1)),
    ]
    reading = tree(gguf(keys), FORMAT)
    held = [fact for fact in reading.facts if isinstance(fact, Member)]
    assert [(one.name, one.role) for one in held] == [
        ("tokenizer.chat_template.jinja", "template"),
        ("tokenizer.chat_template.tool_use.jinja", "template"),
        ("odd.chat_template.0.jinja", "template"),
    ]
    told = {fact.key: fact.value for fact in reading.facts if isinstance(fact, Setting)}
    assert told == {
        "split.count": "3",
        "general.source.url": '"https://example.org"',
        "b.block_count": "512",
        "adapter.merged": "true",
    }
    assert gaps_of(reading) == []


HOSTILE = {
    "count of tensors": (gguf(counts=(2**61, 1)), "gguf-count-overflows"),
    "count of keys": (gguf(counts=(1, 2**64 - 1)), "gguf-count-overflows"),
    "count of version 1": (gguf(d=V1, counts=(2**31, 1)), "gguf-count-overflows"),
    "length of a text": (gguf([key("a", string("x", length=2**63))]), "gguf-length-overflows"),
    "length of a key": (gguf([g.LITTLE.text("x", 2**64 - 8)]), "gguf-length-overflows"),
    "length of a list": (gguf([key("a", array(U8, [], count=2**62))]), "gguf-length-overflows"),
    "length of texts": (gguf([key("a", array(STRING, [], count=2**61))]), "gguf-length-overflows"),
    "product": (gguf(None, [g.tensor("w", (2**42 + 1, 2**42))]), "gguf-tensor-overflows"),
    "product, then zero": (gguf(None, [g.tensor("w", (2**40, 2**40, 0))]), "gguf-tensor-overflows"),
    "negative": (gguf(None, [g.tensor("w", (2**64 - 1,))]), "gguf-tensor-overflows"),
    "bytes": (gguf(None, [g.tensor("w", (2**62,))]), "gguf-tensor-overflows"),
    "padded to nothing": (gguf(None, [g.tensor("w", (2**61 - 1,)), g.tensor("v", (8,))]), "gguf-tensor-overflows"),
    "offset": (gguf(None, [g.tensor("w", (8,), 0, 2**64 - 32)]), "gguf-tensor-overflows"),
    "dimensions": (gguf(None, [g.tensor("w", (1,) * 5)]), "gguf-dimensions-too-many"),
    "many dimensions": (gguf(None, [g.tensor("w", (1,), dims=2**31)]), "gguf-dimensions-too-many"),
    "beyond the file": (gguf(None, [g.tensor("w", (4096, 4096))]), "gguf-tensor-beyond-file"),
    "offset beyond": (gguf(None, [g.tensor("w", (8,), 0, 2**40)]), "gguf-tensor-beyond-file"),
    "overlap": (gguf(None, [g.tensor("a", (16,)), g.tensor("b", (8,), 0, 32)], bytes(64)), "gguf-tensors-overlap"),
    "same place": (gguf(None, [g.tensor("a", (8,)), g.tensor("b", (8,))]), "gguf-tensors-overlap"),
    "hole": (gguf(None, [g.tensor("w", (8,), 0, 64)], bytes(96)), "gguf-hole-between-tensors"),
    "filled hole": (gguf(None, [g.tensor("w", (8,), 0, 64)], b"x" * 96), "gguf-hole-between-tensors"),
    "filled padding": (gguf(None, [g.tensor("a", (1,)), g.tensor("b", (8,), 0, 32)], b"x" * 64), "gguf-padding-filled"),
    "behind": (gguf(data=bytes(32) + b"x"), "gguf-bytes-after"),
    "zeros behind": (gguf(data=bytes(320)), "zeros-after-tensors"),
    "key twice": (gguf([g.ARCHITECTURE, g.ARCHITECTURE]), "gguf-key-repeated"),
    "template twice": (
        gguf([key("tokenizer.chat_template", string(one)) for one in ("good", "bad")]),
        "gguf-key-repeated",
    ),
    "tensor twice": (gguf(None, [g.tensor("w", (8,)), g.tensor("w", (8,), 0, 32)], bytes(64)), "gguf-tensor-repeated"),
    "no name": (gguf([key("", g.plain(U8, 1))]), "gguf-key-empty"),
    "odd name": (gguf([key(b"a\x1b[2J", g.plain(U8, 1))]), "gguf-name-odd"),
    "long name": (gguf(None, [g.tensor("w" * 64, (8,))]), "gguf-name-odd"),
    "alignment 0": (gguf([key("general.alignment", g.plain(U32, 0))]), "gguf-alignment-odd"),
    "alignment 3": (gguf([key("general.alignment", g.plain(U32, 3))], alignment=3), "gguf-alignment-odd"),
    "alignment 2**31": (gguf([key("general.alignment", g.plain(U32, 2**31))]), "gguf-alignment-odd"),
    "alignment wide": (gguf([key("general.alignment", g.plain(U64, 64))]), "gguf-alignment-odd"),
    "alignment negative": (gguf([key("general.alignment", g.plain(I32, -32))]), "gguf-alignment-odd"),
    "alignment text": (gguf([key("general.alignment", string("32"))]), "gguf-alignment-odd"),
    "unaligned": (gguf(None, [g.tensor("w", (8,), 0, 4)], bytes(36)), "gguf-offset-unaligned"),
    "split blocks": (gguf(None, [g.tensor("w", (33,), 2)], bytes(64)), "gguf-rows-split-blocks"),
    "removed type": (gguf(None, [g.tensor("w", (32,), 31)], bytes(32)), "gguf-element-type-removed"),
    "unknown type": (gguf(None, [g.tensor("w", (32,), 139)], bytes(32)), "gguf-element-type-unknown"),
    "negative type": (gguf(None, [g.tensor("w", (32,), 2**32 - 1)], bytes(32)), "gguf-element-type-unknown"),
    "list of lists": (gguf([key("a", array(ARRAY, [g.elements(U8, [1])]))]), "gguf-array-nested"),
    "layers": (gguf([key("gemma2.block_count", g.plain(U32, 100_000))]), "gguf-layers-too-many"),
    "narrow types": (
        gguf([key("tokenizer.ggml.token_type", array(U8, [1])), key("tokenizer.ggml.tokens", array(STRING, ["a"]))]),
        "gguf-token-lists-differ",
    ),
    "short scores": (
        gguf([key("tokenizer.ggml.scores", array(F32, [1])), key("tokenizer.ggml.tokens", array(STRING, ["a", "b"]))]),
        "gguf-token-lists-differ",
    ),
    "negative byte": (
        gguf(
            [
                key("tokenizer.ggml.tokens", array(STRING, ["a", "<0x-1>"])),
                key("tokenizer.ggml.model", string("plamo2")),
            ]
        ),
        "gguf-byte-token-odd",
    ),
    "both byte orders": (gguf([], [], b"", d=BIG, counts=(0, 2**56)).replace(b"x", b""), "gguf-count-overflows"),
}


@pytest.mark.parametrize(("data", "kind"), HOSTILE.values(), ids=HOSTILE)
def test_lies_are_stated(data: bytes, kind: str) -> None:
    assert FORMAT.claims(probe(data))
    assert kind in kinds_of(tree(data, FORMAT))


def test_what_nobody_describes_is_a_gap() -> None:
    for case in ("hole", "filled hole", "filled padding", "zeros behind", "unknown type", "beyond the file", "product"):
        assert gaps_of(tree(HOSTILE[case][0], FORMAT)), case


def test_a_file_in_both_byte_orders() -> None:
    """One key of one byte for Ollama, 2**32 keys for others would be absurd; 2**24 are not."""
    data = b"GGUF" + (3).to_bytes(4, "big") + bytes(8) + b"\0\0\0\x01\x01\0\0\0" + bytes(40)
    assert "gguf-byte-order-ambiguous" in kinds_of(tree(data, FORMAT))


def test_what_follows_the_tensors_is_read_for_what_it_is() -> None:
    pickled = whole(call(global_("os", "system"), "true"))
    reading = tree(gguf(data=bytes(32) + pickled), FORMAT)
    [member] = reading.members
    assert member.role == "dormant"
    assert member.coverage.size_bytes == len(pickled)


def test_nested_lists_end() -> None:
    inner = g.elements(U8, [1])
    for _ in range(7):
        inner = g.elements(ARRAY, [inner])
    assert gaps_of(tree(gguf([key("a", g.LITTLE.pack("I", ARRAY) + inner)]), FORMAT)) == []
    deep = (ARRAY.to_bytes(4, "little") + (1).to_bytes(8, "little")) * 10_000
    gaps = gaps_of(tree(gguf([key("a", g.LITTLE.pack("I", ARRAY) + deep)]), FORMAT))
    assert Because.OVER_LIMIT in {gap.because for gap in gaps}


@pytest.mark.parametrize(
    "data",
    [
        gguf(d=Dialect(version=4)),
        gguf([key("a", (13).to_bytes(4, "little"))]),
        gguf([key("a", array(99, [], count=1))]),
        gguf([key("a", array(STRING, [], count=1000))]),
    ],
)
def test_what_is_not_understood_is_a_gap(data: bytes) -> None:
    assert gaps_of(tree(data, FORMAT))


@pytest.mark.parametrize(
    "data", [b"GGUF", b"GGUF" + bytes(40), b"GGUF is a format", b"GGUF\n\n\n\n", b"ggml" + bytes(9), b"FUGG\x03\0\0\0"]
)
def test_other_things_are_not_claimed(data: bytes) -> None:
    assert not FORMAT.claims(probe(data, "a.gguf"))


@pytest.mark.parametrize("name", ["everything", "version 1", "big-endian"])
def test_damaged_and_changed(name: str) -> None:
    cut_everywhere(GOOD[name], FORMAT)
    change_everywhere(GOOD[name], FORMAT)


@given(st.binary(max_size=200), st.integers(1, 3), st.booleans())
def test_any_bytes_end_well(tail: bytes, version: int, big: bool) -> None:
    read(FORMAT, b"GGUF" + version.to_bytes(4, "big" if big else "little") + tail)


def test_many_holes_are_one_gap() -> None:
    many = gguf(None, [g.tensor(f"{at}", (1,), 0, at * 64) for at in range(3000)], bytes(3000 * 64))
    gaps = gaps_of(tree(many, FORMAT))
    assert len(gaps) <= 1001
    assert gaps[-1].because is Because.OVER_LIMIT


def test_many_faults_are_told_a_few_times() -> None:
    many = gguf([key("a", g.plain(U8, 1))] * 3000, [g.tensor("w", (7,), 99, 5)] * 3000)
    assert len(tree(many, FORMAT).facts) < 200


class _File:
    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self.descriptor).st_size
        self.fetched = 0

    def read(self, start: int, length: int) -> bytes:
        data = os.pread(self.descriptor, length, start)
        self.fetched += len(data)
        return data


def test_eight_gigabytes_cost_their_words(tmp_path: Path) -> None:
    tokens, merges, layers, size = 128_000, 280_000, 290, 29_696_000
    texts = lambda count: b"".join(g.LITTLE.text(f"word {at * 7919}") for at in range(count))  # noqa: E731
    keys = [
        key("tokenizer.ggml.tokens", array(STRING, [], count=tokens) + texts(tokens)),
        key("tokenizer.ggml.token_type", array(I32, [], count=tokens) + bytes(4 * tokens)),
        key("tokenizer.ggml.merges", array(STRING, [], count=merges) + texts(merges)),
    ]
    head = gguf(keys, [g.tensor(f"blk.{at}", (size // 4,), 0, at * size) for at in range(layers)], b"")
    with (tmp_path / "m.gguf").open("wb") as file:
        file.write(head)
        file.truncate(len(head) + layers * size)
    source = _File(tmp_path / "m.gguf")
    began = time.process_time()
    reading = read_tree(source, "m", "m.gguf", DEFAULT_LIMITS, [FORMAT], strict=True)
    assert time.process_time() - began < 1
    assert reading.coverage.size_bytes > 8_600_000_000
    assert gaps_of(reading) == []
    assert source.fetched < len(head) + 600_000


@pytest.mark.frameworks
@pytest.mark.parametrize("big", [False, True])
def test_agrees_with_the_reference(tmp_path: Path, big: bool) -> None:
    """Every type that `gguf` writes, where it says that its tensors lie; its keys are those that stand here."""
    reference: Any = pytest.importorskip("gguf")
    numpy: Any = pytest.importorskip("numpy")
    path = tmp_path / "all.gguf"
    order = reference.GGUFEndian.BIG if big else reference.GGUFEndian.LITTLE
    writer = reference.GGUFWriter(path, "llama", endianess=order)
    writer.add_block_count(2)
    writer.add_chat_template([{"name": "default", "template": "{{ a }}"}, {"name": "tool", "template": "{{ b }}"}])
    writer.add_token_list(["a", "é"])
    writer.add_token_scores([0.5, 1.0])
    writer.add_custom_alignment(64)
    for kind, (_, size) in reference.GGML_QUANT_SIZES.items():
        if kind is not reference.GGMLQuantizationType.Q8_1:  # the package still has the size of before 2024
            writer.add_tensor(f"t.{kind.name}", numpy.full((3, 2 * size), 7, dtype="u1"), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    data = path.read_bytes()
    reading = tree(data, FORMAT)
    assert gaps_of(reading) == []
    assert kinds_of(reading) == []
    theirs = reference.GGUFReader(path)
    assert sorted(TYPES[one.tensor_type].name for one in theirs.tensors) == sorted(
        one.tensor_type.name for one in theirs.tensors
    )
    passed = sum(one.n_bytes for one in theirs.tensors)
    assert reading.coverage.passed_over_bytes == passed
    held = {one.name.removesuffix(".jinja") for one in walk(reading) if one.role == "template"}
    assert held == {name for name in theirs.fields if "chat_template" in name and not name.endswith("templates")}
