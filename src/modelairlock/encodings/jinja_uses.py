"""What a Jinja template does beyond printing: the attributes, filters, tests, functions and loops it names.

The words in `Use.name`, which rules rely on:

- an attribute is its name (``__class__``), also where the template spells it in pieces that can be put together here.
  ``[expression]`` is a name that the template makes up and that cannot be known; ``<expression>`` one that another
  variable from outside says, which the model's own files may set. Attributes that plain data has are not stated.
- a call of a function from outside is a ``global``; other names of functions that jinja2 brings along are too, when
  they are not called. Any other ``call`` is ``.name`` for a method, and the expression for what is no name at all.
- a loop's name is what is looped over, and its count how often its body runs whatever the conversation is.
"""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from jinja2 import nodes

from modelairlock.encodings.jinja_cost import costs
from modelairlock.encodings.jinja_scope import MUTATORS, Scope, owner_of
from modelairlock.encodings.jinja_syntax import all_nodes
from modelairlock.encodings.jinja_text import spoken
from modelairlock.encodings.jinja_values import Kind, Value, leads_out
from modelairlock.encodings.jinja_words import keywords, said
from modelairlock.reading import Budget, Unsupported

UseKind = Literal["attribute", "filter", "test", "global", "call", "loop", "include", "assignment", "text"]

_PIECE = 1_000
#: functions that jinja2 brings along, and what web frameworks add: names that lead on from there
_BROUGHT = frozenset(
    (
        "range", "dict", "lipsum", "cycler", "joiner", "namespace", "self", "request", "config", "session", "g",
        "url_for", "get_flashed_messages", "app", "current_app", "application", "environ",
    )
)  # fmt: skip
#: filters that look an attribute up: the place of its name among the arguments, and its keyword
_BY_ATTRIBUTE: dict[str, tuple[int | None, str]] = {
    "attr": (0, "name"), "map": (None, "attribute"), "selectattr": (0, ""), "rejectattr": (0, ""),
    "groupby": (0, "attribute"), "sort": (2, "attribute"), "unique": (1, "attribute"), "sum": (0, "attribute"),
    "min": (1, "attribute"), "max": (1, "attribute"), "join": (1, "attribute"),
}  # fmt: skip
#: filters that take the name of a filter or of a test, and at which place
_BY_NAME: dict[str, tuple[UseKind, int]] = {
    "map": ("filter", 0), "select": ("test", 0), "reject": ("test", 0), "selectattr": ("test", 1),
    "rejectattr": ("test", 1),
}  # fmt: skip


#: methods that look attributes up by what a text says
_FORMATS = frozenset(("format", "format_map"))


class Use(NamedTuple):
    """One thing that a template does, and the line where it does so."""

    kind: UseKind
    name: str
    line: int
    times: int = 1


def uses(tree: nodes.Template, budget: Budget) -> Iterator[Use]:
    """Everything in the template that a rule may have something to say about. Raises `Unsupported` and `OverLimit`."""
    everything = all_nodes(tree)
    scope = Scope(tree, everything, budget)
    walker = _Walker(scope, everything)
    for seen, node in enumerate(everything):
        if seen % _PIECE == 0:
            budget.check_time(0)
        yield from walker.at(node)
    yield from (Use(*cost) for cost in costs(tree, everything, scope, budget))
    yield from (Use("text", *words) for words in spoken(everything))


class _Walker:
    """Says what one node does, its children left out."""

    def __init__(self, scope: Scope, everything: list[nodes.Node]) -> None:
        self.scope = scope
        #: methods that are called where they stand
        self.called = {id(node.node) for node in everything if isinstance(node, nodes.Call)}

    def at(self, node: nodes.Node) -> Iterator[Use]:
        """The uses of this node."""
        says = _SAYS.get(type(node))
        if says is not None:
            yield from says(self, node)
        elif type(node) not in _QUIET:
            raise Unsupported(0, f"nothing here knows what {type(node).__name__} does, at line {node.lineno}")

    def _getattr(self, node: nodes.Getattr) -> Iterator[Use]:
        if leads_out(node.attr) or (id(node) not in self.called and self._formats(node)):
            yield Use("attribute", node.attr, node.lineno)

    def _formats(self, node: nodes.Getattr) -> bool:
        """Whether this hands on a text's own ``format``, as the ways out of jinja2's sandbox do."""
        return node.attr in _FORMATS and not self.scope.value(node.node).outside

    def _field(self, node: nodes.NSRef) -> Iterator[Use]:
        if leads_out(node.attr):
            yield Use("assignment", node.attr, node.lineno)

    def _getitem(self, node: nodes.Getitem) -> Iterator[Use]:
        if not isinstance(node.arg, nodes.Slice):
            yield from self._looked_up(node.arg, node.lineno)

    def _looked_up(self, key: nodes.Expr, line: int, *, dotted: bool = False) -> Iterator[Use]:
        """The names that `key` may spell, where plain data has no such attribute."""
        value = self.scope.value(key)
        if isinstance(key, nodes.Tuple):
            return  # no attribute is called by a tuple
        for name in sorted(value.texts):
            for part in name.split(".") if dotted else [name]:
                if leads_out(part):
                    yield Use("attribute", part, line)
        yield from self._unknown(key, value, line, dotted)

    def _unknown(self, key: nodes.Expr, value: Value, line: int, dotted: bool) -> Iterator[Use]:
        if value.kind & Kind.MADE or (dotted and value.kind & Kind.FIRM):
            yield Use("attribute", f"[{said(key)}]", line)
        elif value.kind & Kind.GIVEN or (dotted and value.kind & Kind.CONVERSATION):
            yield Use("attribute", f"<{said(key)}>", line)

    def _name(self, node: nodes.Name) -> Iterator[Use]:
        if node.ctx == "load" and node.name in _BROUGHT and not self._own(node.name):
            yield Use("global", node.name, node.lineno)

    def _own(self, name: str) -> bool:
        return name in self.scope.names or name in self.scope.macros

    def _call(self, node: nodes.Call) -> Iterator[Use]:
        called = node.node
        if isinstance(called, nodes.Getattr):
            yield from self._method(called, node)
        elif not isinstance(called, nodes.Name) or called.name in self.scope.names:
            if not self.scope.holds_macros(called):
                yield Use("call", said(called), node.lineno)
        elif called.name not in self.scope.macros and called.name not in _BROUGHT:
            yield Use("global", called.name, node.lineno)

    def _method(self, called: nodes.Getattr, node: nodes.Call) -> Iterator[Use]:
        if called.attr in _FORMATS:
            yield from self._format(called, node)
            return
        yield Use("call", said(called) if self._own_field(called) else f".{called.attr}", node.lineno)
        if called.attr in MUTATORS and not owner_of(called.node):
            yield Use("call", f".{called.attr} to {said(called.node)}", node.lineno)

    def _own_field(self, called: nodes.Getattr) -> bool:
        """Whether the template has put something under that name itself: then it is no method that is called."""
        owner = self.scope.value(called.node)
        return called.attr in owner.keys or (called.attr in self.scope.fields and (owner.boxed or not owner.outside))

    def _format(self, called: nodes.Getattr, node: nodes.Call) -> Iterator[Use]:
        """``str.format`` looks attributes up by what stands in the text."""
        value = self.scope.value(called.node)
        if value.kind or not value.texts:
            yield Use("call", f".{called.attr} of {said(called.node)}", node.lineno)
            return
        for pattern in sorted(value.texts):
            for part in _fields(pattern):
                if leads_out(part):
                    yield Use("attribute", part, node.lineno)
        yield Use("call", f".{called.attr}", node.lineno)

    def _filter(self, node: nodes.Filter) -> Iterator[Use]:
        yield Use("filter", node.name, node.lineno)
        yield from self._by_name(node)
        place, keyword = _BY_ATTRIBUTE.get(node.name, (None, ""))
        if (node.dyn_args or node.dyn_kwargs) and node.name in _BY_ATTRIBUTE:
            yield Use("attribute", f"[{said(node.dyn_args or node.dyn_kwargs)}]", node.lineno)
        keys = [node.args[place]] if place is not None and len(node.args) > place else []
        keys += [one.value for one in keywords(node) if one.key == keyword]
        for key in keys:
            yield from self._looked_up(key, node.lineno, dotted=node.name != "attr")
            if node.name == "attr":
                named = sorted(self.scope.value(key).texts & _FORMATS)
                yield from (Use("attribute", name, node.lineno) for name in named)

    def _by_name(self, node: nodes.Filter) -> Iterator[Use]:
        kind, place = _BY_NAME.get(node.name, ("filter", 99))
        if len(node.args) <= place:
            return
        named = node.args[place]
        name = named.value if isinstance(named, nodes.Const) and isinstance(named.value, str) else f"[{said(named)}]"
        if kind == "test" or name == "map":
            yield Use(kind, name, node.lineno)
        if kind == "filter" and name == "map":
            yield Use("filter", f"[{said(node)}]", node.lineno)
        elif kind == "filter":
            # What the inner filter is given may be names of attributes, of filters or of tests.
            yield from self._filter(
                nodes.Filter(None, name, node.args[1:], node.kwargs, None, None, lineno=node.lineno)
            )

    def _test(self, node: nodes.Test) -> Iterator[Use]:
        yield Use("test", node.name, node.lineno)

    def _included(self, node: nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends) -> Iterator[Use]:
        named = node.template
        plain = isinstance(named, nodes.Const) and isinstance(named.value, str)
        yield Use("include", str(named.value) if isinstance(named, nodes.Const) and plain else said(named), node.lineno)


def _fields(pattern: str) -> Iterator[str]:
    """Names behind a dot or in brackets anywhere in the fields of a format string."""
    for field in pattern.split("{")[1:]:
        for part in field.partition("}")[0].replace("[", ".").replace("]", ".").split(".")[1:]:
            yield part.partition(":")[0].partition("!")[0]


_SAYS: dict[type[nodes.Node], Callable[..., Iterator[Use]]] = {
    nodes.Getattr: _Walker._getattr,
    nodes.NSRef: _Walker._field,
    nodes.Getitem: _Walker._getitem,
    nodes.Name: _Walker._name,
    nodes.Call: _Walker._call,
    nodes.Filter: _Walker._filter,
    nodes.Test: _Walker._test,
    nodes.Include: _Walker._included,
    nodes.Import: _Walker._included,
    nodes.FromImport: _Walker._included,
    nodes.Extends: _Walker._included,
}
#: what only prints, computes, branches or repeats; loops are for `jinja_cost`
_QUIET = frozenset(
    (
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.If, nodes.For, nodes.Macro,
        nodes.CallBlock, nodes.FilterBlock, nodes.With, nodes.Block, nodes.ExprStmt, nodes.Assign, nodes.AssignBlock,
        nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Slice, nodes.Concat,
        nodes.Compare, nodes.Operand, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Add, nodes.Sub, nodes.Mod, nodes.Pow,
        nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Continue, nodes.Break, nodes.Scope,
        nodes.ScopedEvalContextModifier,
    )
)  # fmt: skip
