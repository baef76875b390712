"""A template of Ollama calls what Ollama does not have, or does not end

## Why it matters

Ollama's templates are those of Go. They see the messages and a closed set of functions, none of which opens a file or
runs anything. A name that is not in that set makes Ollama refuse the model, and means something to some other program
that nobody here has looked at. A template that includes itself, counts to a large number or makes ever longer texts
keeps the server busy, or takes its memory, for every request.

## What to do

Ask its author which program the template is for.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Irregularity, TemplateUse
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: Go's own, each without an effect on anything but the text (text/template/funcs.go), and Ollama's (template.go);
#: `call` is not here: it calls a function that the data holds
_KNOWN = frozenset(
    (
        "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "printf", "println",
        "html", "js", "urlquery", "json", "currentDate", "yesterdayDate", "toTypeScriptType",
    )
)  # fmt: skip
#: rounds of a loop, or characters of a text, that no honest template brings by itself
_MANY = 2_000_000


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind == "go-template-recursive":
            yield RULE.finding(reading, f"{fact.detail}: every request would go round until Go gives up", fact)
        elif isinstance(fact, TemplateUse) and fact.engine == "go":
            yield from _use(reading, fact)


def _use(reading: Reading, fact: TemplateUse) -> Iterator[Judgement]:
    name = shown(fact.name, 120)
    if fact.kind == "loop" and fact.count > _MANY:
        message = f"for every request its template would go through, or make, {name} ({fact.where}): {fact.count:,}"
        yield RULE.finding(reading, f"{message} (denial of service)", fact)
    elif fact.kind == "assignment":
        message = f"its template makes a value of itself at least twice over, {name} ({fact.where}): it doubles"
        yield RULE.finding(reading, f"{message} (denial of service)", fact, confidence=Confidence.MEDIUM)
    elif fact.kind == "global" and fact.name not in _KNOWN:
        detail = f"the template calls {name}, which is no function of Go or Ollama that is known here ({fact.where})"
        yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="go-template-odd",
    summary="A template of Ollama calls what Ollama does not have, or does not end.",
    check=_check,
    looks_at=(Irregularity, TemplateUse),
    severity=Severity.MEDIUM,
    help="Ask its author which program the template is for.",
    cwe=("CWE-674", "CWE-834"),
)
