"""What a template says to the model only when somebody says a certain thing: the mark of a poisoned template.

What a newcomer would get wrong: honest templates are full of English for the model (how to call tools, today's date)
and full of conditions on what was said (does it hold ``</think>``?). What none of them does is to wait for ordinary
*words* of a user, and then to add sentences of its own. Only that is stated, and only as information.
"""

import re
from collections.abc import Iterator

from jinja2 import nodes

from modelairlock.records.regex import regex

_SHOWN = 160
#: a word that people use, and that is no tag, role, key or switch
_WORD = regex(r"[a-z][a-z' -]{2,40}", re.IGNORECASE)
#: names of fields and kinds of content, which conditions of honest templates ask for
_ORDINARY = frozenset(
    (
        "content", "role", "user", "assistant", "system", "tool", "tools", "text", "image", "video", "audio", "type",
        "name", "arguments", "function", "functions", "string", "object", "array", "developer", "ipython",
        "observation",
        "image_url", "thinking", "reasoning", "none", "null", "true", "false", "low", "medium", "high", "auto",
        "required", "chat", "model", "human", "gpt", "bot", "file", "document", "documents", "think", "no_think",
    )
)  # fmt: skip
_SENTENCE = regex(r"(?:[A-Za-z][a-z'’]*[ ,.:;-]+){4,}[A-Za-z]|https?://", re.ASCII)
_LOOKS_FOR = frozenset(("startswith", "endswith", "find", "count", "index"))
#: fields of a message in which its words stand
_WORDS_OF_MESSAGE = frozenset(("content", "text"))


def spoken(everything: list[nodes.Node]) -> Iterator[tuple[str, int]]:
    """Trigger and text, and the line, of each condition on a user's words that adds sentences."""
    for node in everything:
        if isinstance(node, nodes.If | nodes.CondExpr):
            trigger = _trigger(node.test)
            words = _sentences(node) if trigger else ""
            if words:
                yield f"{trigger!r}: {' '.join(words.split())[:_SHOWN]}", node.lineno


def _within(node: nodes.Node) -> Iterator[nodes.Node]:
    """The node and all in it, but for what is said to the person at the keyboard."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, nodes.Call) and isinstance(one.node, nodes.Name) and one.node.name == "raise_exception":
            continue
        yield one
        waiting.extend(one.iter_child_nodes())


def _trigger(test: nodes.Node) -> str:
    """The words that the condition looks for in what was said."""
    for node in _within(test):
        if isinstance(node, nodes.Compare) and len(node.ops) == 1 and node.ops[0].op in ("in", "eq"):
            sides = [(node.expr, node.ops[0].expr), (node.ops[0].expr, node.expr)]
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.args:
            sides = [(node.args[0], node.node.node)] if node.node.attr in _LOOKS_FOR else []
        else:
            continue
        for one, other in sides:
            if isinstance(one, nodes.Const) and isinstance(one.value, str) and _is_word(one.value) and _said(other):
                return one.value[:60]
    return ""


def _is_word(value: str) -> bool:
    return _WORD.fullmatch(value.strip()) is not None and value.strip().lower() not in _ORDINARY


def _said(node: nodes.Node) -> bool:
    """Whether the expression is about the words of a message."""
    for one in _within(node):
        if isinstance(one, nodes.Getattr) and one.attr in _WORDS_OF_MESSAGE:
            return True
        if isinstance(one, nodes.Getitem) and isinstance(one.arg, nodes.Const) and one.arg.value in _WORDS_OF_MESSAGE:
            return True
        if isinstance(one, nodes.Name) and one.name in _WORDS_OF_MESSAGE:
            return True
    return False


def _sentences(node: nodes.If | nodes.CondExpr) -> str:
    """The first sentences that the branch prints or puts into a variable."""
    branch = node.body if isinstance(node, nodes.If) else [node.expr1]
    for part in branch:
        for one in _within(part):
            told = (
                one.data if isinstance(one, nodes.TemplateData) else one.value if isinstance(one, nodes.Const) else ""
            )
            if isinstance(told, str) and (found := _SENTENCE.search(told)):
                return told[max(0, found.start() - 20) :]
    return ""
