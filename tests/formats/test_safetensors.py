"""The reference reader is the oracle where it is installed: what it refuses is never complete here."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelairlock.formats.safetensors import BITS, FORMAT
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline.tree import read_tree
from modelairlock.records.coverage import Because
from tests.build.safetensors_builder import safetensors, tensor
from tests.formats.everyday_help import because, claims, complete, cuts, irregular, read


def entry(dtype: str, shape: str = "[1]", offsets: str = "[0,1]", rest: str = "") -> str:
    return f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}{rest}}}'


U8 = entry("U8")
GOOD = {
    "one": safetensors(),
    "none": safetensors("{}", b""),
    "padded": safetensors(json.dumps({"w": tensor(0, 16, (2, 2))}) + "   \n"),
    "metadata": safetensors({"__metadata__": {"format": "pt", "é": "x"}, "w": tensor(0, 16, (4,))}),
    "no metadata": safetensors('{"__metadata__":null}', b""),
    "scalar": safetensors(f'{{"a":{entry("U8", "[]")}}}', b"0"),
    "empty tensor": safetensors(f'{{"a":{entry("F32", "[0,7]", "[0,0]")},"b":{U8}}}', b"0"),
    "any order": safetensors({"b": tensor(8, 16, (2,)), "a": tensor(0, 8, (2,))}),
    "sub-byte": safetensors(f'{{"a":{entry("F4", "[2]")},"b":{entry("F6_E2M3", "[4]", "[1,4]")}}}', bytes(4)),
    "extra key": safetensors(f'{{"a":{entry("U8", rest=""","x":[1,"y"]""")}}}', b"0"),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_well_formed_files_are_complete_and_quiet(data: bytes) -> None:
    assert claims(FORMAT, data)
    reading = read(data, FORMAT)
    assert complete(reading), reading.coverage.gaps
    assert not reading.facts


@pytest.mark.parametrize("dtype", BITS)
def test_every_type_has_its_size(dtype: str) -> None:
    data = safetensors(f'{{"a":{entry(dtype, "[8]", f"[0,{BITS[dtype]}]")}}}', bytes(BITS[dtype]))
    assert complete(read(data, FORMAT))
    assert irregular(read(safetensors(f'{{"a":{entry(dtype, "[8]")}}}', b"0"), FORMAT)) == ["tensor-size-differs"]


MISDESCRIBED = {
    "overlap": (safetensors({"a": tensor(0, 12, (3,)), "b": tensor(8, 16, (2,))}), "tensors-overlap"),
    "hole": (safetensors({"a": tensor(0, 4, (1,)), "b": tensor(8, 16, (2,))}), "hole-between-tensors"),
    "hole at the start": (safetensors({"b": tensor(8, 16, (2,))}), "hole-between-tensors"),
    "trailing": (safetensors(suffix=b"MZ"), "bytes-after-tensors"),
    "trailing zeros": (safetensors(suffix=bytes(9)), "zeros-after-tensors"),
    "too small": (safetensors({"a": tensor(0, 16, (3,))}), "tensor-size-differs"),
    "overflow": (safetensors({"a": tensor(0, 16, (2**63, 2**63))}), "tensor-size-differs"),
    "overflow to nothing": (safetensors({"a": tensor(0, 16, (2**63, 2, 0))}), "tensor-size-differs"),
    "half a byte": (safetensors(f'{{"a":{entry("F4", "[3]", "[0,2]")}}}', bytes(2)), "tensor-size-differs"),
    "name twice": (safetensors(f'{{"a":{U8},"a":{entry("U8", "[1]", "[1,2]")}}}', bytes(2)), "key-repeated"),
    "name twice, spelled": (safetensors(f'{{"a":{U8},"\\u0061":{U8}}}', b"0"), "key-repeated"),
    "dtype twice": (safetensors(f'{{"a":{entry("F32", rest=""","dtype":"U8" """)}}}', b"0"), "key-repeated"),
    "metadata twice": (safetensors('{"__metadata__":{"a":"b","a":"c"}}', b""), "key-repeated"),
    "escape in a name": (safetensors({"a\x1b[31m": tensor(0, 16, (4,))}), "name-odd"),
    "path as a name": (safetensors({"../../x": tensor(0, 16, (4,))}), "name-odd"),
    "long name": (safetensors({"x" * 5000: tensor(0, 16, (4,))}), "name-odd"),
    "blanks first": (safetensors(" \n{}", b""), "header-begins-late"),
}


@pytest.mark.parametrize(("data", "kind"), MISDESCRIBED.values(), ids=MISDESCRIBED)
def test_disagreements_are_stated(data: bytes, kind: str) -> None:
    assert kind in irregular(read(data, FORMAT))


@pytest.mark.parametrize("case", ["hole", "hole at the start", "trailing", "trailing zeros", "too small", "overflow"])
def test_bytes_nobody_describes_are_a_gap(case: str) -> None:
    assert not complete(read(MISDESCRIBED[case][0], FORMAT))


BROKEN = {
    "array": safetensors("[1]"),
    "tensor as array": safetensors('{"a":["U8",[1],[0,1]]}', b"0"),
    "nested": safetensors(f'{{"a":{entry("U8", rest=""","x":{"y":1}""")}}}', b"0"),
    "no dtype": safetensors('{"a":{"shape":[1],"data_offsets":[0,1]}}', b"0"),
    "float shape": safetensors(f'{{"a":{entry("U8", "[1.0]")}}}', b"0"),
    "true as a length": safetensors(f'{{"a":{entry("U8", "[true]")}}}', b"0"),
    "negative": safetensors(f'{{"a":{entry("U8", "[-1]")}}}', b"0"),
    "endless number": safetensors(f'{{"a":{entry("U8", "[" + "9" * 5000 + "]")}}}', b"0"),
    "backwards": safetensors(f'{{"a":{entry("U8", offsets="[1,0]")}}}', b"0"),
    "three offsets": safetensors(f'{{"a":{entry("U8", offsets="[0,1,2]")}}}', b"0"),
    "metadata number": safetensors('{"__metadata__":{"a":1}}', b""),
    "metadata list": safetensors('{"__metadata__":["a"]}', b""),
    "metadata deep": safetensors('{"__metadata__":{"a":{"b":"c"}}}', b""),
    "NaN": safetensors(f'{{"a":{entry("U8", rest=""","x":NaN""")}}}', b"0"),
    "zero after the JSON": safetensors("{}\0", b""),
    "two values": safetensors("{}{}", b""),
    "not UTF-8": safetensors(b'{"\xff":1}', b""),
    "unknown type": safetensors(f'{{"a":{entry("F7")}}}', b"0"),
    "past the end": safetensors({"w": tensor(0, 2**40, (2**38,))}),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_headers_are_gaps(data: bytes) -> None:
    reading = read(data, FORMAT)
    assert claims(FORMAT, data) or data[8:9] != b"{"
    assert not complete(reading)


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_cut_anywhere_is_never_complete(data: bytes) -> None:
    for cut in cuts(data):
        assert not complete(read(cut, FORMAT))


def test_header_lengths() -> None:
    assert because(read(safetensors(length=100_000_001), FORMAT)) == {Because.OVER_LIMIT}
    assert because(read(safetensors(length=5000), FORMAT)) == {Because.TRUNCATED}
    assert not claims(FORMAT, safetensors(length=2**63), "a.safetensors")
    assert not claims(FORMAT, b"abcdefgh{}", "a.safetensors")
    limits = Limits(entries=2)
    many = {f"{i}": tensor(0, 0, (0,)) for i in range(3)}
    assert because(read(safetensors(many, b""), FORMAT, limits=limits)) == {Because.OVER_LIMIT}


def test_many_faults_are_told_a_few_times() -> None:
    many = {f"{i}\n": tensor(0, 5, (1,)) for i in range(300)}
    assert len(read(safetensors(many, bytes(5)), FORMAT).facts) < 40


def test_large_metadata_is_walked() -> None:
    header = {"__metadata__": {f"k{i}": "x" * 100 for i in range(5000)}, "w": tensor(0, 16, (4,))}
    assert complete(read(safetensors(header), FORMAT))
    header["__metadata__"]["k"] = 1
    assert not complete(read(safetensors(header), FORMAT))


class Sparse:
    """A huge file of zeros behind `head`."""

    def __init__(self, head: bytes, size: int) -> None:
        self.head, self.size, self.fetched = head, size, 0

    def read(self, start: int, length: int) -> bytes:
        self.fetched += length
        return self.head[start : start + length].ljust(min(length, self.size - start), b"\0")


def test_eight_gigabytes_cost_their_header() -> None:
    size = 24_000_000
    header = {
        f"model.layers.{i}.mlp.up_proj.weight": tensor(i * size, (i + 1) * size, (6000, 1000)) for i in range(360)
    }
    head = safetensors(header, b"")
    source = Sparse(head, len(head) + 360 * size)
    began = time.process_time()
    reading = read_tree(source, "m", "m.safetensors", DEFAULT_LIMITS, [FORMAT], strict=True)
    assert time.process_time() - began < 0.5
    assert reading.coverage.complete
    assert reading.coverage.read_bytes == len(head)
    assert source.fetched < 500_000


@given(st.binary(max_size=80), st.integers(0, 10_000), st.integers(0, 255))
def test_any_bytes_end_well(tail: bytes, at: int, value: int) -> None:
    read(len(tail).to_bytes(8, "little") + tail, FORMAT)
    spoiled = bytearray(GOOD["metadata"])
    spoiled[at % len(spoiled)] = value
    read(bytes(spoiled), FORMAT)


@pytest.fixture(scope="module")
def refused() -> Callable[[bytes], bool]:
    reference: Any = pytest.importorskip("safetensors")

    def refuses(data: bytes) -> bool:
        try:
            reference.deserialize(data)
        except reference.SafetensorError:
            return True
        return False

    return refuses


ALL = {**GOOD, **BROKEN, **{name: data for name, (data, _) in MISDESCRIBED.items()}}


@pytest.mark.parametrize("data", ALL.values(), ids=ALL)
def test_what_the_reference_refuses_is_never_quiet(data: bytes, refused: Callable[[bytes], bool]) -> None:
    reading = read(data, FORMAT)
    assert not refused(data) or not complete(reading) or irregular(reading)


numbers = st.integers(0, 6)
tensors = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["U8", "F16", "F4"]),
        "shape": st.lists(numbers, max_size=2),
        "data_offsets": st.lists(numbers, min_size=2, max_size=2),
    }
)


@given(st.dictionaries(st.sampled_from("abc"), tensors, max_size=3), numbers)
@settings(max_examples=300)
def test_agrees_with_the_reference(
    refused: Callable[[bytes], bool], header: dict[str, dict[str, Any]], size: int
) -> None:
    data = safetensors(header, bytes(size))
    reading = read(data, FORMAT)
    assert refused(data) == bool(not complete(reading) or irregular(reading))
