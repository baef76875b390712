"""A rule's conclusion, with the facts it rests on."""

from enum import StrEnum

import msgspec

from modelairlock.records.facts import Fact


class Severity(StrEnum):
    """How bad it is if true and loaded by a loader that does not refuse."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for INFO up to 4 for CRITICAL."""
        return ("info", "low", "medium", "high", "critical").index(self.value)

    @property
    def flags(self) -> bool:
        """Whether a finding of this severity makes its subject FLAGGED."""
        return self.rank >= 2


class Confidence(StrEnum):
    """How sure the rule is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule concluded. `where` reads ``path!member@start..end``."""

    rule: str
    severity: Severity
    confidence: Confidence
    message: str
    where: str
    evidence: tuple[Fact, ...]
    help: str = ""
    cwe: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
