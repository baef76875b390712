"""A text in Ollama's store: a template, a system prompt, a licence. Its name is its digest and says nothing else.

What a newcomer would get wrong: which of them it is stands in the manifest that names the digest, and a format sees
one file. So every such text is looked through for the actions of a Go template; all else in it is words. JSON in the
store (settings, messages) is read as JSON, and the model itself as what it is.
"""

import re
from collections.abc import Iterator

from modelairlock.encodings.go_template import looks_like_go, template_facts
from modelairlock.encodings.plain_text import TEXT_BEGINS, is_text, read_text, text_kind
from modelairlock.reading import Cursor, Format, OverLimit, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex

_BLOB = regex(r"(?:.*/)?(?:sha256[-:]|blobs/sha256/)[0-9a-f]{64}", re.DOTALL)
_TEMPLATE_BYTES = 1 << 20


def claims(probe: Probe) -> bool:
    """Text of no other kind, under a digest for a name."""
    blob = probe.role != "raw" and _BLOB.fullmatch(probe.name.replace("\\", "/")) is not None
    return blob and text_kind(probe) is None and is_text(probe)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """All of the text, and what it names if it is a template."""
    if looks_like_go(cursor.peek(0, min(cursor.size, _TEMPLATE_BYTES)).decode("utf-8", "replace")):
        if cursor.size > _TEMPLATE_BYTES:
            raise OverLimit(0, f"a template of {cursor.size} bytes; {_TEMPLATE_BYTES} are read at most")
        yield from template_facts("".join(read_text(cursor)), 0, cursor.budget)
        return
    for _ in read_text(cursor):
        pass


FORMAT = Format(
    name="ollama_text",
    summary="template, prompt or licence in the store of Ollama",
    claims=claims,
    begins=TEXT_BEGINS,
    read=read,
    loaders=("ollama run, by the manifest that names it",),
    blind_spots=(
        "which manifest names it, and as what",
        "whether its digest is the one it is named after: compare it with the digest of the file in the report",
        "what a prompt tells the model",
    ),
    references=("https://github.com/ollama/ollama/blob/main/template/template.go",),
)
