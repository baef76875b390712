"""Tensors, their storages and the records that hold them must fit (CVE-2026-24747)."""

import pytest

from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Fact, Irregularity, Member, PersistentId, SetItem, TensorBeyondStorage, Value
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Judgement
from modelairlock.records.scan import Verdict
from modelairlock.records.torch import ITEM_BYTES
from modelairlock.rules.storage_misdescribed import RULE as CHECK
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.build.zip_builder import Entry
from tests.rules.judging import SPAN, checked, finding_of, findings, gaps, judged, made, named, text

RULE = "storage-misdescribed"


def messages(data: bytes) -> list[str]:
    return [finding.message for finding in findings(judged(data, "model.pt"), RULE)]


def test_hit_a_record_of_another_size() -> None:
    [message] = messages(t.checkpoint(storages={"0": bytes(12)}))
    assert message == "archive/data/0 has 12 bytes, and the pickle says 16"


def test_hit_a_tensor_beyond_its_storage() -> None:
    [finding] = findings(judged(t.checkpoint(t.state({"w": t.tensor(offset=3)})), "model.pt"), RULE)
    assert finding.severity is Severity.HIGH
    assert "reaches element 7 of storage 0, which has 4" in finding.message


def test_hit_items_set_on_a_tensor() -> None:
    items = p.Code(t.tensor() + p.push(0) + p.push(1) + p.SETITEM)
    assert any("set items of a tensor" in message for message in messages(t.checkpoint(t.state({"w": items}))))


def test_a_record_that_nothing_names_and_a_name_without_a_record_are_gaps() -> None:
    extra = judged(t.checkpoint(None, None, Entry("archive/data/9", bytes(8))), "model.pt")
    assert any(gap.because is Because.UNRECOGNISED and "no tensor refers" in gap.detail for gap in gaps(extra))
    missing = judged(t.checkpoint(t.state({"w": t.tensor(t.storage("7"))}), {}), "model.pt")
    assert any(gap.because is Because.TRUNCATED and "storage 7" in gap.detail for gap in gaps(missing))


def test_miss() -> None:
    subject = judged(t.checkpoint(), "model.pt")
    assert subject.verdict is Verdict.CLEAR
    assert not findings(subject, RULE)


def test_absurd_numbers_hide_nothing() -> None:
    huge = t.tensor(offset=10**40)
    [finding] = findings(judged(t.checkpoint(t.state({"w": huge})), "model.pt"), RULE)
    assert "reaches element" in finding.message


# --- by hand: an archive whose pickle says one thing and whose records say another -----------------------------------


def says(key: str, count: Value, kind: str = "FloatStorage") -> PersistentId:
    parts = (text("storage"), named("torch", kind), text(key), text("cpu"), count)
    return PersistentId(span=SPAN, value=Value(kind="tuple", parts=parts))


def elements(count: int) -> Value:
    return Value(kind="int", text=str(count))


def record(key: str, size_bytes: int, folder: str = "data") -> Member:
    return Member(span=SPAN, name=f"archive/{folder}/{key}", size_bytes=size_bytes, role="raw")


def archive(said: list[Fact], there: list[Member], form: str = "torch", pickle: str = "data.pkl") -> list[Judgement]:
    coverage = Coverage(size_bytes=9, read_bytes=9)
    inner = Reading(path=f"m!archive/{pickle}", name=f"archive/{pickle}", coverage=coverage, facts=tuple(said))
    return checked(CHECK, *there, formats=(form,), members=(inner,))


@pytest.mark.parametrize("kind", ITEM_BYTES)
def test_sizes_are_compared_both_ways(kind: str) -> None:
    item = ITEM_BYTES[kind]
    assert archive([says("0", elements(4), kind)], [record("0", 4 * item)]) == []
    for size_bytes in (4 * item - 1, 4 * item + 1, 0):
        [finding] = archive([says("0", elements(4), kind)], [record("0", size_bytes)])
        assert isinstance(finding, Finding)
        assert (finding.severity, finding.where) == (Severity.HIGH, "m@3..9")
        assert finding.message == f"archive/data/0 has {size_bytes:,} bytes, and the pickle says {4 * item:,}"
        assert finding.evidence == (record("0", size_bytes),)
        assert finding.cwe == ("CWE-125", "CWE-787", "CWE-502")


def test_two_sizes_for_one_record_cannot_both_fit() -> None:
    [finding] = archive([says("0", elements(4)), says("0", elements(2))], [record("0", 16)])
    assert isinstance(finding, Finding)
    assert finding.message.endswith("has 16 bytes, and the pickle says 8 and 16")


def test_a_size_that_cannot_be_told_is_a_gap() -> None:
    for said in (says("0", made(named("builtins", "int"))), says("0", elements(4), "OtherStorage")):
        [gap] = archive([said, says("0", elements(4))], [record("0", 16)])
        assert isinstance(gap, Gap)
        assert (gap.start, gap.end, gap.because) == (*SPAN, Because.UNSUPPORTED)


def test_records_without_a_name_and_names_without_a_record() -> None:
    [unnamed, missing] = archive([says("7", elements(4))], [record("0", 16)])
    assert isinstance(unnamed, Gap)
    assert unnamed == Gap(
        start=3, end=9, because=Because.UNRECOGNISED, detail="archive/data/0: no tensor refers to this record"
    )
    assert isinstance(missing, Gap)
    assert (missing.start, missing.end, missing.because) == (100, 100, Because.TRUNCATED)
    assert missing.detail == "the pickle names storage 7, and the archive has no record data/7"


def test_missing_records_do_not_flood_the_report() -> None:
    told = archive([says(str(number), elements(4)) for number in range(100)], [])
    assert 1 <= len(told) <= 8


def test_a_torchscript_archive_has_constants_of_its_own() -> None:
    there = [record("0", 16, "constants")]
    assert archive([says("0", elements(4))], there, "torchscript", "constants.pkl") == []
    assert len(archive([says("0", elements(4))], there, "torchscript", "data.pkl")) == 2


def test_other_archives_have_no_records() -> None:
    assert archive([says("0", elements(4))], [record("9", 16)], "zip") == []


def test_a_tensor_beyond_its_storage_by_hand() -> None:
    finding = finding_of(CHECK, TensorBeyondStorage(span=SPAN, key="0", reaches=7000, has=4))
    assert finding.severity is Severity.HIGH
    assert finding.message == "a tensor reaches element 7,000 of storage 0, which has 4"


def test_items_set_on_tensors_by_hand() -> None:
    tensors = (
        made(named("torch._utils", "_rebuild_tensor_v2")),
        made(named("torch._utils", "_rebuild_parameter")),
        Value(kind="persistent"),
    )
    for target in tensors:
        for opcode in ("SETITEM", "SETITEMS", "APPENDS"):
            message = finding_of(CHECK, SetItem(span=SPAN, target=target, opcode=opcode)).message
            assert message == "loading it would set items of a tensor while it is being built"
    assert not checked(CHECK, SetItem(span=SPAN, target=made(named("collections", "OrderedDict")), opcode="SETITEM"))


def test_what_the_reader_compared_itself() -> None:
    fact = Irregularity(span=SPAN, kind="torch-storage-size-differs", detail="12 bytes are not 16")
    assert finding_of(CHECK, fact).message == "12 bytes are not 16"
    assert not checked(CHECK, Irregularity(span=SPAN, kind="archive-prefix", detail="x"))
