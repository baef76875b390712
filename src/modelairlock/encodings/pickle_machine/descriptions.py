"""What the machine's values stand for, told as facts tell them: to a depth and a width, and no further.

What a newcomer would get wrong: a description is for people *and* for rules. So what is cut says that it is cut, and a
container says what it holds that is no constant even where its items are too many to tell.
"""

from array import array
from collections.abc import Iterable, Sequence

from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.boxes import CONSTANTS, OTHERS, TUPLE_DEPTH, TUPLE_ITEMS, Boxes
from modelairlock.encodings.pickle_machine.window import Window
from modelairlock.limits import Limits
from modelairlock.records.facts import CallHow, Value, ValueKind

#: characters of description that one ledger may hold, and what a value costs beyond its text
DESCRIPTIONS = 48_000_000
DESCRIPTION_COST = 100
#: and what its place in another costs
_PLACE_COST = 8
#: depth and width to which the state of a data type is told
WHOLE = (6, 1024)
#: containers that one pickle has looked into, each time it is asked what they hold
STEPS = 2_000_000
#: items of a tuple whose order tells it from others
ORDERED = 32
#: containers in containers that are looked into for what they hold
HOLDS_DEPTH = 8


class Descriptions:
    """The tables that values are indices of, and what they amount to."""

    __slots__ = (
        "boxes", "calls", "described", "globals", "limits", "persistent", "room", "size", "steps", "tuples", "window",
    )  # fmt: skip

    def __init__(self, window: Window, limits: Limits) -> None:
        self.window = window
        self.limits = limits
        #: depth and width to which values are told
        self.size = (limits.value_depth, limits.value_parts)
        self.globals: list[tuple[str, str]] = []
        #: what each of them is as a value; one object, however often it is told
        self.described: list[Value] = []
        #: (callable value, how, argument values) of each distinct call
        self.calls: list[tuple[int, CallHow, tuple[int, ...]]] = []
        self.persistent: list[tuple[int, ...]] = []
        #: characters left for describing values; when it is spent, descriptions are cut short, never left out
        self.room = DESCRIPTIONS
        #: containers that are still looked into; when it is spent, what they hold is unknown
        self.steps = STEPS
        #: tuples, flat: a count below zero and then that many values
        self.tuples = array("q", (0,))
        self.boxes = Boxes(self.tuples)

    def items(self, value: int) -> tuple[int, ...] | None:
        """The items of a tuple value, at most one more than anybody looks at; None if it is no tuple."""
        if value & v.KIND != v.TUPLE:
            return None
        at = value >> 4
        return tuple(self.tuples[at + 1 : at + 1 + min(-self.tuples[at], TUPLE_ITEMS + 1)])

    def text(self, value: int) -> str | None:
        """The whole string a value stands for; None if it is no string, or longer than any name."""
        if value & v.KIND != v.STR:
            return None
        text, cut = v.decode_text(self.window, value >> 4, v.NAME_BYTES)
        return None if cut else text

    def _content(self, value: int, depth: int = 0, *, makers: bool = False) -> object:
        """What makes a value differ from others: all but constants; with `makers`, results of calls by the function."""
        kind = value & v.KIND
        if kind in CONSTANTS:
            return value if kind == v.CONSTANT else kind
        if kind == v.CALL and makers:
            return self._leaf(value)
        if kind not in (v.TUPLE, v.BOX):
            return value
        self.steps -= 1
        if depth > TUPLE_DEPTH or self.steps < 0:
            return None
        if kind == v.TUPLE:
            items = self.items(value) or ()
            if len(items) > ORDERED:
                items = tuple(self.boxes.uncommon(value))
            return kind, tuple([self._content(item, depth + 1, makers=makers) for item in items])
        box, kind = self.boxes.find(value), value & 0xFF
        if box is None or not box.known:
            return kind, None
        return kind, frozenset([self._content(other, depth + 1, makers=makers) for other in box.others])

    def value(self, value: int, depth: int = 0, size: tuple[int, int] | None = None) -> Value:
        """What `value` stands for, to the depth and width that the limits (or `size`) allow."""
        self.room -= DESCRIPTION_COST
        known = v.CONSTANT_VALUES.get(value)
        if known is not None:
            return known
        kind = value & v.KIND
        if kind == v.GLOBAL:
            return self.described[value >> 4]
        if kind not in _COMPOSITE:
            simple = v.simple(self.window, value, self.limits.text_characters if self.room > 0 else 16)
            self.room -= len(simple.text)
            return simple
        most_deep, most_wide = size or self.size
        cut = depth >= most_deep or self.room <= 0
        if kind == v.TUPLE and not cut:
            at = value >> 4
            if (count := -self.tuples[at]) <= most_wide:
                return Value("tuple", parts=self._each(self.tuples[at + 1 : at + 1 + count], depth, size))
        if kind == v.BOX:
            return self._box(value, depth, size, 0 if cut else most_wide)
        word, how, items = self._composite(value)
        shown = self._least(kind, items) if cut else items[:most_wide]
        parts = self._each(shown, depth, size)
        if kind != v.TUPLE or len(shown) == len(items):
            return Value(word, how, parts=parts, cut=len(shown) < len(items))
        return Value(word, parts=parts, cut=True, holds=self._holds(value))

    def _each(self, items: Sequence[int], depth: int, size: tuple[int, int] | None) -> tuple[Value, ...]:
        """What stands one level deeper. Most of it is constants that are told already, and cost only their place."""
        known = v.CONSTANT_VALUES.get
        self.room -= _PLACE_COST * len(items)
        return tuple([known(item) or self.value(item, depth + 1, size) for item in items])

    def _composite(self, value: int) -> tuple[ValueKind, str, tuple[int, ...]]:
        """A value made of others: its kind in words, how it was made if by a call, and those others."""
        kind, index = value & v.KIND, value >> 4
        if kind == v.TUPLE:
            return "tuple", "", self.items(value) or ()
        if kind == v.CALL:
            function, how, arguments = self.calls[index]
            return "call", how, (function, *arguments)
        return "persistent", "", self.persistent[index]

    def _box(self, value: int, depth: int, size: tuple[int, int] | None, most: int) -> Value:
        """A plain container: some of its items to show, and, if it is known, one of each kind that is no constant."""
        word = v.simple(self.window, value & 0xFF, 0).kind
        box = self.boxes.find(value)
        if box is None:
            return Value(word, cut=True)
        items = box.items[:most] if box.items is not None else []
        parts = self._each(items, depth, size)
        cut = box.items is None or len(items) < len(box.items)
        # What is told whole needs no summary.
        return Value(word, parts=parts, cut=cut, holds=None if size else self._holds(value))

    def _least(self, kind: int, items: tuple[int, ...]) -> tuple[int, ...]:
        """What is told even of a value too deep to tell: the function, its class if it has one, and which method."""
        if kind != v.CALL:
            return ()
        if 1 < len(items) <= 4 and all(item & v.KIND in CONSTANTS for item in items[1:]):
            return items  # of constants alone, such as a slice
        if len(items) < 2 or items[1] & v.KIND != v.GLOBAL:
            return items[:1]
        return items[: 3 if len(items) > 2 and items[2] & v.KIND == v.STR else 2]

    def _holds(self, value: int) -> tuple[Value, ...] | None:
        """What a tuple or plain container holds, however deep, that is no constant: one of each kind."""
        leaves: dict[object, int] = {}
        if not self._leaves(value, 0, leaves, set()):
            return None
        # As deep as can be: of a call only the function and its class count here.
        return tuple([self.value(leaf, self.limits.value_depth) for leaf in leaves.values()])

    def _leaves(self, value: int, depth: int, leaves: dict[object, int], seen: set[int]) -> bool:
        """Collect them; whether all are known."""
        self.steps -= 1
        if depth > HOLDS_DEPTH or len(leaves) > OTHERS or self.steps < 0:
            return False
        kind = value & v.KIND
        if kind in (v.TUPLE, v.BOX):
            if value in seen:
                return True
            seen.add(value)
        others: Iterable[int]
        if kind == v.TUPLE:
            others = self.boxes.uncommon(value)
        elif kind == v.BOX:
            box = self.boxes.find(value)
            if box is None or not box.known:
                return False
            others = box.others
        else:
            leaves.setdefault(self._leaf(value), value)
            return True
        return all(self._leaves(other, depth + 1, leaves, seen) for other in others)

    def _leaf(self, value: int) -> object:
        """What tells one leaf from another: for a call, the function and its class."""
        if value & v.KIND != v.CALL:
            return value
        function, _, arguments = self.calls[value >> 4]
        return self._least(v.CALL, (function, *arguments))


#: kinds of values that are made of others
_COMPOSITE = frozenset({v.TUPLE, v.CALL, v.PERSISTENT, v.BOX})
