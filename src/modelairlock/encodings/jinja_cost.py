"""How often loops of a template run, and how long its texts get, whatever the conversation is.

What a newcomer would get wrong: honest templates loop too, over messages and tools. Those loops are as long as what
the user hands over and count once here. What counts is what the template brings itself: ``range(10**9)``, loops in
loops, ``'x' * 10**9``, a text made of itself twice over and over, macros that call themselves twice with numbers.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Literal, NamedTuple

from jinja2 import nodes

from modelairlock.encodings.jinja_scope import MUTATORS, Scope, owner_of
from modelairlock.encodings.jinja_syntax import TooMuch
from modelairlock.encodings.jinja_values import Kind
from modelairlock.encodings.jinja_words import HUGE, keywords, number, said
from modelairlock.reading import Budget

#: texts shorter than this are not told of
_LONG = 100_000
#: no honest template puts values into more places
_PLACES = 2_000
#: filters and methods that pass through what they get, whole or in parts
_WIDTHS = frozenset(("center", "ljust", "rjust", "zfill", "indent", "batch", "slice", "expandtabs", "wordwrap"))
_SPECIAL = frozenset(("range", "lipsum"))


class Cost(NamedTuple):
    """Something that takes long, or a loop; fields as in `jinja_uses.Use`."""

    kind: Literal["loop", "assignment"]
    name: str
    line: int
    times: int


def costs(tree: nodes.Template, everything: list[nodes.Node], scope: Scope, budget: Budget) -> Iterator[Cost]:
    """Every loop, and every text that grows beyond all need. Raises `TooMuch` and `OverLimit`."""
    if len(scope.puts) > _PLACES:
        raise TooMuch(1, f"values are put into variables at more than {_PLACES} places")
    counter = _Counter(everything, scope, budget)
    counter.iterations(tree.body, ())
    yield from counter.found
    for node in everything:
        if isinstance(node, nodes.Output | nodes.Assign | nodes.For | nodes.Call | nodes.Pow):
            yield from counter.long_texts(node)
    yield from counter.doublings()
    yield from counter.recursions()


def _bounded(value: int) -> int:
    return min(value, HUGE)


class _Counter:
    """Counts the loops of one template. Macros are counted where they are called."""

    def __init__(self, everything: list[nodes.Node], scope: Scope, budget: Budget) -> None:
        self.everything = everything
        self.scope = scope
        self.budget = budget
        self.found: list[Cost] = []
        self.put: dict[str, list[nodes.Node]] = {}
        for put in scope.puts:
            if put.source is not None:
                self.put.setdefault(put.name, []).append(put.source)
        self.lengths: dict[int, int] = {}
        self.of_name: dict[str, int] = {}
        self.of_macro: dict[str, int | None] = {}

    # --- loops ----------------------------------------------------------------------------------------------------

    def iterations(self, body: Iterable[nodes.Node], around: tuple[str, ...]) -> int:
        """How often the bodies of all loops in `body` run, those of other loops around them left out."""
        self.budget.check_time(0)
        total = 0
        for node in body:
            if isinstance(node, nodes.For):
                total += self._loop(node, around)
            elif isinstance(node, nodes.Macro):
                continue
            else:
                if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
                    total += self._macro(node.node.name, around)
                total += self.iterations(node.iter_child_nodes(), around)
        return _bounded(total)

    def _macro(self, name: str, around: tuple[str, ...]) -> int:
        """The loops of a macro that is called here; one that calls itself is for `recursions`."""
        if name not in self.scope.macros:
            return 0
        if name not in self.of_macro:
            self.of_macro[name] = None
            self.of_macro[name] = self.iterations(self.scope.macros[name].body, around)
        return self.of_macro[name] or 0

    def _loop(self, node: nodes.For, around: tuple[str, ...]) -> int:
        size = self.length(node.iter)
        told = said(node.iter)
        own = size > 1 or not self._outside(node.iter)
        inside = around if own else (*around, told)
        body = [*node.body, *([node.test] if node.test else [])]
        count = _bounded(size * (1 + self.iterations(body, inside)))
        if self._grows_while_looped(node):
            count, told = HUGE, f"{told}, which is added to in the loop"
        self.found.append(Cost("loop", told if own else " × ".join(inside), node.lineno, max(count, 1)))
        return _bounded(count + self.iterations(node.else_, around))

    def _outside(self, node: nodes.Node) -> bool:
        kind = self.scope.value(node).kind
        return bool(kind & (Kind.CONVERSATION | Kind.GIVEN))

    def _grows_while_looped(self, node: nodes.For) -> bool:
        looped = self._root(owner_of(node.iter))
        waiting: list[nodes.Node] = [*node.body] if looped else []
        while waiting:
            one = waiting.pop()
            method = one.node if isinstance(one, nodes.Call) else None
            adds = method if isinstance(method, nodes.Getattr) and method.attr in MUTATORS else None
            if adds is not None and self._root(owner_of(adds.node)) == looped:
                return True
            waiting.extend(one.iter_child_nodes())
        return False

    def _root(self, name: str) -> str:
        """The variable that `name` is but another name for."""
        for _ in range(8):
            sources = self.put.get(name, [])
            renamed = owner_of(sources[0]) if len(sources) == 1 else ""
            if not renamed:
                break
            name = renamed
        return name

    # --- lengths --------------------------------------------------------------------------------------------------

    def long_texts(self, node: nodes.Node) -> Iterator[Cost]:
        """The expressions of one statement whose text, list or number is very long."""
        for one in [node] if isinstance(node, nodes.Call | nodes.Pow) else node.iter_child_nodes():
            if isinstance(one, nodes.Expr) and not isinstance(one, nodes.TemplateData | nodes.Const):
                length = self.length(one)
                if length >= _LONG:
                    yield Cost("loop", said(one), one.lineno, length)

    def length(self, node: nodes.Node | None) -> int:
        """About how many characters or items the value of `node` has; 1 for numbers and what comes from outside."""
        if node is None:
            return 0
        if id(node) not in self.lengths:
            self.lengths[id(node)] = 1
            self.lengths[id(node)] = _bounded(max(self._length(node), 1))
        return self.lengths[id(node)]

    def _length(self, node: nodes.Node) -> int:
        if isinstance(node, nodes.Const):
            return len(node.value) if isinstance(node.value, str) else 1
        if isinstance(node, nodes.List | nodes.Tuple | nodes.Dict):
            return len(node.items)
        if isinstance(node, nodes.Concat):
            return sum(map(self.length, node.nodes))
        if isinstance(node, nodes.CondExpr):
            return max(self.length(node.expr1), self.length(node.expr2))
        if isinstance(node, nodes.BinExpr):
            return self._of_two(node)
        if isinstance(node, nodes.Filter):
            return self._worked_on(node.name, node.node, node)
        if isinstance(node, nodes.Call):
            return self._called(node)
        return self._named(owner_of(node)) if owner_of(node) else 1

    def _of_two(self, node: nodes.BinExpr) -> int:
        if isinstance(node, nodes.Pow):
            return HUGE if number(node) == HUGE else 1
        if isinstance(node, nodes.Add) and number(node) is None:
            return self.length(node.left) + self.length(node.right)
        if isinstance(node, nodes.Mul) and number(node) is None:
            for times, what in ((number(node.left), node.right), (number(node.right), node.left)):
                if times is not None:
                    return times * self.length(what)
            return self.length(node.left) * self.length(node.right)
        if isinstance(node, nodes.Mod):
            return _widest(node.left) + self.length(node.left) + self.length(node.right)
        return max(self.length(node.left), self.length(node.right))

    def _named(self, name: str) -> int:
        if name not in self.of_name:
            self.of_name[name] = 1
            self.of_name[name] = max(map(self.length, self.put.get(name, [])), default=1)
        return self.of_name[name]

    def _called(self, node: nodes.Call) -> int:
        called = node.node
        if isinstance(called, nodes.Getattr):
            return self._worked_on(called.attr, called.node, node)
        if not isinstance(called, nodes.Name) or called.name in self.scope.names or called.name not in _SPECIAL:
            return 1
        numbers = [number(one) for one in _handed(node)]
        if called.name == "range":
            return _range(numbers)
        return reduce(lambda whole, one: _bounded(whole * max(one or 1, 1)), numbers, 1)

    def _worked_on(self, name: str, what: nodes.Node | None, node: nodes.Call | nodes.Filter) -> int:
        length = self.length(what)
        if name == "join":
            return length * max((self.length(one) for one in _handed(node)), default=1)
        if name == "replace":
            old, new = [*map(self.length, _handed(node)), 1, 1][:2]
            return length * max(1, new // old)
        if name in _WIDTHS:
            return length + max((number(one) or 0 for one in _handed(node)), default=0)
        if name in ("format", "format_map"):
            return _widest(what) + length
        return length

    # --- growth ---------------------------------------------------------------------------------------------------

    def doublings(self) -> Iterator[Cost]:
        """What is made of itself at least twice: each round doubles it."""
        for name, sources in self.put.items():
            self.budget.check_time(0)
            for source in sources:
                if self._times(source, name, {name}) > 1:
                    yield Cost("assignment", f"{name} = {said(source)}", source.lineno, 1)

    def _times(self, node: nodes.Node | None, name: str, met: set[str]) -> int:
        """How often the value of `name` is in that of `node`; other variables are followed, each once."""
        owner = owner_of(node) if node is not None else ""
        if owner == name:
            return 1
        if owner and owner in self.put and owner not in met:
            met.add(owner)
            return max(self._times(one, name, met) for one in self.put[owner])
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            return int(owner_of(node.node) == name)  # a part of something else is no larger than that was
        if isinstance(node, nodes.CondExpr):
            return max(self._times(node.expr1, name, met), self._times(node.expr2, name, met))
        if isinstance(node, nodes.And | nodes.Or):
            return max(self._times(node.left, name, met), self._times(node.right, name, met))
        if isinstance(node, nodes.Mul | nodes.Pow):
            both = self._times(node.left, name, met) + self._times(node.right, name, met)
            return both if 1 in (number(node.left), number(node.right)) else 2 * both
        return self._parts(node, name, met)

    def _parts(self, node: nodes.Node | None, name: str, met: set[str]) -> int:
        if isinstance(node, nodes.Add):
            return self._times(node.left, name, met) + self._times(node.right, name, met)
        if isinstance(node, nodes.Concat):
            return sum(self._times(one, name, met) for one in node.nodes)
        if isinstance(node, nodes.List | nodes.Tuple):
            return sum(self._times(one, name, met) for one in node.items)
        if isinstance(node, nodes.Dict):
            return sum(self._times(one.value, name, met) for one in node.items)
        if isinstance(node, nodes.Filter):
            return sum(self._times(one, name, met) for one in (node.node, *_handed(node)))
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            cut = node.node.attr in _CUTS
            return sum(self._times(one, name, met) for one in (node.node.node, *(() if cut else _handed(node))))
        return 0

    def recursions(self) -> Iterator[Cost]:
        """Macros that call themselves at more than one place, and ``loop(…)``, with nothing of the conversation."""
        for name, macro in self.scope.macros.items():
            self.budget.check_time(0)
            calls = [call for call in self._calls_of(macro) if self._reaches(call, name) and self._own(call)]
            if len(calls) > 1:
                yield Cost("loop", f"{name}, which calls itself", calls[0].lineno, HUGE)
        loops = [node for node in self.everything if isinstance(node, nodes.Call) and _is_loop(node)]
        for node in loops if "loop" not in self.scope.names else []:
            if self._own(node):
                yield Cost("loop", f"{said(node)}, which goes on as the template says", node.lineno, HUGE)

    def _own(self, call: nodes.Call) -> bool:
        """Whether what is handed over is the template's own."""
        return not any(self._outside(one) for one in _handed(call))

    def _calls_of(self, macro: nodes.Macro) -> list[nodes.Call]:
        waiting: list[nodes.Node] = [*macro.body]
        calls = []
        while waiting:
            node = waiting.pop()
            if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
                calls.append(node)
            waiting.extend(node.iter_child_nodes())
        return calls

    def _reaches(self, call: nodes.Call, name: str) -> bool:
        """Whether the called macro is `name`, or calls it."""
        first = call.node.name if isinstance(call.node, nodes.Name) else ""
        waiting, met = [first], {first}
        while waiting:
            now = waiting.pop()
            if now == name:
                return True
            for one in self._calls_of(self.scope.macros[now]) if now in self.scope.macros else ():
                called = one.node.name if isinstance(one.node, nodes.Name) else ""
                if called not in met:
                    met.add(called)
                    waiting.append(called)
        return False


#: methods whose arguments do not get into what they give
_CUTS = frozenset(("split", "rsplit", "strip", "lstrip", "rstrip", "partition", "rpartition", "get", "pop", "replace"))


def _is_loop(node: nodes.Call) -> bool:
    return isinstance(node.node, nodes.Name) and node.node.name == "loop"


def _handed(node: nodes.Call | nodes.Filter) -> list[nodes.Expr]:
    return [*node.args, *(one.value for one in keywords(node))]


def _range(numbers: list[int | None]) -> int:
    """The length of a range; 1 where it is not all constants."""
    known = [one for one in numbers if one is not None]
    if not 1 <= len(known) <= 3 or len(known) < len(numbers):
        return 1
    if max(map(abs, known)) >= HUGE:
        return HUGE
    start, stop, step = ((0, known[0], 1), (*known, 1), known)[len(known) - 1]
    return len(range(start, stop, step)) if step else 1


def _widest(node: nodes.Node | None) -> int:
    """The largest number in a format string, which may be a width."""
    if not isinstance(node, nodes.Const) or not isinstance(node.value, str):
        return 0
    digits = "".join(one if one.isascii() and one.isdigit() else " " for one in node.value[:_LONG]).split()
    return max((HUGE if len(one) > 15 else int(one) for one in digits), default=0)
