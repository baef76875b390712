"""Parses a Jinja template into jinja2's own tree, within limits, and never goes further than that.

What a newcomer would get wrong: `Environment.parse` must not be used. On a syntax error it goes through jinja2's
debugging aid, which compiles code to make the traceback prettier. The parser underneath raises the error and nothing
else. It recurses on hostile input, so what it may be handed is counted first, token by token, with jinja2's own lexer.
This module is imported only where jinja2 is loaded: see `pipeline.full_worker`.
"""

from collections.abc import Iterator

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.ext import Extension, do, loopcontrols
from jinja2.parser import Parser

from modelairlock.reading import Budget
from modelairlock.records.regex import regex

#: characters; the longest template found in the wild has 60,000
CHARACTERS = 512 * 1024
TOKENS = 100_000
#: brackets and blocks inside one another, and steps from the root of the tree to any leaf
DEPTH = 120
_NUMBER_CHARACTERS = 100
_PIECE = 2_000
_OPENS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_SPECIAL = regex(r"__\w++")
_LINE = regex(rb"\r\n|\r|\n")


class BadTemplate(Exception):
    """The text is no template that jinja2 would compile. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class TooMuch(BadTemplate):
    """A limit ran out."""


class _Generation(Extension):
    """``{% generation %}``, by which transformers marks what the assistant said. Its body is shown as it is."""

    tags = {"generation"}  # noqa: RUF012  # as the base class has it

    def parse(self, parser: Parser) -> nodes.Node:
        """Its body."""
        line = next(parser.stream).lineno
        return nodes.Scope(list(parser.parse_statements(("name:endgeneration",), drop_needle=True)), lineno=line)


#: the tags that transformers knows (`loopcontrols`, ``generation``), and ``do``, which some servers add
ENVIRONMENT = Environment(extensions=[loopcontrols, do, _Generation])  # noqa: S701  # nothing is ever rendered


def parse(source: str, budget: Budget) -> nodes.Template:
    """The tree of `source`. Raises `BadTemplate`, `TooMuch`, and `OverLimit` when the time is up."""
    if len(source) > CHARACTERS:
        raise TooMuch(1, f"a template of {len(source)} characters; {CHARACTERS} are read at most")
    try:
        _measure(source, budget)
        tree = Parser(ENVIRONMENT, source).parse()
    except TemplateSyntaxError as error:
        raise BadTemplate(error.lineno, ascii(error.message or "")[1:-1][:200]) from None
    except RecursionError:
        raise TooMuch(1, "expressions nested too deep") from None
    except (ValueError, AssertionError, RuntimeError) as error:
        raise BadTemplate(1, type(error).__name__) from None
    budget.check_time(0)
    _check_depth(tree)
    return tree


def _measure(source: str, budget: Budget) -> None:
    """Count tokens and brackets, before the parser has to recurse into them."""
    depth = 0
    for tokens, (line, kind, value) in enumerate(ENVIRONMENT.lexer.tokeniter(source, None)):
        if tokens > TOKENS:
            raise TooMuch(line, f"more than {TOKENS} tokens")
        if tokens % _PIECE == 0:
            budget.check_time(0)
        if kind == "operator":
            depth += _OPENS.get(value, 0)
            if depth > DEPTH:
                raise TooMuch(line, f"brackets nested more than {DEPTH} deep")
        elif kind in ("integer", "float") and len(value) > _NUMBER_CHARACTERS:
            raise TooMuch(line, f"a number of {len(value)} digits")


def _check_depth(tree: nodes.Template) -> None:
    """Chains such as ``a + b + c`` are parsed without recursion and make deep trees, which others must walk."""
    level: list[nodes.Node] = [tree]
    for _ in range(2 * DEPTH):
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level:
            return
    raise TooMuch(level[0].lineno, f"expressions chained more than {2 * DEPTH} long")


def all_nodes(tree: nodes.Template) -> list[nodes.Node]:
    """Every node, in the order in which they stand in the template; jinja2's own walk recurses."""
    everything: list[nodes.Node] = []
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        everything.append(node)
        waiting.extend(reversed([*node.iter_child_nodes()]))
    return everything


def names_without_parsing(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of what a text that does not parse says behind a dot, and of its strings that are special names.

    Up to where not even words can be told apart.
    """
    before = ""
    try:
        for line, kind, value in ENVIRONMENT.lexer.tokeniter(source[:CHARACTERS], None):
            special = kind == "string" and _SPECIAL.fullmatch(value, 1, len(value) - 1) is not None
            if special or (kind == "name" and before == "."):
                yield line, value.strip("'\"")
            if kind != "whitespace":
                before = value if kind == "operator" else ""
    except (TemplateSyntaxError, ValueError, RuntimeError):
        return


def line_starts(data: bytes) -> list[int]:
    """Where each line begins, as jinja2 counts them, and the end."""
    return [0, *(match.end() for match in _LINE.finditer(data)), len(data)]
