"""HDF5 by hand, by h5py and by Keras: what is in it, what it reaches for, and what is left when all of it is read."""

import json
import zipfile
import zlib
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.encodings.hdf5 import dense, hdf5_facts
from modelairlock.formats import pickle as pickle_format
from modelairlock.formats import zlib as zlib_format
from modelairlock.formats.hdf5 import FORMAT
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.reading import Budget, BytesSource, Cursor
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Call, Irregularity, Member, Reference
from modelairlock.records.reading import Reading
from tests.build import hdf5_builder as h
from tests.build.hdf5_builder import File, OldFile
from tests.build.sample import evil, harmless
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, kinds_of, probe, read, tree, walk

DATA = Path(__file__).resolve().parent.parent / "data" / "hdf5"
KNOWN = (FORMAT, pickle_format.FORMAT)


def example() -> bytes:
    """What fuzzing starts from."""
    return h.small()


def examples() -> dict[str, bytes]:
    return {
        **{f"version {version}": h.small(version) for version in range(4)},
        "user block": h.small(2, bytes(512)),
        "old, user block": h.small(0, bytes(1024)),
        "keras": h.keras(),
        "keras inline": h.keras(inline=True),
    }


@pytest.mark.parametrize("data", examples().values(), ids=examples())
def test_hit(data: bytes) -> None:
    assert FORMAT.claims(probe(data))
    facts, gaps, cursor = read(FORMAT, data)
    assert gaps == []
    assert not [fact for fact in facts if isinstance(fact, Irregularity)]
    assert cursor.passed.total() <= 16


def kept(archive: str) -> dict[str, bytes]:
    with zipfile.ZipFile(DATA / archive) as files:
        return {info.filename: files.read(info) for info in files.infolist()}


H5PY = kept("h5py.zip")


@pytest.mark.parametrize("name", [name for name in H5PY if name.endswith(".h5")])
def test_agrees_with_h5py(name: str) -> None:
    found = set()
    cursor = Cursor(BytesSource(H5PY[name]), name, Budget(DEFAULT_LIMITS))
    list(hdf5_facts(cursor, lambda kind, path: found.add((kind, path))))
    assert found == {tuple(one) for one in json.loads(H5PY[name.replace(".h5", ".json")])}
    facts, gaps, _ = read(FORMAT, H5PY[name])
    assert gaps == []
    assert not [fact for fact in facts if isinstance(fact, Irregularity)]


@pytest.mark.parametrize(("name", "config"), [("small.h5", True), ("small.weights.h5", False)])
def test_what_keras_writes(name: str, config: bool) -> None:
    data = kept("keras.zip")[name]
    facts, gaps, _ = read(FORMAT, data)
    assert gaps == []
    members = [fact for fact in facts if isinstance(fact, Member) and fact.role != "raw"]
    assert [(one.name, one.role) for one in members] == (
        [("/@model_config", "keras-config"), ("/@training_config", "keras-config")] if config else []
    )
    for one in members:
        assert isinstance(json.loads(data[one.span.start : one.span.end]), dict)


@pytest.mark.parametrize("place", [0, 512, 1024, 65536, 131072])
def test_the_signature_may_stand_at_powers_of_two(place: int) -> None:
    assert FORMAT.claims(probe(h.small(2, bytes(place))))
    assert read(FORMAT, h.small(2, bytes(place))).gaps == []


@pytest.mark.parametrize(
    "data", [b"", b"\x89HDF", b"\x89HDF\r\n\x1a\0", bytes(511) + h.SIGNATURE, bytes(1536) + h.SIGNATURE, b"PK\x03\x04"]
)
def test_miss(data: bytes) -> None:
    assert not FORMAT.claims(probe(data))


@pytest.mark.parametrize("version", range(4))
def test_damaged(version: int) -> None:
    cut_everywhere(h.small(version), FORMAT)
    cut_everywhere(h.keras(inline=True), FORMAT)


@pytest.mark.parametrize(
    "name", ["kinds-latest.h5", "chunked-latest.h5", "many_attributes-latest.h5", "simple-persist.h5"]
)
def test_real_files_damaged(name: str) -> None:
    data = H5PY[name]
    for length in range(8, len(data), 97):
        assert gaps_of(tree(data[:length], FORMAT)), length


@pytest.mark.slow
def test_changed() -> None:
    change_everywhere(h.keras(inline=True), FORMAT)
    change_everywhere(h.small(0), FORMAT)


@pytest.mark.parametrize("name", [name for name in H5PY if name.endswith(".h5")])
@pytest.mark.slow
def test_real_files_changed(name: str) -> None:
    data = H5PY[name]
    step = 1 + len(data) // 60
    for position in range(0, len(data), step):
        for value in (0, 0xFF, data[position] ^ 1):
            tree(data[:position] + bytes([value]) + data[position + 1 :], FORMAT)


@given(st.binary(max_size=200), st.integers(0, 5000))
def test_any_bytes_end_well(piece: bytes, at: int) -> None:
    for data in (h.small(), h.small(0)):
        at %= len(data)
        tree(data[:at] + piece + data[at + len(piece) :], FORMAT)


# -- what a file reaches for ----------------------------------------------------------------------------------


def references(data: bytes) -> list[tuple[str, str, str]]:
    facts, gaps, _ = read(FORMAT, data)
    assert gaps == []
    return [(fact.kind, fact.target, fact.where) for fact in facts if isinstance(fact, Reference)]


def test_links() -> None:
    file = File()
    data = file.whole(file.folder(h.soft("a", "/b"), h.external("c", "other.h5", "/d")))
    assert references(data) == [("soft-link", "/b", "/a"), ("external-link", "other.h5:/d", "/c")]


def test_a_link_of_another_kind_is_a_gap() -> None:
    file = File()
    [gap] = read(FORMAT, file.whole(file.folder(h.external("c", "x", "/d", kind=77)))).gaps[:1]
    assert gap.because is Because.UNSUPPORTED
    assert "'c', a link of the user-defined kind 77" in gap.detail


def test_external_storage() -> None:
    file = File()
    file.add(b"")
    heap = len(file.data)
    names = b"\0" * 8 + b"/etc/passwd\0\0\0\0\0"
    file.add(b"HEAP\0\0\0\0" + pack("<QQQ", len(names), 1, heap + 32) + names)
    listed = 7, pack("<BBHHHQ", 1, 0, 0, 1, 1, heap) + pack("<QQQ", 8, 100, 8)
    data = file.whole(file.folder(h.link("w", file.dataset(None, h.FLOAT, h.shape(2), listed, size=8))))
    facts = read(FORMAT, data).facts
    [one] = [fact for fact in facts if isinstance(fact, Reference)]
    assert (one.kind, one.target, one.where, one.start, one.length) == (
        "external-storage", "/etc/passwd", "/w", 100, 8,
    )  # fmt: skip


def virtual(*files: str) -> bytes:
    file = File()
    every = pack("<IIII", 3, 1, 0, 0)
    listed = b"".join(name.encode() + b"\0/data\0" + 2 * every for name in files)
    heap = file.heap(b"\0" + pack("<Q", len(files)) + listed + bytes(4))
    layout = 8, b"\x04\x03" + pack("<QI", heap, 1)
    return file.whole(file.folder(h.link("v", file.header((1, h.shape(2)), (3, h.FLOAT), layout))))


def test_virtual_datasets() -> None:
    assert references(virtual("a.h5", ".", "/b.h5")) == [
        ("virtual-dataset", "a.h5:/data", "/v"),
        ("virtual-dataset", "/b.h5:/data", "/v"),
    ]
    assert references(virtual(".")) == []


def test_filters() -> None:
    file = File()
    chunk = file.add(bytes(8))
    layout = 8, bytes((4, 2, 2, 2, 1, 2, 4, 1)) + pack("<QIQ", 8, 0, chunk)
    dataset = file.header((1, h.shape(2)), (3, h.FLOAT), layout, h.filters(1, 2, 31300, 32015))
    assert references(file.whole(file.folder(h.link("f", dataset)))) == [
        ("filter-plugin", "31300 named", "/f"),
        ("filter-plugin", "32015 named", "/f"),
    ]


def test_many_references_are_told_a_few_times() -> None:
    file = File()
    facts = read(FORMAT, file.whole(file.folder(*[h.soft(f"{number}", "/b") for number in range(500)]))).facts
    assert len(facts) == 201
    assert sum(fact.count for fact in facts if isinstance(fact, Reference)) == 500


# -- what is inside ------------------------------------------------------------------------------------------


def acting(data: bytes) -> list[str]:
    """The members in which a pickle calls something."""
    reading = tree(data, *KNOWN)
    return [one.name for one in walk(reading) if any(isinstance(fact, Call) for fact in one.facts)]


def pickles(reading: Reading) -> list[str]:
    """The members that are read as pickles."""
    return [one.name for one in reading.members if "pickle" in one.formats]


def with_attribute(message: tuple[int, bytes]) -> bytes:
    file = File()
    return file.whole(file.folder(message))


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_pickled_attributes(protocol: int) -> None:
    payload = evil(protocol=protocol)
    assert acting(with_attribute(h.text_attribute("any", payload))) == ["/@any"]
    assert acting(with_attribute(h.text_attribute("any", payload + bytes(9)))) == ["/@any"]
    as_bytes = 0x0C, h.attribute("any", h.BYTE, h.shape(len(payload)), payload)
    assert acting(with_attribute(as_bytes)) == ["/@any"]


def test_pickled_attributes_in_a_heap() -> None:
    file = File()
    reading = tree(file.whole(file.folder(file.variable_attribute("any", evil()))), *KNOWN)
    assert pickles(reading) == ["/@any"]
    assert kinds_of(reading) == ["hdf5-text-after-zero"]
    assert gaps_of(reading) == []


def test_harmless_texts_and_pickles_are_quiet() -> None:
    for value in (b"A sentence.", b"Model.", b"caf\xc3\xa9", harmless(), b"N."):
        reading = tree(with_attribute(h.text_attribute("any", value)), *KNOWN)
        assert gaps_of(reading) == []
        assert not pickles(reading)


@pytest.mark.parametrize("inline", [True, False])
def test_a_configuration_is_a_member_wherever_it_stands(inline: bool) -> None:
    config = b'{"class_name": "Lambda"}'
    data = h.keras(config, inline=inline)
    [member] = [fact for fact in read(FORMAT, data).members if fact.role == "keras-config"]
    assert data[member.span.start : member.span.end] == config


@pytest.mark.parametrize("name", [b"model_config\0", b"model_config\0junk\0", b"model_config\0junk", b"model_config."])
def test_a_name_is_what_libhdf5_makes_of_it(name: bytes) -> None:
    body = h.attribute("x" * (len(name) - 1), h.string(2), h.SCALAR, b"{}")
    facts, gaps, _ = read(FORMAT, with_attribute((0x0C, body.replace(b"x" * (len(name) - 1) + b"\0", name))))
    assert gaps == []
    assert [one.role for one in facts if isinstance(one, Member)] == ["keras-config"]
    odd = [one.kind for one in facts if isinstance(one, Irregularity)]
    assert odd == ([] if name == b"model_config\0" else ["hdf5-names-disagree"])


def test_a_text_that_goes_on_behind_a_zero() -> None:
    facts, gaps, _ = read(FORMAT, h.keras(b'{"a": 1}\0{"b": 2}'))
    assert gaps == []
    assert [fact.kind for fact in facts if isinstance(fact, Irregularity)] == ["hdf5-text-after-zero"]
    [member] = [fact for fact in facts if isinstance(fact, Member) and fact.role == "keras-config"]
    assert member.span.end - member.span.start == 8


def rows(payload: bytes, *, objects: bool) -> bytes:
    file = File()
    heap = file.heap(payload)
    marked = [h.text_attribute("PSEUDOATOM", b"object")] if objects else []
    kind = h.variable(text=False)
    dataset = file.dataset(pack("<IQI", len(payload), heap, 1), kind, h.shape(1), *marked)
    return file.whole(file.folder(h.link("rows", dataset)))


def test_rows_of_objects_are_pickles() -> None:
    assert acting(rows(evil(), objects=True)) == ["/rows"]
    assert acting(rows(evil(), objects=False)) == ["/rows"]
    [member] = tree(rows(harmless(), objects=True), *KNOWN).members
    assert member.formats == ("pickle",)
    assert not pickles(tree(rows(harmless(), objects=False), *KNOWN))


def test_bytes_as_elements() -> None:
    file = File()
    dataset = file.dataset(evil(), h.BYTE, h.shape(len(evil())))
    assert acting(file.whole(file.folder(h.link("bytes", dataset)))) == ["/bytes"]


def packed(content: bytes, *numbers: int, mask: int = 0, tail: bytes = b"") -> bytes:
    """A dataset of bytes in one chunk that went through filters."""
    file = File()
    chunk = file.add(zlib.compress(content) + tail)
    size = len(file.data) - chunk
    layout = 8, bytes((4, 2, 2, 2, 2)) + pack("<HHBQIQ", len(content), 1, 1, size, mask, chunk)
    one = file.header((1, h.shape(len(content))), (3, h.BYTE), layout, h.filters(*numbers))
    return file.whole(file.folder(h.link("model", one)))


def test_compressed_bytes() -> None:
    payload = evil()
    known = (*KNOWN, zlib_format.FORMAT)
    for data in (packed(payload, 1), packed(payload, 2, 1), packed(payload, 1, 3, tail=b"sums")):
        reading = tree(data, *known)
        assert gaps_of(reading) == []
        assert any(isinstance(fact, Call) for one in walk(reading) for fact in one.facts)
    for data in (packed(payload, 1, mask=1), packed(payload, 4)):
        assert gaps_of(tree(data, *known)) == []


@pytest.mark.parametrize("before", [b"", b"\1" * 40], ids=["first", "behind others"])
def test_bytes_that_nothing_refers_to(before: bytes) -> None:
    file = File()
    file.add(before + evil())
    file.add(bytes(64))
    assert acting(file.whole(file.folder(h.text_attribute("a", b"b"))))
    stale = File()
    stale.add(b"stale bytes of something that was moved \1\2\3")
    reading = tree(stale.whole(stale.folder(h.text_attribute("a", b"b"))), *KNOWN)
    assert gaps_of(reading) == []
    assert not pickles(reading)


def test_a_heap_that_only_compressed_elements_refer_to() -> None:
    file = File()
    file.heap(b"text", evil())
    assert acting(file.whole(file.folder(h.text_attribute("a", b"b"))))


def test_what_stands_before_and_behind() -> None:
    before = tree(h.small(2, evil().ljust(512, b"\0")), *KNOWN)
    assert before.formats == ("hdf5", "pickle")
    assert gaps_of(tree(h.small(2, b"text".ljust(512, b"\0")), FORMAT, pickle_format.FORMAT)) == []  # plain reads it
    file = File()
    behind = file.whole(file.folder(h.text_attribute("a", b"b")), tail=evil())
    assert kinds_of(tree(behind, *KNOWN)) == ["hdf5-bytes-after-end"]
    assert acting(behind) == ["bytes after the end"]
    file = File()
    assert gaps_of(tree(file.whole(file.folder(), tail=bytes(100)), FORMAT)) == []


# -- where it is at odds with itself ---------------------------------------------------------------------------


def kinds(data: bytes) -> list[str]:
    return read(FORMAT, data).kinds


def test_names_that_disagree() -> None:
    file = File()
    one = file.dataset(bytes(8))
    assert kinds(file.whole(file.folder(h.link("a", one), h.link("a", one)))) == ["hdf5-names-disagree"]
    assert kinds(with_attribute(h.text_attribute("a", b"b"))) == []
    file = File()
    twice = file.folder(h.text_attribute("a", b"b"), h.text_attribute("a", b"c"))
    assert kinds(file.whole(twice)) == ["hdf5-names-disagree"]
    old = OldFile()
    weights = old.dataset(bytes(8))
    assert kinds(old.whole(old.group([("b", weights), ("a", weights)]))) == ["hdf5-names-disagree"]


def test_messages_that_stand_twice() -> None:
    file = File()
    layouts = [(8, bytes((3, 1)) + pack("<QQ", file.add(bytes(8)), 8)) for _ in range(2)]
    data = file.whole(file.folder(h.link("w", file.header((1, h.shape(2)), (3, h.FLOAT), *layouts))))
    assert kinds(data) == ["hdf5-names-disagree"]


@pytest.mark.parametrize("name", [b"a/b", b"a\0b", b"", b"."])
def test_odd_names(name: bytes) -> None:
    file = File()
    assert kinds(file.whole(file.folder(h.link(name, file.dataset(bytes(8)))))) == ["hdf5-name-odd"]


def test_more_links_or_attributes_in_a_heap_than_are_kept_in_mind_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped() -> list[str]:
        readings = {name: tree(data, *KNOWN) for name, data in H5PY.items()}
        return [name for name, reading in readings.items() if "attributes in one heap" in str(gaps_of(reading))]

    assert stopped() == []
    monkeypatch.setattr(dense, "_KEPT", 3)
    assert stopped()


def test_cycles_end() -> None:
    file = File()
    root = len(file.data)
    assert file.folder(h.link("again", root)) == root
    assert kinds(file.whole(root)) == ["hdf5-cycle"]


def test_checksums() -> None:
    data = bytearray(h.small())
    at = data.rfind(b"OHDR") + 6 + 4 + 4 + 2
    data[at] ^= 1
    assert "hdf5-checksum-differs" in kinds(bytes(data))


def test_shape_bombs() -> None:
    file = File()
    assert kinds(file.whole(file.folder(h.link("w", file.dataset(None, h.FLOAT, h.shape(1 << 40)))))) == [
        "hdf5-shape-bomb"
    ]
    file = File()
    many = [h.link(f"{one}", file.dataset(None, h.FLOAT, h.shape(1 << 27))) for one in range(20)]
    assert kinds(file.whole(file.folder(*many))) == ["hdf5-shape-bomb"]
    file = File()
    assert kinds(file.whole(file.folder(h.link("w", file.dataset(None, h.FLOAT, h.shape(1 << 20)))))) == []


def test_elements_that_are_shared_or_do_not_fit() -> None:
    file = File()
    place = file.add(bytes(4000))
    layout = 8, bytes((3, 1)) + pack("<QQ", place, 4000)
    same = [file.header((1, h.shape(1000)), (3, h.FLOAT), layout) for _ in range(5)]
    links = [h.link(f"{number}", one) for number, one in enumerate(same)]
    assert kinds(file.whole(file.folder(*links))) == ["hdf5-elements-shared"]
    file = File()
    short = file.dataset(bytes(8), h.FLOAT, h.shape(3))
    assert kinds(file.whole(file.folder(h.link("w", short)))) == ["hdf5-size-differs"]


def test_elements_beyond_the_end_are_a_gap() -> None:
    file = File()
    layout = 8, bytes((3, 1)) + pack("<QQ", 1 << 40, 8)
    beyond = file.header((1, h.shape(2)), (3, h.FLOAT), layout)
    gaps = read(FORMAT, file.whole(file.folder(h.link("w", beyond)))).gaps
    assert any("expected elements within the file" in gap.detail for gap in gaps)


@pytest.mark.parametrize(
    ("kind", "says"),
    [(0x0F, "messages that objects share"), (0x14, "a driver block"), (0x18, "a copy of the metadata")],
)
def test_what_is_kept_otherwise_is_a_gap(kind: int, says: str) -> None:
    file = File()
    extension = file.header((kind, bytes(24)))
    gaps = read(FORMAT, file.whole(file.folder(), extension=extension)).gaps
    assert says in gaps[0].detail


def test_a_message_of_an_unknown_kind_is_a_gap() -> None:
    file = File()
    gaps = read(FORMAT, file.whole(file.folder((0x42, b"??")))).gaps
    assert (gaps[0].because, "a message of kind 66" in gaps[0].detail) == (Because.UNSUPPORTED, True)


def test_what_libhdf5_hangs_or_dies_on_is_a_gap() -> None:
    data = bytearray(h.keras())
    at = data.find(b"GCOL") + 16 + 16 + 56 + 8  # the size of the free room
    assert int.from_bytes(data[at : at + 8], "little") == 4096 - 88
    data[at] ^= 8
    assert "expected 4008 bytes of free room" in read(FORMAT, bytes(data)).gaps[0].detail
    file = File()
    kind = b"\x19\x02" + h.variable()[2:]
    reading = read(FORMAT, file.whole(file.folder((0x0C, h.attribute("a", kind, h.SCALAR, bytes(16))))))
    assert "expected a sequence or a text of variable length" in reading.gaps[0].detail


# -- limits ----------------------------------------------------------------------------------------------------


def test_depth_and_counts_are_bounded() -> None:
    file = File()
    inner = file.folder()
    for _ in range(600):
        inner = file.folder(h.link("g", inner))
    gaps = read(FORMAT, file.whole(inner)).gaps
    assert "groups nested more than 512 deep" in gaps[0].detail
    small = read(FORMAT, h.small(), limits=Limits(entries=3)).gaps
    assert small[0].because is Because.OVER_LIMIT
