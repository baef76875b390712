"""Templates of Go's text/template, as Ollama takes them: the words that stand between ``{{`` and ``}}``.

What a newcomer would get wrong: unlike Jinja's, these reach nothing. They see fields of the data they are given and
the functions that the program hands them, and Ollama's are harmless. What is left to look for is a name that is none
of those, a loop over a number, and a template that includes itself.
"""

import re
from collections.abc import Iterator

from modelairlock.encodings.teller import TOLD
from modelairlock.records.facts import Fact, Irregularity, TemplateUse
from modelairlock.records.span import Span

#: the inside of an action; possessive, since what is not closed must not be tried again from each of its bytes
_INSIDE = re.compile(r"(?:\"(?:[^\"\\\n]|\\.)*+\"|`[^`]*+`|[^\"`}]|\}(?!\}))*+")
_COMMENT = re.compile(r"(?:- )?\s*/\*")
#: strings are one of the alternatives so that what stands in them is no name
_WORD = re.compile(
    r"(?P<text>\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|'(?:[^'\\]|\\.)+')|(?P<field>(?:\$\w*)?(?:\.\w+)+)"
    r"|(?P<variable>\$\w*)|(?P<number>[-+]?\d[\w.]*)|(?P<name>[^\W\d]\w*)"
)
_KEYWORDS = frozenset(("if", "else", "end", "range", "with", "break", "continue", "nil", "true", "false"))
_INCLUDES = frozenset(("template", "block", "define"))
_LOOKS_LIKE = re.compile(rb"\{\{-?\s*(?:\$|\.[A-Z]|(?:if|range|with|define|block|template)\s)")
#: different uses of one kind that are told
_USES = 200


def looks_like_go(head: bytes) -> bool:
    """Whether a text has actions of Go's kind: a field, a variable or a keyword right after the braces."""
    return _LOOKS_LIKE.search(head) is not None


def template_uses(text: str, span: Span, where: str = "") -> Iterator[Fact]:
    """Everything that `text`, which lies in `span`, names. Where an action is not closed, one irregularity says so."""
    found: dict[tuple[str, str], int] = {}
    includes: dict[str, set[str]] = {}
    defining, depth = [""], [0]
    at = text.find("{{")
    while at >= 0:
        said, end = _inside(text, at + 2)
        if end < 0:
            yield Irregularity(span=span, kind="go-template-broken", detail=f"an action is not closed{_at(where)}")
            break
        _action(said.strip(" \t\r\n-"), found, includes, defining, depth)
        at = text.find("{{", end)
    for (kind, name), count in list(found.items())[:_USES]:
        yield _use(span, kind, name, where, count)
    if max(len(found), len(includes)) > _USES:
        detail = f"{len(found)} different names; {_USES} are told{_at(where)}"
        yield Irregularity(span=span, kind="go-template-broken", detail=detail)
        return
    for name in _circles(includes):
        yield Irregularity(
            span=span, kind="go-template-recursive", detail=f"the template {name[:80]!a} includes itself"
        )


def _inside(text: str, start: int) -> tuple[str, int]:
    """What an action says, and where it ends; -1 if it does not. A comment says nothing."""
    if comment := _COMMENT.match(text, start):
        end = text.find("*/", comment.end())
        close = text.find("}}", end) if end >= 0 else -1
        return "", close + 2 if close >= 0 else -1
    match = _INSIDE.match(text, start)
    end = match.end() if match else start
    return text[start:end], end + 2 if text.startswith("}}", end) else -1


def _at(where: str) -> str:
    return f" in {where}" if where else ""


def _use(span: Span, kind: str, name: str, where: str, count: int) -> TemplateUse:
    if kind == "attribute":
        return TemplateUse(span=span, engine="go", kind="attribute", name=name[:200], where=where, count=count)
    if kind == "loop":
        return TemplateUse(span=span, engine="go", kind="loop", name=name[:200], where=where, count=count)
    if kind == "include":
        return TemplateUse(span=span, engine="go", kind="include", name=name[:200], where=where, count=count)
    return TemplateUse(span=span, engine="go", kind="call", name=name[:200], where=where, count=count)


def _action(
    said: str, found: dict[tuple[str, str], int], includes: dict[str, set[str]], defining: list[str], depth: list[int]
) -> None:
    """One action: its words, and the template that it stands in."""
    words = list(_WORD.finditer(said))
    first = words[0]["name"] if words else None
    if first == "range":
        over = said[5:].rpartition(":=")[2].strip()
        _count(found, "loop", over)
    if first in _INCLUDES:
        name = words[1]["text"][1:-1] if len(words) > 1 and words[1]["text"] else ""
        if first != "define":
            _count(found, "include", name)
            includes.setdefault(defining[-1], set()).add(name)
    _nest(first, words, defining, depth)
    for word in words:
        if word["name"] and word["name"] not in _KEYWORDS | _INCLUDES:
            _count(found, "call", word["name"])
        elif word["field"]:
            _count(found, "attribute", word["field"])


def _nest(first: str | None, words: list[re.Match[str]], defining: list[str], depth: list[int]) -> None:
    """Keep count of what is open: a definition ends at its own end."""
    if first in ("define", "block"):
        defining.append(words[1]["text"][1:-1] if len(words) > 1 and words[1]["text"] else "")
        depth.append(0)
    elif first in ("if", "range", "with"):
        depth[-1] += 1
    elif first == "end":
        if depth[-1]:
            depth[-1] -= 1
        elif len(defining) > 1:
            defining.pop()
            depth.pop()


def _count(found: dict[tuple[str, str], int], kind: str, name: str) -> None:
    found[kind, name] = found.get((kind, name), 0) + 1


def _circles(includes: dict[str, set[str]]) -> list[str]:
    """Templates that include themselves, by way of others or not: what is left when all that lead nowhere are gone."""
    left = {name: set(others) for name, others in includes.items()}
    for _ in range(len(left)):
        gone = [name for name, others in left.items() if others.isdisjoint(left)]
        if not gone:
            break
        for name in gone:
            del left[name]
    return [name for name in left if name][:TOLD]
