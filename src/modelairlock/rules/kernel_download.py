"""A configuration names a repository whose kernel the loader downloads and runs

## Why it matters

transformers can take its attention from a repository on the hub (a "kernel": Python and native code). In versions
4.56 to 5.2, with the `kernels` package installed, ``from_pretrained`` obeys such a name in ``config.json``, at any
depth of it, downloads that repository and imports it: ``trust_remote_code=False`` makes no difference (CVE-2026-4372).
From 5.3 on only kernels of the publisher `kernels-community` are taken.

## What to do

Take the key out of the file: nothing but speed is lost. Load models with transformers 5.3 or later, or without
`kernels`.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Setting
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.regex import regex
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_KEY = regex(r"_?(?:attn|experts)_implementation")
_PUBLISHER = regex(r'"(?:[\w]+\|)?kernels-community/[^"/\\]+"')
_MOST = 20


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    named = [
        fact
        for fact in reading.facts
        if isinstance(fact, Setting) and fact.scheme == "transformers" and any(map(_KEY.match, fact.where.split(".")))
    ]
    for fact in named[:_MOST]:
        value = shown(fact.value, 120)
        if _PUBLISHER.fullmatch(fact.value):
            message = (
                f"{shown(fact.where, 100)} is {value}: transformers with `kernels` downloads that kernel and runs it"
            )
            yield RULE.finding(reading, message, fact, severity=Severity.MEDIUM)
        elif "/" in fact.value or "\\" in fact.value:
            message = (
                f"{shown(fact.where, 100)} is {value}: from_pretrained of transformers 4.56 to 5.2 with `kernels` "
                "installed would download that repository and run it, whatever trust_remote_code is (CVE-2026-4372)"
            )
            yield RULE.finding(reading, message, fact)
        else:
            detail = f"{shown(fact.where, 100)} names {value}, which is no implementation of transformers' own"
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="kernel-download",
    summary="A configuration names a repository whose kernel the loader downloads and runs.",
    check=_check,
    looks_at=(Setting,),
    severity=Severity.HIGH,
    help="Take the key out of the configuration, and load with transformers 5.3 or later.",
    cwe=("CWE-829", "CWE-494"),
    atlas=("AML.T0010.003", "AML.T0011.000"),
)
