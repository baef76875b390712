"""The source code of a TorchScript program, as it lies under ``code/`` in an archive.

It has Python's syntax and is not run by Python: torch compiles it. Its serializer writes few forms of statements and
expressions, all of which are walked; whatever is written otherwise is a gap. Before the parser sees a byte, the text
must be what the serializer writes: ASCII, no comments, no strings but in double quotes.
"""

import ast
import re
from collections.abc import Iterator

from modelairlock.encodings.torchscript_forms import DEPTH, Odd, Used, Walk
from modelairlock.reading import Cursor, Format, OverLimit, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Operator
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

#: torch splits no file, and one such byte may take the parser a hundred
SOURCE_BYTES = 2 * 1024 * 1024
#: gaps that are told one by one
_TOLD = 20
OPERATORS = 10_000
_STRINGS = 8
_STRING = regex(rb'"(?:[^"\\\n]|\\[^\n])*"')
_TOKENS = regex(rb"[A-Za-z0-9_ \n()\[\]{}:,.=\->+]*")
_INDENT = regex(rb"^ {%d}" % (2 * DEPTH), re.MULTILINE)
#: the function that loading calls
_AT_LOAD = "__setstate__"


def _claims(probe: Probe) -> bool:
    # Elsewhere it is a file of Python to whoever imports it, and python_source says so.
    return probe.role == "torchscript" and probe.name.lower().endswith(".py")


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    if cursor.size > SOURCE_BYTES:
        raise OverLimit(0, f"TorchScript source of {cursor.size} bytes; no more than {SOURCE_BYTES} are parsed")
    source = cursor.read(0, cursor.size)
    found = _foreign(source)
    if found is not None:
        at, what = found
        detail = f"line {source.count(10, 0, at) + 1}: {what}, which torch never writes into TorchScript source"
        yield Gap(start=0, end=cursor.size, because=Because.UNRECOGNISED, detail=detail)
        if what != "a comment":
            return  # for the parsers of Python and of torch may take the rest apart differently
    try:
        tree = ast.parse(source.decode("ascii"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        line = problem.lineno if isinstance(problem, SyntaxError) else None
        where = f"line {line}: " if line else ""
        detail = f"{where}not the Python that torch writes TorchScript in ({type(problem).__name__})"
        yield Gap(start=0, end=cursor.size, because=Because.MALFORMED, detail=detail)
        return
    yield from _Teller(cursor, source).all(Walk(_module(cursor.name)).file(tree))


def _foreign(source: bytes) -> tuple[int, str] | None:
    """Where something stands that torch does not write, and what; before any parser may stumble over it."""
    if not source.isascii():
        return next(at for at, byte in enumerate(source) if byte > 127), "a character beyond ASCII"
    blank = _STRING.sub(lambda match: b"0" * len(match[0]), source)
    end = _TOKENS.match(blank)
    at = end.end() if end else 0
    if at < len(blank):
        return at, "a comment" if blank[at : at + 1] == b"#" else f"the character {chr(blank[at])!r}"
    deep = _INDENT.search(blank)
    if deep:
        return deep.start(), f"blocks more than {DEPTH} deep"
    return _brackets(blank)


def _brackets(blank: bytes) -> tuple[int, str] | None:
    depth = 0
    for match in re.finditer(rb"[()\[\]{}]", blank):
        depth += 1 if match[0] in b"([{" else -1
        if depth > DEPTH:
            return match.start(), f"brackets more than {DEPTH} deep"
    return None


def _module(name: str) -> str:
    """``__torch__.a.b`` for ``archive/code/__torch__/a/b.py``."""
    return name.rpartition("code/")[2].removesuffix(".py").replace("/", ".")


class _Teller:
    """Counts what is used, and knows where a line begins."""

    def __init__(self, cursor: Cursor, source: bytes) -> None:
        self.cursor = cursor
        self.starts = [0, *(match.end() for match in re.finditer(rb"\n", source))]
        self.used: dict[tuple[str, str, bool], Operator] = {}
        self.odd = 0

    def all(self, told: Iterator[Used | Odd]) -> Iterator[Fact | Gap]:
        """Each operator once for loading and once for the rest, and each form that torch does not write."""
        for count, one in enumerate(told):
            if not count & 1023:
                self.cursor.budget.check_time(0)
            if isinstance(one, Used):
                self._count(one)
            else:
                yield from self._form(one)
        yield from self.used.values()

    def _span(self, node: ast.AST) -> Span:
        size = self.cursor.size
        if not isinstance(node, ast.stmt | ast.expr):
            return Span(0, size)
        start = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return Span(min(start, size), min(max(start, end), size))

    def _count(self, one: Used) -> None:
        key = (one.domain, one.name, _AT_LOAD in one.where.rpartition(".")[2] or f".{_AT_LOAD}." in one.where)
        before = self.used.get(key)
        if before is None:
            if len(self.used) >= OPERATORS:
                raise OverLimit(0, f"more than {OPERATORS} different operators in one file")
            span = self._span(one.node)
            self.used[key] = Operator(
                span=span, name=one.name, domain=one.domain, where=one.where, strings=one.strings[:_STRINGS]
            )
            return
        strings = tuple(dict.fromkeys((*before.strings, *one.strings)))[:_STRINGS]
        self.used[key] = Operator(
            span=before.span,
            name=before.name,
            domain=before.domain,
            where=before.where,
            strings=strings,
            count=before.count + 1,
        )

    def _form(self, one: Odd) -> Iterator[Gap]:
        self.odd += 1
        if self.odd <= _TOLD:
            span = self._span(one.node)
            line = one.node.lineno if isinstance(one.node, ast.stmt | ast.expr) else 1
            detail = f"line {line}: {one.form}: torch never writes this into TorchScript source"
            yield Gap(start=span.start, end=span.end, because=Because.UNRECOGNISED, detail=detail)


FORMAT = Format(
    name="torchscript_source",
    summary="Source of a TorchScript program, under code/ in a TorchScript archive.",
    claims=_claims,
    read=_read,
    loaders=("torch.jit.load", "torch.load before 2.6, even with weights_only=True (CVE-2025-32434)"),
    blind_spots=(
        "What a method is called on is not followed: a name that no operator of torch has is taken for a method of the"
        " archive's own classes, which are read.",
        "What a __setstate__ calls in other functions is told as what happens when the model is called.",
        "Flaws in the operators that are vouched for, such as reading past the end of a tensor.",
    ),
    builds_on=("script", "other_text", "text"),
    native=True,
    references=("torch/csrc/jit/serialization/python_print.cpp", "torch/csrc/jit/docs/serialization.md"),
)
