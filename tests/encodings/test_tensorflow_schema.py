"""Tables of fields: what they know, and whether TensorFlow's own descriptors know the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelairlock.encodings.protobuf import Window, fields
from modelairlock.encodings.tensorflow.schema import TABLES, account, known
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource, Cursor, ReadProblem
from tests.build.tensorflow_builder import field, number, varint

#: our names of theirs; entries of maps are messages of their own there
THEIRS = {
    "OpList": "OpList", "OpDef": "OpDef", "ArgDef": "OpDef.ArgDef", "AttrDef": "OpDef.AttrDef",
    "AttrValue": "AttrValue", "AttrList": "AttrValue.ListValue", "NameAttrList": "NameAttrList",
    "Tensor": "TensorProto",
    "Shape": "TensorShapeProto", "FullType": "FullTypeDef", "MetaInfo": "MetaGraphDef.MetaInfoDef",
    "Versions": "VersionDef", "DebugInfo": "GraphDebugInfo", "Saver": "SaverDef", "Signature": "SignatureDef",
    "TensorInfo": "TensorInfo", "TypeSpec": "TypeSpecProto", "Structured": "StructuredValue",
    "Concrete": "SavedConcreteFunction", "SavedObject": "SavedObject", "Variable": "SavedVariable",
    "FunctionSpec": "FunctionSpec", "Bare": "SavedBareConcreteFunction", "Asset": "AssetFileDef",
    "Fingerprint": "FingerprintDef", "BundleHeader": "BundleHeaderProto", "BundleEntry": "BundleEntryProto",
}  # fmt: skip
#: objects are read by readers of their own
LEFT_OUT = {("Tensor", 14), ("Tensor", 15)}


def messages(name: str) -> st.SearchStrategy[bytes]:
    """Messages that a table knows, to a depth of three."""
    return _messages(name, 3)


def _messages(name: str, depth: int) -> st.SearchStrategy[bytes]:
    parts: list[st.SearchStrategy[bytes]] = []
    names = {id(table): key for key, table in TABLES.items()}
    for tag, sub in TABLES[name].items():
        number_, wire = tag >> 3, tag & 7
        if wire == 0:
            parts.append(st.integers(0, 2**64 - 1).map(lambda value, at=number_: number(at, value)))
        elif wire in (1, 5):
            parts.append(
                st.binary(min_size=8, max_size=8).map(
                    lambda raw, tag=tag: varint(tag) + raw[: 8 if tag & 7 == 1 else 4]
                )
            )
        elif sub is None:
            parts.append(st.binary(max_size=300).map(lambda raw, at=number_: field(at, raw)))
        elif depth:
            parts.append(_messages(names[id(sub)], depth - 1).map(lambda raw, at=number_: field(at, raw)))
    return st.lists(st.one_of(parts), max_size=4).map(b"".join) if parts else st.just(b"")


# Building deep messages takes its time, and more of it where others use the machine as well.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["SavedObject", "Structured", "OpDef", "Tensor", "BundleEntry"]).flatmap(
    lambda name: st.tuples(st.just(name), messages(name))
))  # fmt: skip
@pytest.mark.slow
def test_what_it_knows_it_knows(case: tuple[str, bytes]) -> None:
    name, data = case
    assert known(data, 0, len(data), TABLES[name])
    assert not known(data + field(77, b"x"), 0, len(data) + 4, TABLES[name])
    cursor = Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS))
    assert list(account(Window(cursor), 0, len(data), name)) == []
    assert cursor.counted().total() == len(data)


@given(st.binary(max_size=60), st.sampled_from(sorted(TABLES)))
def test_what_it_knows_is_a_message(data: bytes, name: str) -> None:
    """The quick look never calls whole what the walk calls damaged."""
    if known(data, 0, len(data), TABLES[name]):
        try:
            list(fields(Window(Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS))), 0, len(data)))
        except ReadProblem as problem:
            pytest.fail(str(problem))


def test_numbers_of_ten_bytes() -> None:
    for last, whole in ((1, True), (2, False)):
        data = b"\x08" + b"\xff" * 9 + bytes([last])
        assert known(data * 5000, 0, len(data) * 5000, TABLES["Index"]) is whole
    assert not known(b"\x08" + b"\x80" * 10 + b"\x01", 0, 12, TABLES["Index"])


@pytest.mark.frameworks
def test_tensorflow_knows_the_same_fields() -> None:
    pytest.importorskip("tensorflow")
    from google.protobuf import descriptor_pool
    from tensorflow.core.protobuf import fingerprint_pb2, saved_model_pb2, tensor_bundle_pb2

    assert saved_model_pb2
    assert fingerprint_pb2
    assert tensor_bundle_pb2
    pool = descriptor_pool.Default()
    for ours, theirs in THEIRS.items():
        numbers = {one.number for one in pool.FindMessageTypeByName(f"tensorflow.{theirs}").fields}
        assert {tag >> 3 for tag in TABLES[ours]} | {at for name, at in LEFT_OUT if name == ours} == numbers, ours
