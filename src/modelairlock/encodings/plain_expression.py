"""Expressions about sizes of tensors, as torch.export writes them: ``Symbol('s17', positive=True)``, ``2*s17 + 1``.

What a newcomer would get wrong: torch hands them to `sympy.sympify`, which evaluates them as Python, and functions of
sympy do the same with strings that they are handed. So strings stand for names of symbols and for nothing else.
"""

import ast

CHARACTERS = 4000
_DEPTH = 60
#: of sympy and torch.utils._sympy.functions; each computes with numbers and symbols
FUNCTIONS = frozenset(
    (
        "Abs", "Add", "And", "CeilDiv", "CeilToInt", "CleanDiv", "Eq", "Equality", "Float", "FloatPow",
        "FloatTrueDiv", "FloorDiv", "FloorToInt", "Ge", "GreaterThan", "Gt", "Identity", "IntTrueDiv", "Integer",
        "IsNonOverlappingAndDenseIndicator", "LShift", "Le", "LessThan", "Lt", "Max", "Min", "Mod", "ModularIndexing",
        "Mul", "Ne", "Not", "Or", "Pow", "PowByNatural", "PythonMod", "RShift", "Rational", "RoundDecimal",
        "RoundToInt", "StrictGreaterThan", "StrictLessThan", "ToFloat", "TruncToFloat", "TruncToInt", "Unequality",
        "Where", "Xor", "ceiling", "floor", "sqrt",
    )
)  # fmt: skip
_ASSUMED = frozenset(("positive", "integer", "nonnegative", "real", "zero", "negative", "nonzero", "finite"))
_KEYWORDS = frozenset(("evaluate", "precision"))
#: methods of tensors that guards ask
_MEASURES = frozenset(("dim", "numel", "size", "storage_offset", "stride"))
_NUMBERS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr)
_SIGNS = (ast.USub, ast.UAdd, ast.Not, ast.Invert)


def is_plain(text: str) -> bool:
    """Whether `text` can only make numbers, symbols and relations between them."""
    if len(text) > CHARACTERS or not text.isascii() or text.count("(") + text.count("[") > 400 or "\n" in text:
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _plain(tree.body, 0)


def _plain(node: ast.expr, depth: int) -> bool:
    if depth > _DEPTH:
        return False
    match node:
        case ast.Constant(value=bool() | int() | float()):
            return True
        case ast.Name(id=name):
            return not name.startswith("__")
        case ast.UnaryOp(op=op, operand=operand):
            return isinstance(op, _SIGNS) and _plain(operand, depth + 1)
        case ast.BinOp(op=op, left=left, right=right) if isinstance(op, _NUMBERS):
            return _plain(left, depth + 1) and _plain(right, depth + 1)
        case ast.BinOp(op=ast.Pow(), left=left, right=ast.Constant(value=int(power))):
            return abs(power) <= 64 and _plain(left, depth + 1)
        case ast.Compare(left=left, comparators=others):
            return all(_plain(one, depth + 1) for one in (left, *others))
        case ast.Call():
            return _plain_call(node, depth)
        case _:
            return False


def _plain_call(node: ast.Call, depth: int) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="Symbol"), args=[ast.Constant(value=str(name))], keywords=keywords):
            known = all(one.arg in _ASSUMED and _plain(one.value, depth + 1) for one in keywords)
            return known and name.isidentifier()
        case ast.Call(func=ast.Name(id="Float"), args=[ast.Constant(value=str(number))], keywords=keywords):
            digits = number.replace(".", "").replace("-", "").replace("e", "").replace("+", "").isdigit()
            return digits and all(one.arg in _KEYWORDS and _plain(one.value, depth + 1) for one in keywords)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in FUNCTIONS:
            known = all(one.arg in _KEYWORDS and _plain(one.value, depth + 1) for one in keywords)
            return known and all(_plain(one, depth + 1) for one in args)
        case _:
            return False


def is_plain_guard(text: str) -> bool:
    """Whether `text` compares sizes of inputs and no more: ``L['x'].size()[0] >= 2``."""
    if len(text) > CHARACTERS or not text.isascii() or text.count("(") + text.count("[") > 400 or "\n" in text:
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _guard(tree.body, 0)


def _guard(node: ast.expr, depth: int) -> bool:
    """The forms of guards; what is an attribute is one of `_MEASURES`, called without arguments on an input."""
    parts: list[ast.expr]
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str()):
            parts = []
        case ast.UnaryOp(op=op, operand=operand) if isinstance(op, _SIGNS):
            parts = [operand]
        case ast.BinOp(op=op, left=left, right=right) if isinstance(op, _NUMBERS):
            parts = [left, right]
        case ast.BoolOp(values=values):
            parts = values
        case ast.Compare(left=left, comparators=others):
            parts = [left, *others]
        case ast.Subscript(value=ast.Name(id="L"), slice=ast.Constant(value=str())):
            parts = []
        case ast.Subscript(value=value, slice=ast.Constant(value=int() | str())):
            parts = [value]
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=[], keywords=[]) if name in _MEASURES:
            parts = [value]
        case ast.Call(func=ast.Name(id="len" | "max" | "min" | "abs" | "int" | "float"), args=args, keywords=[]):
            parts = args
        case _:
            return False
    return depth < _DEPTH and all(_guard(one, depth + 1) for one in parts)
