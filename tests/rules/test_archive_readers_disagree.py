"""Disagreements are findings; how bad depends on what honest tools write."""

from modelairlock.formats.tar import FORMAT as TAR
from modelairlock.formats.zip import FORMAT as ZIP
from modelairlock.records.coverage import Coverage
from modelairlock.records.facts import Fact, Irregularity, Member
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.span import Span
from modelairlock.rules.archive_readers_disagree import RULE
from tests.build.tar_builder import Item, tar_file
from tests.build.zip_builder import Entry, zip_file
from tests.reading_help import read

SPAN = Span(3, 9)


def reading(*facts: Fact) -> Reading:
    return Reading(path="m.zip", name="m.zip", coverage=Coverage(size_bytes=9), facts=facts)


def findings(*facts: Fact) -> list[tuple[Severity, str, str]]:
    found = RULE.check(reading(*facts), None)  # this rule asks no profile
    return [(one.severity, one.message, one.where) for one in found]


def test_hit() -> None:
    fact = Irregularity(span=SPAN, kind="zip-names-differ", detail="two names")
    assert findings(fact) == [(Severity.HIGH, "two names", "m.zip@3..9")]


def test_what_honest_tools_write_is_not_flagged() -> None:
    for kind in ("tar-duplicate-name", "archive-names-collide"):
        [(severity, _, _)] = findings(Irregularity(span=SPAN, kind=kind, detail=""))
        assert not severity.flags


def test_miss() -> None:
    assert findings(Irregularity(span=SPAN, kind="archive-prefix", detail=""), Member(span=SPAN, name="../a")) == []


def test_files_that_disagree_are_flagged_and_others_are_not() -> None:
    lies = [
        (ZIP, zip_file(Entry("a", b"x", local={"name": "b"}))),
        (ZIP, zip_file(Entry("a", b"x"), Entry("a", b"y"))),
        (ZIP, zip_file(Entry("a", b"x")) + zip_file(Entry("b", b"x"))),
        (ZIP, zip_file(Entry("a", b"x"), Entry("h", b"x", in_central=False))),
        (TAR, tar_file(Item("a", b"x")) + tar_file(Item("b", b"x"))),
    ]
    for one, data in lies:
        assert any(severity is Severity.HIGH for severity, _, _ in findings(*read(one, data).facts))
    for one, data in ((ZIP, zip_file(Entry("a", b"x"))), (TAR, tar_file(Item("a", b"x")))):
        assert findings(*read(one, data).facts) == []
