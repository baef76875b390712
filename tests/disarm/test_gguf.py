"""GGUF without its chat templates: everything else is as it was, and the result is CLEAR."""

from pathlib import Path

import msgspec
import pytest

import modelairlock
from modelairlock.pipeline.convert_answer import decode_plan
from modelairlock.records.scan import Verdict
from tests.build import gguf_builder as g
from tests.disarm.convert_help import converted, left_over, planned

EVIL = "{{ x.__class__.__mro__[1].__subclasses__() }}"


def put_together(keys: list[bytes], d: g.Dialect, alignment: int) -> bytes:
    second = max(32, alignment)
    tensors = [g.tensor("w", (8,), d=d), g.tensor("v", (8,), offset=second, d=d)]
    return g.gguf(keys, tensors, bytes(range(second + 32)), alignment=alignment, d=d)


def chat(d: g.Dialect = g.LITTLE, alignment: int = 32, evil: str = EVIL) -> bytes:
    keys = [
        g.key("general.architecture", g.string("llama", d), d),
        g.key("general.alignment", g.plain(g.U32, alignment, d), d),
        g.key("tokenizer.chat_template", g.string(evil, d), d),
        g.key("tokenizer.ggml.tokens", g.array(g.STRING, ["a", "bc"], d), d),
        g.key("tokenizer.chat_template.tool_use", g.string(evil, d), d),
        g.key("x.floats", g.array(g.F32, [1.0, 2.0], d), d),
        g.key("x.yes", g.plain(g.BOOL, 1, d), d),
    ]
    return put_together(keys, d, alignment)


def without(d: g.Dialect = g.LITTLE, alignment: int = 32) -> bytes:
    """The same file, written without templates."""
    keys = [
        g.key("general.architecture", g.string("llama", d), d),
        g.key("general.alignment", g.plain(g.U32, alignment, d), d),
        g.key("tokenizer.ggml.tokens", g.array(g.STRING, ["a", "bc"], d), d),
        g.key("x.floats", g.array(g.F32, [1.0, 2.0], d), d),
        g.key("x.yes", g.plain(g.BOOL, 1, d), d),
    ]
    return put_together(keys, d, alignment)


@pytest.mark.slow
@pytest.mark.parametrize("alignment", [8, 32, 64])
@pytest.mark.parametrize("d", [g.LITTLE, g.Dialect(big=True), g.Dialect(version=1), g.Dialect(version=2)], ids=str)
def test_only_the_templates_are_gone(tmp_path: Path, d: g.Dialect, alignment: int) -> None:
    told = converted(tmp_path, chat(d, alignment), drop_template=True)
    assert (told.outcome, told.verdict) == ("converted", Verdict.FLAGGED), told
    assert (tmp_path / "out.safetensors").read_bytes() == without(d, alignment)
    assert [one.where for one in told.dropped] == ["tokenizer.chat_template", "tokenizer.chat_template.tool_use"]
    assert told.output.size_bytes == (tmp_path / "out.safetensors").stat().st_size
    assert not left_over(tmp_path)
    if alignment == 32 and not d.big and d.version == 3:
        (tmp_path / "out.safetensors").rename(tmp_path / "out.gguf")
        assert modelairlock.scan(tmp_path / "out.gguf").verdict is Verdict.CLEAR


def test_a_file_that_is_flagged_for_something_else_is_refused(tmp_path: Path) -> None:
    beyond = g.gguf([g.ARCHITECTURE, g.key("tokenizer.chat_template", g.string(EVIL))], [g.tensor("w", (2**50,))])
    assert converted(tmp_path, beyond, drop_template=True).outcome == "refused"
    assert not (tmp_path / "out.safetensors").exists()


def test_what_there_is_to_say_where_nothing_is_to_be_dropped(tmp_path: Path) -> None:
    assert "no chat template" in converted(tmp_path, g.gguf(), drop_template=True).reason
    assert "only those" in converted(tmp_path, b"\x80\x04N.", drop_template=True).reason
    assert "--drop-template" in converted(tmp_path, chat(evil="{{ x }}")).reason


def test_damaged_anywhere_it_is_refused_or_sound() -> None:
    from modelairlock.disarm.planning import plan
    from modelairlock.limits import Limits
    from modelairlock.reading import BytesSource

    whole = chat()
    for at in range(len(whole)):
        for data in (whole[:at], whole[:at] + b"\xff" + whole[at + 1 :], whole[:at] + bytes(8) + whole[at + 8 :]):
            made = plan(BytesSource(data), "x", Limits(), drop_template=True)
            decode_plan(msgspec.msgpack.encode(made), len(data))
    assert planned(whole).refused


@pytest.mark.frameworks
def test_the_reference_reads_the_same(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    numpy = pytest.importorskip("numpy")
    writer = gguf.GGUFWriter(tmp_path / "in.gguf", "llama")
    writer.add_chat_template(EVIL)
    writer.add_uint32("x.number", 7)
    writer.add_array("x.words", ["a", "b"])
    writer.add_tensor("w", numpy.arange(12, dtype=numpy.float32).reshape(3, 4))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    told = converted(tmp_path, tmp_path / "in.gguf", drop_template=True)
    assert told.outcome == "converted", told
    before, after = gguf.GGUFReader(tmp_path / "in.gguf"), gguf.GGUFReader(tmp_path / "out.safetensors")
    gone = {"tokenizer.chat_template", "GGUF.kv_count"}
    assert set(before.fields) - set(after.fields) == {"tokenizer.chat_template"}
    for name in set(before.fields) - gone:
        assert before.fields[name].contents() == after.fields[name].contents()
    assert numpy.array_equal(before.tensors[0].data, after.tensors[0].data)
