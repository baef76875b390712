"""A template uses a function, filter or test that nobody vouches for

## Why it matters

What jinja2 and transformers offer to a template only computes; somebody has looked at each of these functions. A name
that is not among them is the loader's own, or nobody's. It may fetch, read or run something: a template says the name,
and the program that renders it decides what that does. The same holds for other templates that this one includes, and
for attributes whose name a variable from outside says, because the model's own files may set that variable.

## What to do

Look in the documentation of the program that renders the template for what the named function does there. If nothing
there has that name, the template cannot be rendered at all, and is broken or meant for something else.
"""

from collections.abc import Iterator

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import TemplateUse
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown

_TEXT = "makes text of text"
_PICKS = "picks or orders items"
_NUMBER = "gives a number"
_ASKS = "answers yes or no"

#: jinja2's own filters, and why each may be used. Not among them: `attr`, which looks attributes up by any name
FILTERS = {
    **dict.fromkeys(
        (
            "capitalize", "center", "e", "escape", "filesizeformat", "forceescape", "format", "indent", "join", "lower",
            "pprint", "replace", "safe", "string", "striptags", "title", "tojson", "trim", "truncate", "upper",
            "urlencode", "urlize", "wordwrap", "xmlattr",
        ), _TEXT,
    ),
    **dict.fromkeys(
        (
            "batch", "d", "default", "dictsort", "first", "groupby", "items", "last", "list", "map", "max", "min",
            "random", "reject", "rejectattr", "reverse", "select", "selectattr", "slice", "sort", "unique",
        ), _PICKS,
    ),
    "from_json": "llama.cpp and llama-cpp-python: reads JSON",
    **dict.fromkeys(("abs", "count", "float", "int", "length", "round", "sum", "wordcount"), _NUMBER),
}  # fmt: skip
TESTS = dict.fromkeys(
    (
        "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "==", "escaped", "even", "false", "filter",
        "float", "ge", ">=", "gt", "greaterthan", ">", "in", "integer", "iterable", "le", "<=", "lower", "lt",
        "lessthan", "<", "mapping", "ne", "!=", "none", "number", "odd", "sameas", "sequence", "string", "test", "true",
        "undefined", "upper",
    ), _ASKS,
)  # fmt: skip
GLOBALS = {
    "range": _NUMBER,
    "dict": "makes a dict",
    "namespace": "holds values across loops",
    "cycler": _PICKS,
    "joiner": _TEXT,
    "lipsum": "makes up text",
    "loop": "goes down into a nested list",
    "caller": "shows the body of the template's own call block",
    "super": "shows the block of the same name further up",
    "raise_exception": "transformers and others: stops with a message",
    "strftime_now": "transformers and others: tells the time",
}
#: methods of texts, lists and dicts
METHODS = {
    **dict.fromkeys(
        (
            ".capitalize", ".casefold", ".center", ".format", ".join", ".ljust", ".lower", ".lstrip", ".partition",
            ".removeprefix", ".removesuffix", ".replace", ".rjust", ".rpartition", ".rsplit", ".rstrip", ".split",
            ".splitlines", ".strip", ".swapcase", ".title", ".upper", ".zfill",
        ), _TEXT,
    ),
    **dict.fromkeys((".count", ".find", ".index", ".rfind", ".rindex"), _NUMBER),
    **dict.fromkeys(
        (
            ".endswith", ".isalnum", ".isalpha", ".isascii", ".isdecimal", ".isdigit", ".islower", ".isnumeric",
            ".isspace", ".istitle", ".isupper", ".startswith", ".changed",
        ), _ASKS,
    ),
    **dict.fromkeys(
        (
            ".append", ".clear", ".copy", ".extend", ".insert", ".pop", ".popitem", ".remove", ".reverse",
            ".setdefault", ".sort", ".update",
        ), "changes a list or dict of the template, which the sandbox of transformers refuses",
    ),
    ".to_str": "spacy-llm: shows a labelled part of a text",
    ".model_dump_json": "pydantic: shows an object as JSON",
    **dict.fromkeys((".cycle", ".get", ".items", ".keys", ".next", ".values"), _PICKS),
}  # fmt: skip
_KNOWN = {"filter": FILTERS, "test": TESTS, "global": GLOBALS, "call": METHODS}
_WORDS = {
    "filter": "the filter {}",
    "test": "the test {}",
    "global": "the function or variable {}, which the program that renders it brings along",
    "call": "a call of {}",
    "include": "another template, {}",
    "attribute": "an attribute by the name that {} says, which comes from outside the template",
}
_MOST = 50


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    del context
    told = 0
    for fact in reading.facts:
        if isinstance(fact, TemplateUse) and not _vouched(fact):
            told += 1
            if told > _MOST:
                return
            name = shown(fact.name.strip("<>"), 120)
            detail = f"{_WORDS[fact.kind].format(name)} (in a template, {fact.where})"
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


def _vouched(use: TemplateUse) -> bool:
    """Whether somebody has looked at it, or another rule speaks of it."""
    if use.engine == "go":
        return True  # `go-template-odd` judges it
    if use.kind == "attribute":
        return not use.name.startswith("<")
    if use.kind in _KNOWN:
        return use.name in _KNOWN[use.kind]
    return use.kind != "include"


RULE = Rule(
    name="template-unknown",
    summary="A template uses functions, filters, tests or other templates that nobody vouches for. Gaps only.",
    check=_check,
    looks_at=(TemplateUse,),
    severity=Severity.INFO,
    help="Find out what the program that renders the template does under this name.",
    cwe=("CWE-1336",),
)
