"""How long texts and lists, and how large numbers, get that a template makes itself.

What a newcomer would get wrong: nothing is exact here. What comes from outside counts as one character, item or number,
and what the template adds to it, repeats or pads is counted on top, whichever branch is taken. All that a variable is
ever set to counts, and a value that is made of itself counts once (`jinja_cost` says how often it is in itself). A list
has a length, and a weight, which is what is printed of all that is in it: a list of two that has another in it twice
over, and so on, is short.
"""

from collections.abc import Callable, Iterable, Iterator

from jinja2 import nodes

from modelairlock.encodings.jinja_scope import Scope, owner_of
from modelairlock.encodings.jinja_values import Kind
from modelairlock.encodings.jinja_words import HUGE, keywords, number, power

#: what fills a text or list up to a number that it is handed
_PADDED = frozenset(("center", "ljust", "rjust", "zfill", "batch", "slice", "expandtabs", "truncate", "round"))
#: what puts what it is handed, or so many blanks, into every line, between all items, or at every address
_PER_LINE = frozenset(("indent", "tojson", "wordwrap", "urlize"))
_FORMATS = frozenset(("format", "format_map"))
#: filters that make a number of a text
_NUMBERS = frozenset(("int", "float"))
_COUNTS = frozenset(("length", "count", "wordcount"))
#: what makes a text of whatever it is handed, and which may spell a character with two
_SPELLED = frozenset(("string", "tojson", "pprint", "e", "escape", "forceescape", "urlencode", "xmlattr"))
#: what a loop knows of its own length
_OF_LOOP = frozenset(("length", "index", "index0", "revindex", "revindex0"))
#: digits that more than make a number `HUGE`
_DIGITS = 16


def handed(node: nodes.Call | nodes.Filter) -> list[nodes.Expr]:
    """All arguments, by place and by name, and lists and dicts that hold more of them."""
    unpacked = [one for one in (node.dyn_args, node.dyn_kwargs) if one is not None]
    return [*node.args, *(one.value for one in keywords(node)), *unpacked]


def parameters(call: nodes.Call, macro: nodes.Macro) -> Iterator[tuple[str, nodes.Expr]]:
    """The parameters of the macro that is called, each with what it is handed."""
    yield from zip((one.name for one in macro.args), call.args, strict=False)
    yield from ((one.key, one.value) for one in keywords(call))


def printed(body: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    """Every expression, piece of text and block that the statements print, each branch after the other."""
    waiting = [*body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Output):
            yield from node.nodes
        elif isinstance(node, nodes.CallBlock | nodes.FilterBlock):
            yield node
        elif isinstance(node, nodes.Stmt) and not isinstance(node, nodes.Macro | nodes.AssignBlock):
            waiting.extend(one for one in node.iter_child_nodes() if isinstance(one, nodes.Stmt))


def _bounded(value: int) -> int:
    return min(value, HUGE)


class Sizes:
    """Measures the expressions of one template. `copied` says how often a macro prints a parameter."""

    def __init__(self, everything: list[nodes.Node], scope: Scope, copied: Callable[[nodes.Macro, str], int]) -> None:
        self.scope = scope
        self.copied = copied
        self.loops = [node for node in everything if isinstance(node, nodes.For)]
        #: what is put into each name: an expression, or a block of statements that print it
        self.put: dict[str, list[nodes.Node]] = {}
        #: lists whose items are put there
        self.items: dict[str, list[nodes.Node]] = {}
        for put in scope.puts:
            if put.source is not None:
                self.put.setdefault(put.name, []).append(put.source)
        for node in everything:
            if isinstance(node, nodes.AssignBlock) and owner_of(node.target):
                self.put.setdefault(owner_of(node.target), []).append(node)
            elif isinstance(node, nodes.For):
                for name in node.target.find_all(nodes.Name) if isinstance(node.target, nodes.Tuple) else [node.target]:
                    self.items.setdefault(owner_of(name), []).append(node.iter)
            elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
                self._handed_over(node, node.node.name)
            elif isinstance(node, nodes.CallBlock):
                for name in node.args:
                    self.put.setdefault(name.name, []).extend(_handed_back(everything))
        self.lengths: dict[int, int] = {}
        self.weights: dict[int, int] = {}
        self.amounts: dict[int, int] = {}
        self.of_name: dict[tuple[Callable[..., int], str], int] = {}
        self.of_macro: dict[str, int] = {}
        self.signed: set[str] | None = None

    def _handed_over(self, call: nodes.Call, name: str) -> None:
        """What a macro takes without a name of its own for it."""
        if name in self.scope.macros:
            for rest in ("varargs", "kwargs"):
                self.put.setdefault(rest, []).extend(handed(call))

    # --- lengths --------------------------------------------------------------------------------------------------

    def length(self, node: nodes.Node | None) -> int:
        """About how many characters or items the value of `node` has; 1 for numbers and what comes from outside."""
        if node is None:
            return 0
        if id(node) not in self.lengths:
            self.lengths[id(node)] = 1
            self.lengths[id(node)] = _bounded(max(self._length(node), 1))
        return self.lengths[id(node)]

    def _length(self, node: nodes.Node) -> int:
        if isinstance(node, nodes.Const | nodes.TemplateData):
            text = node.data if isinstance(node, nodes.TemplateData) else node.value
            return len(text) if isinstance(text, str) else 1
        if isinstance(node, nodes.List | nodes.Tuple | nodes.Dict):
            return len(node.items)
        if isinstance(node, nodes.Concat | nodes.Mod | nodes.AssignBlock | nodes.CallBlock | nodes.FilterBlock):
            return self.weight(node)
        if isinstance(node, nodes.CondExpr):
            return max(self.length(node.expr1), self.length(node.expr2))
        if isinstance(node, nodes.BinExpr):
            return self._of_two(node, self.length)
        if isinstance(node, nodes.Filter):
            return self._filtered(node, self.length)
        if isinstance(node, nodes.Call):
            return self._called(node, self.length)
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            return self.length(node.node)
        name = owner_of(node)
        inner = self._named(self.weight, name, self.put, self.items) if name in self.items else 1
        return max(inner, self._named(self.length, name, self.put))

    def weight(self, node: nodes.Node | None) -> int:
        """About how many characters are printed of the value of `node`; 1 for numbers and what is from outside."""
        if node is None:
            return 0
        if id(node) not in self.weights:
            self.weights[id(node)] = 1
            self.weights[id(node)] = _bounded(max(self._weight(node), 1))
        return self.weights[id(node)]

    def _weight(self, node: nodes.Node) -> int:
        if isinstance(node, nodes.List | nodes.Tuple | nodes.Dict):
            return sum(map(self.weight, node.items))
        if isinstance(node, nodes.Pair):
            return self.weight(node.key) + self.weight(node.value)
        if isinstance(node, nodes.Concat):
            return sum(map(self.weight, node.nodes))
        if isinstance(node, nodes.CondExpr):
            return max(self.weight(node.expr1), self.weight(node.expr2))
        if isinstance(node, nodes.BinExpr):
            return self._of_two(node, self.weight)
        if isinstance(node, nodes.Filter):
            return self._filtered(node, self.weight)
        if isinstance(node, nodes.Call):
            return self._called(node, self.weight)
        return self._weight_of_rest(node)

    def _weight_of_rest(self, node: nodes.Node) -> int:
        if isinstance(node, nodes.AssignBlock | nodes.FilterBlock):
            return self._block(node.filter, node.body)
        if isinstance(node, nodes.CallBlock):
            return self._call_block(node)
        if isinstance(node, nodes.Getattr | nodes.Getitem) and not owner_of(node):
            return self.weight(node.node)
        if isinstance(node, nodes.Const | nodes.TemplateData):
            return self.length(node)
        return self._named(self.weight, owner_of(node), self.put, self.items)

    def _block(self, filters: nodes.Filter | None, body: list[nodes.Node]) -> int:
        """What is printed of statements, after the filters of their block."""
        inner = sum(map(self.weight, printed(body)))
        chain: list[nodes.Filter] = []
        while isinstance(filters, nodes.Filter):
            chain.append(filters)
            filters = filters.node if isinstance(filters.node, nodes.Filter) else None
        for one in reversed(chain):
            inner = _bounded(self._grown(one.name, inner, inner, handed(one)))
        return inner

    def _call_block(self, node: nodes.CallBlock) -> int:
        """What a macro prints whose `caller` is the body of this."""
        name = node.call.node.name if isinstance(node.call.node, nodes.Name) else ""
        times = self.copied(self.scope.macros[name], "caller") if name in self.scope.macros else 1
        return self.weight(node.call) + times * sum(map(self.weight, printed(node.body)))

    def _named(self, measure: Callable[[nodes.Node], int], name: str, *places: dict[str, list[nodes.Node]]) -> int:
        """The most that is ever put into the name."""
        if (measure, name) not in self.of_name:
            self.of_name[measure, name] = 1
            sources = [one for place in places for one in place.get(name, [])]
            self.of_name[measure, name] = max(map(measure, sources), default=1)
        return self.of_name[measure, name]

    def _of_two(self, node: nodes.BinExpr, measure: Callable[[nodes.Node | None], int]) -> int:
        if isinstance(node, nodes.Pow):
            return HUGE if self.amount(node) == HUGE else 1
        if isinstance(node, nodes.Add) and number(node) is None:
            return measure(node.left) + measure(node.right)
        if isinstance(node, nodes.Mul) and number(node) is None:
            left, right = measure(node.left), measure(node.right)
            return max(left * right, self.amount(node.left) * right, self.amount(node.right) * left)
        if isinstance(node, nodes.Mod):
            return self._formatted(node.left, [node.right])
        return max(measure(node.left), measure(node.right))

    def _called(self, node: nodes.Call, measure: Callable[[nodes.Node | None], int]) -> int:
        called = node.node
        if isinstance(called, nodes.Getattr):
            return self._worked_on(called.attr, called.node, handed(node), measure, method=True)
        if not isinstance(called, nodes.Name) or called.name in self.scope.names:
            return 1
        if called.name in self.scope.macros:
            return self._called_macro(node, self.scope.macros[called.name])
        amounts = [self.amount(one) for one in handed(node)]
        if called.name == "range":
            return self._range(node)
        if called.name == "lipsum" and amounts:
            return max(1, *amounts) * len(amounts)
        return sum(map(measure, handed(node))) if called.name in ("dict", "namespace", "cycler", "joiner") else 1

    def _called_macro(self, node: nodes.Call, macro: nodes.Macro) -> int:
        given = [(self.weight(value), parameter) for parameter, value in parameters(node, macro)]
        if macro.name not in self.of_macro:
            self.of_macro[macro.name] = 1
            self.of_macro[macro.name] = sum(map(self.weight, printed(macro.body)))
        return self.of_macro[macro.name] + sum(
            length * self.copied(macro, parameter) for length, parameter in given if length > 1
        )

    def _range(self, node: nodes.Call) -> int:
        """The length of a range; where it is not all constants, as long as its largest number."""
        known = [one for one in map(number, handed(node)) if one is not None]
        if len(known) < len(handed(node)) or max(map(abs, known), default=0) >= HUGE:
            return max(map(self.amount, handed(node)))
        if not 1 <= len(known) <= 3:
            return 1
        start, stop, step = ((0, known[0], 1), (*known, 1), known)[len(known) - 1]
        return len(range(start, stop, step)) if step else 1

    def _filtered(self, node: nodes.Filter, measure: Callable[[nodes.Node | None], int]) -> int:
        name, given = node.name, handed(node)
        if name == "map" and node.args and isinstance(node.args[0], nodes.Const):
            # What each item becomes; `jinja_uses` tells of names that are no constants.
            name, given = str(node.args[0].value), given[1:]
            return max(
                self._worked_on(name, node.node, given, measure), measure(node.node) + self._pads(name, given, node)
            )
        return self._worked_on(name, node.node, given, measure)

    def _pads(self, name: str, given: list[nodes.Expr], node: nodes.Filter) -> int:
        """What is added to all items of a list that are filled up one by one."""
        return self.length(node.node) * self._most(given, 0) if name in _PADDED else 0

    def _most(self, given: list[nodes.Expr], least: int) -> int:
        return max((max(self.weight(one), self.amount(one)) for one in given), default=least)

    def _worked_on(
        self, name: str, what: nodes.Node | None, given: list[nodes.Expr],
        measure: Callable[[nodes.Node | None], int], *, method: bool = False,
    ) -> int:  # fmt: skip
        """`measure` of what a filter or method makes of `what`."""
        if name in _FORMATS:
            return self._formatted(what, given)
        if name == "join" and method:
            return sum(map(self.weight, given)) + max(map(self.length, given), default=1) * self.weight(what)
        texts = name in _SPELLED or name == "join"
        return self._grown(name, self.weight(what) if texts else measure(what), self.length(what), given)

    def _grown(self, name: str, measured: int, length: int, given: list[nodes.Expr]) -> int:
        """What becomes of something so heavy, or long, that has this many items or characters."""
        if name == "replace":
            old, new = [*map(self.weight, given), 1, 1][:2]
            return measured * max(1, new // old)
        if name == "join":
            return measured + length * self._most(given, 0)
        if name in _PER_LINE:
            return (2 if name in _SPELLED else 1) * measured * self._most(given, 1)
        if name in _SPELLED:
            return 2 * measured
        if name in _PADDED:
            return measured + self._most(given, 0)
        if name in ("default", "d"):
            return max(measured, *map(self.weight, given), 1)
        return measured + (sum(map(self.weight, given)) if name == "sum" else 0)

    def _formatted(self, what: nodes.Node | None, given: list[nodes.Expr]) -> int:
        """How long a text gets by its own widths. One that is put together in unknown ways may have any."""
        value = self.scope.value(what)
        widths = [_widest(one) for one in value.texts]
        if any("*" in one or "{" in one.partition("{")[2] for one in value.texts):
            widths += map(self.amount, given)
        if value.kind & (Kind.MADE | Kind.FIRM) and self._has_sign(what):
            widths.append(HUGE)
        put_in = 2 * repeats(value.texts, given) * sum(map(self.weight, given))
        return self.weight(what) + max(widths, default=0) + put_in

    def _has_sign(self, what: nodes.Node | None) -> bool:
        """Whether a percent sign or a brace stands anywhere in what the text is made of."""
        if self.signed is None:
            self.signed = self._signed()
        sign, names = _made_of(what)
        return sign or not names.isdisjoint(self.signed)

    def _signed(self) -> set[str]:
        """Names that are ever made of a text with such a sign."""
        waiting: list[str] = []
        into: dict[str, list[str]] = {}
        for name in self.put.keys() | self.items.keys():
            for source in (*self.put.get(name, ()), *self.items.get(name, ())):
                sign, names = _made_of(source)
                waiting += [name] * sign
                for one in names:
                    into.setdefault(one, []).append(name)
        signed: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in signed:
                signed.add(name)
                waiting += into.get(name, ())
        return signed

    # --- numbers --------------------------------------------------------------------------------------------------

    def amount(self, node: nodes.Node | None) -> int:
        """How large a number the expression may be by the template's own doing; 1 for what comes from outside."""
        if node is None:
            return 0
        if id(node) not in self.amounts:
            self.amounts[id(node)] = 1
            known = number(node)
            self.amounts[id(node)] = _bounded(self._amount(node) if known is None else abs(known))
        return self.amounts[id(node)]

    def _amount(self, node: nodes.Node) -> int:
        if isinstance(node, nodes.BinExpr):
            return self._amount_of_two(node)
        if isinstance(node, nodes.Filter) and node.name in _COUNTS:
            return self.length(node.node)
        if isinstance(node, nodes.Filter) and node.name in _NUMBERS:
            return max(self._digits(node.node, handed(node)), *map(self.amount, [node.node, *handed(node)]))
        if isinstance(node, nodes.Filter) and node.name == "sum":
            return self.length(node.node) * self.amount(node.node)
        if isinstance(node, nodes.Getattr) and owner_of(node.node) == "loop" and node.attr in _OF_LOOP:
            return max((self.length(one.iter) for one in self.loops), default=1)
        name = owner_of(node)
        if name in self.put or name in self.items:
            return self._named(self.amount, name, self.put, self.items)
        if isinstance(node, nodes.Call) and not isinstance(node.node, nodes.Getattr):
            return max(map(self.amount, handed(node)), default=1)
        # Of a list, a choice, a part, a method or a filter: the largest of all that is in it.
        return max(map(self.amount, node.iter_child_nodes()), default=1)

    def _amount_of_two(self, node: nodes.BinExpr) -> int:
        left, right = self.amount(node.left), self.amount(node.right)
        if isinstance(node, nodes.Add | nodes.Sub):
            return left + right
        if isinstance(node, nodes.Mul):
            return left * right
        if isinstance(node, nodes.Pow):
            return power(max(left, 2) if number(node.left) is None else left, right)
        return left if isinstance(node, nodes.Div | nodes.FloorDiv) else max(left, right)

    def _digits(self, node: nodes.Node | None, given: list[nodes.Expr]) -> int:
        """The number that a text may spell which the template makes, with whatever base."""
        value = self.scope.value(node)
        spelled = max(map(_spells, value.texts), default=1)
        if max(map(self.amount, given), default=1) > 10:
            spelled = max(spelled, *(36 ** min(len(text), _DIGITS) for text in value.texts), 1)
        made = bool(value.kind & (Kind.MADE | Kind.FIRM))
        return max(spelled, 10 ** min(self.length(node), _DIGITS) if made else 1)


def repeats(texts: Iterable[str], given: list[nodes.Expr]) -> int:
    """How often a format puts each of what it is handed into a text: once where it takes one after the other."""
    named = any(isinstance(one, nodes.Dict) for one in given)
    many = 1 if named else sum(len(one.items) if isinstance(one, nodes.Tuple) else 1 for one in given)
    placed = max((one.count("%") + one.count("{") for one in texts), default=1)
    return max(1, -(-placed // max(many, 1)))


def _handed_back(everything: list[nodes.Node]) -> Iterator[nodes.Node]:
    """What macros hand to the body of a block that calls them."""
    for node in everything:
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "caller":
            yield from handed(node)


def _made_of(what: nodes.Node | None) -> tuple[bool, set[str]]:
    """Whether a percent sign or a brace stands in the expression, and the names in it."""
    waiting, names, sign = [what] if what else [], set[str](), False
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Const | nodes.TemplateData):
            text = node.data if isinstance(node, nodes.TemplateData) else node.value
            sign = sign or (isinstance(text, str) and not {"%", "{"}.isdisjoint(text))
        sign = sign or (isinstance(node, nodes.Filter) and node.name == "urlencode")
        names.add(owner_of(node))
        waiting.extend(node.iter_child_nodes())
    return sign, names - {""}


def _spells(text: str) -> int:
    try:
        return _bounded(int(min(abs(float(text)), HUGE)))
    except ValueError:
        return 1


def _widest(text: str) -> int:
    """The largest number in a format string, which may be a width."""
    digits = "".join(one if one.isascii() and one.isdigit() else " " for one in text).split()
    return max((HUGE if len(one) > _DIGITS else int(one) for one in digits), default=0)
