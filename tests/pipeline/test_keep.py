"""What a scan keeps of files that would fill the memory: verdicts always, then findings, then gaps."""

from modelairlock.pipeline.keep import SUBJECT_RECORDS, Keep
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.finding import Confidence, Finding, Severity
from modelairlock.records.scan import Subject, Verdict
from modelairlock.records.span import Extents

CLEAR = Coverage(size_bytes=9, read_bytes=9)
TORN = Coverage(size_bytes=9, gaps=(Gap(start=0, end=9, because=Because.MALFORMED),))


def finding(severity: Severity, number: int = 0) -> Finding:
    return Finding(
        rule="r", severity=severity, confidence=Confidence.HIGH, message=f"{number}", where="f", evidence=(), help=""
    )


def subject(*members: Subject, path: str = "f", coverage: Coverage = CLEAR, findings: tuple = ()) -> Subject:
    verdict = Verdict.FLAGGED if findings else Verdict.INCOMPLETE if coverage.gaps else Verdict.CLEAR
    return Subject(path=path, verdict=verdict, size_bytes=9, coverage=coverage, findings=findings, members=members)


def records(kept: Subject) -> int:
    return sum(1 + len(part.findings) + len(part.coverage.gaps) for part in kept.walk())


def adds_up(kept: Subject) -> bool:
    return all(
        part.coverage.read_bytes + Extents((gap.start, gap.end) for gap in part.coverage.gaps).total() == 9
        for part in kept.walk()
    )


def test_what_there_is_room_for_is_kept_whole() -> None:
    one = subject(*[subject(path=f"f!{number}") for number in range(1000)])
    keep = Keep(2100)
    assert keep.cut(one) is one
    assert keep.cut(one) is one
    assert keep.cut(one) is not one
    assert keep.cut(few := subject(subject(path="f!a"))) is few, "a small one has room in any case"


def test_clear_members_go_first_and_leave_no_gap() -> None:
    kept = Keep(10).cut(subject(*[subject(path=f"f!{number}") for number in range(1000)]))
    assert kept == subject()
    assert kept.verdict is Verdict.CLEAR


def test_gaps_go_into_one() -> None:
    many = [subject(path=f"f!{number}", coverage=TORN) for number in range(1000)]
    one = subject(*many, coverage=TORN)
    kept = Keep(10).cut(one)
    assert (kept.verdict, kept.sha256, len(kept.members)) == (one.verdict, one.sha256, SUBJECT_RECORDS // 4 - 1)
    assert kept.coverage.gaps[-1].because is Because.OVER_LIMIT
    assert kept.coverage.gaps[-1].detail == "951 gaps more than a report has room for"
    assert records(kept) <= SUBJECT_RECORDS
    assert adds_up(kept)


def test_findings_are_kept_first_and_the_worst_of_them() -> None:
    torn = [subject(path=f"f!{number}", coverage=TORN) for number in range(1000)]
    low = [subject(path=f"f!l{number}", findings=(finding(Severity.LOW, number),)) for number in range(1000)]
    worst = subject(path="f!evil", findings=(finding(Severity.CRITICAL),))
    kept = Keep(10).cut(subject(*torn, *low, worst))
    found = [part.findings[0].severity for part in kept.walk() if part.findings]
    assert found.count(Severity.CRITICAL) == 1
    assert len(found) == SUBJECT_RECORDS // 2
    assert "901 findings and 1000 gaps more" in kept.coverage.gaps[-1].detail
    assert adds_up(kept)


def test_one_member_with_too_many_gaps_still_adds_up() -> None:
    gaps = tuple(Gap(start=0, end=1, because=Because.MALFORMED, detail=f"{number}") for number in range(1000))
    member = subject(path="f!m", coverage=Coverage(size_bytes=9, read_bytes=8, gaps=gaps))
    kept = Keep(10).cut(subject(member))
    assert adds_up(kept)
    assert records(kept) <= SUBJECT_RECORDS
