"""A GGUF or GGML file describes itself in a way that loaders written in C trip over

## Why it matters

llama.cpp, Ollama and what is built on them take counts, lengths, shapes and offsets out of the file and compute
addresses from them. Where a product overflows, a tensor lies outside of the file or a list is shorter than another, an
older one writes or reads memory that is not the file's: CVE-2025-53630, CVE-2026-27940 and CVE-2026-33298 in llama.cpp,
CVE-2024-21802 and four more from the same year, CVE-2026-7482 ("Bleeding Llama") in Ollama, which then serves what it
read. Newer loaders refuse such files. Where a key or a tensor is there twice, or the alignment is none, two loaders
load two different models, with two different chat templates.

## What to do

No program that writes models makes such a file; only a download that broke off looks like one whose tensors reach past
its end. Get it again and compare its digest. If it is the same at its source, do not load it with anything but the
newest loader, and ask its author how it came about.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_HIGH, _MEDIUM, _LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
_OVERFLOW = "llama.cpp before b8146 (February 2026) computes with what overflows and writes outside of its memory"
_HEADER = (
    "in versions of January 2024 and before (CVE-2024-21802, CVE-2024-21825, CVE-2024-21836, CVE-2024-23496, "
    "CVE-2024-23605)"
)

#: kinds of irregularity, how bad each is, what it amounts to and for whom
_KINDS = {
    "gguf-count-overflows": (
        _HIGH,
        f"a count that no file can hold: llama.cpp allocates too little for it and writes past that, {_HEADER}; sums "
        "of it still overflowed before b8146 (CVE-2026-27940)",
    ),
    "gguf-length-overflows": (
        _HIGH,
        f"a length that no file can hold: llama.cpp writes past what it allocates, {_HEADER}; mlx and others read past "
        "the file",
    ),
    "gguf-tensor-overflows": (
        _HIGH,
        f"a tensor's size or place overflows: {_OVERFLOW} (CVE-2025-53630, CVE-2026-27940, CVE-2026-33298)",
    ),
    "gguf-dimensions-too-many": (
        _HIGH,
        f"more dimensions than loaders have room for: llama.cpp writes past the shape, {_HEADER}",
    ),
    "gguf-tensor-beyond-file": (
        _MEDIUM,
        "a tensor reaches past the end of the file. Either the file was cut short, or it was made for Ollama before "
        "0.17.1, which reads and serves what lies behind it in memory (CVE-2026-7482)",
    ),
    "gguf-layers-too-many": (
        _HIGH,
        "more layers than llama.cpp has room for: before August 2026 it writes past a list of 512 (pull 26051)",
    ),
    "gguf-byte-token-odd": (
        _HIGH,
        "a token makes llama.cpp up to b10252 (3 August 2026) write in front of a list (pull 26511)",
    ),
    "gguf-token-lists-differ": (
        _MEDIUM,
        "a list that belongs to the tokens is too short or too narrow, and loaders read past its end",
    ),
    "gguf-tensors-overlap": (_MEDIUM, "tensors share bytes; llama.cpp refuses that, other loaders do not look"),
    "gguf-hole-between-tensors": (_MEDIUM, "bytes lie between the tensors, where no loader looks"),
    "gguf-bytes-after": (_MEDIUM, "something follows the last tensor, where no loader looks"),
    "gguf-rows-split-blocks": (
        _MEDIUM,
        "a tensor's rows do not fit its element type, and loaders that only divide read past its end",
    ),
    "gguf-key-repeated": (
        _MEDIUM,
        "llama.cpp of today refuses it, an older one takes the first, Ollama the last",
    ),
    "gguf-tensor-repeated": (_MEDIUM, "loaders differ on which counts"),
    "gguf-alignment-odd": (
        _MEDIUM,
        "the alignment is none that loaders agree on: some refuse it, some look for the tensors elsewhere, Ollama "
        "divides by a zero",
    ),
    "gguf-offset-unaligned": (_MEDIUM, "a tensor does not lie where the alignment wants it"),
    "gguf-byte-order-ambiguous": (
        _MEDIUM,
        "the file can be read in both byte orders: Ollama goes by the magic, others by the version, and they see two "
        "different models",
    ),
    "gguf-key-empty": (
        _MEDIUM,
        "a key has no name: llama.cpp of June 2026 and before aborts, with all that runs in it (issue 24884)",
    ),
    "gguf-array-nested": (
        _LOW,
        "a list of lists: llama.cpp and Ollama refuse it, and gguf.GGUFReader reads it by recursion",
    ),
    "gguf-name-odd": (_LOW, "a name that no program gives"),
    "gguf-padding-filled": (_LOW, "padding that is not empty"),
    "gguf-element-type-removed": (_LOW, "an element type that today's llama.cpp refuses"),
    "gguf-element-type-unknown": (
        _LOW,
        "an element type of a fork; llama.cpp of January 2024 and before looks it up outside of its table",
    ),
}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """One finding for each kind, with all its facts as evidence."""
    del context
    for kind, facts, more in by_kind(reading.facts, _KINDS):
        severity, means = _KINDS[kind]
        sure = Confidence.MEDIUM if kind == "gguf-tensor-beyond-file" else Confidence.HIGH
        message = f"{facts[0].detail}{more}: {means}"
        yield RULE.finding(reading, message, *facts, severity=severity, confidence=sure)


RULE = Rule(
    name="gguf-misdescribed",
    summary="A GGUF or GGML file describes itself in a way that loaders written in C trip over.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.HIGH,
    help="Get the file again and compare its digest; if it is the same, load it with nothing but the newest loader.",
    cwe=("CWE-190", "CWE-787", "CWE-125", "CWE-130", "CWE-436"),
    atlas=("AML.T0011", "AML.T0010"),
)
