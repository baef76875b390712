"""Lays words out in lines: a column of labels, wrapped text beside it, colour where the reader's terminal has it.

A word that is longer than the line stays whole on a pipe, so that a path can be searched for. On a terminal it is
broken here: left to the terminal, the rest of a file's name would begin at the left edge, where the verdicts stand.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modelairlock.records.output import View
from modelairlock.records.scan import Verdict
from modelairlock.records.text import columns, shown_path
from modelairlock.records.wording import counted, listed

#: SGR codes, ECMA-48 section 8.3.117
_STYLES = {
    "flagged": "1;31", "incomplete": "1;33", "clear": "1;32", "error": "1;31",
    "critical": "1;31", "high": "31", "medium": "33", "low": "36", "info": "2",
    "bold": "1", "dim": "2", "": "",
}  # fmt: skip
_LABEL = 12
_NARROW = 40
#: never part of what is laid out, for `shown` escapes it
_BREAK = "\n"
#: more items than any list of a report that leaves nothing out
_EVERY = 1_000_000


def listing(items: Sequence[str], most: int, view: View, what: str = "more", comma: str = ", ") -> str:
    """The first `most` of `items` and where to see the others; all of them for whoever wants to know it all."""
    return listed(items, _EVERY if view.verbose else most, f"{what} with -v", comma)


def more(count: int, noun: str, view: View) -> str:
    """How many things were left out, and what shows them."""
    return f"and {counted(count, noun)} more {'in --format json' if view.verbose else 'with -v'}"


class Sheet(NamedTuple):
    """A page of `width` columns; every method gives finished lines, without their newline."""

    width: int
    colour: bool
    #: whether to break words that are longer than a line
    breaks: bool = False
    #: the folder that all files of the report lie in, with its slash; lists of files leave it out
    below: str = ""

    def brief(self, path: str, limit: int = 60) -> str:
        """`path` as one of many: the headline names the folder that all of them lie in."""
        return shown_path(path.removeprefix(self.below), limit)

    def paint(self, text: str, style: str) -> str:
        """`text` in a style, where colour is wanted."""
        code = _STYLES[style]
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text else text

    def title(self, verdict: Verdict, text: str, rest: str = "") -> Iterator[str]:
        """A verdict at the left edge and what it is about."""
        word = verdict.value.upper()
        lines = self._wrapped(text, self._room(_LABEL))
        head = self.paint(word, verdict.value) + " " * (_LABEL - len(word))
        for number, line in enumerate(lines):
            end = ""
            if number == len(lines) - 1 and rest and columns(line) + len(rest) + 3 <= self._room(_LABEL):
                end, rest = self.paint(f"   {rest}", "dim"), ""
            yield head + self.paint(line, "bold") + end
            head = " " * _LABEL
        if rest:
            yield head + self.paint(rest, "dim")

    def entry(self, label: str, text: str, style: str = "dim", text_style: str = "") -> Iterator[str]:
        """A label in the left column, set right, and wrapped text beside it."""
        head = " " * max(0, _LABEL - 2 - len(label)) + self.paint(label, style) + "  "
        for line in self._wrapped(text, self._room(_LABEL)):
            yield head + self.paint(line, text_style)
            head = " " * _LABEL

    def plain(self, text: str, style: str = "") -> Iterator[str]:
        """Text from the left edge on."""
        for line in self._wrapped(text, max(self.width, _NARROW)):
            yield self.paint(line, style)

    def _room(self, indent: int) -> int:
        return max(self.width, _NARROW) - indent

    def _wrapped(self, text: str, room: int) -> list[str]:
        lines: list[str] = []
        line, used = "", 0
        for word in self._words(text, room):
            wide = columns(word)
            if line and (used + 1 + wide > room or word.startswith(_BREAK)):
                lines.append(line)
                line, used = word.removeprefix(_BREAK), wide
            else:
                line, used = (f"{line} {word}", used + 1 + wide) if line else (word, wide)
        return [*lines, line]

    def _words(self, text: str, room: int) -> Iterator[str]:
        """The words of `text`; the later parts of a word that had to be broken begin with `_BREAK`."""
        for word in text.split(" "):
            # Half the room, for a word may be of characters that take two columns each.
            step = len(word) if not self.breaks or columns(word) <= room else room // (1 if word.isascii() else 2)
            yield word[:step]
            for at in range(step, len(word), step or 1):
                yield _BREAK + word[at : at + step]
