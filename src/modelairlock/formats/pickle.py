"""Python pickles, protocols 0 to 5, several in one file, with joblib's raw arrays between the opcodes.

A newcomer would expect one pickle per file that ends at the file's end, and a magic number. Neither holds: protocols 0
and 1 are plain text without one, loaders call ``load`` again on what follows, and joblib writes array bytes mid-stream.
"""

from collections.abc import Iterator

from modelairlock.encodings.pickle_machine import State
from modelairlock.encodings.pickle_stream import STARTS, pickle_facts, whole_or_acting
from modelairlock.reading import BytesSource, Cursor, Format, Probe, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex
from modelairlock.records.text import counted

HIGHEST_PROTOCOL = 5
#: pickles in one file
STREAMS = 100_000
#: what bzip2 begins with, to the end of its first mark: ``B`` alone is BINBYTES, and what follows its length
_BZIP2 = regex(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")


def _claims(probe: Probe) -> bool:
    head = probe.head
    if len(head) >= 2 and head[0] == 0x80 and head[1] <= HIGHEST_PROTOCOL and probe.role != "raw":
        return True
    if not head or (head[0] not in STARTS and head[0] != 0x80) or _BZIP2.match(head):
        return False
    whole, acts = whole_or_acting(BytesSource(head) if probe.source is None else probe.source)
    # Raw numbers that happen to be opcodes are no pickle unless they do something; nobody unpickles a storage.
    return acts or (whole and probe.role != "raw")


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    at = 0
    for _ in range(STREAMS):
        state = State(cursor, at)
        try:
            yield from pickle_facts(cursor, state)
        except ReadProblem as problem:
            if at == 0 or state.ledger.facts:
                raise
            detail = (
                f"{counted(cursor.size - at, 'byte')} after the end of the pickle, and no pickle ({problem.detail})"
            )
            yield Gap(start=at, end=cursor.size, because=Because.UNRECOGNISED, detail=detail)
            return
        at = state.position
        if at >= cursor.size:
            return
    yield Gap(start=at, end=cursor.size, because=Because.OVER_LIMIT, detail=f"more than {STREAMS} pickles in one file")


FORMAT = Format(
    name="pickle",
    summary="Python pickle, protocols 0–5, and joblib files that are not compressed.",
    claims=_claims,
    read=_read,
    extensions=(".pkl", ".pickle", ".joblib", ".dill", ".p"),
    loaders=(
        "pickle.load (CPython 3.8–3.14)",
        "joblib.load (1.x)",
        "pandas.read_pickle",
        "dill.load",
        "cloudpickle.load",
    ),
    passes_over="Strings, byte strings and joblib's raw array bytes: unpicklers take them as data.",
    blind_spots=(
        "What an object does when it is used after loading, for example by predict().",
        "Mistakes in code written in C that is handed bytes of the file: XGBoost's and LightGBM's own model readers.",
        "In joblib files: names of unknown libraries that only pickle.load looks up, for arrays of objects.",
        "How much memory and time loading takes.",
        "Weights that were trained to misbehave.",
    ),
    references=("PEP 307", "PEP 3154", "PEP 574", "CPython Modules/_pickle.c", "joblib/numpy_pickle.py"),
)
