"""The archive carries Python source that its loader imports

## Why it matters

torch.package puts Python modules beside the pickles, and PackageImporter imports them when an object is loaded. That is
how the format is meant to work, and it means that loading the file runs whatever its author wrote.

## What to do

Review the source as you would any program you are about to run, or ask for the weights alone.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Member
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown
from modelairlock.records.wording import counted, listed


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    if "torch_package" not in reading.formats:
        return
    sources = [fact for fact in reading.facts if isinstance(fact, Member) and fact.name.endswith((".py", ".so"))]
    if sources:
        names = listed([shown(fact.name, 60) for fact in sources], 3)
        message = f"loading it imports the code it carries: {counted(len(sources), 'module')} ({names})"
        yield RULE.finding(reading, message, *sources)


RULE = Rule(
    name="carries-source",
    summary="The archive carries Python source that its loader imports.",
    check=_check,
    looks_at=(Member,),
    severity=Severity.MEDIUM,
    help="Review the source as a program you are about to run, or ask for the weights alone.",
    cwe=("CWE-94",),
    atlas=("AML.T0011.000",),
)
