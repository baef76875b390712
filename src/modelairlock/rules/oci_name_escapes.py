"""A manifest names files outside of the folder that its model is kept in

## Why it matters

Whoever pulls a model joins digests and titles out of its manifest to a folder. Ollama before 0.1.34 did that without
a look at the digest: a registry that answers with ``../../../../etc/ld.so.preload`` writes there, and runs code the
next time a program starts (CVE-2024-37032). Titles are names of files to oras and tools like it. A digest that is none
cannot be compared with anything, so the blob may be whatever somebody makes of it.

## What to do

Do not pull or load it. No tool writes such a manifest; tell the registry. Ollama 0.1.34 and later refuse it.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity, Reference
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_KINDS = {
    "oci-digest-escapes": (
        Severity.HIGH,
        "Ollama before 0.1.34 reads and writes the file of that name (CVE-2024-37032)",
    ),
    "oci-title-escapes": (Severity.HIGH, "a tool that unpacks what it pulls would write outside of its folder"),
    "oci-digest-odd": (Severity.MEDIUM, "that is no digest, so nobody can tell whether the blob is the right one"),
    "oci-size-odd": (Severity.LOW, "that is no size"),
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind in _KINDS:
            severity, means = _KINDS[fact.kind]
            yield RULE.finding(reading, f"{fact.detail}: {means}", fact, severity=severity)
        elif isinstance(fact, Reference) and fact.kind == "layer-address":
            message = f"a layer is to be fetched from {fact.target[:200]!a}, whatever registry the manifest is from"
            yield RULE.finding(reading, message, fact, severity=Severity.LOW)


RULE = Rule(
    name="oci-name-escapes",
    summary="A manifest names files outside of the folder that its model is kept in.",
    check=_check,
    looks_at=(Irregularity, Reference),
    severity=Severity.HIGH,
    help="Do not pull or load it, and tell the registry; Ollama 0.1.34 and later refuse it.",
    cwe=("CWE-22", "CWE-73"),
    atlas=("AML.T0010",),
)
