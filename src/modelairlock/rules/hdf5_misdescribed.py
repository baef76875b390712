"""An HDF5 file is at odds with itself

## Why it matters

libhdf5 finds an object by its name in one structure, lists names by another, and gives up where a checksum does not
fit; other readers take the first thing they see. Where the structures disagree, one program loads what another never
showed: two links or attributes of one name, names out of the order that lookups rely on, a text that goes on behind
the zero at which C programs stop. Groups that contain themselves never end for whoever walks through them. Bytes
behind the end that the file states are invisible to every HDF5 reader, and the first thing that an archive reader
looks at.

Damage on a disk or in a download does some of this as well.

## What to do

Get the file again from its source and compare digests. If it is the same there, ask its author to write it anew:
`h5repack old.h5 new.h5` copies what libhdf5 finds and nothing else.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: kinds of irregularity, how bad each is, and what it amounts to
_KINDS = {
    "hdf5-names-disagree": (
        Severity.MEDIUM,
        "readers differ on what a name means, or on which message of an object counts",
    ),
    "hdf5-text-after-zero": (Severity.MEDIUM, "a text goes on where most readers stop"),
    "hdf5-bytes-after-end": (Severity.MEDIUM, "something follows the end of the file"),
    "hdf5-checksum-differs": (Severity.MEDIUM, "a checksum does not fit, and libhdf5 refuses what it is for"),
    "hdf5-cycle": (Severity.MEDIUM, "a group contains itself: a program that walks through it may not end"),
    "hdf5-elements-shared": (Severity.MEDIUM, "datasets share their bytes, so loading takes more than the file holds"),
    "hdf5-size-differs": (Severity.LOW, "a dataset's room does not fit its shape"),
    "hdf5-name-odd": (Severity.LOW, "a name by which no program finds its object"),
    "hdf5-unreferenced-bytes": (Severity.INFO, "much that no object refers to, such as what was deleted"),
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """One finding for each kind, with its facts as evidence."""
    del context
    for kind, facts, more in by_kind(reading.facts, _KINDS):
        severity, means = _KINDS[kind]
        message = f"{means}: {shown(facts[0].detail, 200)}{more}"
        yield RULE.finding(reading, message, *facts, severity=severity)


RULE = Rule(
    name="hdf5-misdescribed",
    summary="An HDF5 file is at odds with itself.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.MEDIUM,
    help="Get the file again and compare its digest; if it is the same, ask its author to write it anew.",
    cwe=("CWE-436", "CWE-694", "CWE-354", "CWE-835"),
)
