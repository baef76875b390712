"""What no output may ever contain, whatever the files were called."""

import re

from modelairlock.catalog import find
from modelairlock.records.output import Output, View
from modelairlock.records.scan import ScanRecord
from modelairlock.records.text import hidden
from tests.outputs.canonical import VIEW

#: SGR sequences, which our own colours are made of
_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def rendered(name: str, record: ScanRecord, view: View = VIEW) -> str:
    return "".join(find("modelairlock.outputs", name, Output).render(record, view))


def hidden_in(text: str) -> set[str]:
    """Characters a terminal obeys or hides, other than newlines."""
    return {ascii(character) for character in set(text) - {"\n"} if hidden(character)}


def without_colour(text: str) -> str:
    return _COLOUR.sub("", text)
