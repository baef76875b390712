"""Records as JSON that is fit to show.

Characters that a terminal would obey or hide stand as ``\\u`` escapes, which changes nothing for a JSON parser: the
strings that come out are the ones that were found.
"""

import re

import msgspec

from modelairlock.records.regex import regex
from modelairlock.records.speakable import speakable
from modelairlock.records.text import hidden

_NOT_PLAIN = regex(r"[^\x00-\x7e]")


def plain_json(record: msgspec.Struct) -> str:
    """`record` as JSON, indented by two, with nothing in it that a terminal would obey."""
    return _NOT_PLAIN.sub(_escaped, msgspec.json.format(_encoded(record), indent=2).decode())


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    if not hidden(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _encoded(record: msgspec.Struct) -> bytes:
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return msgspec.json.encode(speakable(record))
