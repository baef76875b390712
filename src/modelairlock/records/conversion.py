"""The answer to a conversion. ``docs/schema/convert-1.json`` is generated from these records."""

from typing import Any, Literal

import msgspec

from modelairlock.records.described import described_schema
from modelairlock.records.finding import Finding
from modelairlock.records.isolation import Isolation
from modelairlock.records.scan import Verdict

SCHEMA: Literal["modelairlock/convert/1"] = "modelairlock/convert/1"
#: how a conversion ends; only the first two write anything
Outcome = Literal["converted", "partly", "refused", "not-converted"]


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


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one conversion has to say."""

    schema: Literal["modelairlock/convert/1"] = SCHEMA
    path: str
    size_bytes: int
    sha256: str | None = None
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    isolation: Isolation
    outcome: Outcome
    reason: str = ""
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
    "Conversion.path": "The input, as given by the operator.",
    "Conversion.sha256": "Of the input's bytes, hexadecimal.",
    "Conversion.verdict": "Of the scan that came before.",
    "Conversion.findings": "Of that scan, those of members included.",
    "Conversion.isolation": "What held the process that read the input.",
    "Conversion.outcome": "converted: all of it; partly: written, and `lost` or `dropped` says what is missing; "
    "refused: the input is flagged, nothing is written; not-converted: nothing could be, nothing is written.",
    "Conversion.reason": "One sentence, where nothing was written.",
    "Conversion.format": "What the input was read as.",
    "Conversion.output": "The safetensors file.",
    "Conversion.plain": "The JSON file beside it, with what is plain data and no tensor.",
    "Conversion.shared": "Tensors that lay in one storage of the input; in the output each has bytes of its own.",
    "Conversion.dropped": "Neither tensors nor plain data: code, objects of classes.",
    "Conversion.lost": "Tensors and plain data that are missing in the output.",
    "Conversion.more_dropped": "How many more were dropped than are listed.",
    "Conversion.more_lost": "How many more were lost than are listed.",
}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report; ``docs/schema/convert-1.json`` is this, indented by two."""
    return described_schema(Conversion, "convert", _DESCRIPTIONS)
