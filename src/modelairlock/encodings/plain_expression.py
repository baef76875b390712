"""Expressions about sizes of tensors, as torch.export writes them: ``Symbol('s17', positive=True)``, ``2*s17 + 1``.

What a newcomer would get wrong: torch hands them to `sympy.sympify`, which evaluates them as Python, and functions of
sympy do the same with strings that they are handed. So strings stand for names of symbols and for nothing else. And
sympy computes what is constant at once, so a few powers of powers take for ever.
"""

import ast

from modelairlock.records.regex import regex

CHARACTERS = 4000
_DEPTH = 60
#: the most that a constant may have; sizes of tensors have 64
_BITS = 4096
_EXPONENT = 64
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
_FLOAT = regex(r"-?[0-9]*+\.?[0-9]*+(?:e[+-]?[0-9]{1,3})?")
#: methods of tensors that guards ask
_MEASURES = frozenset(("dim", "numel", "size", "storage_offset", "stride"))
_NUMBERS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr)
_SIGNS = (ast.USub, ast.UAdd, ast.Not, ast.Invert)


def is_plain(text: str) -> bool:
    """Whether `text` can only make numbers, symbols and relations between them."""
    tree = _parsed(text)
    return tree is not None and _plain(tree, 0) and _bits(tree) <= _BITS


def is_plain_guard(text: str) -> bool:
    """Whether `text` compares sizes of inputs and no more: ``L['x'].size()[0] >= 2``."""
    tree = _parsed(text)
    return tree is not None and _guard(tree, 0)


def _parsed(text: str) -> ast.expr | None:
    if len(text) > CHARACTERS or not text.isascii() or text.count("(") + text.count("[") > 400 or "\n" in text:
        return None
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


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
            return abs(power) <= _EXPONENT and _plain(left, depth + 1)
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
            return _FLOAT.fullmatch(number) is not None and all(map(_is_setting, keywords))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in FUNCTIONS:
            return all(map(_is_setting, keywords)) and all(_plain(one, depth + 1) for one in args)
        case _:
            return False


def _is_setting(keyword: ast.keyword) -> bool:
    """``evaluate=False``, or a ``precision`` in bits or digits."""
    if not isinstance(keyword.value, ast.Constant) or keyword.arg not in ("evaluate", "precision"):
        return False
    value = keyword.value.value
    return isinstance(value, bool) if keyword.arg == "evaluate" else isinstance(value, int) and 0 < value <= _BITS


def _times(exponent: ast.expr) -> int:
    """How many times as many bits a power has, or how many more a shifted number; a symbol leaves it open."""
    match exponent:
        case ast.Constant(value=int(power)) | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(power))):
            return min(power, _BITS + 1)
        case ast.Constant(value=float(power)):
            return int(min(power, _BITS)) + 1
        case ast.Name() | ast.Call(func=ast.Name(id="Symbol")):
            return 1
        case _:
            return _BITS + 1


def _bits(node: ast.expr) -> int:
    """About how many bits the constant that a plain expression makes has; a symbol counts as one."""
    match node:
        case ast.Constant(value=bool() | int() as value):
            return value.bit_length() or 1
        case ast.Constant(value=float()):
            return 64
        case (
            ast.BinOp(op=ast.Pow(), left=left, right=right)
            | ast.Call(func=ast.Name(id="FloatPow" | "LShift" | "Pow" | "PowByNatural" | "RShift"), args=[left, right])
        ):
            return _bits(left) * _times(right)
        case ast.Name():
            return 1
        case _:
            return sum(_bits(one) for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr))


def _guard(node: ast.expr, depth: int) -> bool:
    """The forms of guards; what is an attribute is one of `_MEASURES`, called without arguments on an input."""
    parts: list[ast.expr]
    match node:
        case ast.Constant(value=None | bool() | int() | float()):
            parts = []
        case ast.UnaryOp(op=op, operand=operand) if isinstance(op, _SIGNS):
            parts = [operand]
        case ast.BinOp(op=op, left=left, right=right) if isinstance(op, _NUMBERS):
            parts = [left, right]
        case ast.BoolOp(values=values):
            parts = values
        case ast.Compare(left=left, comparators=others):
            parts = [one for one in (left, *others) if not _is_text(one)]  # text times a number is a long one
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


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
