"""Names and links that lead out of the archive, and devices."""

import pytest

from modelairlock.records.coverage import Coverage
from modelairlock.records.facts import Fact, Irregularity, Link, Member
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.span import Span
from modelairlock.rules.archive_name_escapes import RULE, leads_out

SPAN = Span(3, 9)


def reading(*facts: Fact) -> Reading:
    return Reading(path="m.zip", name="m.zip", coverage=Coverage(size_bytes=9), facts=facts)


def findings(*facts: Fact) -> list[tuple[Severity, str, str]]:
    found = RULE.check(reading(*facts), None)  # this rule asks no profile
    return [(one.severity, one.message, one.where) for one in found]


def test_hit() -> None:
    for kind in ("archive-name-absolute", "archive-name-traversal", "archive-name-drive"):
        assert findings(Irregularity(span=SPAN, kind=kind, detail="why")) == [(Severity.HIGH, "why", "m.zip@3..9")]
    link = Link(span=SPAN, name="a/b", target="../../etc", kind="symlink")
    assert findings(link) == [(Severity.HIGH, "'a/b' is a link to '../../etc', outside of the archive", "m.zip@3..9")]
    for kind in ("device", "fifo", "other"):
        [(severity, _, _)] = findings(Link(span=SPAN, name="a", target="", kind=kind))
        assert severity is Severity.MEDIUM


def test_miss() -> None:
    assert (
        findings(
            Link(span=SPAN, name="lib/a.so", target="a.so.1", kind="symlink"),
            Link(span=SPAN, name="lib/a.so", target="../bin/a", kind="symlink"),
            Link(span=SPAN, name="lib/a", target="lib/b", kind="hardlink"),
            Irregularity(span=SPAN, kind="archive-name-backslash", detail=""),
            Member(span=SPAN, name="ordinary"),
        )
        == []
    )


@pytest.mark.parametrize(
    ("name", "target", "from_root", "out"),
    [
        ("a", "b", False, False),
        ("a", "..", False, True),
        ("d/a", "..", False, False),
        ("d/a", "../..", False, True),
        ("d/a", "x/../../y", False, False),
        ("d/a", "../../d/x", False, True),
        ("d/a", "..", True, True),
        ("./d/a", "../../x", False, True),
        ("a", "/etc", False, True),
        ("a", "C:\\x", False, True),
        ("a", "..\\x", False, True),
        ("a", "", False, False),
    ],
)
def test_leads_out(name: str, target: str, from_root: bool, out: bool) -> None:
    assert leads_out(name, target, from_root=from_root) is out


def test_links_that_lead_out_by_way_of_each_other() -> None:
    def symlink(name: str, target: str) -> Link:
        return Link(span=SPAN, name=name, target=target, kind="symlink")

    for first, second in (
        (symlink("s", "."), symlink("l", "s/s/s/../..")),
        (symlink("d/s", ".."), symlink("d/s/l", "../x")),
        (symlink("D/S", ".."), symlink("./d/s/l", "../x")),
        (symlink("a/b/l", "../.."), Link(span=SPAN, name="h", target="a/b/l", kind="hardlink")),
        (symlink("a/b/l", "../.."), Link(span=SPAN, name="h", target="a/b/l/x", kind="hardlink")),
    ):
        [(severity, message, _)] = findings(first, second)
        assert severity is Severity.HIGH
        assert "by way of the link" in message
    for links in (
        (symlink("l", "d/../x"),),
        (symlink("lib/a.so", "../bin/a"), symlink("lib/b.so", "a.so"), symlink("bin/x", "../lib/b.so")),
        (symlink("s", "d"), Link(span=SPAN, name="h", target="s", kind="hardlink")),
    ):
        assert findings(*links) == []
