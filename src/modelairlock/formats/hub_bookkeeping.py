"""The small files in which the Hugging Face hub's client keeps its own accounts, next to the models it fetched.

What a newcomer would get wrong: this is not "any small text". Three contents count, each to its last byte: a commit
under the name of a branch (``refs/main``), the note on one download (``*.metadata``), and the client's own
``CACHEDIR.TAG``. A format sees no folder, only a name, so a commit counts under names without an extension only: under
that of a model it would be a model that is not there. The client's empty files are no format's business: an empty file
has nothing to recognise, and the walk over a cache lists them as left out.
"""

import re
from collections.abc import Iterator

from modelairlock.encodings.plain_text import text_kind
from modelairlock.reading import Cursor, Format, Malformed, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex

_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This file is a cache directory tag created by huggingface_hub.\n"
    b"# For information about cache directory tags, see:\n"
    b"#\thttps://bford.info/cachedir/\n"
)
_COMMIT = regex(rb"[0-9a-f]{40}")
#: commit, etag (git's sha1, or sha256 of large files), seconds since 1970; with the newline, so that a cut one is none
_NOTE = regex(rb"[0-9a-f]{40}\n(?:[0-9a-f]{40}|[0-9a-f]{64})\n[0-9]{1,12}(?:\.[0-9]{1,9})?\n")
_MOST_BYTES = 512
_EXTENSION = regex(r"\.[a-z]\w*$", re.IGNORECASE)


def _is_one(name: str, data: bytes) -> bool:
    base = name.rpartition("/")[2]
    if base == "CACHEDIR.TAG":
        return data == _TAG
    if base.endswith(".metadata"):
        return bool(_NOTE.fullmatch(data))
    return not _EXTENSION.search(base) and bool(_COMMIT.fullmatch(data))


def claims(probe: Probe) -> bool:
    """By all of the content, and by the name that it goes by."""
    own = probe.whole and probe.size <= _MOST_BYTES and not probe.role
    return own and text_kind(probe) is None and _is_one(probe.name, probe.head)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every byte is one of those that were expected."""
    if cursor.size > _MOST_BYTES or not _is_one(cursor.name, cursor.read(0, cursor.size)):
        raise Malformed(0, "a file that the hub's client writes", "something else")
    yield from ()


FORMAT = Format(
    name="hub_bookkeeping",
    summary="what the Hugging Face hub's client notes down beside what it fetched",
    claims=claims,
    read=read,
    loaders=("huggingface_hub",),
    blind_spots=("whether the commit and the etag in it are those of the files beside it",),
    references=(
        "https://huggingface.co/docs/huggingface_hub/guides/manage-cache",
        "https://github.com/huggingface/huggingface_hub/blob/main/src/huggingface_hub/_local_folder.py",
        "https://bford.info/cachedir/",
    ),
)
