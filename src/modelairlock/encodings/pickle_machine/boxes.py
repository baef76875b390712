"""Lists, dicts and sets that a pickle makes: what went into them, as far as anybody may ask.

A box on the stack is only a number. What it holds is kept from the first time something is put into it, because a box
that matters (an argument, a state) is used right after it was filled. What was let go, or never watched, is *unknown*,
and nobody takes that for empty.
"""

from array import array
from collections.abc import Iterable

from modelairlock.encodings.pickle_machine import values as v

#: items of one box that are kept word for word
ITEMS = 4096
#: distinct items of one box that are no constants
OTHERS = 256
#: boxes, and items in all boxes together, that are kept at a time
KEPT_BOXES = 1 << 16
KEPT_ITEMS = 1 << 18
#: tuples in tuples that are taken apart
TUPLE_DEPTH = 4
#: items of one tuple that anybody looks at: what one opcode costs must not hang on how long a tuple is that a thousand
#: opcodes name
TUPLE_ITEMS = 1024

CONSTANTS = frozenset((v.INT, v.STR, v.BYTES, v.CONSTANT, v.NUMBER))


#: in `Boxes.filled`: not as it was in the boxes before
_CHANGED = 2


class Box:
    """What a list, dict (keys and values in turn) or set holds."""

    __slots__ = ("items", "known", "others")

    def __init__(self) -> None:
        #: all items; None when there were more than `ITEMS`
        self.items: list[int] | None = []
        #: the distinct items that are no constants, tuples taken apart
        self.others: dict[int, None] = {}
        #: whether `others` has them all
        self.known = True

    def copy(self) -> "Box":
        """Another box with the same content."""
        twin = Box()
        twin.items = None if self.items is None else self.items[:]
        twin.others, twin.known = dict(self.others), self.known
        return twin

    def size(self) -> int:
        """Values that are held on to."""
        return 4 + len(self.items or ()) + len(self.others)


class Boxes:
    """All boxes of one pickle, by number; 0 stands for those that were made before anybody watched."""

    __slots__ = ("before", "count", "filled", "given", "held", "kept", "kept_globals", "late", "tuples")

    def __init__(self, tuples: "array[int]") -> None:
        self.tuples = tuples
        self.count = 0
        #: by number, whether anything was ever put in
        self.filled = bytearray(1)
        self.kept: dict[int, Box] = {}
        self.held = 0
        #: boxes that a call or a state was given: what goes into them later was not there when that was looked at
        self.given: set[int] = set()
        self.late = False
        #: names that were put into some box as values
        self.kept_globals: set[int] = set()
        #: the boxes of which these are a branch, and which rest meanwhile
        self.before: Boxes | None = None

    def branch(self, tuples: "array[int]") -> "Boxes":
        """The same boxes over a copy of the tuples, without a copy of each: for as long as these here do not change."""
        twin = Boxes(tuples)
        twin.count, twin.late, twin.before = self.count, self.late, self
        twin.filled = self.filled.replace(b"\2", b"\1")
        return twin

    def new(self, kind: int) -> int:
        """A new box; `kind` is one of the plain containers of `values`."""
        self.count += 1
        self.filled.append(0)
        return self.count << 8 | kind

    def find(self, value: int) -> Box | None:
        """What the box holds; None if that is unknown."""
        number = value >> 8
        box = self._kept(number)
        if box is not None:
            return box
        return None if not number or self.filled[number] else Box()

    def _kept(self, number: int) -> Box | None:
        box = self.kept.get(number)
        if box is None and self.before is not None and self.filled[number] != _CHANGED:
            return self.before.kept.get(number)
        return box

    def fill(self, value: int, items: list[int]) -> None:
        """Put `items` into a box."""
        number = value >> 8
        if number and (number in self.given or (self.before is not None and number in self.before.given)):
            self.late = True
        box = self.kept.get(number)
        before = box.size() if box else 0
        if box is None:
            known = self._kept(number)
            box = known.copy() if known else Box()
            if not known and (number == 0 or self.filled[number]):
                box.known, box.items = False, None
            if number:
                self.filled[number] = _CHANGED
                self.kept[number] = box
        if box.items is not None:
            box.items.extend(items)
            if len(box.items) > ITEMS:
                box.items = None
        self._note(box, items)
        self.held += box.size() - before if number else 0
        while self.held > KEPT_ITEMS or len(self.kept) > KEPT_BOXES:
            self.held -= self.kept.pop(next(iter(self.kept))).size()

    def give(self, value: int, depth: int = 0) -> None:
        """A call, or somebody's own ``__setstate__``, is handed `value` and may keep it."""
        kind = value & v.KIND
        if depth > TUPLE_DEPTH or len(self.given) > KEPT_BOXES:
            self.late = self.late or kind in (v.TUPLE, v.BOX)  # too much to follow
        elif kind == v.TUPLE:
            for item in self.uncommon(value):
                self.give(item, depth + 1)
        elif kind == v.BOX and value >> 8 not in self.given:
            self.given.add(value >> 8)
            box = self.find(value)
            for item in list(box.others) if box else ():
                self.give(item, depth + 1)

    def _note(self, box: Box, items: list[int]) -> None:
        kinds = set(map(v.kind_of, items))
        if v.GLOBAL in kinds:
            self.kept_globals.update(item for item in items if item & v.KIND == v.GLOBAL)
        if not box.known or kinds <= CONSTANTS:
            return
        for item in items:
            if item & v.KIND not in CONSTANTS and not self._other(box, item, 0):
                box.known = False
                box.others = {}
                return

    def _other(self, box: Box, value: int, depth: int) -> bool:
        if value & v.KIND != v.TUPLE:
            box.others[value] = None
            return len(box.others) <= OTHERS
        if depth >= TUPLE_DEPTH:
            return False
        return all(self._other(box, item, depth + 1) for item in self.uncommon(value))

    def uncommon(self, value: int) -> Iterable[int]:
        """The items of a tuple that are no constants; of a very long one, that is unknown."""
        at = value >> 4
        if -self.tuples[at] > TUPLE_ITEMS:
            return (v.UNKNOWN,)
        return [item for item in self.tuples[at + 1 : at + 1 - self.tuples[at]] if item & v.KIND not in CONSTANTS]
