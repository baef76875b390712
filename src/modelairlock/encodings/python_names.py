"""What a Python name in source stands for, as far as reading alone can say: aliases of imports, and tricks with names.

What a newcomer would get wrong: this follows names, not values. ``import os as o`` and ``s = o.system`` are followed,
and so are the everyday ways to reach a name by its text (``__import__('os')``, ``getattr(os, 'sys' + 'tem')``,
``globals()['os']``, ``sys.modules['os']``). What is computed otherwise has no name here, and whoever asks must take
that for "unknown", never for "nothing". A name bound twice stands for both.
"""

import ast
from collections.abc import Iterator

from modelairlock.limits import Limits
from modelairlock.records.facts import Value, ValueKind

#: builtins that reach further than themselves; others need no name
BUILTINS = frozenset(
    (
        "__import__", "breakpoint", "bytearray", "bytes", "compile", "delattr", "eval", "exec", "execfile", "filter",
        "getattr", "globals", "input", "locals", "map", "open", "setattr", "vars",
    )
)  # fmt: skip
#: builtins that are no news, and that no star import is taken to replace
_ORDINARY = frozenset(
    (
        "abs", "all", "any", "bool", "callable", "chr", "classmethod", "dict", "dir", "enumerate", "float", "format",
        "frozenset", "hasattr", "hash", "hex", "id", "int", "isinstance", "issubclass", "iter", "len", "list", "max",
        "min", "next", "object", "ord", "pow", "print", "property", "range", "repr", "reversed", "round", "set",
        "slice", "sorted", "staticmethod", "str", "sum", "super", "tuple", "type", "zip",
    )
)  # fmt: skip
#: what looks at what it is handed and calls nothing of it: builtins, and others by their dotted names. Not what gives
#: it back (``typing.cast``), since then somebody else may call it
_LOOKS = frozenset(("callable", "hasattr", "id", "isinstance", "issubclass", "repr"))
_LOOKS_AT = frozenset(("functools.wraps", "inspect.getdoc", "inspect.getsource", "inspect.signature"))
_IMPORTS = frozenset(("builtins.__import__", "importlib.import_module", "importlib.__import__"))
_NAMESPACES = frozenset(("builtins.globals", "builtins.locals", "builtins.vars"))
#: meanings that one name may have
_MEANINGS = 4
_DEPTH = 24
_PIECES = 200
#: characters of a name, and of a text that is put together
_LONGEST = 4_000
_KINDS: dict[type, ValueKind] = {bool: "bool", int: "int", float: "float", str: "str", bytes: "bytes"}


class Names:
    """The names of one scope, and the scope around it."""

    def __init__(self, outer: "Names | None" = None) -> None:
        self.outer = outer
        self.meanings: dict[str, list[str]] = {}
        self.texts: dict[str, str | None] = {}
        #: bound to something of the file's own, or to nothing that is known
        self.own: set[str] = set()
        self.stars: list[str] = [] if outer is None else outer.stars

    def mean(self, name: str, meaning: str) -> None:
        """`name` stands for `meaning`, and for what it stood for before."""
        known = self.meanings.setdefault(name, [])
        if meaning not in known and len(known) < _MEANINGS:
            known.append(meaning)

    def bind(self, target: ast.expr, value: ast.expr) -> None:
        """An assignment, as far as it gives a name to a name or to a text."""
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            for one, other in zip(target.elts, value.elts, strict=False):
                self.bind(one, other)
        if not isinstance(target, ast.Name):
            return
        meanings = self.resolve(value)
        for meaning in meanings:
            self.mean(target.id, meaning)
        if not meanings:
            self.own.add(target.id)
        text = self.text(value)
        self.texts[target.id] = text if target.id not in self.texts else None

    def only_looks(self, function: ast.expr) -> bool:
        """Whether a function calls nothing that it is handed, for certain: ``isinstance``, if nobody binds it."""
        if isinstance(function, ast.Name) and function.id in _LOOKS:
            scope: Names | None = self
            while scope is not None and function.id not in scope.own and function.id not in scope.meanings:
                scope = scope.outer
            return scope is None
        found = self.resolve(function)
        return bool(found) and _LOOKS_AT.issuperset(found)

    def resolve(self, node: ast.expr, depth: int = 0) -> list[str]:
        """The dotted names that an expression may stand for; none where that is not known."""
        if depth > _DEPTH:
            return []
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Attribute):
            found = [f"{one}.{node.attr}" for one in self.resolve(node.value, depth + 1)]
            return [one for one in found if len(one) <= _LONGEST]
        if isinstance(node, ast.Subscript):
            return self._item(node, depth)
        if isinstance(node, ast.Call):
            return self._result(node, depth)
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value, depth + 1)
        if isinstance(node, ast.IfExp | ast.BoolOp):
            choices = (node.body, node.orelse) if isinstance(node, ast.IfExp) else tuple(node.values[:_MEANINGS])
            return [one for choice in choices for one in self.resolve(choice, depth + 1)][:_MEANINGS]
        return []

    def _name(self, name: str) -> list[str]:
        scope: Names | None = self
        while scope is not None:
            if name in scope.meanings:
                return scope.meanings[name]
            if name in scope.own:
                return []
            scope = scope.outer
        if name == "__builtins__":
            return ["builtins"]
        if name in BUILTINS:
            return [f"builtins.{name}"]
        return [] if name in _ORDINARY else [f"{module}.{name}" for module in self.stars[:_MEANINGS]]

    def _item(self, node: ast.Subscript, depth: int) -> list[str]:
        key = self.text(node.slice)
        if key is None:
            return []
        if isinstance(node.value, ast.Call):
            made_by = self.resolve(node.value.func, depth + 1)
            if not node.value.args and _NAMESPACES.intersection(made_by):
                return self._name(key)
            if "builtins.vars" in made_by and node.value.args:
                return [f"{one}.{key}" for one in self.resolve(node.value.args[0], depth + 1)]
            return []
        found = []
        for one in self.resolve(node.value, depth + 1):
            if one == "sys.modules":
                found.append(key)
            elif one == "builtins":
                found.append(f"builtins.{key}")
            elif one.endswith(".__dict__"):
                found.append(f"{one.removesuffix('.__dict__')}.{key}")
        return found

    def _result(self, node: ast.Call, depth: int) -> list[str]:
        functions = self.resolve(node.func, depth + 1)
        first = node.args[0] if node.args else None
        if first is None:
            return []
        if _IMPORTS.intersection(functions):
            name = self.text(first)
            return [] if not name else [name] if "." not in name else [name, name.partition(".")[0]]
        if "builtins.getattr" in functions and len(node.args) > 1:
            attribute = self.text(node.args[1])
            return [f"{one}.{attribute}" for one in self.resolve(first, depth + 1)] if attribute else []
        if "functools.partial" in functions:
            return self.resolve(first, depth + 1)
        return []

    def text(self, node: ast.expr, depth: int = 0) -> str | None:
        """The text that an expression surely is: a constant, one that was assigned once, or some put together."""
        if depth > _DEPTH:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            scope: Names | None = self
            while scope is not None:
                if node.id in scope.texts:
                    return scope.texts[node.id]
                scope = scope.outer
            return None
        parts: list[str | None] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [self.text(node.left, depth + 1), self.text(node.right, depth + 1)]
        elif isinstance(node, ast.JoinedStr) and len(node.values) <= _PIECES:
            parts = [self.text(_bare(one), depth + 1) for one in node.values]
        elif isinstance(node, ast.Call):
            parts = self._joined(node, depth)
        elif isinstance(node, ast.Subscript):
            parts = [self._reversed(node, depth)]
        known = [part for part in parts if part is not None]
        # What is put together of itself, line after line, would grow without end.
        whole = sum(map(len, known)) <= _LONGEST and len(known) == len(parts)
        return "".join(known) if known and whole else None

    def _joined(self, node: ast.Call, depth: int) -> list[str | None]:
        """``'.'.join(['os', 'path'])`` and ``chr(111)``."""
        if isinstance(node.func, ast.Attribute) and node.func.attr == "join" and len(node.args) == 1:
            between, listed = self.text(node.func.value, depth + 1), node.args[0]
            if between is not None and isinstance(listed, ast.List | ast.Tuple) and len(listed.elts) <= _PIECES:
                texts = [self.text(one, depth + 1) for one in listed.elts]
                known = [one for one in texts if one is not None]
                short = len(known) == len(texts) and len(between) * len(texts) <= _LONGEST
                return [between.join(known)] if short else [None]
        if isinstance(node.func, ast.Name) and node.func.id == "chr" and len(node.args) == 1:
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, int) and 0 <= code.value < 0x110000:
                return [chr(code.value)]
        return [None]

    def _reversed(self, node: ast.Subscript, depth: int) -> str | None:
        """``'metsys'[::-1]``."""
        part = node.slice
        if isinstance(part, ast.Slice) and part.lower is None and part.upper is None:
            step = part.step
            backwards = isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub)
            if backwards and isinstance(step.operand, ast.Constant) and step.operand.value == 1:  # type: ignore[union-attr]  # looked at just now
                text = self.text(node.value, depth + 1)
                return text[::-1] if text is not None else None
        return None

    def values(self, call: ast.Call, limits: Limits) -> tuple[Value, ...]:
        """What a call is handed, as far as that is constant: its arguments, and what stands for the first of them."""
        named = [word.value for word in call.keywords if word.arg in _FIRST]
        given = [*call.args[: limits.value_parts], *named[:1]]
        return tuple(self.value(one, limits, limits.value_depth) for one in given[: limits.value_parts])

    def value(self, node: ast.expr, limits: Limits, depth: int) -> Value:
        """An expression as a symbolic value."""
        text = self.text(node)
        if text is not None:
            return Value(kind="str", text=text[: limits.text_characters], cut=len(text) > limits.text_characters)
        if isinstance(node, ast.Constant):
            return _constant(node.value, limits)
        names = self.resolve(node)
        if names:
            module, _, name = names[0][: limits.text_characters].rpartition(".")
            return Value(kind="global", module=module, text=name)
        if depth > 0 and isinstance(node, ast.Call):
            function = self.value(node.func, limits, depth - 1)
            parts = (self.value(one, limits, depth - 1) for one in node.args[: limits.value_parts - 1])
            return Value(kind="call", parts=(function, *parts), cut=len(node.args) >= limits.value_parts)
        if depth > 0 and isinstance(node, ast.List | ast.Tuple):
            inside = tuple(self.value(one, limits, depth - 1) for one in node.elts[: limits.value_parts])
            kind: ValueKind = "list" if isinstance(node, ast.List) else "tuple"
            return Value(kind=kind, parts=inside, cut=len(node.elts) > limits.value_parts)
        return Value(kind="unknown")


#: keywords under which calls that run or fetch something are handed what
_FIRST = frozenset(("args", "cmd", "command", "url", "target", "source", "func", "function", "name", "code"))


def _bare(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.FormattedValue) and node.format_spec is None else node


def _constant(value: object, limits: Limits) -> Value:
    kind = _KINDS.get(type(value))
    if value is None or kind is None:
        return Value(kind="none") if value is None else Value(kind="unknown")
    if isinstance(value, bytes):
        text = value[: limits.text_characters].decode("latin-1")
        return Value(kind="bytes", text=text, cut=len(value) > limits.text_characters)
    if isinstance(value, int) and value.bit_length() > 256:
        return Value(kind="int", text="…", cut=True)
    return Value(kind=kind, text=str(value)[: limits.text_characters])


def arguments_of(call: ast.Call) -> Iterator[ast.expr]:
    """Everything that a call is handed."""
    for one in call.args:
        yield one.value if isinstance(one, ast.Starred) else one
    for word in call.keywords:
        yield word.value
