"""What came of loading files in the jail: the schema ``modelairlock/detonate/1``."""

from typing import Any, Literal

import msgspec

from modelairlock.records.described import described_schema
from modelairlock.records.finding import Finding
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Claim, Event, JailLayer, JailLimits, JailPhase, Outcome
from modelairlock.records.plain_json import plain_json
from modelairlock.records.scan import Excluded, OperatorError, Verdict, worst

SCHEMA: Literal["modelairlock/detonate/1"] = "modelairlock/detonate/1"


class Detonation(msgspec.Struct, frozen=True, kw_only=True):
    """One file, loaded once by one loader of one environment.

    FLAGGED: it tried what no honest load tries. INCOMPLETE: it did not come to an end by itself, or not behind the
    walls that were required (`detail` says why), or it was quiet and the scan found harm in it. CLEAR says that the
    load came back and that nothing forbidden was seen on the way, and no more: what waits for another day, another
    machine or the first use was not seen either. `usual` are calls that an honest file makes this loader make too, or
    that libraries make in passing (how many processors there are, where memory lies); they count for nothing.
    """

    path: str
    verdict: Verdict
    loader: str
    interpreter: str
    outcome: Outcome
    level: Level
    layers: tuple[JailLayer, ...]
    sha256: str | None = None
    #: what the scan said of the file, which loaded nothing
    scanned: Verdict | None = None
    phases: tuple[JailPhase, ...] = ()
    #: what it was allowed
    limits: JailLimits | None = None
    events: tuple[Event, ...] = ()
    usual: int = 0
    dropped: int = 0
    claims: tuple[Claim, ...] = ()
    dropped_claims: int = 0
    imported: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    output: str = ""
    detail: str = ""


class DetonateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that one ``airlock detonate`` did."""

    schema: Literal["modelairlock/detonate/1"] = SCHEMA
    verdict: Verdict
    started: str
    version: str
    detonations: tuple[Detonation, ...] = ()
    #: files that no loader of the jail opens
    excluded: tuple[Excluded, ...] = ()
    errors: tuple[OperatorError, ...] = ()

    @property
    def opened(self) -> bool:
        """Whether every file was handed over: False where a jail could not be had, or did not hold."""
        return all(one.outcome.opened for one in self.detonations)

    def to_json(self) -> str:
        """What ``airlock detonate --format json`` writes, fit to show on a terminal."""
        return plain_json(self)


#: what the fields mean, where the name alone does not say it
_DESCRIPTIONS = {
    "Detonation.verdict": "flagged: it tried what no honest load tries; incomplete: it did not end well, or was not"
    " opened; clear: it came back and nothing forbidden was seen, which does not mean safe.",
    "Detonation.scanned": "What the scan said of the same bytes, without loading them.",
    "Detonation.usual": "Attempts that an honest file makes here too, or idle ones; they are not among the events.",
    "Detonation.dropped": "Events that were seen and not kept.",
    "Detonation.claims": "Audit events of Python's, said by the jailed process itself: they can be forged.",
    "Detonation.dropped_claims": "Claims that were heard and not kept; what they named is not listed either.",
    "Detonation.imported": "Packages beyond those that the environment's own imports brought, by the same claims.",
    "Detonation.variables": "Names of environment variables that were asked for, by the same claims. All are unset.",
    "Detonation.limits": "What the load was allowed; memory and times grow with the file.",
    "JailPhase.note": "What the jailed process says of the phase: which use was tried, and what came of it.",
    "JailPhase.memory_bytes": "The most memory of all its processes together, looked at every 20 ms from outside.",
    "Event.phase": "When it was seen: load, inference or unload. Where a phase ends is the process's own word.",
    "Detonation.output": "The beginning of what it printed, escaped.",
    "Event.certainty": "denied: it had no effect, for certain; observed: it went on, its arguments may have changed.",
    "Event.at_seconds": "Since the file was handed over.",
    "DetonateRecord.excluded": "Files that no loader of the jail opens.",
}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report; ``docs/schema/detonate-1.json`` is this, indented by two."""
    return described_schema(DetonateRecord, "detonate", _DESCRIPTIONS)


def verdict_of(detonations: tuple[Detonation, ...]) -> Verdict:
    """The worst of all; INCOMPLETE for nothing at all."""
    return worst([one.verdict for one in detonations]) if detonations else Verdict.INCOMPLETE
