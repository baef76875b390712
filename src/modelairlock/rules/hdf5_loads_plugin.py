"""An HDF5 file needs a filter that libhdf5 loads as a plug-in

## Why it matters

Chunks of a dataset may go through filters, each known by a number. For a number that libhdf5 does not have itself, it
opens *every* library in the folders of ``HDF5_PLUGIN_PATH`` (by default ``/usr/local/hdf5/lib/plugin``) to find one
that does, and runs it on the bytes of the file. The file cannot say which library; but it decides that they are loaded,
and what bytes they get. Whoever can write into such a folder has code run by anybody who opens the file.

Registered compressors are told as worth knowing: they are ordinary in scientific data, PyTables and hdf5plugin bring
some of them. A number that nobody registered is another matter, for nobody knows what its code does. One filter,
HDF5-UDF, exists to *run programs that the file brings along* when the dataset is read.

## What to do

For a model, ask for a file without filters: Keras writes none. For data, install the named filter from a package that
you trust, and see that nobody else can write to the plug-in folder.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: numbers registered with The HDF Group for plain compressors, whose decoders only turn bytes into bytes
_COMPRESSORS = {
    305: "LZO", 307: "bzip2", 32000: "LZF", 32001: "Blosc", 32003: "Snappy", 32004: "LZ4", 32008: "Bitshuffle",
    32013: "ZFP", 32015: "Zstandard", 32017: "SZ", 32018: "FCIDECOMP", 32019: "JPEG", 32024: "SZ3", 32026: "Blosc2",
    32028: "SPERR",
}  # fmt: skip
#: HDF5-UDF (github.com/lucasvr/hdf5-udf): Python, Lua or compiled C++ in the chunk, run when it is read
_RUNS_PROGRAMS = 31300


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """One finding for each filter."""
    del context
    if "hdf5" not in reading.formats:
        return
    users: dict[int, list[Reference]] = {}
    for fact in reading.facts:
        if isinstance(fact, Reference) and fact.kind == "filter-plugin":
            stated = fact.target.partition(" ")[0]
            users.setdefault(int(stated) if stated.isdecimal() else -1, []).append(fact)
    for number, facts in users.items():
        severity, says = _judged(number, facts[0])
        count = sum(fact.count for fact in facts)
        where = shown(facts[0].where, 80) + (f" and {count - 1} more" if count > 1 else "")
        yield RULE.finding(reading, f"reading {where} {says}", *facts, severity=severity)


def _judged(number: int, fact: Reference) -> tuple[Severity, str]:
    if number == _RUNS_PROGRAMS:
        return Severity.HIGH, "runs the program in its chunk, where the filter HDF5-UDF (31300) is installed"
    if number in _COMPRESSORS:
        return Severity.INFO, f"needs the compressor {_COMPRESSORS[number]} (filter {number}), a plug-in of libhdf5"
    named = f"filter {shown(fact.target, 80)}"
    return Severity.MEDIUM, f"makes libhdf5 load every plug-in it finds for the {named}, which nobody here knows"


RULE = Rule(
    name="hdf5-loads-plugin",
    summary="An HDF5 file needs a filter that libhdf5 loads as a plug-in.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.HIGH,
    help="Ask for a file without filters (Keras writes none), or install the filter from a package that you trust.",
    cwe=("CWE-426", "CWE-114"),
    atlas=("AML.T0011.000",),
)
