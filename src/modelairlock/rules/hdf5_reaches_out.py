"""An HDF5 file takes part of its content from other files

## Why it matters

An HDF5 file may say that a dataset's bytes are in another file of the machine (external storage), that a name leads
into another HDF5 file (an external link), or that elements are mapped from other files (a virtual dataset). libhdf5
follows all three without asking, and relative paths as well as absolute ones. A model whose weights "are" the
`/etc/passwd` of whoever loads it hands that file to whoever gets the model's output or a copy saved again.

| what | Keras that follows it |
|---|---|
| external storage | 2.x, 3.0 to 3.13.1 except 3.12.1 (CVE-2026-1669) |
| external links, virtual datasets, soft links | 2.x, 3.0 to 3.14 except 3.12.3 and later 3.12 |
| all of them | tf_keras before August 2026; h5py, PyTables and pandas always |

Keras itself never writes any of these. Instruments and simulations do: a detector's master file links to its parts.
A soft link leads to another name in the same file only. It is told as worth knowing, for Keras refuses it.

## What to do

Do not load it as a model. If it is a data set that was made in parts, copy it into one file where it was made:
`h5repack` or h5py's `copy` with `expand_external=True`.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_LINKS = "h5py always does, Keras 2.x and 3.0–3.14 (except 3.12.3 and later 3.12) and tf_keras before August 2026 do"
#: kinds of references: how bad, what happens when it is read, and by whom
_KINDS = {
    "external-storage": (
        Severity.MEDIUM,
        "takes its bytes from the file",
        "h5py always does, Keras 2.x and 3.0–3.13.1 (except 3.12.1) do (CVE-2026-1669)",
    ),
    "external-link": (Severity.MEDIUM, "leads into another file,", _LINKS),
    "virtual-dataset": (Severity.MEDIUM, "shows elements of another file,", _LINKS),
    "soft-link": (
        Severity.LOW,
        "is another name for",
        "it stays in this file; Keras since 3.12.3 and 3.15.0 refuses such links",
    ),
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """One finding for each kind, with its first targets."""
    del context
    if "hdf5" not in reading.formats:
        return
    for kind, (severity, does, who) in _KINDS.items():
        facts = [fact for fact in reading.facts if isinstance(fact, Reference) and fact.kind == kind]
        if facts:
            first = facts[0]
            count = sum(fact.count for fact in facts)
            more = f", and {count - 1} more like it" if count > 1 else ""
            message = f"{shown(first.where, 80)} {does} {shown(first.target, 120)}{more}: {who}"
            yield RULE.finding(reading, message, *facts, severity=severity)


RULE = Rule(
    name="hdf5-reaches-out",
    summary="An HDF5 file takes part of its content from other files.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.MEDIUM,
    help="Do not load it as a model: Keras writes no such links; ask for a file that holds all of its weights.",
    cwe=("CWE-610", "CWE-73"),
    atlas=("AML.T0011.000",),
)
