"""An ONNX model names a data file that is not below its own folder

## Why it matters

Tensors may lie in other files, which the model names by path, and the loader opens whatever that path leads to: its
bytes become numbers that a model can hand out, or (when the model is saved again) are written over. Which versions
follow a path out of the folder:

| path | opened by |
|---|---|
| ``../x`` | onnx before 1.13.0 (CVE-2022-25882) |
| ``a/../../x`` | onnx before 1.16.0 (CVE-2024-27318) |
| any of these, when the model is *saved* again: it writes | onnx 1.17.0 and neighbours (CVE-2025-51480) |
| links in the folder | onnx before 1.21.0 (CVE-2026-27489, CVE-2026-34446, CVE-2026-34447) |
| absolute, or with ``..`` | onnxruntime before its checks of December 2025 to May 2026 (PR 26776, 27430, 28709) |
| ``*/_ORT_MEM_ADDR_/*`` | onnxruntime before PR 28709 and 29011 (2026): no file, but the loader's own memory |

Other runtimes (TensorRT, OpenVINO, tract, converters) have rules of their own, or none.

## What to do

Do not load it, and do not load and save it either. No exporter writes such a path; ask its author how it came about.
"""

import re
from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.regex import regex
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_MEMORY = regex(r"\*/_ORT_MEM[A-Z_]*_ADDR_/\*")
_ADDRESS = regex(r"[A-Za-z][A-Za-z0-9+.-]+://?|(?:file|data):", re.IGNORECASE)
_DRIVE = regex(r"[A-Za-z]:")
_CONTROL = regex(r"[\x00-\x1f\x7f]")
_FORMATS = {"onnx", "onnx_tensor", "ort"}
_KINDS = {"external-data": "tensors", "compiled-context": "a compiled program"}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if not _FORMATS.intersection(reading.formats):
        return
    for fact in reading.facts:
        if isinstance(fact, Reference) and fact.kind in _KINDS and (why := _odd(fact.target)):
            where = f" for {shown(fact.where, 80)!r}" if fact.where else ""
            message = f"it would read {_KINDS[fact.kind]}{where} from {shown(repr(fact.target), 200)}: {why}"
            yield RULE.finding(reading, message, fact)


def _odd(target: str) -> str:
    """What is wrong with a path, in words; nothing if it stays below the folder on every system."""
    path = target.replace("\\", "/")
    if _MEMORY.search(target):
        return "onnxruntime of early 2026 and before takes that for an address in its own memory (PR 28709, 29011)"
    if not path.strip():
        return "an empty path, which is the folder itself"
    if path.startswith("//"):
        return "another machine's share on Windows, or an absolute path"
    if path.startswith("/"):
        return "an absolute path (onnx before 1.13.0, onnxruntime before its checks of 2026)"
    if _DRIVE.match(path):
        return "a path on a drive of Windows"
    if _ADDRESS.match(path):
        return "an address"
    if path.startswith("~"):
        return "somebody's home folder, for programs that expand it"
    if ".." in [part.rstrip(" ") for part in path.split("/")]:
        return "it climbs out of the folder (CVE-2022-25882, CVE-2024-27318; CVE-2025-51480 when it is saved again)"
    if _CONTROL.search(target):
        return "a control character, where one program cuts the path and another does not"
    return ""


RULE = Rule(
    name="onnx-data-outside-folder",
    summary="An ONNX model names a data file that is not below its own folder.",
    check=_check,
    looks_at=(Reference,),
    severity=Severity.HIGH,
    help="Do not load it, and do not load and save it either; with onnx 1.21 and a current onnxruntime it is refused.",
    cwe=("CWE-22", "CWE-73"),
    atlas=("AML.T0011.000",),
)
