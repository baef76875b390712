"""A model in a flatbuffer (TFLite, ORT) describes itself in a way that loaders written in C++ trip over

## Why it matters

Kernels take sizes, indices and divisors out of the file. Where a tensor's number lies beyond the list, a shape
overflows or a graph calls itself, TensorFlow Lite has read and written memory that is not the model's, or died:
CVE-2020-15206 to CVE-2020-15214, some thirty of 2021 (CVE-2021-29591, CVE-2021-29601, CVE-2021-29605), CVE-2022-23557
to CVE-2022-23561, CVE-2023-27579. Python's interpreter checks the offsets before it loads; programs in C++ that call
``BuildFromFile`` and microcontrollers do not. Each fix is in one version, and phones carry the old ones for years.

Where two fields answer one question (an operator's number, a buffer's place, a Flex operator's name), one loader runs
another model than the next, and than the one that was looked at.

## What to do

Converters do not write such files; a download that broke off looks like one that reaches past its end. Get it again and
compare its digest. If it is the same at its source, do not load it, and ask its author how it came about.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.irregular import by_kind
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule

_HIGH, _MEDIUM = Severity.HIGH, Severity.MEDIUM

#: kinds of irregularity, how bad each is, and what it amounts to
_KINDS = {
    "flatbuffer-beyond-file": (
        _MEDIUM,
        "a part of the model lies past the end of the file. Either the file was cut short, or it was made for loaders "
        "that do not check offsets (BuildFromFile in C++, TFLite Micro) and read what lies behind it in memory",
    ),
    "flatbuffer-overlap": (_MEDIUM, "parts of the model share bytes that no builder lets them share"),
    "flatbuffer-bytes-after": (_MEDIUM, "something follows the model, where no loader looks"),
    "tflite-index-beyond": (
        _HIGH,
        "a number leads beyond a list: TensorFlow before 2.3.1 reads and writes beside it (CVE-2020-15211), and "
        "kernels of later versions have done so one by one",
    ),
    "tflite-buffer-beyond-file": (
        _MEDIUM,
        "a buffer reaches past the end of the file. Either the file was cut short, or it was made for loaders that "
        "read what lies behind it in memory",
    ),
    "tflite-shape-odd": (
        _HIGH,
        "a shape that no tensor can have: products of it overflow (CVE-2021-29601, CVE-2021-29605, CVE-2022-23558)",
    ),
    "tflite-tensor-size": (
        _MEDIUM,
        "a constant is not as long as its type and shape say: kernels read past it where a loader does not refuse it",
    ),
    "tflite-tensor-in-and-out": (
        _HIGH,
        "an operator that writes what it reads frees it too early in TensorFlow before 2.3.1 (CVE-2020-15210)",
    ),
    "tflite-option-zero": (
        _MEDIUM,
        "kernels divide by it: the process that runs the model dies (CVE-2021-29585 to 29602, CVE-2023-27579)",
    ),
    "tflite-graph-calls-itself": (
        _MEDIUM,
        "a loader that prepares it never comes back (CVE-2021-29591, TensorFlow before 2.5)",
    ),
    "tflite-operator-ambiguous": (_MEDIUM, "older loaders run another operator than newer ones"),
    "tflite-buffer-ambiguous": (_MEDIUM, "loaders differ on where a buffer's numbers are"),
    "tflite-flex-name-differs": (
        _HIGH,
        "an operator hides behind another's name: TensorFlow runs what its options say, and not what it is called",
    ),
    "ort-tensor-size": (_MEDIUM, "a tensor is not as long as its type and shape say"),
    "ort-shape-odd": (_MEDIUM, "a shape that no tensor can have: products of it overflow"),
    "ort-index-beyond": (_MEDIUM, "a loader makes room for nodes that are not there, or for too few"),
}
_MAY_BE_CUT = frozenset(("flatbuffer-beyond-file", "tflite-buffer-beyond-file"))


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """One finding for each kind, with all its facts as evidence."""
    del context
    for kind, facts, more in by_kind(reading.facts, _KINDS):
        severity, means = _KINDS[kind]
        sure = Confidence.MEDIUM if kind in _MAY_BE_CUT else Confidence.HIGH
        message = f"{facts[0].detail}{more}: {means}"
        yield RULE.finding(reading, message, *facts, severity=severity, confidence=sure)


RULE = Rule(
    name="flatbuffer-misdescribed",
    summary="A model in a flatbuffer (TFLite, ORT) describes itself in a way that loaders written in C++ trip over.",
    check=_check,
    looks_at=(Irregularity,),
    severity=Severity.HIGH,
    help="Get the file again and compare its digest; if it is the same, do not load it and ask its author.",
    cwe=("CWE-125", "CWE-787", "CWE-190", "CWE-369", "CWE-674", "CWE-436"),
    atlas=("AML.T0011", "AML.T0010"),
)
