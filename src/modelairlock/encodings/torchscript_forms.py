"""The forms that torch's serializer writes TorchScript in (torch/csrc/jit/serialization/python_print.cpp), walked.

What a newcomer would get wrong: TorchScript takes nearly any Python for what it is, with names bound to operators
(``f = ops.aten.save``) and operators as methods of tensors. Its serializer writes but a few forms, each operator by its
full name where it is called. So whatever has another form is not understood: it is told, and nothing is guessed.
"""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.records.torch_operators import words

#: Python's parser allows 200 brackets and 100 indents; torch breaks its lines after 40 characters
DEPTH = 120
ROOTS = frozenset({"torch", "ops", "__torch__", "CONSTANTS"})
#: what is called by a bare name, and what it stands for; None for what only says a type
BUILTINS: dict[str, tuple[str, str] | None] = {
    "int": ("aten", "Int"), "float": ("aten", "Float"), "bool": ("aten", "Bool"), "str": ("aten", "str"),
    "complex": ("aten", "Complex"), "print": ("prim", "Print"), "sorted": ("aten", "sorted"),
    "annotate": None, "uninitialized": None, "unchecked_cast": None, "isinstance": None, "fork": None, "getattr": None,
    "awaitable": None, "range": None,
}  # fmt: skip
#: those whose first argument is a type, and where `isinstance` has its own
_TYPED = {"annotate": 0, "uninitialized": 0, "unchecked_cast": 0, "isinstance": 1}
TYPES = words(
    "Tensor int float bool str complex number Scalar Device Any NoneType None Optional List Dict Tuple Union Future "
    "Await RRef Final Generator Stream Storage Layout QScheme ScalarType AnyEnumType AnyClassType Capsule Module "
    "SymInt SymFloat SymBool list tuple AnyListType AnyTupleType"
)
BASES = frozenset({"Module", "NamedTuple", "Interface", "ModuleInterface", "Enum"})
_LISTS = frozenset({"__parameters__", "__buffers__", "__forward_pre_hooks__", "__forward_hooks__"})
#: values that stand by these names where nothing else is bound to them
_VALUES = frozenset({"inf", "nan", "infj", "nanj", "self"})
STRING_CHARACTERS = 200


class Used(NamedTuple):
    """An operator, function or class that is called, or a class that is named."""

    domain: str
    name: str
    node: ast.AST
    where: str
    strings: tuple[str, ...] = ()


class Odd(NamedTuple):
    """A form that torch does not write."""

    node: ast.AST
    form: str


Told = Iterator[Used | Odd]


def chain(node: ast.expr) -> list[str]:
    """The names of ``a.b.c``, or nothing where it begins with something else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute) and len(names) < DEPTH:
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def _form(node: ast.AST) -> str:
    return type(node).__name__


class Walk:
    """One file of source: statement by statement, with the names that are bound in the function at hand."""

    def __init__(self, module: str) -> None:
        self.where = module
        self.bound: set[str] = set()
        self.own: set[str] = set()
        self.depth = 0

    def file(self, tree: ast.Module) -> Told:
        """All that stands in the file."""
        for node in tree.body:
            match node:
                case ast.ClassDef():
                    yield from self._class(node)
                case ast.FunctionDef():
                    yield from self._function(node)
                case ast.Assign(targets=[ast.Name(id="op_version_set")], value=ast.Constant(value=int())):
                    pass  # torch before 1.6
                case ast.Import(names=[ast.alias(name=name, asname=None)]) if name.startswith("__torch__."):
                    pass
                case _:
                    yield Odd(node, f"{_form(node)} at the outermost level")

    def _class(self, node: ast.ClassDef) -> Told:
        base = node.bases[0] if node.bases else None
        known = base is None or (isinstance(base, ast.Name) and base.id in BASES)
        if not known or len(node.bases) > 1 or node.keywords or node.decorator_list:
            yield Odd(node, "a class with other bases, keywords or decorators")
            return
        outer, self.where = self.where, f"{self.where}.{node.name}"
        self.own = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
        for one in node.body:
            yield from self._attribute(one, isinstance(base, ast.Name) and base.id == "Enum")
        self.where, self.own = outer, set()

    def _attribute(self, node: ast.stmt, enum: bool) -> Told:
        match node:
            case ast.FunctionDef():
                yield from self._function(node)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=items)) if name in _LISTS:
                yield from (Odd(one, "a name that is no text") for one in items if not _is_text(one))
            case ast.Assign(targets=[ast.Name(id="__annotations__")], value=ast.List(elts=[])):
                pass
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="__annotations__"), slice=key)], value=value):
                yield from () if _is_text(key) else (Odd(key, "a name that is no text"),)
                yield from self.type(value)
            case ast.AnnAssign(target=ast.Name(), annotation=annotation, value=value):
                yield from self.type(annotation)
                self.bound = set()
                yield from self.value(value) if value else ()
            case ast.Assign(targets=[ast.Name()], value=value) if enum:
                self.bound = set()
                yield from self.value(value)
            case ast.Pass():
                pass
            case _:
                yield Odd(node, f"{_form(node)} in a class")

    # --- functions

    def _function(self, node: ast.FunctionDef) -> Told:
        given = node.args
        if node.decorator_list or given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
            yield Odd(node, "a function with decorators or other than plain parameters")
            return
        outer, self.where = (self.where, self.bound), f"{self.where}.{node.name}"
        self.bound = set()
        for default in given.defaults:
            yield from self.value(default)
        self.bound = {one.arg for one in given.args} | (outer[1] if not given.args else set())
        yield from self._binds(node, *(one.arg for one in given.args[_selves(given) :]))
        for one in given.args:
            yield from self.type(one.annotation) if one.annotation else ()
        yield from self.type(node.returns) if node.returns else ()
        yield from self._body(node.body)
        self.where, self.bound = outer

    def _binds(self, node: ast.AST, *names: str) -> Told:
        """A bound name must not hide one that stands for operators, or an operator would hide behind it."""
        for name in names:
            self.bound.add(name)
            if name == "self" or name in ROOTS or name in BUILTINS or name in TYPES:
                yield Odd(node, f"the name {name} is bound anew")

    def _body(self, body: list[ast.stmt]) -> Told:
        self.depth += 1
        if self.depth > DEPTH:
            yield Odd(body[0], f"blocks more than {DEPTH} deep")
        else:
            for node in body:
                yield from self._statement(node)
        self.depth -= 1

    def _statement(self, node: ast.stmt) -> Told:
        match node:
            case ast.Assign(targets=[target], value=value):
                yield from self.value(value)
                yield from self._target(target)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                yield from self.type(annotation)
                yield from self.value(value)
                yield from self._binds(node, name)
            case ast.Expr(value=value):
                yield from self.value(value)
            case ast.Return(value=ast.expr() as value):
                yield from self.value(value)
            case ast.Pass():
                pass
            case _:
                yield from self._block(node)

    def _block(self, node: ast.stmt) -> Told:
        match node:
            case ast.If(test=test, body=body, orelse=other):
                yield from self.value(test)
                yield from self._body(body)
                yield from self._body(other) if other else ()
            case ast.While(test=test, body=body, orelse=[]):
                yield from self.value(test)
                yield from self._body(body)
            case ast.For(
                target=ast.Name(id=name),
                iter=ast.Call(func=ast.Name(id="range"), args=[count], keywords=[]),
                body=body,
                orelse=[],
            ):
                yield from self.value(count)
                yield from self._binds(node, name)
                yield from self._body(body)
            case ast.With(items=[ast.withitem(context_expr=context, optional_vars=name)], body=body):
                yield from self.value(context)
                yield from self._target(name) if name else ()
                yield from self._body(body)
            case ast.FunctionDef(name=name) if not node.args.args:
                yield from self._function(node)
                yield from self._binds(node, name)
            case _:
                yield Odd(node, f"{_form(node)} in a function")

    def _target(self, node: ast.expr) -> Told:
        match node:
            case ast.Name(id=name):
                yield from self._binds(node, name)
            case ast.Tuple(elts=items) if all(isinstance(one, ast.Name) for one in items):
                yield from self._binds(node, *(one.id for one in items if isinstance(one, ast.Name)))
            case ast.Attribute(value=value):
                yield from self.value(value)
            case _:
                yield Odd(node, f"an assignment to {_form(node)}")

    # --- types

    def type(self, node: ast.expr) -> Told:
        """What stands for a type: torch's own, or a class by its full name."""
        self.depth += 1
        names = chain(node)
        if self.depth > DEPTH:
            yield Odd(node, f"types more than {DEPTH} deep")
        elif names[:1] == ["__torch__"]:
            yield from self._class_name(node, names)
        else:
            yield from self._plain_type(node)
        self.depth -= 1

    def _plain_type(self, node: ast.expr) -> Told:
        match node:
            case ast.Name(id=name) if name in TYPES:
                pass
            case ast.Constant(value=None):
                pass
            case ast.Subscript(value=ast.Name(id=name), slice=within) if name in TYPES:
                yield from self.type(within)
            case ast.Tuple(elts=items):
                for one in items:
                    yield from self.type(one)
            case _:
                yield Odd(node, f"{_form(node)} for a type")

    def _class_name(self, node: ast.expr, names: list[str]) -> Told:
        if names[:3] == ["__torch__", "torch", "classes"]:
            yield Used("classes", ".".join(names), node, self.where)

    # --- values

    def value(self, node: ast.expr) -> Told:
        """What stands for a value."""
        self.depth += 1
        if self.depth > DEPTH:
            yield Odd(node, f"expressions more than {DEPTH} deep")
        else:
            yield from self._value(node)
        self.depth -= 1

    def _value(self, node: ast.expr) -> Told:
        match node:
            case ast.Constant(value=None | bool() | int() | float() | complex() | str()):
                pass
            case ast.Name(id=name):
                if name in ROOTS or (name not in self.bound and name not in _VALUES):
                    yield Odd(node, f"the bare name {name}, which is bound nowhere before")
            case ast.Attribute():
                yield from self._of(node)
            case ast.Call():
                yield from self._call(node)
            case ast.Subscript(value=value, slice=index):
                yield from self.value(value)
                yield from self._index(index)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                for one in items:
                    yield from self.value(one)
            case _:
                yield from self._rare(node)

    def _rare(self, node: ast.expr) -> Told:
        match node:
            case ast.Dict(keys=keys, values=values) if None not in keys:
                for one in (*keys, *values):
                    yield from self.value(one) if one is not None else ()
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() | complex())):
                pass
            case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf" | "nan")):
                pass
            case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=ast.Constant(value=complex())):
                yield from self.value(left)
            case _:
                yield Odd(node, f"{_form(node)} for a value")

    def _index(self, node: ast.expr) -> Told:
        if isinstance(node, ast.Slice):
            for one in (node.lower, node.upper, node.step):
                yield from self.value(one) if one is not None else ()
        else:
            yield from self.value(node)

    def _of(self, node: ast.Attribute) -> Told:
        names = chain(node)
        if not names or names[0] not in ROOTS:
            # What is looked up on a value may be an operator of that name.
            yield Used("method", node.attr, node, self.where)
            yield from self.value(node.value)
        elif names[0] == "__torch__":
            yield from self._class_name(node, names)
        elif names[0] != "CONSTANTS" or len(names) != 2:
            yield Odd(node, f"{'.'.join(names)[:80]}, which is not called where it stands")

    def _call(self, node: ast.Call) -> Told:
        names = chain(node.func)
        strings = tuple(_texts(node))
        for one in node.keywords:
            yield from self.value(one.value) if one.arg else (Odd(node, "a call with **"),)
        if len(names) == 1 and names[0] in BUILTINS:
            yield from self._builtin(node, names[0])
            return
        for given in node.args:
            yield from self.value(given)
        if names[:1] in (["torch"], ["ops"]):
            yield from self._operator(node, names, strings)
        elif names[:1] == ["__torch__"]:
            yield from self._class_name(node.func, [one for one in names if one != "__new__"])
        elif isinstance(node.func, ast.Attribute):
            yield from self.value(node.func.value)
            if not (names[:-1] == ["self"] and names[-1] in self.own):
                yield Used("method", node.func.attr, node.func, self.where, strings)
        elif isinstance(node.func, ast.Name):
            yield from self.value(node.func)
        else:
            yield Odd(node, f"a call of {_form(node.func)}")

    def _operator(self, node: ast.Call, names: list[str], strings: tuple[str, ...]) -> Told:
        match names:
            case ["torch", name] | ["torch", "autograd", "backward" | "grad" as name]:
                yield Used("aten", name, node.func, self.where, strings)
            case ["ops", domain, name]:
                yield Used(domain, name, node.func, self.where, strings)
            case _:
                yield Odd(node, f"a call of {'.'.join(names)[:80]}")

    def _builtin(self, node: ast.Call, name: str) -> Told:
        stands_for = BUILTINS[name]
        if stands_for is not None:
            yield Used(*stands_for, node.func, self.where, tuple(_texts(node)))
        typed = _TYPED.get(name)
        for at, given in enumerate(node.args):
            yield from self.type(given) if at == typed else self.value(given)
        if name == "getattr":
            match node.args:
                case [_, ast.Constant(value=str(looked_up))]:
                    yield Used("method", looked_up, node, self.where)
                case _:
                    yield Odd(node, "getattr with other than an object and a text")
        if name == "range":
            yield Odd(node, "range where nothing is repeated")


def _selves(given: ast.arguments) -> int:
    """How many parameters are `self`: one may be, and must come first."""
    return 1 if given.args and given.args[0].arg == "self" else 0


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _texts(node: ast.Call) -> Iterator[str]:
    """Constant texts among the arguments."""
    for one in (*node.args, *(keyword.value for keyword in node.keywords)):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value[:STRING_CHARACTERS]
