"""The source code of a TorchScript program, as it lies under ``code/`` in an archive.

It looks like Python and is not run by Python: torch compiles it. Which operators it names is read here word by word;
what the program does with them is not judged yet, so the source stays a gap.
"""

import re
from collections.abc import Iterator

from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Operator
from modelairlock.records.span import Span

_HEAD = re.compile(rb"^(class \w+\(Module\):|def forward\(self|class \w+\(NamedTuple\):|class \w+:)", re.MULTILINE)
_MARK = re.compile(rb"__torch__\.|__parameters__ = \[")
_OPERATOR = re.compile(rb"\b((?:torch|ops\.\w+)\.\w+)\s*\(")
PIECE = 1024 * 1024
OPERATORS = 10_000
#: no operator's name is longer, so that one across two pieces is found in the second
OVERLAP = 256


def _claims(probe: Probe) -> bool:
    return bool(probe.name.endswith(".py") and _HEAD.search(probe.head) and _MARK.search(probe.head))


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    found: dict[bytes, list[int]] = {}
    at = 0
    while at < cursor.size:
        cursor.budget.check_time(at)
        piece = cursor.read(at, min(PIECE, cursor.size - at))
        for match in _OPERATOR.finditer(piece):
            if len(found) < OPERATORS:
                found.setdefault(match[1], []).append(at + match.start(1))
        at += len(piece) if at + len(piece) >= cursor.size else len(piece) - OVERLAP
    for name, places in found.items():
        span = Span(places[0], places[0] + len(name))
        yield Operator(span=span, name=name.decode("ascii", "replace"), count=len(set(places)))
    detail = "TorchScript source: the operators it names are read, what it does with them is not judged yet"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="torchscript_source",
    summary="Source of a TorchScript program, under code/ in a TorchScript archive.",
    claims=_claims,
    read=_read,
    loaders=("torch.jit.load", "torch.load before 2.6, even with weights_only=True (CVE-2025-32434)"),
    blind_spots=("Names are read, control flow is not: the source always stays a gap.",),
    builds_on=("script", "other_text", "text"),
    references=("torch/csrc/jit/docs/serialization.md",),
)
