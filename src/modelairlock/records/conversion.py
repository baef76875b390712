"""The answer to a conversion. ``docs/schema/convert-1.json`` is generated from these records."""

from typing import Any, Literal

import msgspec

from modelairlock.records.described import described_schema
from modelairlock.records.finding import Finding
from modelairlock.records.isolation import Isolation
from modelairlock.records.jail import Event
from modelairlock.records.scan import Verdict

SCHEMA: Literal["modelairlock/convert/1"] = "modelairlock/convert/1"
#: how a conversion ends; only the first two write anything
Outcome = Literal["converted", "partly", "refused", "not-converted"]

#: whether the tensors were read out of the file, or the file was loaded in the jail
How = Literal["read", "loaded"]


class Carried(msgspec.Struct, frozen=True):
    """A tensor of the output."""

    key: str
    dtype: str
    shape: tuple[int, ...]


class Left(msgspec.Struct, frozen=True):
    """Something that is not in the output: where it stood, what it is, why it is not there."""

    where: str
    what: str
    why: str


class Written(msgspec.Struct, frozen=True):
    """A file that was written."""

    path: str
    size_bytes: int


class Input(msgspec.Struct, frozen=True):
    """One of several files that were converted together."""

    path: str
    size_bytes: int
    sha256: str | None


class ConversionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one conversion has to say."""

    schema: Literal["modelairlock/convert/1"] = SCHEMA
    path: str
    size_bytes: int
    sha256: str | None = None
    inputs: tuple[Input, ...] = ()
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    isolation: Isolation
    outcome: Outcome
    reason: str = ""
    hint: str = ""
    how: How = "read"
    loader: str = ""
    jail: Isolation | None = None
    attempts: tuple[Event, ...] = ()
    format: str = ""
    output: Written | None = None
    plain: Written | None = None
    tensors: tuple[Carried, ...] = ()
    shared: tuple[tuple[str, ...], ...] = ()
    dropped: tuple[Left, ...] = ()
    lost: tuple[Left, ...] = ()
    more_dropped: int = 0
    more_lost: int = 0


#: what the fields mean, where the name alone does not say it
_DESCRIPTIONS = {
    "ConversionRecord.path": "The input, as given by the operator.",
    "ConversionRecord.sha256": "Of the input's bytes, hexadecimal; none if there are several files.",
    "ConversionRecord.verdict": "Of the scan that came before.",
    "ConversionRecord.findings": "Of that scan, those of members included.",
    "ConversionRecord.isolation": "What held the process that read the input.",
    "ConversionRecord.outcome": "converted: all of it; partly: written, and `lost` or `dropped` says what is missing; "
    "refused: the input is flagged, nothing is written; not-converted: nothing could be, nothing is written.",
    "ConversionRecord.reason": "One sentence, where nothing was written.",
    "ConversionRecord.inputs": "The files, if there is more than one: the index of a checkpoint and its numbers.",
    "ConversionRecord.hint": "How to get more of it, if there is a way.",
    "ConversionRecord.how": "read: it was not loaded; loaded: it was, in the jail, because reading was not enough.",
    "ConversionRecord.loader": "What it was loaded with.",
    "ConversionRecord.jail": "What held the process that loaded it.",
    "ConversionRecord.attempts": "What it tried while it was loaded, that an honest file does not.",
    "ConversionRecord.format": "What the input was read as.",
    "ConversionRecord.output": "The safetensors file.",
    "ConversionRecord.plain": "The JSON file beside it, with what is plain data and no tensor.",
    "ConversionRecord.shared": "Tensors that lay in one storage of the input; in the output each has bytes of its own.",
    "ConversionRecord.dropped": "Neither tensors nor plain data: code, objects of classes.",
    "ConversionRecord.lost": "Tensors and plain data that are missing in the output.",
    "ConversionRecord.more_dropped": "How many more were dropped than are listed.",
    "ConversionRecord.more_lost": "How many more were lost than are listed.",
}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report; ``docs/schema/convert-1.json`` is this, indented by two."""
    return described_schema(ConversionRecord, "convert", _DESCRIPTIONS)
