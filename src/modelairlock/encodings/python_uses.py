"""What Python source imports and calls, and which of it happens when the file is only imported; read as a syntax tree.

What a newcomer would get wrong: importing a file runs more than what stands at its left edge. Bodies of classes run,
and so do decorators, default values, functions that are called there, special methods of what is made there, and
hooks that Python calls by itself (``__init_subclass__``). What stands under ``if __name__ == "__main__":`` does not.
This says what *may* happen: no condition is decided, and a method is found by its name alone.

Nothing here recurses on the tree: how deep it is was the file's choice.
"""

import ast
from collections import deque
from collections.abc import Iterator

from modelairlock.encodings.python_names import Names, arguments_of
from modelairlock.limits import Limits
from modelairlock.records.facts import SourceUse, Value
from modelairlock.records.span import Span

#: different uses of one file that are told
USES = 4_000
#: methods that Python calls without being asked to by name
_HOOKS = frozenset(("__init_subclass__", "__set_name__", "__class_getitem__", "__getattr__", "__mro_entries__"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ELEMENTS = 8

_Key = tuple[str, str, bool, tuple[Value, ...]]


class _Unit:
    """Code that runs together: what importing runs, or the body of one function."""

    __slots__ = ("binds", "called", "calls", "imports", "name", "names", "owner", "runs")

    def __init__(self, names: Names, name: str = "", owner: str = "") -> None:
        self.names = names
        self.name = name
        #: the class whose method this is
        self.owner = owner
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.binds: list[tuple[ast.expr, ast.expr]] = []
        self.calls: list[ast.Call] = []
        #: what is called without being written as a call: decorators
        self.called: list[ast.expr] = []
        self.runs = False


class Uses:
    """The uses of one file. `cut` says that there were more than are told."""

    def __init__(self, tree: ast.Module, limits: Limits) -> None:
        self.limits = limits
        self.cut = False
        self.module = _Unit(Names())
        self.units = [self.module]
        self.by_name: dict[str, list[_Unit]] = {}
        self.by_class: dict[str, list[_Unit]] = {}
        self._collect(tree)
        for unit in self.units:
            for one in unit.imports:
                _import(unit.names, one)
        for unit in self.units:
            for target, value in unit.binds:
                unit.names.bind(target, value)
        self._run()

    # --- taking the tree apart ---------------------------------------------------------------------------------------

    def _collect(self, tree: ast.Module) -> None:
        waiting: list[tuple[ast.AST, _Unit, str]] = [(tree, self.module, "")]
        while waiting:
            node, unit, owner = waiting.pop()
            if isinstance(node, _FUNCTIONS):
                self._function(node, unit, owner, waiting)
                continue
            if isinstance(node, ast.ClassDef):
                self._class(node, unit, waiting)
                continue
            if isinstance(node, ast.If) and _is_main(node.test):
                main = self._unit(_Unit(Names(unit.names)))
                waiting += [(one, main, "") for one in node.body] + [(one, unit, owner) for one in node.orelse]
                continue
            self._note(node, unit)
            # The last one first, since the last one waiting is looked at first.
            waiting += [(child, unit, owner) for child in reversed(list(ast.iter_child_nodes(node)))]

    def _unit(self, unit: _Unit) -> _Unit:
        self.units.append(unit)
        return unit

    def _function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        unit: _Unit,
        owner: str,
        waiting: list[tuple[ast.AST, _Unit, str]],
    ) -> None:
        body = self._unit(_Unit(Names(unit.names), node.name, owner))
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        body.names.own.update(one.arg for one in every if one)
        self.by_name.setdefault(node.name, []).append(body)
        if owner:
            self.by_class.setdefault(owner, []).append(body)
        else:
            unit.names.own.add(node.name)
        unit.called += node.decorator_list
        outside = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
        waiting += [(one, unit, "") for one in outside]
        waiting += [(one, body, "") for one in reversed(node.body)]

    def _class(self, node: ast.ClassDef, unit: _Unit, waiting: list[tuple[ast.AST, _Unit, str]]) -> None:
        self.by_class.setdefault(node.name, [])
        unit.names.own.add(node.name)
        # A metaclass, or a class made from one, is called to make the class.
        unit.called += [*node.decorator_list, *(word.value for word in node.keywords if word.arg == "metaclass")]
        waiting += [(one, unit, "") for one in (*node.decorator_list, *node.bases, *node.keywords)]
        waiting += [(one, unit, node.name) for one in reversed(node.body)]

    def _note(self, node: ast.AST, unit: _Unit) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            unit.imports.append(node)
        elif isinstance(node, ast.Call):
            unit.calls.append(node)
        elif isinstance(node, ast.Assign):
            unit.binds += [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            unit.binds.append((node.target, node.value))
        elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.List | ast.Tuple):
            unit.binds += [(node.target, one) for one in node.iter.elts[:_ELEMENTS]]

    # --- what runs ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        """Mark what runs when the file is imported, from what its outermost code calls on."""
        self.module.runs = True
        reached = deque([self.module])
        for hook in _HOOKS:
            self._reach(self.by_name.get(hook, ()), reached)
        while reached:
            unit = reached.popleft()
            for call in unit.calls:
                self._reached_by(unit, call.func, reached)
                for given in arguments_of(call):
                    if isinstance(given, ast.Name) and given.id not in self.by_class:
                        self._reached_by(unit, given, reached)
            for one in unit.called:
                self._reached_by(unit, one, reached)

    def _reached_by(self, unit: _Unit, function: ast.expr, reached: deque[_Unit]) -> None:
        """What of this file runs when `function` is called."""
        if isinstance(function, ast.Name):
            self._reach((one for one in self.by_name.get(function.id, ()) if not one.owner), reached)
            special = (one for one in self.by_class.get(function.id, ()) if one.name.startswith("__"))
            self._reach(special, reached)
        elif isinstance(function, ast.Attribute) and not unit.names.resolve(function.value):
            self._reach(self.by_name.get(function.attr, ()), reached)

    def _reach(self, units: Iterator[_Unit] | list[_Unit] | tuple[()], reached: deque[_Unit]) -> None:
        for unit in units:
            if not unit.runs:
                unit.runs = True
                reached.append(unit)

    # --- what is told ------------------------------------------------------------------------------------------------

    def told(self, starts: list[int], size: int) -> Iterator[SourceUse]:
        """Every use once, in the order in which they stand in the file; `starts` are where its lines begin."""
        first: dict[_Key, tuple[ast.AST, int]] = {}
        for key, node in self._all():
            if key in first:
                first[key] = (first[key][0], first[key][1] + 1)
            elif len(first) < USES:
                first[key] = (node, 1)
            else:
                self.cut = True
        for (kind, name, runs, arguments), (node, count) in first.items():
            span = _span(node, starts, size)
            yield SourceUse(
                span=span,
                kind="import" if kind == "import" else "call",
                name=name[: self.limits.text_characters],
                at_import=runs,
                arguments=arguments,
                count=count,
            )

    def _all(self) -> Iterator[tuple[_Key, ast.AST]]:
        # What runs comes first, so that there is room for it.
        for unit in sorted(self.units, key=lambda one: not one.runs):
            for one in unit.imports:
                for name in _imported(one):
                    yield ("import", name, unit.runs, ()), one
            for call in unit.calls:
                for name, arguments in self._called(unit.names, call):
                    yield ("call", name, unit.runs, arguments), call
            for decorator in unit.called:
                for name in unit.names.resolve(decorator):
                    yield ("call", name, unit.runs, ()), decorator

    def _called(self, names: Names, call: ast.Call) -> Iterator[tuple[str, tuple[Value, ...]]]:
        found = names.resolve(call.func)
        arguments = names.values(call, self.limits) if found else ()
        for name in found:
            yield name, arguments
        made_by = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        if not found and isinstance(made_by, ast.Call):
            # What it calls was itself given by a call: `getattr(os, name)()`, `__import__(name).system()`.
            for name in names.resolve(made_by.func):
                yield f"{name}()", names.values(made_by, self.limits)
        for given in () if names.only_looks(call.func) else arguments_of(call):
            if isinstance(given, ast.Attribute | ast.Name):
                # Handed to something that may call it: `map(os.system, ...)`, `Thread(target=os.system)`.
                for name in names.resolve(given):
                    if "." in name and not name.rpartition(".")[2].isupper():
                        yield name, ()


def _is_main(test: ast.expr) -> bool:
    """``__name__ == "__main__"``, with nothing else in it that could be true of an import."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = (test.left, test.comparators[0])
    names = [one.id for one in sides if isinstance(one, ast.Name)]
    texts = [one.value for one in sides if isinstance(one, ast.Constant)]
    return names == ["__name__"] and texts == ["__main__"]


def _import(names: Names, node: ast.Import | ast.ImportFrom) -> None:
    """Give the names that an import binds their meaning."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                names.mean(alias.asname, alias.name)
            else:
                top = alias.name.partition(".")[0]
                names.mean(top, top)
        return
    module = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            names.stars.append(module)
        else:
            between = "" if module.endswith(".") else "."
            names.mean(alias.asname or alias.name, f"{module}{between}{alias.name}")


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules that an import names; those of the file's own folder begin with a point."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    module = "." * node.level + (node.module or "")
    return [module] if node.module else [f"{module}{alias.name}" for alias in node.names]


def _span(node: ast.AST, starts: list[int], size: int) -> Span:
    """The bytes of a node; all of the file where its lines are not known."""
    if not starts or not isinstance(node, ast.expr | ast.stmt):
        return Span(0, size)
    line, end_line = node.lineno, node.end_lineno or node.lineno
    if not 0 < line <= end_line <= len(starts):
        return Span(0, size)
    start = min(starts[line - 1] + node.col_offset, size)
    return Span(start, max(start, min(starts[end_line - 1] + (node.end_col_offset or 0), size)))
