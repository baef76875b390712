"""The variables of a template, and what is known of any expression over them (`jinja_values`).

What a newcomer would get wrong: jinja2 has scopes, and here are none. All that is ever put into a name is one value,
wherever that happens; so what is said of a name holds in every scope. The fields of a namespace are names of their own
(``ns.index``), as long as the namespace is made by ``namespace(…)`` and given fields by name.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from jinja2 import nodes

from modelairlock.encodings.jinja_binding import perhaps_unbound
from modelairlock.encodings.jinja_values import (
    ANYTHING,
    CONVERSATION,
    GIVEN,
    MADE,
    NOTHING,
    NUMBER,
    Value,
    both_sides,
    boxed,
    concatenated,
    cut,
    element,
    gone_through,
    joined,
    text,
    worked_on,
)
from modelairlock.encodings.jinja_words import keywords
from modelairlock.reading import Budget

#: rounds in which all values must settle
_ROUNDS = 8
#: variables that hold what the user says and hands over, and that no special token of a model can take the place of
TALK = frozenset(("messages", "tools", "documents"))
MUTATORS = frozenset(("append", "extend", "insert", "update", "setdefault", "add", "appendleft"))

_SAME = frozenset(("items", "keys", "values", "copy"))
_INNER = frozenset(("get", "pop", "setdefault", "next", "cycle", "popitem"))
#: methods and filters that only take parts of a text or change its case
_PARTS = frozenset(
    (
        "split", "rsplit", "splitlines", "strip", "lstrip", "rstrip", "partition", "rpartition", "removeprefix",
        "removesuffix", "lower", "upper", "title", "capitalize", "trim", "escape", "e", "safe", "tojson", "string",
        "striptags", "forceescape",
    )
)  # fmt: skip
_COUNTS = frozenset(
    (
        "length", "count", "int", "float", "abs", "round", "wordcount", "index", "find", "rfind", "startswith",
        "endswith", "isdigit", "isspace", "isalpha",
    )
)  # fmt: skip
_PASSED_ON = frozenset(
    (
        "list", "sort", "unique", "select", "reject", "selectattr", "rejectattr", "reverse", "batch", "slice",
        "groupby",
    )
)  # fmt: skip
_ONE_OF = frozenset(("first", "last", "random", "min", "max"))

#: a value to be worked out later
_Later = Callable[[], Value]


class _Put(NamedTuple):
    """Something is put into a name; `source` is the expression, if the name becomes just that."""

    name: str
    value: _Later
    source: nodes.Node | None = None


class Scope:
    """All names that a template gives values to."""

    def __init__(self, tree: nodes.Template, everything: list[nodes.Node], budget: Budget) -> None:
        self.budget = budget
        self.macros = {node.name: node for node in everything if isinstance(node, nodes.Macro)}
        called = {id(node.node) for node in everything if isinstance(node, nodes.Call)}
        #: names that are read and not called on the spot: a macro among them may be called from anywhere
        self.handed_on = {node.name for node in everything if isinstance(node, nodes.Name) and id(node) not in called}
        self.puts = [put for node in everything if isinstance(node, _BINDING) for put in self._puts(node)]
        self.names = {put.name for put in self.puts}
        self.namespaces = _namespaces(everything)
        self.unbound = perhaps_unbound(tree)
        self.known = {name: _outside(name) if name in self.unbound else NOTHING for name in self.names}
        self.fields: dict[str, list[str]] = {}
        for name in self.names:
            if "." in name:
                self.fields.setdefault(name.partition(".")[2], []).append(name)
        self._settle()

    def _settle(self) -> None:
        for _ in range(_ROUNDS):
            self.budget.check_time(0)
            before = dict(self.known)
            for put in self.puts:
                self.known[put.name] = joined((self.known[put.name], put.value()))
            if self.known == before:
                return
        self.known = dict.fromkeys(self.names, ANYTHING)

    # --- what is put where ---------------------------------------------------------------------------------------

    def _puts(self, node: nodes.Node) -> Iterator[_Put]:
        if isinstance(node, nodes.Assign):
            yield from self._assigned(node.target, node.node)
        elif isinstance(node, nodes.AssignBlock):
            yield from (_Put(name, lambda: MADE) for name in _names(node.target))
        elif isinstance(node, nodes.For):
            yield from self._looped(node)
        elif isinstance(node, nodes.With):
            for target, value in zip(node.targets, node.values, strict=True):
                yield from self._assigned(target, value)
        elif isinstance(node, nodes.Macro):
            yield from self._parameters(node)
        elif isinstance(node, nodes.Call):
            yield from self._handed_over(node)
        else:
            yield from (_Put(name, lambda: ANYTHING) for name in _bound(node))

    def _assigned(self, target: nodes.Node, value: nodes.Node) -> Iterator[_Put]:
        if isinstance(target, nodes.Tuple):
            literal = value.items if isinstance(value, nodes.Tuple | nodes.List) else []
            if len(literal) == len(target.items):
                for one, its in zip(target.items, literal, strict=True):
                    yield from self._assigned(one, its)
            else:
                yield from (_Put(name, partial(self._item, value)) for name in _names(target))
            return
        for name in _names(target):
            yield self._put(name, value)
            if _is_namespace(value) and isinstance(value, nodes.Call):
                for field in keywords(value):
                    yield self._put(f"{name}.{field.key}", field.value)

    def _put(self, name: str, value: nodes.Node) -> _Put:
        return _Put(name, partial(self.value, value), value)

    def _item(self, value: nodes.Node) -> Value:
        return gone_through(self.value(value))

    def _looped(self, node: nodes.For) -> Iterator[_Put]:
        yield from (_Put(name, partial(self._item, node.iter)) for name in _names(node.target))

    def _parameters(self, macro: nodes.Macro) -> Iterator[_Put]:
        names = [argument.name for argument in macro.args]
        for name, default in zip(reversed(names), reversed(macro.defaults), strict=False):
            yield self._put(name, default)
        unknown = ANYTHING if macro.name in self.handed_on else NOTHING
        yield from (_Put(name, lambda: unknown) for name in names)
        yield from (_Put(name, lambda: ANYTHING) for name in ("varargs", "kwargs"))

    def _handed_over(self, call: nodes.Call) -> Iterator[_Put]:
        """Arguments of the template's own macros, and what is put into lists and dicts by their methods."""
        called = call.node
        if isinstance(called, nodes.Name) and called.name in self.macros:
            names = [argument.name for argument in self.macros[called.name].args]
            if call.dyn_args or call.dyn_kwargs:
                yield from (_Put(name, lambda: ANYTHING) for name in names)
            yield from (self._put(name, one) for name, one in zip(names, call.args, strict=False))
            for one in keywords(call):
                if one.key in names:
                    yield self._put(one.key, one.value)
        elif isinstance(called, nodes.Getattr) and called.attr in MUTATORS:
            owner = owner_of(called.node)
            if owner:
                yield _Put(owner, partial(self._boxed, call))

    def _boxed(self, call: nodes.Call) -> Value:
        return boxed(self._arguments(call), [text(one.key) for one in keywords(call)])

    def _arguments(self, node: nodes.Call | nodes.Filter) -> list[Value]:
        """All that is handed over."""
        values = [self.value(one) for one in node.args]
        values += [self.value(one.value) for one in keywords(node)]
        return [*values, ANYTHING] if node.dyn_args or node.dyn_kwargs else values

    def holds_macros(self, node: nodes.Node, met: frozenset[str] = frozenset()) -> bool:
        """Whether the expression is, or has in it, nothing but macros of the template."""
        if isinstance(node, nodes.List | nodes.Tuple):
            return all(self.holds_macros(one, met) for one in node.items)
        if isinstance(node, nodes.Add):
            return self.holds_macros(node.left, met) and self.holds_macros(node.right, met)
        if isinstance(node, nodes.Getitem):
            return self.holds_macros(node.node, met)
        if not isinstance(node, nodes.Name) or node.name not in self.names:
            return isinstance(node, nodes.Name) and node.name in self.macros
        sources = [put.source for put in self.puts if put.name == node.name]
        inner = met | {node.name}
        return node.name not in self.unbound and all(
            source is not None and (node.name in met or self.holds_macros(source, inner)) for source in sources
        )

    # --- what an expression may be -------------------------------------------------------------------------------

    def value(self, node: nodes.Node | None) -> Value:
        """What is known of the expression."""
        work = _WORK.get(type(node))
        if work is not None:
            return work(self, node)
        return NUMBER if isinstance(node, _NUMBERS) else ANYTHING

    def _const(self, node: nodes.Const) -> Value:
        return text(node.value) if isinstance(node.value, str) else NUMBER

    def _name(self, node: nodes.Name) -> Value:
        if node.name in self.names:
            return self.known[node.name]
        if node.name in self.macros:
            return MADE
        return _outside(node.name)

    def _getattr(self, node: nodes.Getattr) -> Value:
        owner = node.node
        if isinstance(owner, nodes.Name):
            if owner.name in self.namespaces:
                return self.known.get(f"{owner.name}.{node.attr}", NOTHING)
            if owner.name == "loop" and "loop" not in self.names:
                return ANYTHING if node.attr in ("previtem", "nextitem") else NUMBER
        return self._field(self.value(owner), node.attr)

    def _field(self, owner: Value, name: str) -> Value:
        """A field of what may be a namespace under another name: all that is put into fields of that name."""
        if owner.outside and not owner.boxed:
            return owner
        return joined((element(owner), *(self.known[one] for one in self.fields.get(name, ()))))

    def _getitem(self, node: nodes.Getitem) -> Value:
        value = self.value(node.node)
        if isinstance(node.arg, nodes.Slice):
            return cut(value)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            if isinstance(node.node, nodes.Name) and node.node.name in self.namespaces:
                return self.known.get(f"{node.node.name}.{node.arg.value}", NOTHING)
            return self._field(value, node.arg.value)
        return element(value)

    def _either(self, node: nodes.And | nodes.Or) -> Value:
        return joined((self.value(node.left), self.value(node.right)))

    def _condition(self, node: nodes.CondExpr) -> Value:
        return joined((self.value(node.expr1), self.value(node.expr2) if node.expr2 else NOTHING))

    def _plus(self, node: nodes.Add) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        return NUMBER if left == right == NUMBER else concatenated([left, right])

    def _concat(self, node: nodes.Concat) -> Value:
        return concatenated([self.value(one) for one in node.nodes])

    def _times(self, node: nodes.BinExpr) -> Value:
        """``*`` and ``%`` make texts of texts."""
        both = joined((self.value(node.left), self.value(node.right)))
        return both if both.outside else MADE if both.spells else NUMBER

    def _several(self, node: nodes.List | nodes.Tuple) -> Value:
        return boxed(self.value(one) for one in node.items)

    def _dict(self, node: nodes.Dict) -> Value:
        return boxed((self.value(one.value) for one in node.items), (self.value(one.key) for one in node.items))

    def _call(self, node: nodes.Call) -> Value:
        called = node.node
        if isinstance(called, nodes.Getattr):
            return self._method(called, self._arguments(node))
        if not isinstance(called, nodes.Name) or called.name in self.names or called.name in self.macros:
            return MADE
        if called.name in ("namespace", "dict", "cycler"):
            return self._boxed(node)
        return {"range": NUMBER, "raise_exception": NOTHING}.get(called.name, MADE)

    def _method(self, called: nodes.Getattr, arguments: list[Value]) -> Value:
        value = self.value(called.node)
        if called.attr in _SAME:
            return both_sides(value) if called.attr in ("items", "keys") else value
        if called.attr in _INNER:
            return joined((element(value), *arguments[1:]))
        if called.attr in _COUNTS:
            return NUMBER
        return worked_on(value, () if called.attr in _PARTS else arguments)

    def _filter(self, node: nodes.Filter) -> Value:
        value = self.value(node.node) if node.node else MADE
        if node.name in _COUNTS:
            return NUMBER
        if node.name in ("items", "dictsort"):
            return both_sides(value)  # they take nothing but dicts
        if node.name in _PASSED_ON:
            # Of nothing comes a generator all the same, and it can be printed.
            return both_sides(value) if value.boxed else boxed(()) if value == NOTHING else cut(value)
        if node.name in _ONE_OF:
            return gone_through(value)
        if node.name in ("default", "d"):
            return joined((value, *self._arguments(node)))
        if node.name in _PARTS:
            return worked_on(value)
        if node.name == "map":
            return value if value.outside else joined((value, MADE))
        return MADE


def _outside(name: str) -> Value:
    """A variable that the template did not set."""
    return CONVERSATION if name in TALK else GIVEN


def _namespaces(everything: list[nodes.Node]) -> frozenset[str]:
    """Names that hold nothing but namespaces whose fields are given one by one."""
    plain: dict[str, bool] = {}
    for node in everything:
        if isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            plain[node.target.name] = plain.get(node.target.name, True) and _is_namespace(node.node)
        elif isinstance(node, nodes.Assign):
            plain |= dict.fromkeys((name for name in _names(node.target) if "." not in name), False)
        else:
            plain |= dict.fromkeys(_bound(node), False)
    owned = {id(node.node) for node in everything if isinstance(node, nodes.Getattr | nodes.Getitem)}
    for node in everything:
        if isinstance(node, nodes.Name) and node.ctx == "load" and id(node) not in owned:
            plain[node.name] = False  # handed on: it may get another name
    return frozenset(name for name, is_plain in plain.items() if is_plain)


def _is_namespace(node: nodes.Node) -> bool:
    named = isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "namespace"
    return named and isinstance(node, nodes.Call) and not (node.args or node.dyn_args or node.dyn_kwargs)


def owner_of(node: nodes.Node) -> str:
    """The name under which a variable, or a field of one, is kept; ``""`` for all else."""
    if isinstance(node, nodes.Name):
        return str(node.name)
    if isinstance(node, nodes.NSRef):
        return f"{node.name}.{node.attr}"
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return ""


def _names(target: nodes.Node) -> Iterator[str]:
    if isinstance(target, nodes.Tuple):
        for one in target.items:
            yield from _names(one)
    elif name := owner_of(target):
        yield name


def _bound(node: nodes.Node) -> Iterator[str]:
    """Plain names that a statement other than ``set`` binds."""
    if isinstance(node, nodes.For | nodes.AssignBlock):
        yield from _names(node.target)
    elif isinstance(node, nodes.With):
        yield from (name for target in node.targets for name in _names(target))
    elif isinstance(node, nodes.Macro | nodes.CallBlock):
        yield from (argument.name for argument in node.args)
    elif isinstance(node, nodes.Import):
        yield node.target
    elif isinstance(node, nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in node.names)


_BINDING = (
    nodes.Assign, nodes.AssignBlock, nodes.For, nodes.With, nodes.Macro, nodes.Call, nodes.CallBlock, nodes.Import,
    nodes.FromImport,
)  # fmt: skip
_NUMBERS = (
    nodes.Compare, nodes.Test, nodes.Not, nodes.Neg, nodes.Pos, nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Pow,
)  # fmt: skip
_WORK: dict[type[nodes.Node] | type[None], Callable[..., Value]] = {
    nodes.Const: Scope._const,
    nodes.Name: Scope._name,
    nodes.Getattr: Scope._getattr,
    nodes.Getitem: Scope._getitem,
    nodes.Filter: Scope._filter,
    nodes.Call: Scope._call,
    nodes.Add: Scope._plus,
    nodes.Concat: Scope._concat,
    nodes.And: Scope._either,
    nodes.Or: Scope._either,
    nodes.CondExpr: Scope._condition,
    nodes.Mul: Scope._times,
    nodes.Mod: Scope._times,
    nodes.List: Scope._several,
    nodes.Tuple: Scope._several,
    nodes.Dict: Scope._dict,
}
