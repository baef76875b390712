"""The closed set of constraints that a vouched call may put on its arguments.

A constraint proves something of symbolic values, so it fails closed: what is cut, computed or unknown does not fit.
What a newcomer would get wrong: a value of kind ``global`` is only a name. Whether that name may be called or made is
asked of the profiles, and a name that is itself vouched only under a constraint never fits, because nobody would check
the arguments of the second call.
"""

from collections.abc import Callable

from modelairlock.profiles.dtype_state import describes_itself
from modelairlock.profiles.plain import Question, Vouches, all_plain, constant, name_of
from modelairlock.records.facts import Value
from modelairlock.records.regex import regex
from modelairlock.records.uses import maker

CONSTRAINTS: dict[str, str] = {
    "latin1": "A string and the codec 'latin1', as pickle writes bytes below protocol 3; other codecs import modules.",
    "class-first": "The first argument is a class that is vouched for `new`.",
    "reconstructor": "`copyreg._reconstructor`: a class vouched for `new`, and a plain built-in type as its base.",
    "empty-array": "An array class vouched for `build`, and the shape (0,): the data comes by BUILD.",
    "callable-first": "Nothing, None, or a default factory: a callable that is vouched for `call` without arguments.",
    "rebuild-subclass": "A callable vouched for `call`, one of torch's own tensor classes, and no state.",
    "vouched-names": "Two constant strings, a module and a name in it, that are vouched for `import`.",
    "bit-generator": "A constant name, or a bit generator that is vouched for; then numpy's own constructor, if any.",
    "dtype-state": "For BUILD, given target and state: a numpy type's state agrees with its letter and fields.",
    "plain-scalar": "First numpy's type of a number or a text, spelled out: none of objects, and none with fields.",
    "no-size": "No number among the arguments, which would be a length to allocate, and no codec but the plain ones.",
    "no-text": "Numbers, None and calls only: a string would name a file to open (a time zone's).",
    "constants": "Constants only, and containers of constants: anything else would be asked to convert itself.",
    "one-constant": "At most one constant: with a codec, a text could be spelled so that nobody sees it.",
    "index": "A class vouched for `new`, and keyword arguments that name no time zone, frequency or type by a string.",
    "kept-callable": "One name that is vouched for as a value: it is kept, with arguments that BUILD gives it.",
    "partial-state": "For BUILD: such a name, plain positional and keyword arguments, and no attributes.",
    "zone-key": "The key of a time zone as the database has them, and whether to look into the cache first.",
    "one-plain": "Exactly one argument, None or plain data: `type(None)` names a class, `type(a, b, c)` makes one.",
}
"""Each constraint's name and what it demands."""

_BASES = frozenset(
    f"builtins:{name}" for name in ("object", "dict", "list", "set", "frozenset", "tuple", "int", "float", "str")
) | {"collections:OrderedDict"}
_BIT_GENERATOR_CTOR = ("global", "numpy.random._pickle", "__bit_generator_ctor")
_OLD_BUILTINS = {"__builtin__": "builtins"}
_PLAIN_CODECS = frozenset(("ascii", "utf-8", "utf8", "latin1", "latin-1"))
_NUMBERS = regex(r"[<>|=]?[?biufcgSUmM]\d{0,9}")
_LATIN1 = frozenset(("latin1", "latin-1", "latin_1", "iso-8859-1"))
_ZONE = regex(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z][A-Za-z0-9_+-]{0,30}){0,2}")
_TENSORS = frozenset(("torch:Tensor", "torch.nn.parameter:Parameter", "torch.nn.parameter:Buffer"))
#: keyword arguments of an index that, given as strings, are looked up in files
_LOOKED_UP = frozenset(("tz", "dtype", "freq"))
#: what makes zones and types without looking a name up
_ZONES = frozenset(
    (
        "datetime:timezone", "_datetime:timezone", "zoneinfo:ZoneInfo._unpickle", "numpy:dtype",
        "numpy._core._internal:_convert_to_stringdtype_kwargs",
    )
)  # fmt: skip
_PLAIN = frozenset(("none", "bool", "int", "float", "str", "bytes"))


def arguments_fit(constraint: str, arguments: tuple[Value, ...], vouches: Vouches | None = None) -> bool:
    """Whether `arguments` meet `constraint`; False for a constraint that does not exist.

    `vouches` looks a class or callable up among the profiles; without it, whatever needs a look-up does not fit.
    """
    check = _CHECKS.get(constraint)
    return check is not None and check(arguments, vouches or _nobody)


def _nobody(*_: str) -> None:
    return None


def _free(value: Value, use: str, vouches: Vouches) -> bool:
    """Whether `value` is a name that is vouched for `use` without further conditions."""
    if value.kind != "global" or value.cut:
        return False
    vouch = vouches(value.module, value.text, use)
    return vouch is not None and not vouch.arguments


def _latin1(arguments: tuple[Value, ...], _: Vouches) -> bool:
    if len(arguments) != 2:
        return False
    data, codec = arguments
    return data.kind == "str" and codec.kind == "str" and not codec.cut and codec.text.lower() in _LATIN1


def _class_first(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    return bool(arguments) and _free(arguments[0], "new", vouches)


def _reconstructor(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    if len(arguments) != 3 or not _class_first(arguments, vouches):
        return False
    base = arguments[1]
    name = f"{_OLD_BUILTINS.get(base.module, base.module)}:{base.text}"
    return base.kind == "global" and not base.cut and name in _BASES


def _empty_array(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    # numpy's own takes a class, masked arrays' a second one for the data.
    classes = arguments[: len(arguments) - 2]
    if len(arguments) not in (3, 4) or not all(_free(value, "build", vouches) for value in classes):
        return False
    shape = arguments[-2]
    sizes = [(part.kind, part.text) for part in shape.parts]
    return shape.kind == "tuple" and not shape.cut and sizes == [("int", "0")]


def _callable_first(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    if not arguments or arguments[0].kind == "none":
        return True
    factory = arguments[0]
    if factory.kind != "global" or factory.cut:
        return False
    vouch = vouches(factory.module, factory.text, "call")
    return vouch is not None and (not vouch.arguments or arguments_fit(vouch.arguments, (), vouches))


def _rebuild_subclass(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    if len(arguments) != 4 or not _free(arguments[0], "call", vouches) or name_of(arguments[1]) not in _TENSORS:
        return False
    # A state would be set attribute by attribute, whatever their names.
    return arguments[3] == Value(kind="none") or arguments[3] == Value(kind="dict", holds=())


def _vouched_names(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    if len(arguments) != 2 or any(value.kind != "str" or value.cut for value in arguments):
        return False
    return vouches(arguments[0].text, arguments[1].text, "import") is not None


def _bit_generator(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    if not 1 <= len(arguments) <= 2:
        return False
    first, *rest = arguments
    # Given a class, numpy makes an instance; given an instance (here: what a call gave), it takes it as it is.
    made = first.kind == "global" and first.module.startswith("numpy.random.") and _free(first, "new", vouches)
    if not (first.kind in ("str", "call") or made):
        return False
    return all((value.kind, value.module, value.text) == _BIT_GENERATOR_CTOR for value in rest)


def _plain_scalar(arguments: tuple[Value, ...], _: Vouches) -> bool:
    kind = arguments[0] if arguments else Value("none")
    described = kind.parts[1] if kind.kind == "call" and len(kind.parts) > 1 else Value("none")
    return described.kind == "str" and not described.cut and _NUMBERS.fullmatch(described.text) is not None


def _dtype_state(arguments: tuple[Value, ...], _: Vouches) -> bool:
    return len(arguments) == 2 and describes_itself(*arguments)


def _no_size(arguments: tuple[Value, ...], _: Vouches) -> bool:
    codec = arguments[1:2]
    if codec and (
        len(arguments) > 2 or codec[0].kind != "str" or codec[0].cut or codec[0].text.lower() not in _PLAIN_CODECS
    ):
        return False  # other codecs import modules, and spell names so that nobody sees them
    return all(value.kind not in ("int", "bool", "float") and constant(value) for value in arguments)


def _no_text(arguments: tuple[Value, ...], _: Vouches) -> bool:
    return all(value.kind in ("int", "float") or _no_name(value) for value in arguments)


def _constants(arguments: tuple[Value, ...], _: Vouches) -> bool:
    return all(map(constant, arguments))


def _one_constant(arguments: tuple[Value, ...], _: Vouches) -> bool:
    return len(arguments) <= 1 and all(map(constant, arguments))


def _index(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    if len(arguments) != 2 or not _free(arguments[0], "new", vouches) or arguments[1].kind != "dict":
        return False
    keywords = arguments[1]
    # A multi-index has more keyword arguments than are told, and none of these among them.
    if keywords.cut and arguments[0].text != "MultiIndex":
        return False
    pairs = zip(keywords.parts[::2], keywords.parts[1::2], strict=False)
    return all(_no_name(value) for key, value in pairs if key.text in _LOOKED_UP or key.kind != "str")


def _no_name(value: Value) -> bool:
    """Whether a type, zone or step is given as such, and not by a name that would be looked up."""
    if value.kind in ("none", "bool", "global"):
        return True
    made_by = maker(value)
    return made_by is not None and (name_of(made_by) in _ZONES or made_by.module.partition(".")[0] == "pandas")


def _kept(value: Value, vouches: Vouches) -> bool:
    if value.kind != "global" or value.cut:
        return False
    vouch = vouches(value.module, value.text, "import")
    return vouch is not None and not vouch.trait.only_called


def _kept_callable(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    return len(arguments) == 1 and _kept(arguments[0], vouches)


def _partial_state(arguments: tuple[Value, ...], vouches: Vouches) -> bool:
    state = arguments[1]
    if state.kind != "tuple" or state.cut or len(state.parts) != 4 or not _kept(state.parts[0], vouches):
        return False
    _, positional, keywords, attributes = state.parts
    kinds = (positional.kind, keywords.kind, attributes.kind)
    return kinds == ("tuple", "dict", "none") and all_plain((positional, keywords), Question(vouches))


def _zone_key(arguments: tuple[Value, ...], _: Vouches) -> bool:
    if len(arguments) != 2 or arguments[1].kind not in ("int", "bool"):
        return False
    key = arguments[0]
    return key.kind == "str" and not key.cut and bool(_ZONE.fullmatch(key.text))


def _one_plain(arguments: tuple[Value, ...], _: Vouches) -> bool:
    return len(arguments) == 1 and arguments[0].kind in _PLAIN


_CHECKS: dict[str, Callable[[tuple[Value, ...], Vouches], bool]] = {
    "latin1": _latin1,
    "class-first": _class_first,
    "reconstructor": _reconstructor,
    "empty-array": _empty_array,
    "callable-first": _callable_first,
    "rebuild-subclass": _rebuild_subclass,
    "vouched-names": _vouched_names,
    "bit-generator": _bit_generator,
    "dtype-state": _dtype_state,
    "plain-scalar": _plain_scalar,
    "no-size": _no_size,
    "no-text": _no_text,
    "constants": _constants,
    "one-constant": _one_constant,
    "index": _index,
    "kept-callable": _kept_callable,
    "partial-state": _partial_state,
    "zone-key": _zone_key,
    "one-plain": _one_plain,
}
