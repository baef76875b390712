"""Checkpoints of TensorFlow come out bit for bit as TensorFlow reads them, and whatever is odd about one is said."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from modelairlock.disarm.tensorflow import plan_tensorflow
from modelairlock.disarm.tensorflow_names import readable, slice_key
from modelairlock.disarm.tensorflow_texts import read_texts
from modelairlock.encodings.crc32c import crc32c, masked
from modelairlock.limits import Limits
from modelairlock.pipeline import convert as convert_module
from modelairlock.pipeline.convert import Wanted, convert
from modelairlock.pipeline.convert_answer import decode_plan
from modelairlock.reading import Budget, BytesSource, ReadProblem
from modelairlock.records.conversion import ConversionRecord
from modelairlock.records.disarm import Plan, Text, Texts
from modelairlock.records.errors import AirlockError
from tests.build import tensorflow_builder as b
from tests.disarm.convert_help import kept, plain

REAL = Path(__file__).parents[1] / "data" / "checkpoints"
_NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
    "complex64": "C64", "float8_e5m2": "F8_E5M2", "float8_e4m3fn": "F8_E4M3",
}  # fmt: skip
F4 = bytes(range(24))


def put(source: Path | str, tmp_path: Path, **wanted: object) -> ConversionRecord:
    return convert(str(source), str(tmp_path / "out.safetensors"), Wanted(**wanted))


def made(tmp_path: Path, index: bytes, *data: bytes) -> Path:
    """A checkpoint in files."""
    (tmp_path / "c.index").write_bytes(index)
    for number, one in enumerate(data):
        (tmp_path / f"c.data-{number:05}-of-{len(data):05}").write_bytes(one)
    return tmp_path / "c.index"


def plan_of(index: bytes, *sizes: int) -> Plan:
    made = plan_tensorflow(BytesSource(index), Budget(Limits()), sizes)
    assert decode_plan(msgspec.msgpack.encode(made), len(index), *sizes) == made, "what an honest planner says is taken"
    return made


# -- real ones --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["objects", "partitioned", "sharded"])
def test_as_tensorflow_reads_it(tmp_path: Path, name: str) -> None:
    told = put(REAL / name, tmp_path)
    expected = json.loads((REAL / f"{name}.expected.json").read_text("ascii"))
    numbers = {readable(key.encode()): one for key, one in expected.items() if one[0] in _NAMES}
    assert {
        key: (_NAMES[kind], tuple(shape), bytes.fromhex(data)) for key, (kind, shape, data) in numbers.items()
    } == kept(tmp_path)
    lost = {readable(key.encode()) for key, one in expected.items() if one[0] == "complex128"}
    assert {one.where for one in told.lost} == lost
    assert (told.how, told.format, told.outcome) == ("read", "tensorflow", "partly" if lost else "converted")
    texts = {readable(key.encode()): one for key, one in expected.items() if one[0] == "string" and one[2]}
    said = plain(tmp_path) if texts else {}
    assert {key: said[key] for key in texts} == {key: _texts(one[2]) for key, one in texts.items()}


def _texts(value: object) -> object:
    if isinstance(value, list):
        return [_texts(one) for one in value]
    data = bytes.fromhex(str(value))
    return {"$bytes": "/wA="} if data == b"\xff\0" else data.decode()


@pytest.mark.slow
def test_every_name_for_one_checkpoint(tmp_path: Path) -> None:
    for path in (REAL / "sharded.index", *REAL.glob("sharded.data*")):
        shutil.copy(path, tmp_path)
    for source in (tmp_path, tmp_path / "sharded", tmp_path / "sharded.index"):
        told = put(source, tmp_path, force=True)
        assert len(told.tensors) == 3, source
        assert [Path(one.path).name for one in told.inputs] == [
            "sharded.index", "sharded.data-00000-of-00003", "sharded.data-00001-of-00003", "sharded.data-00002-of-00003"
        ]  # fmt: skip
        assert all(one.sha256 for one in told.inputs)


@pytest.mark.slow
def test_the_variables_of_a_saved_model(tmp_path: Path) -> None:
    folder = REAL.parent / "tensorflow" / "module"
    told = put(folder, tmp_path)
    assert kept(tmp_path)["w"] == ("F32", (3, 2), b"\0\0\x80\x3f" * 6)
    assert ([one.where for one in told.dropped], told.outcome) == (["saved_model.pb"], "partly")
    assert put(folder, tmp_path, force=True, strip=True).outcome == "converted"


@pytest.mark.slow
def test_a_program_that_reaches_out_flags_its_variables(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(REAL.parent / "tensorflow" / "module", folder)
    hostile = b.plain(b.const("path", "/etc/passwd"), b.node("read", "ReadFile", "path"))
    (folder / "saved_model.pb").write_bytes(hostile)
    told = put(folder, tmp_path)
    assert (told.outcome, told.output) == ("refused", None)
    assert put(folder, tmp_path, strip=True).outcome == "converted"


@pytest.mark.slow
def test_one_bit_in_the_numbers_is_noticed(tmp_path: Path) -> None:
    for path in REAL.glob("partitioned.*"):
        shutil.copy(path, tmp_path)
    numbers = tmp_path / "partitioned.data-00000-of-00001"
    whole = bytearray(numbers.read_bytes())
    for at in (0, len(whole) - 1):
        whole[at] ^= 1
        numbers.write_bytes(whole)
        told = put(tmp_path / "partitioned", tmp_path)
        assert (told.outcome, told.output) == ("not-converted", None)
        assert "is damaged: its checksum does not fit" in told.reason
        whole[at] ^= 1
    numbers.write_bytes(whole)
    assert put(tmp_path / "partitioned", tmp_path).outcome == "converted"


def test_one_bit_in_the_strings_loses_them() -> None:
    lengths = (2).to_bytes(4, "little") + (3).to_bytes(4, "little")
    middle = masked(crc32c(lengths)).to_bytes(4, "little")
    whole = b"\2\3" + middle + b"ab\xffde"
    text = Text("s", (2,), 0, 11, 1, crc32c(lengths + middle + whole[6:]))

    def read(data: bytes, **other: object) -> Texts:
        return read_texts(BytesSource(data), (msgspec.structs.replace(text, **other),), Limits())

    assert json.loads(read(whole).plain) == {"s": ["ab", {"$bytes": "/2Rl"}]}
    assert json.loads(read(whole, shape=(2, 1)).plain) == {"s": [["ab"], [{"$bytes": "/2Rl"}]]}
    for at in range(len(whole)):
        turned = bytearray(whole)
        turned[at] ^= 0x20
        assert ([one.where for one in read(bytes(turned)).lost], read(bytes(turned)).plain) == (["s"], b"{}"), at
        assert read(whole[:at]).lost, "cut"
    for other in (
        {"shape": (1,)}, {"shape": (3,)}, {"shape": (2**60,)}, {"shape": (2**40, 2**40)}, {"crc32c": 0}, {"start": 1},
        {"end": 10}, {"shape": (0,)},
    ):  # fmt: skip
        assert [one.where for one in read(whole, **other).lost] == ["s"], other


def test_too_many_strings_are_lost_and_not_read() -> None:
    text = Text("s", (1,), 0, 17 * 1024 * 1024, 1, 0)
    [lost] = read_texts(BytesSource(b""), (text,), Limits()).lost
    assert "16777216 bytes of strings" in lost.why


@pytest.mark.slow
def test_more_strings_are_damaged_than_are_listed(tmp_path: Path) -> None:
    entries = [(f"s{at:04}", b.entry(0, 4, kind=7)) for at in range(1100)]
    told = put(made(tmp_path, b.index(*entries, ("w", b.entry(data=F4[:4]))), F4[:4]), tmp_path)
    assert (told.outcome, len(told.lost), told.more_lost) == ("partly", 1000, 100)
    assert set(kept(tmp_path)) == {"w"}


@pytest.mark.slow
def test_strings_of_all_files_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (REAL / "sharded.index", *REAL.glob("sharded.data*")):
        shutil.copy(path, tmp_path)
    put(tmp_path / "sharded", tmp_path)
    assert set(plain(tmp_path)) == {"words0", "words1", "words2"}
    monkeypatch.setattr(convert_module, "PLAIN_BYTES", 40)
    told = put(tmp_path / "sharded", tmp_path, force=True)
    assert (told.outcome, told.plain, [one.what for one in told.lost]) == ("partly", None, ["strings"])
    assert len(told.tensors) == 3


# -- files that belong together ---------------------------------------------------------------------------------------


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    index = made(tmp_path, b.index(("w", b.entry(data=F4[:4]))), F4[:4])
    numbers = tmp_path / "c.data-00000-of-00001"
    with pytest.raises(AirlockError, match="holds the numbers of a checkpoint"):
        put(numbers, tmp_path)
    (tmp_path / "c.data-00001-of-00002").write_bytes(b"")
    with pytest.raises(AirlockError, match="files of numbers for"):
        put(index, tmp_path)
    numbers.unlink()
    with pytest.raises(AirlockError, match="1 of 2 files of numbers are missing"):
        put(index, tmp_path)
    (tmp_path / "c.data-00001-of-00002").rename(tmp_path / "c.data-00002-of-00002")
    with pytest.raises(AirlockError, match="are missing"):
        put(index, tmp_path)
    (tmp_path / "c.data-00002-of-00002").rename(tmp_path / "c.data-00000-of-99999")
    with pytest.raises(AirlockError, match="99999 files"):
        put(index, tmp_path)
    (tmp_path / "d.index").write_bytes(b"")
    with pytest.raises(AirlockError, match="2 checkpoints"):
        put(tmp_path, tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(AirlockError, match="SavedModel without"):
        put(tmp_path, tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    index = made(tmp_path, b.index(("w", b.entry(data=F4[:4]))))
    secret = tmp_path / "elsewhere" / "secret"
    secret.parent.mkdir()
    secret.write_bytes(F4[:4])
    (tmp_path / "c.data-00000-of-00001").symlink_to(secret)
    with pytest.raises(AirlockError, match="a link out of its folder"):
        put(index, tmp_path)
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.slow
def test_nor_is_the_output_one_of_the_inputs(tmp_path: Path) -> None:
    index = made(tmp_path, b.index(("w", b.entry(data=F4[:4]))), F4[:4])
    for name in ("c.index", "c.data-00000-of-00001"):
        with pytest.raises(AirlockError, match="it is the input"):
            convert(str(index), str(tmp_path / name), Wanted(force=True))


@pytest.mark.slow
def test_an_index_without_its_numbers(tmp_path: Path) -> None:
    told = put(made(tmp_path, b.index(("w", b.entry()))), tmp_path)
    assert (told.outcome, "not beside the index" in told.reason) == ("not-converted", True)
    told = put(made(tmp_path, b.index(("w", b.entry()), shards=3), F4), tmp_path)
    assert (told.outcome, "says 3 files" in told.reason) == ("not-converted", True)


# -- what an index may say --------------------------------------------------------------------------------------------


def test_names() -> None:
    for key, name in {
        "a/b/.ATTRIBUTES/VARIABLE_VALUE": "a.b",
        "a/b.Sc..d/.ATTRIBUTES/VARIABLE_VALUE": "a.b/c.d",
        "a/..S/.ATTRIBUTES/VARIABLE_VALUE": "a..S",
        "w/.OPTIMIZER_SLOT/opt/m/.ATTRIBUTES/VARIABLE_VALUE": "w.OPTIMIZER_SLOT.opt.m",
        "table/.ATTRIBUTES/table-keys": "table.table-keys",
        "scope/kernel/Adam": "scope.kernel.Adam",
        "dots..in/old": "dots..in.old",
        "save_counter/.ATTRIBUTES/VARIABLE_VALUE": "save_counter",
    }.items():
        assert readable(key.encode()) == name


def test_keys_of_slices() -> None:
    """As tensorflow/core/util/saved_tensor_slice_util.cc writes them; the first is from a real index."""
    assert slice_key(b"rows", [(4, 3), (0, 3)]) == b"\0rows\0\1\1\2\x84\x83\x80\x83"
    assert slice_key(b"a\0\xff", [(0, -1)]) == b"\0a\0\xff\xff\0\0\1\1\1\x80\x7f"
    assert slice_key(b"w", [(63, 64)])[-3:] == b"\xbf\xc0\x40"
    assert slice_key(b"w", [(8191, 8192)])[-5:] == b"\xdf\xff\xe0\x20\x00"


def test_what_does_not_fit_is_lost() -> None:
    for entry in (
        b.entry(0, 5), b.entry(21), b.entry(2**62, 4), b.entry(0, 4, 1), b.entry(0, 4, 2**40), b.entry(kind=18),
        b.entry(kind=20), b.entry(kind=99), b.entry(0, 4, shape=(2,)), b.entry(0, 0, shape=(2**40, 2**40)),
        b.entry(0, 4, shape=(2**63,)), b.entry(0, 30, kind=7), b.entry(shape=(1,) * 40, size=4),
        b"\x08\x01\x77", b.entry() + b.number(9, 1), b.entry(0, 4, shape=(1,)) + b.entry(0, 4, shape=(1,)),
        b.entry(slices=[((0, 1),)]), b.entry(slices=[((0, 1), (0, 1))]), b.entry(0, 4, kind=7, slices=[((0, 1),)]),
    ):  # fmt: skip
        plan = plan_of(b.index(("good", b.entry(20)), ("w", entry)), 24)
        assert [one.key for one in plan.tensors] == ["good"], entry
        assert [one.where for one in plan.lost] == ["w"], entry
        assert not plan.texts
    for name in ("x/.S.....S/.ATTRIBUTES/VARIABLE_VALUE", "a\x1b[2J", "x" * 2000, "__metadata__"):
        plan = plan_of(b.index((name, b.entry())), 24)
        assert (plan.tensors, len(plan.lost)) == ((), 1), name
        if name != "__metadata__":
            plan = plan_of(b.index((name, b.entry(kind=7))), 24)
            assert (plan.texts, len(plan.lost)) == ((), 1), name
    twice = plan_of(b.index(("a.b", b.entry()), ("a/b", b.entry(4))), 24)
    assert (twice.tensors, len(twice.lost)) == ((), 1)
    texts = plan_of(b.index(("a.b", b.entry(kind=7)), ("a/b", b.entry(4, kind=7)), ("c", b.entry(kind=7))), 24)
    assert ([one.key for one in texts.texts], [one.where for one in texts.lost]) == (["c"], ["a.b"])


def slices(*extents: tuple[tuple[int, int], ...], shape: tuple[int, ...] = (4, 2)) -> bytes:
    parts = []
    for one in extents:
        size = tuple(length if part < 0 else part for (_, part), length in zip(one, shape, strict=True))
        count = size[0] * size[1]
        parts.append((slice_key(b"w", one), b.entry(0, 4 * count, shape=size, data=F4[: 4 * count])))
    whole = b.entry(0, 0, shape=shape, slices=extents)
    return b.index(*sorted(dict(parts).items()), ("w", whole))


def test_slices_must_make_up_their_tensor() -> None:
    for good in (
        slices(((0, 2), (0, 2)), ((2, 2), (0, 2))),
        slices(((0, 1), (0, 2)), ((1, 3), (0, 2))),
        slices(((0, 2), (0, 1)), ((2, 2), (0, 1)), ((0, 2), (1, 1)), ((2, 2), (1, 1))),
        slices(((0, -1), (0, 1)), ((0, -1), (1, 1))),
    ):
        [tensor] = plan_of(good, 24).tensors
        assert tensor.shape == (4, 2)
    for bad in (
        slices(((0, 2), (0, 2))),
        slices(((0, 2), (0, 2)), ((0, 2), (0, 2))),
        slices(((0, 2), (0, 2)), ((1, 3), (0, 2))),
        slices(((0, 2), (0, 2)), ((3, 1), (0, 2))),
        slices(((0, 2), (0, 2)), ((2, 3), (0, 2))),
        slices(((0, 2), (0, 2)), ((2, 0), (0, 2)), ((2, 2), (0, 2))),
        slices(((0, 2), (0, 1)), ((2, 2), (0, 1)), ((0, 4), (1, 1))),
    ):
        plan = plan_of(bad, 24)
        assert ([one.where for one in plan.lost], plan.tensors) == (["w"], ())


@pytest.mark.slow
def test_slices_are_put_where_they_belong(tmp_path: Path) -> None:
    from modelairlock.pipeline import gather

    a, c = bytes(range(8)), bytes(range(100, 108))
    parts = (((0, 2), (0, 1)), a), (((0, 2), (1, 1)), c)
    entries = [
        (slice_key(b"w", one), b.entry(8 * at, 8, shape=(2, 1), data=data)) for at, (one, data) in enumerate(parts)
    ]
    index = b.index(*sorted(entries), ("w", b.entry(0, 0, shape=(2, 2), slices=[one for one, _ in parts])))
    put(made(tmp_path, index, a + c), tmp_path)
    whole = a[:4] + c[:4] + a[4:] + c[4:]
    assert kept(tmp_path) == {"w": ("F32", (2, 2), whole)}
    before, gather._BLOCK = gather._BLOCK, 4
    try:
        put(tmp_path / "c", tmp_path, force=True)
        assert kept(tmp_path) == {"w": ("F32", (2, 2), whole)}
        gather._BLOCK = 2
        put(tmp_path / "c", tmp_path, force=True)
        assert kept(tmp_path) == {"w": ("F32", (2, 2), whole)}
    finally:
        gather._BLOCK = before


@pytest.mark.slow
def test_numbers_in_the_other_order(tmp_path: Path) -> None:
    data = b"\x3f\x80\0\0"
    put(made(tmp_path, b.index(("w", b.entry(data=data)), big=True), data), tmp_path)
    assert kept(tmp_path) == {"w": ("F32", (1,), data[::-1])}


def test_an_order_that_there_is_not_is_refused() -> None:
    """protobuf keeps 32 bits of it, in which this one is big-endian."""
    index = b.index(("w", b.entry()), order=2**32 + 1)
    with pytest.raises(ReadProblem, match="for their order"):
        plan_of(index, 24)


@pytest.mark.parametrize("name", ["objects", "partitioned", "sharded"])
def test_a_changed_index_is_refused(name: str) -> None:
    """Each block has a sum, so a changed byte in one is never planned with."""
    data = (REAL / f"{name}.index").read_bytes()
    sizes = tuple(path.stat().st_size for path in sorted(REAL.glob(f"{name}.data*")))
    whole = plan_of(data, *sizes)
    for at in range(len(data)):
        turned = bytearray(data)
        turned[at] ^= 0x41
        try:
            assert plan_of(bytes(turned), *sizes) == whole, at
        except ReadProblem:
            continue
    for end in range(len(data)):
        with pytest.raises(ReadProblem):
            plan_tensorflow(BytesSource(data[:end]), Budget(Limits()), sizes)
