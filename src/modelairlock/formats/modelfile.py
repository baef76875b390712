"""A Modelfile: the recipe by which ``ollama create`` makes a model out of another, a template, words and settings.

What a newcomer would get wrong: FROM may name a file of the machine, a folder of one, or a model that is fetched from
any registry. And a value that begins with a quote goes on over lines until one ends with it, so what looks like a
command may be part of a text, and the other way round. The template is one of Go, which reaches nothing by itself.
"""

import json
import re
from collections.abc import Iterator

from modelairlock.encodings.go_template import template_facts
from modelairlock.encodings.plain_text import TEXT_BEGINS, TextKind, base_name, is_text, text_kind
from modelairlock.reading import Budget, Cursor, Format, Malformed, OverLimit, Probe, ReadProblem, Truncated
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Reference, Setting
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

_BYTES = 1 << 20
_NAME = regex(r"modelfile(?:[-_.](?!(?:md|txt|rst|html?|py)$)[^.]*)?|.*\.modelfile", re.DOTALL)
_FROM = regex(rb"^[ \t]*FROM[ \t]+\S", re.IGNORECASE | re.MULTILINE)
_OTHERS = regex(
    rb"^[ \t]*(?:TEMPLATE|SYSTEM|ADAPTER)[ \t]+\S|^[ \t]*PARAMETER[ \t]+\w+[ \t]+\S", re.IGNORECASE | re.MULTILINE
)
_FIRST = regex(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*([A-Za-z]+)[ \t]")
_COMMAND = regex(rb"[ \t]*([A-Za-z]+)[ \t]+")
_WORD = regex(rb"([A-Za-z0-9_]+)[ \t]+")
_FILES = {"from": "model", "adapter": "adapter", "draft": "model"}
_TEXTS = frozenset(("system", "license", "renderer", "parser", "requires"))
_COMMANDS = frozenset((*_FILES, *_TEXTS, "template", "parameter", "message"))


def claims(probe: Probe) -> bool:
    """Text of its name, or of no known kind, from its first command on, with a FROM and what no Dockerfile has."""
    if probe.role == "raw" or not is_text(probe):
        return False
    if _NAME.fullmatch(base_name(probe.name)) and text_kind(probe) in (None, TextKind.OTHER):
        return True
    if text_kind(probe) is not None or not (first := _FIRST.match(probe.head)):
        return False
    known = first[1].decode().lower() in _COMMANDS
    return known and bool(_FROM.search(probe.head) and _OTHERS.search(probe.head))


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Command after command, as Ollama's parser takes them."""
    if cursor.size > _BYTES:
        raise OverLimit(0, f"a Modelfile of {cursor.size} bytes; {_BYTES} are read at most")
    data = cursor.peek(0, cursor.size)
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    cursor.consumed(0, at)
    commands: set[str] = set()
    while at < len(data):
        line = _line(data, at)
        if not (stripped := data[at:line].strip()) or stripped.startswith(b"#"):
            cursor.consumed(at, line)
            at = line
            continue
        command, name, value, end = _command(data, at)
        yield from _facts(command, name, data[value:end], Span(value, end), cursor.budget)
        commands.add(command)
        cursor.consumed(at, end)
        at = end
    if "from" not in commands:
        raise Malformed(len(data), "a FROM", "the end")


def _line(data: bytes, at: int) -> int:
    """Where the line at `at` ends, with its newline."""
    found = data.find(b"\n", at)
    return len(data) if found < 0 else found + 1


def _command(data: bytes, at: int) -> tuple[str, str, int, int]:
    """The command, the name that belongs to it, where its value begins and ends. Raises `ReadProblem`."""
    match = _COMMAND.match(data, at)
    name = match[1].decode("ascii").lower() if match else ""
    if match is None or name not in _COMMANDS:
        raise Malformed(at, "a command of a Modelfile", repr(data[at : at + 20])[1:])
    start, own = match.end(), ""
    if name in ("parameter", "message"):
        word = _WORD.match(data, start)
        if word is None:
            raise Malformed(start, f"a name after {name.upper()}", repr(data[start : start + 20])[1:])
        start, own = word.end(), word[1].decode("ascii")
    return name, own, start, _end(data, start)


def _end(data: bytes, start: int) -> int:
    """Where a value ends: with its line, or, in quotes, with the first line that ends with them."""
    line = _line(data, start)
    first = data[start:line].strip()
    quotes = b'"""' if first.startswith(b'"""') else b'"' if first.startswith(b'"') else b""
    began = start + data[start:line].find(quotes) + len(quotes)
    while quotes:
        if data[began:line].rstrip().endswith(quotes):
            return line
        if line >= len(data):
            raise Truncated(len(data), f"expected {quotes.decode()} at the end of the value at {start}, got the end")
        began, line = line, _line(data, line)
    return line


def _facts(command: str, name: str, raw: bytes, span: Span, budget: Budget) -> Iterator[Fact | Gap]:
    most = budget.limits.text_characters
    try:
        value = raw.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Malformed(span.start + error.start, "UTF-8", error.reason) from None
    for quotes in ('"""', '"'):
        if value.startswith(quotes) and value.endswith(quotes) and len(value) >= 2 * len(quotes):
            value = value[len(quotes) : -len(quotes)]
            break
    if command in _FILES:
        # Ollama leaves out what cannot be printed, so that is what it opens.
        target = "".join(filter(str.isprintable, value))
        yield Reference(span=span, kind=_FILES[command], target=target[:most], where="Modelfile")
    elif command == "template":
        yield from _template(value, span.start + raw.index(value.encode()), span, budget)
    elif command == "parameter" or command in _TEXTS:
        key = name or command
        yield Setting(span=span, scheme="ollama", key=key[:200], value=json.dumps(value[:most]))


def _template(text: str, start: int, span: Span, budget: Budget) -> Iterator[Fact | Gap]:
    """What the template does. One that cannot be read is a gap, and the commands behind it are read all the same."""
    try:
        yield from template_facts(text, start, budget, "TEMPLATE")
    except ReadProblem as problem:
        yield Gap(start=span.start, end=span.end, because=problem.because, detail=f"in a template, {problem}")


FORMAT = Format(
    name="modelfile",
    summary="Modelfile of Ollama",
    claims=claims,
    begins=TEXT_BEGINS,
    read=read,
    extensions=(".modelfile",),
    loaders=("ollama create",),
    blind_spots=(
        "the model that FROM names",
        "what its texts tell the model: a system prompt is words, and harms by what a model does with them",
        "a file in UTF-16, which Ollama reads as well, is a gap",
    ),
    builds_on=("other_text",),
    references=(
        "https://github.com/ollama/ollama/blob/main/docs/modelfile.mdx",
        "https://github.com/ollama/ollama/blob/main/parser/parser.go",
    ),
)
