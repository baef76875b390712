"""Rules turn facts into findings and gaps. They are pure: they never see bytes, the disk or the clock."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Value
from modelairlock.records.finding import Confidence, Finding, Severity
from modelairlock.records.profile import Harm, Vouch
from modelairlock.records.reading import Reading
from modelairlock.records.repository import Folder, FolderFile
from modelairlock.records.uses import NameUse


class Profiles(Protocol):
    """What rules may ask about a callable."""

    def vouches(self, module: str, qualname: str, use: str) -> Vouch | None:
        """The allow-list entry for this exact name and use, if there is one."""

    def fits(self, vouch: Vouch, use: NameUse, stained: Callable[[], frozenset[str]] = frozenset) -> bool:
        """Whether what a call is handed, or a state, is what its vouch is for; `stained` is asked if it matters."""

    def stained(self, facts: Iterable[Fact]) -> frozenset[str]:
        """The makers to whose results `facts` give states that are not plain."""

    def is_solid(self, value: Value) -> bool:
        """Whether only code in C hashes and compares `value`."""

    def harm(self, module: str, qualname: str) -> Harm | None:
        """What is known to be bad about this name, if anything is."""

    def knows_library(self, module: str) -> bool:
        """Whether there is a profile for the library that `module` belongs to."""

    def is_standard_library(self, module: str) -> bool:
        """Whether `module` belongs to Python itself."""


class Context(NamedTuple):
    """What a rule may look at beyond the artifact itself."""

    profiles: Profiles


Judgement = Finding | Gap


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule: its module's docstring is its docs page, its name is its file's name with dashes.

    `check` is asked about each artifact, `check_folder` about each repository; a rule has one of them or both.
    """

    name: str
    summary: str
    check: Callable[[Reading, Context], Iterator[Judgement]] | None = None
    check_folder: Callable[[Folder, Context], Iterator[Judgement]] | None = None
    #: the highest severity it reports
    severity: Severity
    #: what to do about it, one sentence for a tired person
    help: str
    #: kinds of facts of which `check` needs one to say anything; with none named it is asked about every artifact
    looks_at: tuple[type[Fact], ...] = ()
    cwe: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    #: earlier names, so that approvals survive a renaming
    formerly: tuple[str, ...] = ()

    def finding(
        self,
        reading: Reading | FolderFile,
        message: str,
        *evidence: Fact,
        severity: Severity | None = None,
        confidence: Confidence = Confidence.HIGH,
        cwe: tuple[str, ...] | None = None,
        atlas: tuple[str, ...] | None = None,
    ) -> Finding:
        """A finding of this rule about `reading` or a file of a repository, at the first fact of `evidence`."""
        span = evidence[0].span
        place = reading.place if isinstance(reading, FolderFile) else reading.path
        return Finding(
            rule=self.name,
            severity=severity or self.severity,
            confidence=confidence,
            message=message,
            where=f"{place}@{span.start}..{span.end}",
            evidence=evidence[:8],
            help=self.help,
            cwe=self.cwe if cwe is None else cwe,
            atlas=self.atlas if atlas is None else atlas,
        )
