"""The answer to a scan, and the verdict it amounts to. ``docs/schema/scan-1.json`` is generated from these records."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Literal

import msgspec

from modelairlock.records.coverage import Coverage, Gap
from modelairlock.records.errors import AirlockError
from modelairlock.records.finding import Finding
from modelairlock.records.isolation import Isolation
from modelairlock.records.plain_json import plain_json
from modelairlock.records.typed import from_json

SCHEMA: Literal["modelairlock/scan/1"] = "modelairlock/scan/1"


class Verdict(StrEnum):
    """What is known of an artifact. There is no "safe"."""

    CLEAR = "clear"
    INCOMPLETE = "incomplete"
    FLAGGED = "flagged"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Findings outrank gaps, gaps outrank silence; of nothing at all, nothing is known."""
    found = set(verdicts)
    for verdict in (Verdict.FLAGGED, Verdict.INCOMPLETE, Verdict.CLEAR):
        if verdict in found:
            return verdict
    return Verdict.INCOMPLETE


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact: a file of the source, or a member inside it (then without a digest of its own)."""

    path: str
    verdict: Verdict
    formats: tuple[str, ...] = ()
    sha256: str | None = None
    size_bytes: int = 0
    findings: tuple[Finding, ...] = ()
    coverage: Coverage
    assumes: tuple[str, ...] = ()
    blind_spots: tuple[str, ...] = ()
    members: tuple["Subject", ...] = ()
    #: the models of the same scan that take its bytes as numbers, where it has no format of its own
    data_of: tuple[str, ...] = ()

    def walk(self) -> Iterator["Subject"]:
        """This subject and everything inside it."""
        yield self
        for member in self.members:
            yield from member.walk()


class Excluded(msgspec.Struct, frozen=True, kw_only=True):
    """What was not looked at because the operator said so, or is a link to what is looked at under another entry."""

    path: str
    reason: str
    #: what a link leads to, where that is looked at: a loader that comes by the link opens it all the same
    same_as: str = ""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What gave the answer."""

    name: str
    version: str
    rules_digest: str
    profiles_digest: str
    isolation: Isolation


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A settings file that had a say in the scan, and in what; options on the command line outrank it."""

    path: str
    keys: tuple[str, ...] = ()


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """Files that a loader opens as one, judged as a whole; never better than the worst of them.

    Findings and gaps are those that no file has by itself; a finding's `where` points at the file it rests on.
    """

    path: str
    verdict: Verdict
    files: int = 0
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()


class OperatorError(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator can mend, reported beside the answers on everything else."""

    path: str
    message: str
    hint: str = ""


class ScanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one scan has to say."""

    schema: Literal["modelairlock/scan/1"] = SCHEMA
    verdict: Verdict
    started: str
    tool: Tool
    subjects: tuple[Subject, ...] = ()
    repositories: tuple[Repository, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    errors: tuple[OperatorError, ...] = ()
    hashed: bool = True
    settings: tuple[Settings, ...] = ()
    rejudged: bool = False

    def walk(self) -> Iterator[Subject]:
        """Every subject and every member of one."""
        for subject in self.subjects:
            yield from subject.walk()

    def to_json(self) -> str:
        """What ``airlock scan --format json`` writes: schema ``modelairlock/scan/1``, fit to show on a terminal."""
        return plain_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> "ScanRecord":
        """The record that `to_json` made `text` of. Raises `AirlockError` if it is no report."""
        try:
            return from_json(text, cls)
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            hint = "A report is what `airlock scan --format json` writes."
            raise AirlockError(f"it is no scan report: {problem}", hint) from None
