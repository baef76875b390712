"""Reads a template of Go's ``text/template``, as Ollama uses them: every action to its last token, or not at all.

What a newcomer would get wrong: such a template cannot leave the data it is given. It has a closed set of functions,
and fields of what the program hands over, so fields are not stated. What is left to look for is a function that nobody
knows (``global``), what the template does more often than any conversation asks for (``loop``, whose count is how often
it runs, or how many characters it makes, by itself), a text that is made of itself (``assignment``), and templates that
include one another.
"""

import graphlib
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from modelairlock.reading import Budget, Malformed, OverLimit
from modelairlock.records.facts import Fact, Irregularity, TemplateUse
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

ACTIONS = 20_000
#: different things that one template does
USES = 200
#: what makes fewer characters, or not many times its own, is not told of
_LONG = 100_000
_TIMES = 4
_PIECE = 500
_NAME = 200
#: stands for every count that is too large to matter how large it is
_HUGE = 1 << 53
_WORDS = frozenset(("true", "false", "nil"))
#: keywords that open a block, that stand in one, and the rest
_OPENS = frozenset(("if", "range", "with", "define", "block"))
_WITHIN = frozenset(("else", "break", "continue"))
_KEYWORDS = _OPENS | _WITHIN | {"end", "template"}
_CHAINED = frozenset(("if", "with"))
_NAMED = frozenset(("define", "block", "template"))
_CLOSES = regex(r"[ \t\r\n]-\}\}|\}\}")
_TOKEN = regex(
    r"""(?P<space>[ \t\r\n]+)|(?P<comment>/\*.*?\*/)|(?P<text>"(?:[^"\\\n]|\\.)*+"|`[^`]*+`|'(?:[^'\\\n]|\\.)++')"""
    r"""|(?P<number>[+-]?[0-9][0-9a-zA-Z_.+]*+)|(?P<field>(?:\$\w*+)?+(?:\.\w++)++|\$\w*+|\.)"""
    r"""|(?P<name>[^\W\d]\w*+)|(?P<sign>:=|[|(),=])""",
    re.DOTALL,
)
_GO = regex(r"\{\{-?\s*+(?:\.|\$|/\*|(?:if|range|with|define|block|template|else|end)\b)")
#: digits that a format may take for a width, of which Go takes a million at most
_WIDTH = regex(r"[1-9][0-9]{0,18}")
_WIDEST = 1_000_000


def looks_like_go(text: str) -> bool:
    """Whether it has an action that Jinja could not mean: a field of nothing, or a keyword inside braces."""
    return _GO.search(text) is not None


def template_facts(text: str, start: int, budget: Budget, within: str = "") -> Iterator[Fact]:
    """What `text` does, whose UTF-8 begins at the byte `start`. Raises `Malformed` where it is no template of Go."""
    reader = _Reader(text)
    try:
        reader.read(budget)
    except (Malformed, OverLimit) as problem:
        problem.position = start + _bytes(text[: problem.position])
        raise
    whole = Span(start, start + _bytes(text))
    for kind, name, position, count in reader.told():
        at = start + _bytes(text[:position])
        line = f"line {text.count(chr(10), 0, position) + 1}"
        yield TemplateUse(
            span=Span(at, min(at + _bytes(name), whole.end)),
            engine="go",
            kind=kind,
            name=name,
            where=f"{within}, {line}" if within else line,
            count=count,
        )
    if reader.circle:
        names = ", ".join(f"{name[:80]!a}" for name in reader.circle[:4])
        detail = f"templates include one another in a circle: {names}"
        yield Irregularity(span=whole, kind="go-template-recursive", detail=detail)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


class _Block(NamedTuple):
    """What is open: it runs `known` times, times the largest number of the template for each `unknown`."""

    template: str = ""
    known: int = 1
    unknown: int = 0


_Kind = Literal["global", "loop", "assignment"]


class _Reader:
    """Reads one template, action after action."""

    def __init__(self, text: str) -> None:
        self.text = text
        #: functions, and how often each is named
        self.functions: dict[str, tuple[int, int]] = {}
        self.loops: dict[str, tuple[int, _Block]] = {}
        #: of each variable the others that it is made of; and assignments that use more than one
        self.sources: dict[str, set[str]] = {}
        self.mixed: dict[str, tuple[int, str, tuple[str, ...]]] = {}
        #: where each template begins, what it includes, and the characters and rounds that it makes itself
        self.begins = {"": 0}
        self.includes: dict[str, list[tuple[str, _Block]]] = {}
        self.makes: dict[tuple[str, int], int] = {}
        self.open = [_Block()]
        #: the largest number that a variable or a dot may stand for, and how long the text of a variable gets
        self.largest = 1
        self.lengths: dict[str, int] = {}

    def read(self, budget: Budget) -> None:
        """All actions. Raises `Malformed` and `OverLimit`, whose positions are those of characters."""
        at = actions = 0
        while (start := self.text.find("{{", at)) >= 0:
            actions += 1
            if actions > ACTIONS:
                raise OverLimit(start, f"more than {ACTIONS} actions in one template")
            if actions % _PIECE == 0:
                budget.check_time(start)
            self._makes(start - at)
            tokens, at = _action(self.text, start)
            if tokens:
                self._said(tokens)
            kept = (self.functions, self.loops, self.sources, self.mixed, self.begins)
            if any(len(some) > USES for some in kept):
                raise OverLimit(start, f"more than {USES} different things in one template")
        self._makes(len(self.text) - at)
        if len(self.open) > 1:
            raise Malformed(len(self.text), "the end of every block", f"{len(self.open) - 1} open ones")

    def told(self) -> Iterator[tuple[_Kind, str, int, int]]:
        """Kind, name, position and count of all there is to state."""
        for name, (position, count) in self.functions.items():
            yield "global", name, position, count
        for name, (position, block) in self.loops.items():
            yield "loop", name, position, self._times(block)
        for name, (position, target, parts) in self.mixed.items():
            if sum(self._comes_of(part, target) for part in parts) > 1:
                yield "assignment", name, position, 1
        count, name = max(((count, name) for name, count in self._totals().items()), default=(0, ""))
        if count >= max(_LONG, _TIMES * len(self.text)):
            yield "loop", f"all that the template {name!r} makes"[:_NAME], self.begins.get(name, 0), count

    def _times(self, block: _Block) -> int:
        largest: int = self.largest ** min(block.unknown, 64)
        return min(block.known * largest, _HUGE)

    @property
    def circle(self) -> list[str]:
        """Templates that include one another."""
        try:
            self._order()
        except graphlib.CycleError as error:
            return list(error.args[1])
        return []

    def _order(self) -> list[str]:
        included = {name: {one for one, _ in others} for name, others in self.includes.items()}
        return list(graphlib.TopologicalSorter({"": set(), **included}).static_order())

    def _totals(self) -> dict[str, int]:
        """How much each template makes, with those that it includes."""
        if self.circle:
            return {}
        totals: dict[str, int] = {}
        for name in self._order():
            own = sum(self._times(_Block("", known, deep)) for (at, deep), known in self.makes.items() if at == name)
            more = sum(self._times(block) * totals[other] for other, block in self.includes.get(name, ()))
            totals[name] = min(own + more, _HUGE)
        return totals

    def _comes_of(self, name: str, target: str) -> bool:
        """Whether there is something of `target` in the variable `name`."""
        waiting, met = [name], {name}
        while waiting and target not in met:
            fresh = self.sources.get(waiting.pop(), set()) - met
            met |= fresh
            waiting.extend(fresh)
        return target in met

    def _said(self, tokens: list[_Token]) -> None:
        first = tokens[0]
        keyword = first.text if first.kind == "name" and first.text in _KEYWORDS else ""
        if keyword in ("end", *_WITHIN) and len(self.open) < 2:
            raise Malformed(first.position, "a block that this ends", repr(keyword))
        rest = tokens[1:] if keyword else tokens
        asks = keyword == "if"
        if keyword == "else" and rest and rest[0].text in _CHAINED:
            asks, rest = rest[0].text == "if", rest[1:]
        for token in rest:
            if token.kind == "name" and token.text not in _WORDS:
                position, count = self.functions.get(token.text, (token.position, 0))
                self.functions[token.text] = position, count + 1
        value = rest[_assigned(rest) :]
        if (keyword and not asks) or len(value) < len(rest):
            self.largest = max(self.largest, *map(_number, value), self._length(value), 1)
        template = self._named(keyword, rest, first.position) if keyword in _NAMED else self.open[-1].template
        if keyword == "end":
            self.open.pop()
        elif keyword == "range":
            self._loops(value)
        elif keyword in _OPENS:
            self.open.append(self.open[-1]._replace(template=template))
        elif not keyword:
            self._makes(self._length(value))
            self._keeps(rest, value)

    def _named(self, keyword: str, rest: list[_Token], position: int) -> str:
        """The name of a template that is defined or included here."""
        if not rest or rest[0].kind != "text" or "\\" in rest[0].text:
            raise Malformed(position, "the name of a template in plain quotes", rest[0].text[:20] if rest else "none")
        name = rest[0].text[1:-1]
        if keyword != "template":
            self.begins.setdefault(name, position)
        if keyword != "define":
            self.includes.setdefault(self.open[-1].template, []).append((name, self.open[-1]))
        return name

    def _loops(self, over: list[_Token]) -> None:
        """A loop runs as often as its own number says, and as a variable may, or over the data."""
        around = self.open[-1]
        inside = around._replace(
            known=min(around.known * max((1, *map(_number, over))), _HUGE),
            unknown=around.unknown + any(map(_is_variable, over)),
        )
        self.open.append(inside)
        self._makes(1)
        if over:
            name = _spelled(self.text, over)
            position, before = self.loops.get(name, (over[0].position, inside))
            self.loops[name] = position, max(before, inside, key=lambda one: (one.unknown, one.known))

    def _makes(self, length: int) -> None:
        """So many characters, or rounds, where we are."""
        around = self.open[-1]
        place = around.template, around.unknown
        self.makes[place] = min(self.makes.get(place, 0) + around.known * length, _HUGE)

    def _keeps(self, rest: list[_Token], value: list[_Token]) -> None:
        """What a variable is made of."""
        if len(value) == len(rest):
            return
        target, parts = rest[0].text, tuple(token.text for token in value if _is_variable(token))
        self.lengths[target] = max(self.lengths.get(target, 0), self._length(value))
        self.sources.setdefault(target, set()).update(parts)
        if len(parts) > 1:
            self.mixed[_spelled(self.text, rest)] = rest[0].position, target, parts

    def _length(self, value: list[_Token]) -> int:
        """About how many characters the template makes here by itself. Numbers are the widths of ``%*d``."""
        formats = any(token.text == "printf" for token in value)
        length = 0
        for token in value:
            if token.kind == "text":
                length += _number(token)
            elif token.kind == "number" and formats:
                length += min(_number(token), _WIDEST)
            elif _is_variable(token):
                length += self.lengths.get(token.text, 0)
        return min(length, _HUGE)


def _action(text: str, start: int) -> tuple[list[_Token], int]:
    """The tokens of an action, white space and comments left out, and where it ends."""
    at = start + 2
    tokens: list[_Token] = []
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
            tokens.append(_Token(match.lastgroup or "", match[0], at))
        # White space before a trim mark belongs to the mark.
        at = match.end() if match.lastgroup != "space" or text[match.end() :][:3] != "-}}" else match.end() - 1


def _assigned(tokens: list[_Token]) -> int:
    """How many tokens stand up to the ``:=`` or ``=`` of an assignment; 0 if it is none."""
    places = (place + 1 for place, token in enumerate(tokens[:4]) if token.text in (":=", "="))
    return next(places, 0)


def _is_variable(token: _Token) -> bool:
    """Whether it is a variable or the dot, whole, and no field of what was handed over."""
    return token.kind == "field" and "." not in token.text[1:] and (token.text == "." or token.text[0] == "$")


def _number(token: _Token) -> int:
    """The number that a token is; of a text, its length or the width in it."""
    if token.kind == "text":
        widths = map(int, _WIDTH.findall(token.text)) if "%" in token.text else ()
        character = 0x10FFFF if token.text[0] == "'" else 0
        return max(character, len(token.text) - 2, min(max(widths, default=0), _WIDEST))
    if token.kind != "number":
        return 0
    try:
        return min(int(token.text, 0), _HUGE)
    except ValueError:
        pass
    try:
        return int(min(float(token.text), _HUGE))
    except ValueError:
        return _HUGE  # 1i, 0x1p30: nothing that an honest template says


def _spelled(text: str, tokens: list[_Token]) -> str:
    return text[tokens[0].position : tokens[-1].position + len(tokens[-1].text)][:_NAME]
