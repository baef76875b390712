"""Bounds what a scan keeps in memory: a report on a thousand archives of a hundred thousand members helps nobody.

A verdict is settled before anything is cut here, and findings are the last to go. Members that are clear go first and
leave nothing behind, since their file's verdict speaks for them; for anything else that goes there is a gap.
"""

import threading
from operator import itemgetter

from msgspec.structs import replace

from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.scan import Subject

#: members, findings and gaps together, of all subjects of a scan; each takes between half a kilobyte and a few
SCAN_RECORDS = 400_000
#: what a subject may have in any case
SUBJECT_RECORDS = 200


class Keep:
    """What may still be kept. Safe for threads."""

    def __init__(self, records: int = SCAN_RECORDS) -> None:
        self._left = records
        self._lock = threading.Lock()

    def cut(self, subject: Subject) -> Subject:
        """`subject`, or as much of it as there is room for."""
        wanted = sum(1 + len(part.findings) + len(part.coverage.gaps) for part in subject.walk())
        with self._lock:
            room = min(wanted, max(self._left, SUBJECT_RECORDS))
            self._left -= room
        return subject if room == wanted else _Cut(subject, room).subject()


class _Cut:
    def __init__(self, subject: Subject, room: int) -> None:
        self._whole = subject
        self._room = room
        parts = list(subject.walk())
        findings = [(-one.severity.rank, id(part), at) for part in parts for at, one in enumerate(part.findings)]
        gaps = [(id(part), at) for part in parts for at in range(len(part.coverage.gaps))]
        # A member that holds something is a record too, and so is each on the way to it: hence a half, a quarter.
        kept = sorted(findings, key=itemgetter(0))[: room // 2]
        #: which part's, and which of its
        self._findings = {(part, at) for _, part, at in kept}
        self._gaps = set(gaps[: (room // 2 - len(kept)) // 2])
        self._parts = {part for part, _ in self._findings | self._gaps}
        self._lost_findings = len(findings) - len(self._findings)
        self._lost_gaps = len(gaps) - len(self._gaps)

    def subject(self) -> Subject:
        """What is kept, with one gap for what is not."""
        kept = self._part(self._whole)
        lost = [f"{count} {what}" for count, what in self._lost() if count]
        if not lost:
            return kept
        detail = f"{' and '.join(lost)} more than a report has room for"
        whole = Gap(start=0, end=kept.size_bytes, because=Because.OVER_LIMIT, detail=detail)
        coverage = Coverage(size_bytes=kept.size_bytes, gaps=(*kept.coverage.gaps, whole))
        return replace(kept, coverage=coverage)

    def _lost(self) -> list[tuple[int, str]]:
        return [(self._lost_findings, "findings"), (self._lost_gaps, "gaps")]

    def _part(self, part: Subject) -> Subject:
        coverage = part.coverage
        gaps = tuple(gap for at, gap in enumerate(coverage.gaps) if (id(part), at) in self._gaps)
        if len(gaps) < len(coverage.gaps):
            # The sums must add up again: nobody vouches for any of it.
            rest = Gap(start=0, end=coverage.size_bytes, because=Because.OVER_LIMIT, detail="gaps that are not told")
            coverage = Coverage(size_bytes=coverage.size_bytes, gaps=(*gaps, rest))
        return replace(
            part,
            findings=tuple(one for at, one in enumerate(part.findings) if (id(part), at) in self._findings),
            coverage=coverage,
            members=tuple(self._part(member) for member in part.members if self._holds(member)),
        )

    def _holds(self, member: Subject) -> bool:
        return any(id(part) in self._parts for part in member.walk())
