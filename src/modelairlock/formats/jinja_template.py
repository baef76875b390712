"""Templates: Jinja, by which loaders turn a conversation into a prompt, and Go's, which Ollama uses.

What a newcomer would get wrong: a Jinja template is a program. Rendered without jinja2's sandbox, attributes lead from
any value to Python's builtins, and so to a shell. It is parsed here by jinja2's own parser, and neither compiled nor
rendered. What it names is stated (`encodings.jinja_uses` has the words); whether that is honest is for rules. What does
not parse as Jinja is read as a template of Go, if it begins like one.
"""

from collections.abc import Callable, Iterator

from modelairlock.encodings.plain_text import TEMPLATE_EXTENSIONS, is_text
from modelairlock.reading import Cursor, Format, Malformed, OverLimit, Probe, ReadProblem
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, TemplateUse
from modelairlock.records.span import Span

#: the largest template in bytes; its characters are limited in `encodings.jinja_syntax`
BYTES = 2 * 1024 * 1024
#: different things that one template does
_USES = 2_000
_NAME = 200


def _claims(probe: Probe) -> bool:
    """What a holder says is a template, and text under a name of templates."""
    return probe.role == "template" or (probe.extension in TEMPLATE_EXTENSIONS and is_text(probe))


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    # Here and not above: jinja2 is there in the full worker alone. See `reading.LIBRARIES`.
    from modelairlock.encodings.jinja_syntax import BadTemplate, TooMuch, line_starts, parse

    data, text = _text(cursor)
    lines = line_starts(data)
    try:
        tree = parse(text, cursor.budget)
    except BadTemplate as problem:
        if not isinstance(problem, TooMuch) and (go := _as_go(cursor, text)) is not None:
            yield from go
            return
        yield from _words(data, text, lines)
        raise _stopped(problem, lines) from None
    yield from _uses(cursor, tree, data, text, lines)


def _text(cursor: Cursor) -> tuple[bytes, str]:
    if cursor.size > BYTES:
        raise OverLimit(0, f"a template of {cursor.size} bytes; {BYTES} are read at most")
    data = cursor.read(0, cursor.size)
    try:
        return data, data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(error.start, "UTF-8", error.reason) from None


def _stopped(problem: Exception, lines: list[int]) -> ReadProblem:
    """The gap that a template leaves which jinja2 would not compile, or which is too much to look at."""
    from modelairlock.encodings.jinja_syntax import BadTemplate, TooMuch

    if not isinstance(problem, BadTemplate):
        return OverLimit(0, "expressions nested too deep")
    at = lines[min(max(problem.line, 1), len(lines)) - 1]
    if isinstance(problem, TooMuch):
        return OverLimit(at, f"line {problem.line}: {problem}")
    return Malformed(at, "a Jinja template", f"line {problem.line}: {problem}")


def _uses(cursor: Cursor, tree: object, data: bytes, text: str, lines: list[int]) -> Iterator[Fact]:
    from jinja2 import nodes

    from modelairlock.encodings.jinja_syntax import BadTemplate
    from modelairlock.encodings.jinja_uses import uses

    assert isinstance(tree, nodes.Template), "the parser gives nothing else"
    found: dict[tuple[str, str], TemplateUse] = {}
    try:
        for use in uses(tree, cursor.budget):
            name = use.name[:_NAME]
            before = found.get((use.kind, name))
            count = use.times if before is None else _together(use.kind)(before.count, use.times)
            where, span = (f"line {use.line}", _line(data, lines, use.line, name)) if before is None else (
                before.where, before.span)  # fmt: skip
            found[use.kind, name] = TemplateUse(
                span=span, engine="jinja", kind=use.kind, name=name, where=where, count=count
            )
            if len(found) > _USES:
                raise OverLimit(span.start, f"more than {_USES} different things in one template")
    except (BadTemplate, RecursionError) as problem:
        yield from found.values()
        yield from _words(data, text, lines)
        raise _stopped(problem, lines) from None
    yield from found.values()


def _together(kind: str) -> Callable[[int, int], int]:
    """Uses add up. Of loops over the same thing, the longest is told."""
    return max if kind == "loop" else int.__add__


def _line(data: bytes, lines: list[int], number: int, name: str) -> Span:
    """Where `name` stands in the line, or else the line: a token may have begun in an earlier one."""
    place = min(max(number, 1), len(lines) - 1)
    start, end = lines[place - 1], lines[place]
    spelled = name.strip("[]<>.").encode("utf-8", "replace")
    found = data.find(spelled, start, end) if spelled else -1
    return Span(start, end) if found < 0 else Span(found, found + len(spelled))


def _words(data: bytes, text: str, lines: list[int]) -> Iterator[Fact]:
    """Of a template that cannot be read as one, the attributes that no plain data has: somebody else may read it."""
    from modelairlock.encodings.jinja_syntax import names_without_parsing
    from modelairlock.encodings.jinja_values import leads_out

    told: set[str] = set()
    for line, name in names_without_parsing(text):
        if leads_out(name) and name not in told and len(told) < _USES:
            told.add(name)
            span = _line(data, lines, line, name)
            yield TemplateUse(span=span, engine="jinja", kind="attribute", name=name[:_NAME], where=f"line {line}")


def _as_go(cursor: Cursor, text: str) -> list[Fact] | None:
    """What the text does as a template of Go; None if it is none."""
    from modelairlock.encodings.go_template import looks_like_go, template_facts

    if not looks_like_go(text):
        return None
    try:
        return list(template_facts(text, 0, cursor.budget))
    except Malformed:
        return None


FORMAT = Format(
    name="jinja_template",
    summary="Jinja and Go templates: chat templates in files, and wherever another format holds one",
    claims=_claims,
    read=_read,
    extensions=TEMPLATE_EXTENSIONS,
    loaders=(
        "transformers apply_chat_template, vllm (in jinja2's sandbox)",
        "llama-cpp-python (no sandbox before 0.2.72)",
        "sglang (no sandbox in /v1/rerank up to 0.5.9)",
        "litellm (no sandbox before 1.34.42)",
        "spacy-llm (no sandbox before 0.7.3)",
        "llama.cpp and Ollama (engines of their own, which reach no Python)",
    ),
    blind_spots=(
        "what the text of a template makes a model do: only conditions on a user's words that add sentences are told",
        "an attribute whose name the conversation spells, as in message[key]: a sandbox refuses those that do harm",
        "engines whose functions, tags or delimiters are not those of jinja2",
        "how long it takes over a conversation made for it",
        "texts that only get long by what several replacements, put one behind the other, make of each other",
    ),
    builds_on=("other_text", "text", "json_text"),
    library="jinja2",
    references=(
        "https://jinja.palletsprojects.com/en/stable/templates/",
        "https://huggingface.co/docs/transformers/chat_templating",
        "https://pkg.go.dev/text/template",
        "CVE-2024-34359, CVE-2026-5760, CVE-2024-2952, CVE-2025-25362",
        "CVE-2024-56326, CVE-2025-27516 (ways out of jinja2's sandbox before 3.1.5 and 3.1.6)",
    ),
)
