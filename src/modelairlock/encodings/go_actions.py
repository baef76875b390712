"""Reads a template of Go's ``text/template``, as Ollama uses them: every action to its last token, or not at all.

What a newcomer would get wrong: such a template cannot leave the data it is given. It has a closed set of functions,
and fields and methods of the values that the program hands over; so what matters is whether every name in it is one of
a function that only computes, and that nothing in it is left unread.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from modelairlock.reading import Budget, Malformed, OverLimit

ACTIONS = 20_000
_PIECE = 500
_WORDS = frozenset(("true", "false", "nil"))
#: keywords that open a block, that stand in one, and the rest
_OPENS = frozenset(("if", "range", "with", "define", "block"))
_WITHIN = frozenset(("else", "break", "continue"))
_CLOSES = re.compile(r"\s-\}\}|\}\}")
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>/\*.*?\*/)|(?P<text>"(?:[^"\\\n]|\\.)*+"|`[^`]*+`|'(?:[^'\\\n]|\\.)++')"""
    r"""|(?P<number>[+-]?[0-9][0-9a-zA-Z_.+]*+)|(?P<field>(?:\$\w*+)?+(?:\.\w++)++|\$\w*+|\.)"""
    r"""|(?P<name>[^\W\d]\w*+)|(?P<sign>:=|[|(),=])""",
    re.DOTALL | re.ASCII,
)


class GoUse(NamedTuple):
    """A function that is called, or a loop, and where."""

    kind: Literal["global", "loop"]
    name: str
    position: int


def looks_like_go(text: str) -> bool:
    """Whether it has an action that Jinja could not mean: a field of nothing, or a keyword inside braces."""
    return _GO.search(text) is not None


_GO = re.compile(r"\{\{-?\s*+(?:\.|\$|/\*|(?:if|range|with|define|block|template|else|end)\b)")


def uses(text: str, budget: Budget) -> Iterator[GoUse]:
    """Functions, templates and loops that the template names. Raises `Malformed` where it is no Go template."""
    at = actions = depth = 0
    while (start := text.find("{{", at)) >= 0:
        actions += 1
        if actions > ACTIONS:
            raise OverLimit(start, f"more than {ACTIONS} actions in one template")
        if actions % _PIECE == 0:
            budget.check_time(start)
        tokens, at = _action(text, start)
        words = [token for token in tokens if token[0] == "name"]
        keyword = tokens[0][1] if tokens and tokens[0][0] == "name" else ""
        depth += (keyword in _OPENS) - (keyword == "end")
        if depth < 0 or (keyword in _WITHIN and depth == 0):
            raise Malformed(start, "a block that this ends", repr(keyword))
        yield from _said(keyword, words, tokens)
    if depth:
        raise Malformed(len(text), "the end of every block", f"{depth} open ones")


def _action(text: str, start: int) -> tuple[list[tuple[str, str, int]], int]:
    """Kind, text and position of an action's tokens, and where it ends."""
    at = start + 2
    tokens: list[tuple[str, str, int]] = []
    if text.startswith("-", at) and text[at + 1 : at + 2].isspace():
        at += 1
    while True:
        closing = _CLOSES.match(text, at)
        if closing:
            return tokens, closing.end()
        match = _TOKEN.match(text, at)
        if match is None:
            raise Malformed(at, "a token of a Go template", ascii(text[at : at + 20]))
        if match.lastgroup not in ("space", "comment"):
            tokens.append((match.lastgroup or "", match[0], at))
        # White space before a trim mark belongs to the mark.
        at = match.end() if match.lastgroup != "space" or text[match.end() :][:3] != "-}}" else match.end() - 1


def _said(keyword: str, words: list[tuple[str, str, int]], tokens: list[tuple[str, str, int]]) -> Iterator[GoUse]:
    """Loops and functions. What ``template`` and ``block`` name are templates of this same text."""
    if keyword == "range":
        yield GoUse("loop", " ".join(token[1] for token in tokens[1:])[:80], tokens[0][2])
    for place, (_, word, position) in enumerate(words):
        is_keyword = (place == 0 and keyword in _KEYWORDS) or (place == 1 and keyword == "else" and word in _CHAINED)
        if not is_keyword and word not in _WORDS:
            yield GoUse("global", word, position)


_KEYWORDS = _OPENS | _WITHIN | {"end", "template"}
_CHAINED = frozenset(("if", "with"))
