"""What is known of the values in a template without rendering it: who made them, and what they may spell.

What a newcomer would get wrong: the question is never what an expression is worth, but whether the *template* can have
made a text that then serves as an attribute's name. A key out of the conversation (``message[key]``) is its user's
business. A key that the template puts together (``'__cla' ~ 'ss__'``, ``text[3]``, ``pieces|join``), or one that comes
from another variable, which the model's own files may set (``bos_token``), is not. Variables are not followed along
the flow: each stands for all that is ever put into it, and what does not settle in a few rounds may be anything.
"""

from collections.abc import Iterable
from enum import IntFlag
from typing import NamedTuple

#: texts that one value may spell before it counts as made up
_TEXTS = 16
_LENGTH = 200


class Kind(IntFlag):
    """Where a value may come from."""

    NUMBER = 1
    CONVERSATION = 2
    """Out of what the user hands over."""
    GIVEN = 4
    """Another variable from outside, such as a special token: the model's files may set it."""
    MADE = 8
    """A text that the template puts together, and that is not known."""
    BOXED = 16
    """A list, dict or namespace: the texts are in it."""
    FIRM = 32
    """A text that the template puts together, behind a beginning that is no underscore."""


class Value(NamedTuple):
    """Kinds that a value may be of, constant texts that it may be, and keys that it gives if it is gone through."""

    kind: Kind
    texts: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    @property
    def outside(self) -> bool:
        """Whether nothing of the template's own is in it."""
        return not self.texts and not self.kind & ~(Kind.NUMBER | Kind.CONVERSATION | Kind.BOXED) and bool(self.kind)

    @property
    def spells(self) -> bool:
        """Whether it may be, or hold, text."""
        return bool(self.texts) or bool(self.kind & (Kind.MADE | Kind.FIRM | Kind.GIVEN))

    @property
    def boxed(self) -> bool:
        """Whether it is a container of the template's own."""
        return bool(self.kind & Kind.BOXED)


NOTHING = Value(Kind(0))
NUMBER = Value(Kind.NUMBER)
CONVERSATION = Value(Kind.CONVERSATION)
GIVEN = Value(Kind.GIVEN)
MADE = Value(Kind.MADE)
ANYTHING = Value(Kind.MADE | Kind.CONVERSATION | Kind.GIVEN)


def text(value: str) -> Value:
    """A constant. Of a long one only matters how it begins: it is nothing's name."""
    if len(value) > _LENGTH:
        return Value(Kind.FIRM) if _begins_firm(value) else MADE
    return Value(Kind(0), frozenset((value,)))


def joined(values: Iterable[Value]) -> Value:
    """What may be any of `values`."""
    kind, texts, keys, in_box, bare = Kind(0), frozenset[str](), frozenset[str](), False, False
    for value in values:
        kind |= value.kind & ~Kind.BOXED
        texts |= value.texts
        keys |= value.keys
        in_box |= value.boxed
        bare |= value.spells and not value.boxed
    if len(keys) > _TEXTS:
        texts, keys = texts | keys, frozenset()
    if len(texts) > _TEXTS:
        # An underscore in the first place is what matters of many texts.
        plain = all(one[:1].isalpha() and not leads_out(one) for one in texts)
        kind |= Kind.FIRM if plain else Kind.MADE
        texts = frozenset()
    return Value(kind | Kind.BOXED if in_box and not bare else kind, texts, keys)


def boxed(values: Iterable[Value], keys: Iterable[Value] = ()) -> Value:
    """A container of `values`, under `keys` if it is a dict."""
    whole, named = joined(values), joined(keys)
    # Keys that are not known may be among the values, too: what is made up there is made up here.
    return Value(whole.kind | named.kind | Kind.BOXED, whole.texts, named.texts)


def element(value: Value) -> Value:
    """One item of `value`; a character, or some, if it is a text."""
    if value.boxed:
        return Value(value.kind & ~Kind.BOXED, value.texts)
    if value.kind & (Kind.MADE | Kind.FIRM):
        return Value(value.kind | Kind.MADE)
    return joined((Value(value.kind), *(text(one) for one in sorted(frozenset("".join(value.texts))))))


def cut(value: Value) -> Value:
    """Some items of `value` in a row, or in another order."""
    return value if value.boxed or not (value.texts or value.kind & Kind.FIRM) else Value(value.kind | Kind.MADE)


def gone_through(value: Value) -> Value:
    """What `value` gives item by item: of a dict, its keys."""
    return joined((element(value), Value(Kind(0), value.keys))) if value.keys else element(value)


def both_sides(value: Value) -> Value:
    """The container `value` with its keys among its items."""
    return Value(value.kind, value.texts | value.keys)


def concatenated(values: list[Value]) -> Value:
    """`values` one after the other."""
    values = [value for value in values if value != NOTHING] or [NOTHING]
    if len(values) == 1 or all(value.outside for value in values):
        return joined(values)
    if all(value.kind & Kind.BOXED for value in values):
        return boxed(values)
    spelled = [""]
    for value in values:
        if value.kind or not value.texts or len(spelled) * len(value.texts) > _TEXTS:
            return Value(Kind.FIRM) if _firm(values[0]) else MADE
        spelled = [before + one for before in spelled for one in value.texts]
        if max(map(len, spelled)) > _LENGTH:
            return Value(Kind.FIRM) if _firm(values[0]) else MADE
    return Value(Kind(0), frozenset(spelled))


def _firm(first: Value) -> bool:
    """Whether a text that begins with `first` begins with a letter, and not with one of the names that give frames."""
    return bool(first.texts or first.kind) and not first.kind & ~Kind.FIRM and all(map(_begins_firm, first.texts))


def _begins_firm(begins: str) -> bool:
    return begins[:1].isalpha() and not any(name.startswith(begins[: len(name)]) for name in INTERNAL)


def worked_on(value: Value, others: Iterable[Value] = ()) -> Value:
    """The text that some function makes of `value`."""
    plain = value == NOTHING or (value.outside and not value.boxed)
    return value if plain and not any(one.spells for one in others) else MADE


#: attributes without an underscore in front by which Python leads from a value to its frames and code
INTERNAL = frozenset(
    (
        "gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "cr_code", "cr_await", "ag_frame", "ag_code", "ag_await",
        "tb_frame", "tb_next", "f_back", "f_globals", "f_locals", "f_builtins", "f_code", "co_code", "co_consts",
        "func_globals", "func_code", "func_closure", "im_func", "im_self", "im_class", "mro",
    )
)  # fmt: skip


def leads_out(name: str) -> bool:
    """Whether plain data has no such attribute."""
    return name.startswith("_") or name in INTERNAL
