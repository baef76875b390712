"""Says an expression of a template in a few words, and works out numbers that stand there as arithmetic.

What a newcomer would get wrong: numbers are only folded within bounds. ``9**9**9`` is not computed but `HUGE`, and
so is all that is made of it.
"""

from collections.abc import Callable, Sequence

from jinja2 import nodes

#: stands for every number that is too large to matter how large it is
HUGE = 1 << 53
_CHARACTERS = 120
_NESTING = 6
_SIGNS: dict[type[nodes.BinExpr], str] = {
    nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//", nodes.Mod: "%",
    nodes.Pow: "**", nodes.And: "and", nodes.Or: "or",
}  # fmt: skip


def said(node: nodes.Node | None, depth: int = 0) -> str:
    """The expression as a template would spell it, cut to a limit."""
    words = _said(node, depth)
    return words if len(words) <= _CHARACTERS else words[: _CHARACTERS - 1] + "…"


def _said(node: nodes.Node | None, depth: int) -> str:
    if depth > _NESTING or node is None:
        return "…"
    for kind, words in _WORDS.items():
        if isinstance(node, kind):
            return words(node, depth + 1)
    return type(node).__name__.lower()


def keywords(node: nodes.Node) -> list[nodes.Keyword]:
    """The arguments that a call, filter or test is handed by name."""
    return [one for one in node.iter_child_nodes(only=("kwargs",)) if isinstance(one, nodes.Keyword)]


def _listed(items: Sequence[nodes.Node], depth: int) -> str:
    shown = [said(item, depth) for item in items[:6]]
    return ", ".join([*shown, "…"] if len(items) > 6 else shown)


def _arguments(node: nodes.Call | nodes.Filter | nodes.Test, depth: int) -> str:
    shown = [_listed(node.args, depth)] if node.args else []
    shown += [f"{one.key}={said(one.value, depth)}" for one in keywords(node)[:6]]
    shown += [f"*{said(node.dyn_args, depth)}"] if node.dyn_args else []
    shown += [f"**{said(node.dyn_kwargs, depth)}"] if node.dyn_kwargs else []
    return ", ".join(shown)


def _filtered(node: nodes.Filter, depth: int) -> str:
    called = f"({_arguments(node, depth)})" if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs else ""
    return f"{said(node.node, depth) if node.node else ''}|{node.name}{called}"


def _between(node: nodes.BinExpr, depth: int) -> str:
    return f"{said(node.left, depth)} {_SIGNS.get(type(node), '?')} {said(node.right, depth)}"


_WORDS: dict[type[nodes.Node], Callable[..., str]] = {
    nodes.Const: lambda node, _: repr(node.value),
    nodes.TemplateData: lambda node, _: repr(node.data),
    nodes.Name: lambda node, _: str(node.name),
    nodes.NSRef: lambda node, _: f"{node.name}.{node.attr}",
    nodes.Getattr: lambda node, depth: f"{said(node.node, depth)}.{node.attr}",
    nodes.Getitem: lambda node, depth: f"{said(node.node, depth)}[{said(node.arg, depth)}]",
    nodes.Slice: lambda node, depth: ":".join(said(one, depth) if one else "" for one in (node.start, node.stop)),
    nodes.Call: lambda node, depth: f"{said(node.node, depth)}({_arguments(node, depth)})",
    nodes.Filter: _filtered,
    nodes.Test: lambda node, depth: f"{said(node.node, depth)} is {node.name}",
    nodes.Concat: lambda node, depth: " ~ ".join(said(one, depth) for one in node.nodes[:8]),
    nodes.List: lambda node, depth: f"[{_listed(node.items, depth)}]",
    nodes.Tuple: lambda node, depth: f"({_listed(node.items, depth)})",
    nodes.Dict: lambda node, depth: f"{{{_listed(node.items, depth)}}}",
    nodes.Pair: lambda node, depth: f"{said(node.key, depth)}: {said(node.value, depth)}",
    nodes.Neg: lambda node, depth: f"-{said(node.node, depth)}",
    nodes.Not: lambda node, depth: f"not {said(node.node, depth)}",
    nodes.CondExpr: lambda node, depth: f"{said(node.expr1, depth)} if … else {said(node.expr2, depth)}",
    nodes.BinExpr: _between,
}


def number(node: nodes.Node | None) -> int | None:
    """The whole number that the expression amounts to, whatever it is rendered with; None if that is not plain."""
    if isinstance(node, nodes.Const):
        return _bounded(node.value) if isinstance(node.value, int | float) else None
    if isinstance(node, nodes.Neg | nodes.Pos):
        inner = number(node.node)
        return None if inner is None else -inner if isinstance(node, nodes.Neg) else inner
    if isinstance(node, nodes.BinExpr) and type(node) in _ARITHMETIC:
        left, right = number(node.left), number(node.right)
        if left is None or right is None:
            return None
        if HUGE in (abs(left), abs(right)):
            return HUGE
        return _bounded(_ARITHMETIC[type(node)](left, right))
    return None


def _bounded(value: float) -> int:
    return HUGE if not -HUGE < value < HUGE else int(value)


def power(base: int, exponent: int) -> int:
    """`base` to the power of `exponent`, or `HUGE`."""
    if exponent < 0 or base in (0, 1):
        return 1
    return HUGE if exponent * base.bit_length() > 64 else base**exponent


_ARITHMETIC: dict[type[nodes.BinExpr], Callable[[int, int], int]] = {
    nodes.Add: lambda left, right: left + right,
    nodes.Sub: lambda left, right: left - right,
    nodes.Mul: lambda left, right: left * right,
    nodes.FloorDiv: lambda left, right: left // right if right else 0,
    nodes.Div: lambda left, right: left // right if right else 0,
    nodes.Mod: lambda left, right: left % right if right else 0,
    nodes.Pow: power,
}
