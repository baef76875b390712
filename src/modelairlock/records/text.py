"""Makes text that came out of a file fit to show: nothing in it can move a cursor, forge a line, give orders or hide.

Names, paths and decoded arguments are the attacker's words. Every output and every message passes them through `shown`
before a person or another program sees them. A backslash is left alone, so that showing twice changes nothing.
"""

import unicodedata
from collections.abc import Iterator

from modelairlock.records.regex import regex

#: Printable to Python, yet blank or without a shape of their own: fillers, the Braille blank, joiners, invisible signs.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
#: More marks than any writing system stacks on one letter; a tower of them draws over the neighbouring lines.
_MARKS_IN_A_ROW = 3
_ELLIPSIS = "…"
#: what a runner takes for an order in the log of a job: ``::error ...`` where a line may begin (GitHub), and
#: ``##[error]``, ``##vso[...]``, ``##teamcity[...]`` anywhere (GitHub's older kind, Azure Pipelines, TeamCity)
_ORDER = regex(r"(?<!\S):(?=:)|#(?=#\w*\[)")


def shown(text: str, limit: int = 0) -> str:
    """`text` as one line of visible characters, at most `limit` of them (0: as many as there are).

    What is cut ends in an ellipsis. Control characters, line and paragraph separators, bidirectional overrides (see
    CVE-2021-42574), zero-width characters, lone surrogates and unassigned code points become ``\\n``, ``\\x1b``,
    ``\\u202e`` and the like. So does the first character of what a build's log would take for an order to its runner.
    """
    if limit and len(text) > limit:
        # No escape is shorter than what it stands for, so one character more is enough to know that a cut is due.
        text = text[: limit + 1]
    if text.isascii() and text.isprintable() and not ("::" in text or "##" in text):
        return text if not limit or len(text) <= limit else text[: limit - 1] + _ELLIPSIS
    return _joined(_pieces(text), limit)


def shown_path(path: str, limit: int = 0) -> str:
    """`path` like `shown`, but cut in its middle: the first folder and the file's own name matter most."""
    whole = shown(path)
    if not limit or len(whole) <= limit:
        return whole
    tail = min(len(whole), (limit - 1) * 2 // 3)
    return whole[: limit - 1 - tail] + _ELLIPSIS + whole[len(whole) - tail :]


def counted(count: int, noun: str) -> str:
    """``1 file``, ``1,200 files``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def hidden(character: str) -> bool:
    """Whether a character would steer a terminal, turn text around or not be seen at all."""
    return not character.isprintable() or character in _BLANK or "\U000e0100" <= character <= "\U000e01ef"


def columns(text: str) -> int:
    """How many columns of a terminal `text` (already shown) takes: East Asian wide characters take two, marks none."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _joined(pieces: Iterator[str], limit: int) -> str:
    if not limit:
        return "".join(pieces)
    kept: list[str] = []
    length = 0
    for piece in pieces:
        kept.append(piece)
        length += len(piece)
        if length > limit:
            break
    else:
        return "".join(kept)
    while kept and length > limit - 1:
        length -= len(kept.pop())
    return "".join(kept) + _ELLIPSIS


def _pieces(text: str) -> Iterator[str]:
    marks = 0
    orders = {match.start() for match in _ORDER.finditer(text)}
    for at, character in enumerate(text):
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if hidden(character) or marks > _MARKS_IN_A_ROW or at in orders:
            yield _SHORT.get(character) or _escape(ord(character))
        else:
            yield character


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
