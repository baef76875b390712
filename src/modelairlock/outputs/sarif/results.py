"""Findings and gaps as SARIF results, the most severe first and no more of them than code scanning takes.

A gap is a result of kind ``fail`` (the default) and not ``open``: section 3.27.10 allows an open result no level but
``none``, and what has no level is not shown to anybody.
"""

import hashlib
import posixpath
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from modelairlock.outputs.sarif.model import (
    Artifact,
    ArtifactLocation,
    Level,
    Location,
    LogicalLocation,
    Message,
    PhysicalLocation,
    Region,
    Result,
)
from modelairlock.records.coverage import Gap
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.regex import regex
from modelairlock.records.scan import ScanRecord, Subject
from modelairlock.records.text import shown
from modelairlock.records.wording import fact_in_words

#: GitHub takes 25,000 results a run, and files of 10 MB when compressed; some of that is for indentation and rules
MOST_RESULTS = 25_000
MOST_PACKED_BYTES = 8_000_000
MESSAGE_CHARACTERS = 1_000
_NAME_CHARACTERS = 1_000

LEVELS: dict[Severity, Level] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SPAN = regex(r"(\d+)\.\.(\d+)")


class Told(NamedTuple):
    """One thing to say about a file (or, for what concerns several files, about their folder)."""

    rank: int
    order: int
    subject: Subject | None
    path: str
    what: Finding | Gap
    where: str


def told(record: ScanRecord) -> list[Told]:
    """Everything there is to say, the most severe first, else in the order of the report. Gaps rank as medium."""
    everything = [*_told(record)]
    everything.sort(key=lambda each: (-each.rank, each.order))
    return everything


def _told(record: ScanRecord) -> Iterator[Told]:
    order = 0
    for subject in record.subjects:
        for part in subject.walk():
            for finding in part.findings:
                yield Told(finding.severity.rank, order, subject, subject.path, finding, finding.where)
            for gap in part.coverage.gaps:
                yield Told(2, order, subject, subject.path, gap, f"{part.path}@{gap.start}..{gap.end}")
            order += 1
    for repository in record.repositories:
        for finding in repository.findings:
            # The file that a finding points at is what a person opens; the folder is not.
            place = finding.where.rpartition("@")[0].partition("!")[0] or repository.path
            yield Told(finding.severity.rank, order, None, place, finding, finding.where)
        for gap in repository.gaps:
            yield Told(2, order, None, repository.path, gap, f"{repository.path}@{gap.start}..{gap.end}")
        order += 1


def rule_of(what: Finding | Gap) -> str:
    """The id under which SARIF knows a finding or a gap."""
    return shown(what.rule, 200) if isinstance(what, Finding) else f"gap/{what.because.value}"


class Writer:
    """Makes results until the limits are reached; counts on with what it leaves out."""

    def __init__(self, indexes: dict[str, int], folder: str) -> None:
        self.indexes = indexes
        self.folder = folder
        self.artifacts: dict[str, Artifact] = {}
        self.seen: Counter[str] = Counter()
        self.left_out = 0
        self._results = 0
        # Measured, not guessed: honest reports compress twentyfold, and hostile text does not compress at all.
        self._packer = zlib.compressobj(1)
        self._packed_bytes = 0

    def results(self, everything: list[Told]) -> Iterator[Result]:
        """What fits of `everything`."""
        for each in everything:
            if self._results >= MOST_RESULTS or self._packed_bytes >= MOST_PACKED_BYTES:
                self.left_out += 1
                continue
            result = self._result(each)
            self._results += 1
            self._weigh(result)
            yield result

    def _weigh(self, written: Result | Artifact) -> None:
        self._packed_bytes += len(self._packer.compress(msgspec.json.encode(written)))

    def _result(self, each: Told) -> Result:
        rule = rule_of(each.what)
        text = _finding_text(each.what) if isinstance(each.what, Finding) else _gap_text(each.what)
        return Result(
            rule_id=rule,
            rule_index=self.indexes[rule],
            level=LEVELS[each.what.severity] if isinstance(each.what, Finding) else "warning",
            message=Message(text=text),
            locations=(self._location(each),),
            partial_fingerprints={"primaryLocationLineHash": self._fingerprint(rule, each)},
            properties=_properties(each),
        )

    def _location(self, each: Told) -> Location:
        uri = uri_of(each.path, self.folder)
        if each.subject and uri not in self.artifacts:
            self.artifacts[uri] = Artifact(
                location=ArtifactLocation(uri=uri),
                length=each.subject.size_bytes,
                hashes={"sha-256": each.subject.sha256} if each.subject.sha256 else {},
            )
            self._weigh(self.artifacts[uri])
        place, _, span = each.where.rpartition("@")
        # Positions inside a member are not positions in the file.
        region = _region(span) if place == each.path else None
        logical = () if place == each.path else (LogicalLocation(fully_qualified_name=_name(place)),)
        return Location(
            physical_location=PhysicalLocation(artifact_location=ArtifactLocation(uri=uri), region=region),
            logical_locations=logical,
        )

    def _fingerprint(self, rule: str, each: Told) -> str:
        """Stays the same when bytes move about in the file, and differs for the second of two like results."""
        place = each.where.rpartition("@")[0]
        said = each.what.message if isinstance(each.what, Finding) else each.what.detail
        text = "\0".join((rule, uri_of(place, self.folder), said))
        digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
        self.seen[digest] += 1
        return f"{digest}:{self.seen[digest]}"


def uri_of(path: str, folder: str) -> str:
    """`path` as a relative URI reference (RFC 3986), seen from `folder`; a ``file`` URI if it lies elsewhere."""
    path = posixpath.normpath(path)
    if folder and path.startswith(folder.rstrip("/") + "/"):
        path = path[len(folder.rstrip("/")) + 1 :]
    try:
        quoted = quote(path, safe="/", errors="surrogateescape")
    except UnicodeEncodeError:
        quoted = quote(path, safe="/", errors="backslashreplace")
    return f"file:///{quoted.lstrip('/')}" if quoted.startswith("/") else quoted


def message_text(text: str) -> str:
    """`text` fit for a message: one line, no placeholders (3.11.5), no embedded links (3.11.6)."""
    plain = shown(text, MESSAGE_CHARACTERS - 100).replace("](", "] (")
    return plain.replace("{", "{{").replace("}", "}}")


def sentences(*parts: str) -> str:
    """`parts` one after another, each with a full stop; a hostile part may be long, and must not push out the rest."""
    return " ".join(f"{shown(part, 600).removesuffix('.')}." for part in parts if part)


def _finding_text(finding: Finding) -> str:
    return message_text(sentences(finding.message, finding.help))


def _gap_text(gap: Gap) -> str:
    why, what = gap.explanation
    return message_text(sentences(why, gap.detail, what))


def _properties(each: Told) -> dict[str, str | int | bool | tuple[str, ...]]:
    properties: dict[str, str | int | bool | tuple[str, ...]] = {"where": _name(each.where)}
    if isinstance(each.what, Finding):
        properties["severity"] = each.what.severity.value
        properties["confidence"] = each.what.confidence.value
        properties["evidence"] = tuple(fact_in_words(fact) for fact in each.what.evidence[:3])
    return properties


def _name(where: str) -> str:
    return shown(where, _NAME_CHARACTERS)


def _region(span: str) -> Region | None:
    match = _SPAN.fullmatch(span)
    if not match:
        return None
    start, end = int(match[1]), int(match[2])
    return Region(byte_offset=start, byte_length=max(0, end - start))
