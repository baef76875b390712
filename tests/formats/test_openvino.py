"""OpenVINO IR: layers and where their numbers lie; document types are refused before they are looked at."""

import time
from pathlib import Path

import pytest

from modelairlock.formats.openvino import FORMAT
from modelairlock.formats.other_text import FORMAT as OTHER_TEXT
from modelairlock.formats.text import FORMAT as TEXT
from modelairlock.limits import Limits
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator, Reference
from tests.build import openvino_builder as v
from tests.reading_help import Result, change_everywhere, cut_everywhere, gaps_of, probe, read, tree

BOMB = '<!DOCTYPE net [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def example() -> bytes:
    return v.everything()


def operators(result: Result) -> dict[str, int]:
    return {f"{one.domain}::{one.name}": one.count for one in result.facts if isinstance(one, Operator)}


def test_everything_is_read() -> None:
    result = read(FORMAT, example(), name="folder/model.xml")
    assert (result.gaps, result.kinds) == ([], [])
    assert operators(result) == {
        "opset1::Const": 2, "opset1::Parameter": 1, "opset1::Result": 1, "opset5::Loop": 1, "opset1::Convolution": 1,
    }  # fmt: skip
    [fact] = [one for one in result.facts if isinstance(one, Reference)]
    assert (fact.kind, fact.target, fact.start, fact.length, fact.count) == ("external-data", "model.bin", 0, 22, 2)


@pytest.mark.parametrize("name", ["model.xml", "model.txt", "model"])
def test_it_is_found_under_any_name_and_read_by_nobody_else(name: str) -> None:
    assert tree(example(), FORMAT, TEXT, OTHER_TEXT, name=name).formats == ("openvino",)


BEGINS = ["", "\ufeff", "  \n", "<!-- <a> --><?xml-stylesheet?>\n<!-- -->", BOMB, '<!DOCTYPE net SYSTEM "file:///x">']


@pytest.mark.parametrize("before", BEGINS)
def test_what_may_stand_before_it(before: str) -> None:
    assert FORMAT.claims(probe(v.net(before=before)))


OTHERS = {
    "nothing": b"",
    "another root": b"<?xml version='1.0'?><network><layers/></network>",
    "net without layers": b'<net version="1.20"><edge id="1"/></net>',
    "layers in another": b"<a><net><layers/></net></a>",
    "in a comment": b"<!-- <net><layers/></net> --><a/>",
    "comments without end": b"<!--" * 16_000 + b"<net><layers>",
    "instructions without end": b"<?" * 30_000 + b"<net><layers>",
    "text": b"see <net> and <layers>",
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_others_are_not_claimed(data: bytes) -> None:
    started = time.process_time()
    assert not FORMAT.claims(probe(data, "model.xml"))
    assert time.process_time() - started < 0.5
    assert not FORMAT.claims(probe(example(), role="raw"))


def test_layers_of_other_sets_say_with_which_strings() -> None:
    data = v.element("data", path="/tmp/x.so", axis="-1", mode="a")
    result = read(FORMAT, v.net(v.layer("Own", data, version="extension", name="first")))
    [fact] = [one for one in result.facts if isinstance(one, Operator)]
    assert (fact.domain, fact.name, fact.where) == ("extension", "Own", "first")
    assert fact.strings == ("path=/tmp/x.so", "mode=a")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16(encoding: str) -> None:
    data = "\ufeff".encode(encoding) + example().decode().encode(encoding)
    assert FORMAT.claims(probe(data))
    assert operators(read(FORMAT, data)) == operators(read(FORMAT, example()))


ODD = {
    "before the file": (v.constant(offset=-1), "openvino-const-odd"),
    "no number": (v.constant(size="0x10"), "openvino-const-odd"),
    "wraps around": (v.constant(offset=2**64 - 8), "openvino-const-odd"),
    "too small": (v.constant(size=8), "openvino-const-size"),
    "too large": (v.constant(size=17), "openvino-const-size"),
    "shape wraps around": (v.constant(shape="4294967296,4294967296,4", size=0), "openvino-const-size"),
    "shape is negative": (v.constant(shape="-2,2", size=16), "openvino-const-odd"),
    "cached": (
        v.layer(
            "Const",
            v.element(
                "rt_info",
                v.element("attribute", name="WeightlessCacheAttribute", original_size=2**63, bin_offset=8),
            ),
        ),
        "openvino-const-odd",
    ),
}


def test_a_constant_without_elements_is_one_byte() -> None:
    assert read(FORMAT, v.net(v.constant(size=1, shape="0"), v.constant(size=0, shape="0,2"))).kinds == []
    assert read(FORMAT, v.net(v.constant(size=2, shape="0"))).kinds == ["openvino-const-size"]


def test_sizes_of_other_layers_are_no_bytes() -> None:
    lrn = v.layer("LRN", v.element("data", alpha="0.0001", size="3"))
    assert read(FORMAT, v.net(lrn, v.layer("PriorBox", v.element("data", offset="0.5")))).kinds == []
    assert read(FORMAT, v.net(v.layer("const", v.element("data", size="3")))).kinds == ["openvino-const-odd"]


def test_preprocessing() -> None:
    mean = v.element("channel", v.element("mean", offset=2**63, size=8), id=0)
    assert read(FORMAT, v.net(more=f"<pre-process>{mean}</pre-process>")).kinds == ["openvino-const-odd"]
    assert not read(FORMAT, v.net(more=f"<pre-process>{mean}</pre-process>")).gaps


@pytest.mark.parametrize(("layer", "kind"), ODD.values(), ids=ODD)
def test_numbers_that_cannot_be(layer: str, kind: str) -> None:
    assert read(FORMAT, v.net(layer)).kinds == [kind]


def test_entities_are_refused_before_they_cost_anything() -> None:
    for before in (BOMB, '<!DOCTYPE net SYSTEM "file:///etc/passwd">', "<!DOCTYPE net>"):
        result = read(FORMAT, v.net(before=before))
        assert result.kinds == ["openvino-doctype"]
        assert Because.UNSUPPORTED in {gap.because for gap in result.gaps}
    assert read(FORMAT, v.net(v.layer("&a;"), before="").replace(b"&amp;a", b"&a")).gaps


def test_unknown_elements_are_gaps_except_in_notes() -> None:
    assert [gap.because for gap in read(FORMAT, v.net(more="<script>x</script>")).gaps] == [Because.UNSUPPORTED]
    assert not read(FORMAT, v.net(more="<rt_info><script>x</script></rt_info>")).gaps
    assert len(read(FORMAT, v.net(more="<x/>" * 1000)).gaps) < 20


def test_cut_anywhere() -> None:
    cut_everywhere(example().rstrip(), FORMAT)


def test_changed_anywhere() -> None:
    change_everywhere(example(), FORMAT)


def test_facts_before_damage_are_kept() -> None:
    result = read(FORMAT, v.net(v.layer("Own", version="extension"))[:-20] + b"<<")
    assert operators(result) == {"extension::Own": 1}
    assert result.gaps


def test_limits() -> None:
    deep = "<rt_info>" * 1000 + "</rt_info>" * 1000
    assert {gap.because for gap in read(FORMAT, v.net(more=deep)).gaps} == {Because.OVER_LIMIT}
    long = v.net(v.layer("X", name="n" * 6_000_000))
    assert Because.OVER_LIMIT in {gap.because for gap in read(FORMAT, long).gaps}
    many = v.net(*(v.layer(f"Own{at}", version="extension") for at in range(10_100)))
    assert Because.OVER_LIMIT in {gap.because for gap in read(FORMAT, many).gaps}
    late = read(FORMAT, example(), limits=Limits(seconds=-1.0))
    assert {gap.because for gap in late.gaps} == {Because.OVER_LIMIT}


def test_other_encodings_than_that_of_the_file_are_not_looked_up() -> None:
    data = example().replace(b'<?xml version="1.0"?>', b'<?xml version="1.0" encoding="rot13"?>')
    assert operators(read(FORMAT, data)) == operators(read(FORMAT, example()))


@pytest.mark.frameworks
def test_models_made_by_openvino_are_whole(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    from openvino import opset13 as ops

    given = ops.parameter([1, 2], openvino.Type.f32)
    made = ops.relu(ops.matmul(given, ops.constant([[1.0, 2.0], [3.0, 4.0]], openvino.Type.f32), False, False))
    openvino.save_model(openvino.Model([made], [given], "m"), tmp_path / "m.xml")
    data = (tmp_path / "m.xml").read_bytes()
    result = read(FORMAT, data, name="m.xml")
    assert (result.gaps, result.kinds) == ([], [])
    assert not gaps_of(tree(data, FORMAT))
    [fact] = [one for one in result.facts if isinstance(one, Reference)]
    assert fact.length is not None
    assert fact.length <= (tmp_path / fact.target).stat().st_size
