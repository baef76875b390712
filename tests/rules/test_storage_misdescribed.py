"""Tensors, their storages and the records that hold them must fit (CVE-2026-24747)."""

from modelairlock.records.coverage import Because
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.build.zip_builder import Entry
from tests.rules.judging import findings, gaps, judged

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
