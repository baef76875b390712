"""A template reaches from its data to Python's own code

## Why it matters

A Jinja template that is rendered without a sandbox can go from any value by its special attributes to Python's
builtins, and run commands from there: ``lipsum.__globals__['os'].popen(...)``. Chat templates come with the model and
are rendered at the first conversation, or earlier. llama-cpp-python before 0.2.72 (CVE-2024-34359), litellm before
1.34.42 (CVE-2024-2952), spacy-llm before 0.7.3 (CVE-2025-25362) and sglang's ``/v1/rerank`` up to 0.5.9
(CVE-2026-5760) do so without a sandbox. transformers and vllm use jinja2's sandbox, which refuses such attributes;
with jinja2 before 3.1.6 a ``format`` that is handed on gets around it (CVE-2024-56326, CVE-2025-27516).

No honest template needs such an attribute, nor one whose name it puts together first.

## What to do

Do not load this model. If you must, take another template: every loader lets you pass your own. Report the file where
you got it; whoever writes such a template means it.
"""

from collections.abc import Iterator

from modelairlock.records.facts import TemplateUse
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

#: a text's own `format`, handed on: the way out of the sandbox of older versions
_HANDED_ON = frozenset(("format", "format_map"))
#: attributes from which there is a way to code, or which are such code; others with an underscore are merely private
_LEADS_TO_CODE = frozenset(
    (
        "__class__", "__base__", "__bases__", "__mro__", "mro", "__subclasses__", "__globals__", "__builtins__",
        "__init__", "__new__", "__import__", "__code__", "__closure__", "__func__", "__self__", "__wrapped__",
        "__dict__", "__getattribute__", "__getattr__", "__getitem__", "__reduce__", "__reduce_ex__", "__loader__",
        "__spec__", "__module__", "__call__", "__enter__", "__exit__", "__del__", "__format__", "__init_subclass__",
        "_TemplateReference__context", "_load_form_data", "_get_data_for_json", "_fail_with_undefined_error",
    )
)  # fmt: skip
#: methods and functions that do the harm once the way to them is open
_HARMFUL = frozenset(
    (
        ".popen", ".system", ".exec", ".eval", ".spawn", ".execv", ".execve", ".fork", ".run", ".call", ".check_output",
        ".Popen", ".__import__", ".import_module", ".open", ".load_module", ".getoutput", ".compile", ".urlopen",
        ".__subclasses__", ".__init__", ".read", ".write", ".remove", ".unlink",
    )
)  # fmt: skip
_MOST = 20
_WHO = (
    "llama-cpp-python before 0.2.72, litellm before 1.34.42, spacy-llm before 0.7.3 and sglang's /v1/rerank up to"
    " 0.5.9 render it without a sandbox; transformers refuses"
)


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    uses = [fact for fact in reading.facts if isinstance(fact, TemplateUse) and fact.engine == "jinja"]
    reached = [use for use in uses if use.kind == "attribute" or (use.kind == "assignment" and use.name[:1] == "_")]
    harmful = [use for use in uses if use.kind == "call" and use.name in _HARMFUL]
    out = [use for use in reached if use.name in _LEADS_TO_CODE or use.name.startswith("__") or _is_frame(use.name)]
    if out and harmful:
        yield _payload(reading, out, harmful)
    for use in reached[:_MOST]:
        if not (out and harmful and use in out):
            yield from _one(reading, use)


def _is_frame(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and name not in _HANDED_ON


def _payload(reading: Reading, out: list[TemplateUse], harmful: list[TemplateUse]) -> Judgement:
    way = ", ".join(dict.fromkeys(shown(use.name, 60) for use in out[:8]))
    calls = ", ".join(dict.fromkeys(f"{use.name}(...)" for use in harmful[:4]))
    message = f"its template goes by {way} to Python's own code and calls {calls}: {_WHO}"
    return RULE.finding(reading, message, *out[:4], *harmful[:4])


def _one(reading: Reading, use: TemplateUse) -> Iterator[Judgement]:
    name = shown(use.name, 120)
    if use.name.startswith("<"):
        return  # template-unknown holds it: a variable from outside says the name
    if use.name.startswith("["):
        message = f"its template makes up the name of an attribute, by {name[1:-1]} at {use.where}: {_WHO}"
        yield RULE.finding(reading, message, use, severity=Severity.HIGH, confidence=Confidence.MEDIUM)
    elif use.name in _HANDED_ON:
        message = (
            f"its template hands a text's own {name} on at {use.where}, which leads out of jinja2's sandbox"
            " before 3.1.6"
        )
        yield RULE.finding(reading, message, use, severity=Severity.HIGH, confidence=Confidence.MEDIUM)
    elif use.name in _LEADS_TO_CODE or use.name.startswith("__") or _is_frame(use.name):
        message = f"its template reaches for {name} at {use.where}, by which one gets at Python's own code: {_WHO}"
        yield RULE.finding(reading, message, use, severity=Severity.HIGH)
    else:
        message = f"its template reaches for the private {name} at {use.where}, which sandboxes refuse"
        yield RULE.finding(reading, message, use, severity=Severity.MEDIUM, confidence=Confidence.MEDIUM)


RULE = Rule(
    name="template-escapes",
    summary="A template reaches for attributes that lead to Python's own code.",
    check=_check,
    looks_at=(TemplateUse,),
    severity=Severity.CRITICAL,
    help="Do not load this model, or load it with a chat template of your own in place of this one.",
    cwe=("CWE-1336", "CWE-94"),
    atlas=("AML.T0011.000",),
)
