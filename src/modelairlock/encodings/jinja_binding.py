"""Which names of a template may be read where the template has put nothing into them.

What a newcomer would get wrong: such a name then means a variable from outside, for instance a special token that the
model's own files set to whatever they like. So ``{% if false %}{% set name = 'x' %}{% endif %}`` settles nothing, and
neither does a loop over nothing.
"""

from collections.abc import Iterable, Iterator

from jinja2 import nodes


def perhaps_unbound(tree: nodes.Template) -> frozenset[str]:
    """Names that are read somewhere without having surely been set."""
    reader = _Reader()
    reader.body(tree.body, set())
    return frozenset(reader.early)


class _Reader:
    """Goes through statements in the order in which they run. Parsing has limited how deep they nest."""

    def __init__(self) -> None:
        self.early: set[str] = set()

    def body(self, statements: Iterable[nodes.Node], bound: set[str]) -> None:
        """Statements one after the other; adds to `bound` what is surely set after them."""
        for node in statements:
            if isinstance(node, nodes.Assign):
                self._reads([node.node], bound)
                bound.update(names(node.target))
            elif isinstance(node, nodes.AssignBlock):
                self.body(node.body, set(bound))
                bound.update(names(node.target))
            elif isinstance(node, nodes.If):
                self._branches(node, bound)
            elif isinstance(node, nodes.For):
                self._reads([node.iter], bound)
                inside = {*bound, *names(node.target), "loop"}
                self._reads([node.test] if node.test else [], inside)
                self.body(node.body, set(inside))
                self.body(node.else_, set(bound))
            else:
                self._other(node, bound)

    def _branches(self, node: nodes.If, bound: set[str]) -> None:
        ends = []
        for one in (node, *node.elif_):
            self._reads([one.test], bound)
            inside = set(bound)
            self.body(one.body, inside)
            ends.append(inside)
        inside = set(bound)
        self.body(node.else_, inside)
        bound.update(set.intersection(inside, *ends))

    def _other(self, node: nodes.Node, bound: set[str]) -> None:
        if isinstance(node, nodes.Macro | nodes.CallBlock):
            self._reads([*node.defaults, *([node.call] if isinstance(node, nodes.CallBlock) else [])], bound)
            inside = {*bound, *(one.name for one in node.args), "varargs", "kwargs", "caller"}
            self.body(node.body, inside)
        elif isinstance(node, nodes.With):
            self._reads(node.values, bound)
            self.body(node.body, {*bound, *(name for one in node.targets for name in names(one))})
        elif isinstance(node, nodes.Scope | nodes.Block | nodes.ScopedEvalContextModifier):
            self.body(node.body, set(bound))
        elif isinstance(node, nodes.FilterBlock):
            self._reads([node.filter], bound)
            self.body(node.body, set(bound))
        else:
            self._reads([node], bound)

    def _reads(self, waiting: Iterable[nodes.Node], bound: set[str]) -> None:
        stack = [*waiting]
        while stack:
            node = stack.pop()
            if isinstance(node, nodes.Name) and node.name not in bound:
                self.early.add(node.name)
            stack.extend(node.iter_child_nodes())


def names(target: nodes.Node) -> Iterator[str]:
    """The plain names that an assignment sets."""
    if isinstance(target, nodes.Tuple):
        for one in target.items:
            yield from names(one)
    elif isinstance(target, nodes.Name):
        yield target.name
