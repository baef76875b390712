"""HDF5, Keras archives and safetensors, without the frameworks that write them."""

from pathlib import Path

import msgspec
import pytest

from modelairlock.pipeline.convert_answer import decode_plain
from tests.build import hdf5_builder as h
from tests.build import keras_builder
from tests.build.safetensors_builder import safetensors, tensor
from tests.build.zip_builder import Entry
from tests.disarm.convert_help import converted, kept, plain, planned

NUMBERS = bytes(range(16))


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_datasets_are_tensors_and_attributes_plain_data(version: int) -> None:
    plan = planned(h.small(version))
    assert not plan.refused
    names = {"a.kernel", "b"} if version < 2 else {"a.kernel"}
    assert {(one.key, one.dtype, one.shape) for one in plan.tensors} == {(name, "F32", (2,)) for name in names}
    attributes = msgspec.json.decode(plan.plain)["attributes"]["/"]
    assert attributes == ({"name": "text"} if version < 2 else {"name": "text", "long": "some text"})


def test_what_an_hdf5_file_does_not_hold_is_lost() -> None:
    file = h.File()
    links = [
        h.link("fine", file.dataset(NUMBERS)),
        h.link("short", file.dataset(NUMBERS, h.FLOAT, h.shape(8))),
        h.link("absent", file.dataset(None, h.FLOAT, h.shape(4))),
        h.link("huge", file.dataset(NUMBERS, h.FLOAT, h.shape(2**62))),
        h.link("text", file.dataset(NUMBERS, h.string(4), h.shape(4))),
        h.link("filtered", file.dataset(NUMBERS, h.FLOAT, h.shape(4), h.filters(1))),
        h.link("e\x1b[31m", file.dataset(NUMBERS)),
        h.soft("soft", "/fine"),
        h.external("outside", "/etc/passwd", "/x"),
    ]
    plan = planned(file.whole(file.folder(*links)))
    assert [one.key for one in plan.tensors] == ["fine"], plan
    assert len(plan.lost) == 8
    assert all(note.where.isprintable() for note in plan.lost)


def test_a_keras_archive(tmp_path: Path) -> None:
    weights = Entry("model.weights.h5", h.small())
    more = Entry("assets/x.txt", b"text")
    data = keras_builder.archive(keras_builder.honest(), more, weights=weights)
    told = converted(tmp_path, data)
    assert (told.outcome, told.format) == ("partly", "keras"), told
    assert [one.where for one in told.dropped] == ["assets/x.txt"]
    assert set(kept(tmp_path)) == {"a.kernel"}
    assert plain(tmp_path)["config.json"]["class_name"] == "Functional"
    assert planned(keras_builder.archive(b"not json", weights=weights)).tensors
    assert planned(keras_builder.archive(b"{}", Entry("CONFIG.json", b"{}"), weights=weights)).refused


@pytest.mark.parametrize(
    ("text", "kept_as"),
    [
        (b'{"a": NaN, "b": -1e999}', {"a": {"$float": "nan"}, "b": {"$float": "-inf"}}),
        (b'{"a": 123456789012345678901234567890}', {"a": {"$integer": "123456789012345678901234567890"}}),
        (b'{"$float": ["\\ud800"]}', {"$$float": ["\\ud800"]}),
        (b'{"\\ud800": 1}', '{"\\ud800": 1}'),
        (b"[" * 300 + b"]" * 300, "[" * 300 + "]" * 300),
        (b"[" * 100_000, "[" * 100_000),
    ],
    ids=range(6),
)
def test_json_in_an_archive_is_kept_as_what_the_parent_takes(text: bytes, kept_as: object) -> None:
    data = keras_builder.archive(text, weights=Entry("model.weights.h5", h.small()))
    assert decode_plain(planned(data).plain)["config.json"] == kept_as


def test_metadata_that_is_no_text_is_lost() -> None:
    tensors = '"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}'
    plan = planned(
        safetensors('{"__metadata__": {"\\ud800": "x", "n": 3, "t": "\\ud800", "$f": "y"}, ' + tensors + "}")
    )
    assert decode_plain(plan.plain) == {"__metadata__": {"t": "\\ud800", "$$f": "y"}}
    assert len(plan.lost) == 2


def test_safetensors_keep_their_tensors_and_nothing_else(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt", "note": "run me"},
        "b": tensor(0, 8, (2, 2), "BF16"), "a": tensor(8, 16, (1,), "F64"), "e": tensor(16, 16, (0, 3)),
    }  # fmt: skip
    told = converted(tmp_path, safetensors(header))
    assert told.outcome == "converted", told
    assert kept(tmp_path) == {
        "a": ("F64", (1,), bytes(8)), "e": ("F32", (0, 3), b""), "b": ("BF16", (2, 2), bytes(8)),
    }  # fmt: skip
    assert b'{"format":"pt"}' in (tmp_path / "out.safetensors").read_bytes()
    assert plain(tmp_path) == {"__metadata__": {"note": "run me"}}


@pytest.mark.parametrize(
    "header",
    [
        {"w": tensor(0, 17, (2, 2))},
        {"w": tensor(4, 20, (2, 2))},
        {"w": tensor(0, 16, (2, 2), "F128")},
        {"w": tensor(0, 16, (2**62, 2**62))},
        {"w": tensor(0, 16, (-2, -2))},
        {"w": {"dtype": "F32"}},
        {"w": 3},
        {"../w": tensor(0, 16, (2, 2))},
        {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [16, 0]}},
        {"w": {"dtype": "F4", "shape": [31], "data_offsets": [0, 15]}},
    ],
    ids=repr,
)
def test_a_tensor_that_is_not_sound_is_lost(header: dict[str, object]) -> None:
    plan = planned(safetensors({"fine": tensor(0, 16, (4,)), **header}))
    assert [one.key for one in plan.tensors] == ["fine"]
    assert len(plan.lost) == 1


@pytest.mark.parametrize("header", ['{"w": 1, "w": 2}', "[" * 100_000, "{", '{"a": 1e999}', "[]"], ids=range(5))
def test_a_header_that_is_none_is_refused(header: str) -> None:
    plan = planned(safetensors(header))
    assert plan.refused or (not plan.tensors and plan.lost)
