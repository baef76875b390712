"""Configurations of spaCy: sections and values, some of which are Jinja templates that spacy-llm renders.

What a newcomer would get wrong: a value is JSON if it parses as such and else the text as it stands, so a template may
be a string with escapes, or lines upon lines between triple quotes. Templates are handed on as members. The rest names
functions that spaCy looks up in its registries and calls (``@llm_tasks = "spacy.NER.v3"``), which nothing judges yet;
so the file stays a gap. Values can be put together from others (``${paths.prompt}``), which is not followed.
"""

import json
import re
from collections.abc import Iterator

from modelairlock.encodings.plain_text import TEXT_BEGINS, is_text
from modelairlock.reading import Cursor, Format, Malformed, OverLimit, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Member
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

BYTES = 4 * 1024 * 1024
_SECTION = regex(rb"^\[(?:components|nlp)(?:\.[^\]\r\n]*+)?\]", re.MULTILINE)
_REGISTERED = regex(rb"^@\w++[ \t]*+[=:]", re.MULTILINE)
#: a key and its value, with the lines that go on further in, or empty
_VALUE = regex(
    rb"^(?P<key>[^\s\[#;=:][^\r\n=:]*+)[=:][ \t]*+(?P<value>[^\r\n]*+(?:\r?\n(?:[ \t]++[^\r\n]*+|(?=\r?\n)))*+)",
    re.MULTILINE,
)
_TEMPLATE = regex(rb"\{[{%#]|template", re.IGNORECASE)
_QUOTES = regex(rb'("""|\'\'\')(.*?)\1\s*+', re.DOTALL)


def _claims(probe: Probe) -> bool:
    """Text with a section of components or of the pipeline, and a name that a registry of spaCy is asked for."""
    if b"[components" not in probe.head and b"[nlp]" not in probe.head:
        return False
    return bool(_SECTION.search(probe.head) and _REGISTERED.search(probe.head)) and is_text(probe)


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    if cursor.size > BYTES:
        raise OverLimit(0, f"a configuration of {cursor.size} bytes; {BYTES} are read at most")
    data = cursor.read(0, cursor.size)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(error.start, "UTF-8", error.reason) from None
    for found in _VALUE.finditer(data):
        cursor.budget.check_time(found.start())
        key = found["key"].strip().decode()
        if _TEMPLATE.search(found["value"]) or key.endswith("template"):
            yield from _template(key, found["value"], found.start("value"))
    detail = "settings of spaCy: the functions that it calls by the names in them are not judged yet"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


def _template(key: str, value: bytes, start: int) -> Iterator[Member]:
    """The value as a member, if it is a text."""
    end = start + len(value.rstrip())
    bare = value.rstrip()
    if not bare:
        return
    try:
        decoded = json.loads(bare)
    except (ValueError, RecursionError):
        inside = _QUOTES.fullmatch(value)
        start, end = (start + inside.start(2), start + inside.end(2)) if inside else (start, end)
        if end > start:
            yield Member(span=Span(start, end), name=key, role="template")
        return
    if isinstance(decoded, str) and decoded:
        yield Member(span=Span(start, end), name=key, method="json-string", role="template")
    elif _BRACES.search(bare):
        # A list or dict that holds texts: each of its strings is read for itself.
        for string in _STRING.finditer(bare):
            if len(string[0]) > 2:
                span = Span(start + string.start(), start + string.end())
                yield Member(span=span, name=key, method="json-string", role="template")


_BRACES = regex(rb"\{[{%#]")
_STRING = regex(rb'"(?:[^"\\]++|\\.)*+"')

FORMAT = Format(
    name="spacy_config",
    summary="configurations of spaCy, with the prompt templates of spacy-llm",
    claims=_claims,
    begins=TEXT_BEGINS,
    read=_read,
    loaders=("spacy.load", "spacy_llm.util.assemble (renders templates without a sandbox before 0.7.3)"),
    blind_spots=(
        "everything but templates: which registered functions are called, and with what, is not judged yet",
        "values that are put together from other values",
        "templates that the configuration names by a path",
    ),
    builds_on=("other_text", "text"),
    references=("https://spacy.io/api/data-formats#config", "CVE-2025-25362"),
)
