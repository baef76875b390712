"""A Keras model carries Python bytecode

## Why it matters

A Lambda layer made from a Python lambda is saved as marshalled bytecode, and runs as soon as the model is loaded. It
can do whatever its author chose. Most are harmless arithmetic, and still nobody but the author vouches for them. Who
runs it:

- ``.keras``: only with ``safe_mode=False`` (keras 2.13 and later). A node without ``module`` slips past that before
  3.12.3 and 3.15.0 (CVE-2026-12481).
- ``.h5`` and ``model_from_json``: keras before 3.11.3 in any case (CVE-2025-9905), tf_keras and Keras 2 always.

## What to do

Read the names below. If you know the author, ask for the layer as a class or a function of Keras; else do not load
it.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Bytecode, Configured
from modelairlock.records.finding import Severity
from modelairlock.records.keras_names import words
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: what arithmetic on tensors never names
_REACHES = words(
    "os subprocess sys socket shutil pathlib ctypes importlib pickle marshal builtins urllib requests http ftplib "
    "urlopen urlretrieve system popen Popen call check_call check_output run exec eval compile __import__ open getattr "
    "setattr globals locals vars input breakpoint import_module __builtins__ __globals__ __subclasses__ __class__ "
    "__mro__ __base__ __bases__ __dict__ __code__ __getattribute__ execve spawnl fork base64 b64decode codecs "
    "get_file load_model write_file read_file py_function numpy_function enable_unsafe_deserialization"
)
_HIGHER = {Severity.MEDIUM: Severity.HIGH, Severity.HIGH: Severity.CRITICAL}


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    archived = reading.role == "keras-config" and reading.name == "config.json"
    unnamed = any(
        isinstance(fact, Configured) and fact.qualname == "Lambda" and not fact.module for fact in reading.facts
    )
    for fact in reading.facts:
        if isinstance(fact, Bytecode):
            severity, when = _loaders(archived, unnamed)
            reaches = sorted({name for name in (*fact.names, *fact.imports, *fact.strings) if name in _REACHES})
            if reaches or not fact.python:
                severity = _HIGHER.get(severity, severity)
            where = shown(fact.where, 80)
            message = f"Python bytecode at {where} runs code of the author's choosing when {when}{_says(fact)}"
            yield RULE.finding(reading, message, fact, severity=severity)


def _loaders(archived: bool, unnamed: bool) -> tuple[Severity, str]:
    if not archived:
        return Severity.HIGH, "tf_keras, Keras 2 or keras before 3.11.3 loads it, whatever safe_mode says"
    if unnamed:
        return Severity.HIGH, "keras before 3.12.3 or 3.15.0 loads it, for its node names no module (CVE-2026-12481)"
    return Severity.MEDIUM, "it is loaded with safe_mode=False"


def _says(fact: Bytecode) -> str:
    if not fact.python:
        return "; it could not be taken apart"
    named = ", ".join((*fact.names[:12], *(repr(text) for text in fact.strings[:6] if text.strip())))
    return f"; it names {shown(named, 300)}" if named else "; it names nothing"


RULE = Rule(
    name="keras-lambda",
    summary="A Lambda layer, initializer or the like carries Python bytecode.",
    check=_check,
    looks_at=(Bytecode, Configured),
    severity=Severity.CRITICAL,
    help="Do not load it unless you know what the code does; ask for a layer that is a class or a function of Keras.",
    cwe=("CWE-502", "CWE-94"),
    atlas=("AML.T0011.000", "AML.T0018.002"),
)
