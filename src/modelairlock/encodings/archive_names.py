"""What a member's name would do on extraction, said as facts: the same words for every kind of archive.

A name is looked at as every platform would: a backslash separates on Windows only, ``C:`` is a drive on Windows only,
and a colon elsewhere in a part names an NTFS stream.
"""

from collections.abc import Iterator
from unicodedata import normalize

from modelairlock.records.regex import regex

_CONTROL = regex(r"[\x00-\x1f\x7f]")
_DRIVE = regex(r"[A-Za-z]:")
#: a name that matches nothing here needs no second look; nearly all names do not
_ODD = regex(r"[\x00-\x1f\x7f\\:]|\.\.|^/")


def decoded(raw: bytes) -> str:
    """A name's characters: UTF-8 where it is that, else code page 437, which every byte is valid in (APPNOTE D.1)."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def oddities(name: str) -> Iterator[tuple[str, str]]:
    """Kind and detail of everything unusual in `name`; nothing for an ordinary one."""
    if not _ODD.search(name):
        return
    slashed = name.replace("\\", "/")
    if slashed.startswith("/"):
        yield "archive-name-absolute", f"{name!r} is an absolute path"
    if _DRIVE.match(slashed):
        yield "archive-name-drive", f"{name!r} names a drive"
    if ".." in slashed.split("/"):
        yield "archive-name-traversal", f"{name!r} leads out of the folder it is unpacked in"
    if "\\" in name:
        yield "archive-name-backslash", f"{name!r} is one name on Linux and a path on Windows"
    if "\x00" in name:
        yield "archive-name-null", f"{name!r} holds a null byte, where some readers end the name"
    elif _CONTROL.search(name):
        yield "archive-name-control", f"{name!r} holds control characters"


def folded(name: str) -> str:
    """What `name` is on a file system that ignores case and normalises Unicode."""
    if name.isascii():
        return name.lower()
    return normalize("NFC", name).casefold()
