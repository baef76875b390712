"""TorchScript archives: pickles, storages and a program, each read for what it is."""

import zipfile

import pytest

from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.formats.torch import FORMAT as TORCH
from modelairlock.formats.torchscript import FORMAT
from modelairlock.formats.torchscript_source import FORMAT as SOURCE
from modelairlock.formats.zip import FORMAT as ZIP
from modelairlock.records.coverage import Because
from modelairlock.records.scan import Verdict
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.build.zip_builder import Entry, zip_file
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, probe, read, tree
from tests.rules.judging import gaps, judged


def test_hit() -> None:
    data = t.torchscript()
    assert FORMAT.claims(probe(data))
    result = read(FORMAT, data)
    assert not result.gaps
    roles = {member.name: member.role for member in result.members}
    assert roles["archive/constants.pkl"] == roles["archive/code/__torch__.py"] == "torchscript"
    assert tree(data, FORMAT, TORCH, ZIP, PICKLE).formats == ("torchscript",)


def test_an_honest_one_is_clear() -> None:
    subject = judged(t.torchscript(), "model.torchscript")
    assert subject.verdict is Verdict.CLEAR


def test_a_program_for_phones_is_a_gap() -> None:
    data = t.torchscript(t.SCRIPT, None, None, Entry("archive/bytecode.pkl", b"\x80\x02)."))
    assert [gap.because for gap in gaps_of(tree(data, FORMAT, PICKLE, SOURCE))] == [Because.UNSUPPORTED]


def test_a_checkpoint_that_is_taken_for_a_program_is_a_gap() -> None:
    data = zip_file(Entry("a/constants.pkl", b"\x80\x02)."), Entry("a/data.pkl", b"\x80\x02}."))
    assert ["without code/" in gap.detail for gap in gaps_of(tree(data, FORMAT, PICKLE))] == [True]


@pytest.mark.parametrize("name", ["archive/code/__torch__/a.PY", "archive/Code/__torch__/a.py"])
def test_source_is_read_as_torchscript_whatever_the_case_of_its_name(name: str) -> None:
    data = t.torchscript(t.SCRIPT, None, None, Entry(name, b"import os\n"))
    assert any("Import at the outermost level" in gap.detail for gap in gaps(judged(data, "m.torchscript")))


def test_classes_in_cpp_are_vouched_for_one_by_one() -> None:
    def naming(name: str) -> list[str]:
        pickle = p.whole(p.call_newobj(p.global_("__torch__.torch.classes.quantized", name)), 2)
        return [gap.detail for gap in gaps(judged(t.torchscript(t.SCRIPT, pickle), "m.torchscript"))]

    assert naming("LinearPackedParamsBase") == []
    [detail] = naming("Anything")
    assert detail.startswith("__torch__ (1 classes written in C++, such as __torch__.torch.classes.quantized.Anything")


def test_source_twice_is_not_clear() -> None:
    again = Entry("archive/code/__torch__.py", t.SCRIPT.replace("return x", 'return ops.x.y(x, "a")').encode())
    assert judged(t.torchscript(t.SCRIPT, None, None, again), "m.torchscript").verdict is not Verdict.CLEAR


def test_miss() -> None:
    assert not FORMAT.claims(probe(t.checkpoint()))
    assert not FORMAT.claims(probe(zip_file(Entry("code.txt", b"x"))))


def test_damaged() -> None:
    cut_everywhere(t.torchscript(), FORMAT, PICKLE, SOURCE)


@pytest.mark.slow
def test_changed() -> None:
    change_everywhere(t.torchscript(), FORMAT, PICKLE, SOURCE)


@pytest.mark.frameworks
def test_what_torch_writes_is_clear(tmp_path) -> None:
    torch = pytest.importorskip("torch")
    from tests.build.script_models import models

    for name, module in models():
        path = tmp_path / f"{name}.torchscript"
        torch.jit.save(module, path)
        assert zipfile.is_zipfile(path)
        subject = judged(path.read_bytes(), path.name)
        assert subject.verdict is Verdict.CLEAR, (name, list(gaps(subject)))
