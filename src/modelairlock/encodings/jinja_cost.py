"""How often loops of a template run, and how long its texts get, whatever the conversation is.

What a newcomer would get wrong: honest templates loop too, over messages and tools. Those loops are as long as what
the user hands over and count once here. What counts is what the template brings itself: ``range(10**9)``, loops in
loops, ``'x' * 10**9``, a text made of itself twice over and over, macros that call themselves twice with numbers.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from jinja2 import nodes

from modelairlock.encodings.jinja_scope import MUTATORS, Scope, owner_of
from modelairlock.encodings.jinja_size import Sizes, handed, parameters, repeats
from modelairlock.encodings.jinja_syntax import TooMuch
from modelairlock.encodings.jinja_values import Kind
from modelairlock.encodings.jinja_words import HUGE, number, said
from modelairlock.reading import Budget

#: texts shorter than this are not told of
_LONG = 100_000
#: no honest template puts values into more places
_PLACES = 2_000
#: as many characters take about as long as one round of a loop
_ROUND = 1_000


#: what makes a value that was not there before
_WORK = (
    nodes.BinExpr | nodes.Concat | nodes.Filter | nodes.Call | nodes.CallBlock | nodes.FilterBlock | nodes.AssignBlock
)


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
    yield from counter.long_values()
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
        self.sizes = Sizes(everything, scope, self.copied)
        self.put = self.sizes.put
        self.of_macro: dict[str, int | None] = {}
        self.copies: dict[tuple[str, str], int] = {}
        self.of_items: dict[tuple[int, str], int] = {}
        #: variables that are ever set to a part of something
        self.parts = {
            owner_of(node.target) for node in everything if isinstance(node, nodes.Assign) and _takes_part(node.node)
        }
        self.parameters = {one.name for macro in scope.macros.values() for one in macro.args}

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
                if isinstance(node, nodes.Output):
                    total += sum(map(self.sizes.weight, node.nodes)) // _ROUND
                elif isinstance(node, _WORK):
                    total += self.sizes.weight(node) // _ROUND
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
        size = self.sizes.length(node.iter)
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

    def long_values(self) -> Iterator[Cost]:
        """Every expression whose text, list or number is very long."""
        for node in self.everything:
            if isinstance(node, _WORK):
                length = max(self.sizes.length(node), self.sizes.weight(node))
                if length >= _LONG:
                    yield Cost("loop", said(_head(node)), node.lineno, length)
            elif isinstance(node, nodes.Output):  # of lists in lists, only what is printed is long
                for one in node.nodes:
                    if not isinstance(one, _WORK | nodes.TemplateData) and self.sizes.weight(one) >= _LONG:
                        yield Cost("loop", said(one), one.lineno, self.sizes.weight(one))
            elif isinstance(node, nodes.Compare | nodes.Test):
                weight = max(self.sizes.weight(one) for one in node.iter_child_nodes())
                if weight >= _LONG:
                    yield Cost("loop", said(node), node.lineno, weight)

    # --- growth ---------------------------------------------------------------------------------------------------

    def doublings(self) -> Iterator[Cost]:
        """What is made of itself at least twice: each round doubles it."""
        for name, sources in self.put.items():
            self.budget.check_time(0)
            for source in sources:
                if self._times(source, name, {}) > 1:
                    yield Cost("assignment", f"{name} = {said(source)}", source.lineno, 1)

    def _times(self, node: nodes.Node | None, name: str, met: dict[str, int]) -> int:
        """How often the value of `name` is in that of `node`; other variables are followed, and kept in `met`."""
        owner = owner_of(node) if node is not None else ""
        if owner == name:
            return 1
        if owner and (sources := [*self.put.get(owner, ()), *self._listed(owner)]):
            if owner not in met:
                met[owner] = 0
                met[owner] = max(self._times(one, name, met) for one in sources)
            return met[owner]
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

    def _listed(self, name: str) -> list[nodes.Node]:
        """The lists that stand in loops over them, whose variable this is."""
        return [one for one in self.sizes.items.get(name, ()) if isinstance(one, nodes.List | nodes.Tuple)]

    def _parts(self, node: nodes.Node | None, name: str, met: dict[str, int]) -> int:
        if isinstance(node, nodes.Mod):
            return self._times(node.left, name, met) + self._formatted(node.left, [node.right], name, met)
        if isinstance(node, nodes.Concat):
            return sum(self._spelled(one, name, met) for one in node.nodes)
        if isinstance(node, nodes.Add | nodes.List | nodes.Tuple | nodes.Dict | nodes.Pair):
            return sum(self._times(one, name, met) for one in node.iter_child_nodes())
        if isinstance(node, nodes.Filter):
            given = handed(node)
            if node.name == "map" and given and isinstance(given[0], nodes.Const):
                return self._worked_on(str(given[0].value), node.node, given[1:], name, met)
            return self._worked_on(node.name, node.node, given, name, met)
        if isinstance(node, nodes.Call):
            return self._called(node, name, met)
        if isinstance(node, nodes.AssignBlock):
            return self._filtered(node.filter, self._printed(node.body, name, met), name, met)
        return 0

    def _spelled(self, node: nodes.Node | None, name: str, met: dict[str, int]) -> int:
        """The same where it is made a text: of what is in lists, quotes and backslashes are spelled with two."""
        times = self._times(node, name, met)
        return 2 * times if isinstance(node, _LISTS) and "." in name else times

    def _called(self, node: nodes.Call, name: str, met: dict[str, int]) -> int:
        if isinstance(node.node, nodes.Getattr):
            given = [] if node.node.attr in _CUTS else handed(node)
            times = self._worked_on(node.node.attr, node.node.node, given, name, met)
            if node.node.attr == "join" and "." in name and given and self._is_text(given[0], name):
                times *= 2  # what joins is put between all of its characters
            between = self._times(node.node.node, name, met) if node.node.attr == "join" else 0
            return times + between * (max(map(self.sizes.length, given), default=1) - 2)
        if owner_of(node.node) == name:
            return 1
        if isinstance(node.node, nodes.Name) and node.node.name in ("dict", "namespace"):
            return sum(self._times(one, name, met) for one in handed(node))
        if isinstance(node.node, nodes.Name) and node.node.name in self.scope.macros:
            return self._handed_on(node, self.scope.macros[node.node.name], name, met)
        return 0

    def _worked_on(
        self, worker: str, what: nodes.Node | None, given: list[nodes.Expr], name: str, met: dict[str, int]
    ) -> int:
        """How often the value of `name` is in what a filter or method makes."""
        if worker in ("format", "format_map"):
            return self._times(what, name, met) + self._formatted(what, given, name, met)
        times = self._spelled(what, name, met) if worker == "string" else self._times(what, name, met)
        if worker == "join" and given and "." in name and self._is_text(what, name):
            times *= 2  # what joins is put between all of its characters
        return self._filtered_by(worker, given, times, name, met)

    def _filtered_by(self, worker: str, given: list[nodes.Expr], times: int, name: str, met: dict[str, int]) -> int:
        if worker == "replace":
            return times * self._feeds(given) + sum(self._times(one, name, met) for one in given[1:])
        if worker in _DOUBLES and "." in name:  # of a field it may be made over and over
            times *= 2
        return times + sum(self._times(one, name, met) for one in given)

    def _feeds(self, given: list[nodes.Expr]) -> int:
        """How often a replacement has in it what it replaces: done over and over, it is that many times as long.

        What replaces nothing at all (``''``) is put between all characters.
        """
        old, new = [*map(self._texts, given), (), ()][:2]
        return max((after.count(before) for before in old for after in new), default=1) or 1

    def _texts(self, node: nodes.Expr) -> Iterable[str]:
        """The texts that an expression is known to be, a constant of any length among them."""
        if isinstance(node, nodes.Const):
            return (node.value,) if isinstance(node.value, str) else ()
        return self.scope.value(node).texts

    def _filtered(self, filters: nodes.Filter | None, times: int, name: str, met: dict[str, int]) -> int:
        """What the filters of a block make of something that has the value so often in it."""
        while isinstance(filters, nodes.Filter):
            times = self._filtered_by(filters.name, handed(filters), times, name, met)
            filters = filters.node if isinstance(filters.node, nodes.Filter) else None
        return times

    def _is_text(self, what: nodes.Node | None, name: str) -> bool:
        """Whether it is the field itself, or its characters, and the field is never a list."""
        while isinstance(what, nodes.Filter) and what.name == "list":
            what = what.node
        lists = any(isinstance(one, _LISTS | nodes.Add) for one in self.put.get(name, ()))
        return what is not None and owner_of(what) == name and not lists

    def _formatted(self, what: nodes.Node | None, given: list[nodes.Expr], name: str, met: dict[str, int]) -> int:
        times = sum(
            self._times(one, name, met) if isinstance(one, nodes.Tuple) else self._spelled(one, name, met)
            for one in given
        )
        if not times:
            return 0
        texts = self.scope.value(what).texts
        doubled = "." in name and any("%r" in one or "!r" in one for one in texts)
        return times * repeats(texts, given) * (2 if doubled else 1)

    def _handed_on(self, call: nodes.Call, macro: nodes.Macro, name: str, met: dict[str, int]) -> int:
        """How often the macro prints what it is handed, if that has the value of `name` in it."""
        held = [(parameter, self._times(value, name, met)) for parameter, value in parameters(call, macro)]
        return sum(times * self.copied(macro, parameter) for parameter, times in held if times)

    def copied(self, macro: nodes.Macro, parameter: str) -> int:
        """How often the macro prints its parameter."""
        if (macro.name, parameter) not in self.copies:
            self.copies[macro.name, parameter] = 0
            self.copies[macro.name, parameter] = self._printed(macro.body, parameter, {})
        return self.copies[macro.name, parameter]

    def _of_items(self, loop: nodes.For, item: str) -> int:
        """How often the body of a loop prints its variable."""
        if (id(loop), item) not in self.of_items:
            self.of_items[id(loop), item] = 0
            self.of_items[id(loop), item] = self._printed(loop.body, item, {})
        return self.of_items[id(loop), item]

    def _printed(self, body: Iterable[nodes.Node], name: str, met: dict[str, int]) -> int:
        """How often the statements print the value of `name`, in one of their branches."""
        total = 0
        for node in body:
            if isinstance(node, nodes.Output):
                total += sum(self._times(one, name, met) for one in node.nodes)
            elif isinstance(node, nodes.If):
                branches = (node.body, node.elif_, node.else_)  # each of `elif_` is an `if` of its own
                total += max(self._printed(branch, name, met) for branch in branches)
            elif isinstance(node, nodes.For):
                total += self.sizes.length(node.iter) * self._printed(node.body, name, met)
                item = owner_of(node.target)
                if item and item != name and (whole := self._times(node.iter, name, met)):
                    total += whole * self._of_items(node, item)
            elif isinstance(node, nodes.FilterBlock):
                total += self._filtered(node.filter, self._printed(node.body, name, met), name, met)
            elif isinstance(node, nodes.CallBlock):
                called = node.call.node.name if isinstance(node.call.node, nodes.Name) else ""
                copies = self.copied(self.scope.macros[called], "caller") if called in self.scope.macros else 1
                total += self._times(node.call, name, met) + copies * self._printed(node.body, name, met)
            elif isinstance(node, nodes.With | nodes.Scope | nodes.ScopedEvalContextModifier):
                total += self._printed(node.body, name, met)
        return total

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
        """Whether what is handed over is the template's own, or all of the conversation, over and over.

        Honest templates call a macro for parts of what it was called for.
        """
        return not any(self._outside(one) and not self._is_whole(one) for one in handed(call))

    def _is_whole(self, node: nodes.Node) -> bool:
        """Whether it is a variable from outside, or what some macro was handed, and no part of it."""
        name = self._root(owner_of(node))
        given = (name in self.parameters and name not in self.parts) or name not in self.scope.names
        return bool(name) and given and name not in self.sizes.items and isinstance(node, nodes.Name)

    def _calls_of(self, macro: nodes.Macro) -> list[nodes.Call]:
        """All calls by a name; those in a loop of the template's own count twice."""
        waiting: list[tuple[nodes.Node, int]] = [(node, 1) for node in macro.body]
        calls = []
        while waiting:
            node, times = waiting.pop()
            if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
                calls += [node] * times
            if isinstance(node, nodes.For) and self.sizes.length(node.iter) > 1:
                times = 2
            waiting.extend((one, times) for one in node.iter_child_nodes())
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
_CUTS = frozenset(("split", "rsplit", "strip", "lstrip", "rstrip", "partition", "rpartition", "get", "pop"))


_LISTS = nodes.List | nodes.Tuple | nodes.Dict
#: filters that put something in front of, or between, characters, each time they are used
_DOUBLES = frozenset(("tojson", "pprint", "wordwrap", "urlize"))


def _takes_part(node: nodes.Node) -> bool:
    """Whether a part of something is in an expression."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, nodes.Getattr | nodes.Getitem):
            return True
        waiting.extend(one.iter_child_nodes())
    return False


def _head(node: nodes.Node) -> nodes.Node:
    """Of a block, what stands at its beginning."""
    if isinstance(node, nodes.CallBlock):
        return node.call
    if isinstance(node, nodes.FilterBlock):
        return node.filter
    return (node.filter or node) if isinstance(node, nodes.AssignBlock) else node


def _is_loop(node: nodes.Call) -> bool:
    return isinstance(node.node, nodes.Name) and node.node.name == "loop"
