"""A llamafile: llama.cpp as a program for six systems at once, with a zip behind it that holds the model and arguments.

What a newcomer would get wrong: it is no model file but a program. Whoever uses it runs it, and its machine code is not
read here. Behind the code it is an honest zip, so the model inside is a member and is read as what it is, and so is
every other file; `.args` holds words of a command line that the program takes as if they had been typed.
"""

import json
import re
from collections.abc import Iterator

from modelairlock.encodings.zip import looks_like_zip, member_names, read_archive
from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Member, Setting
from modelairlock.records.regex import regex
from modelairlock.records.span import Extents, Span

#: how a program for every system begins (Cosmopolitan's ape/specification.md), and how one for a single system does
_PROGRAMS = (b"MZqFpD='", b"jartsr='", b"APEDBG='", b"\x7fELF")
_IN_PROGRAMS = ("archive-prefix", "zip-hidden-local-header")
_MODEL = regex(r"(?:.*/)?[^/]+\.(?:gguf|ggml|ggmlv3|bin)", re.IGNORECASE | re.DOTALL)
_ARGUMENTS = ".args"
_ARGUMENT_BYTES = 65536
_ARGUMENTS_TOLD = 64


def claims(probe: Probe) -> bool:
    """A program by its first bytes that is a zip by its last ones, with a model or arguments in it."""
    if not probe.head.startswith(_PROGRAMS) or not looks_like_zip(probe):
        return False
    return any(name == _ARGUMENTS or _MODEL.fullmatch(name) for name in member_names(probe).names)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The zip with all its members, the arguments, and a gap where the machine code is."""
    told = Extents()
    first = cursor.size
    for stated in read_archive(cursor):
        if isinstance(stated, Member):
            first = min(first, stated.span.start)
        elif isinstance(stated, Irregularity) and stated.kind in _IN_PROGRAMS and stated.span.start < first:
            continue  # that is the program, which is told below; its own code for zips has their marks in it
        if isinstance(stated, Member) and stated.name == _ARGUMENTS and stated.method == "stored":
            yield from _arguments(cursor, stated)
            continue
        if isinstance(stated, Member | Gap):
            told.add(*(stated.span if isinstance(stated, Member) else (stated.start, stated.end)))
        yield stated
    told.update(cursor.reads)
    for start, end in Extents([(0, cursor.size)]).minus(told):
        yield Irregularity(span=Span(start, end), kind="executable-model", detail=f"{end - start} bytes of a program")
        detail = "machine code: it runs when somebody starts the file"
        yield Gap(start=start, end=end, because=Because.UNSUPPORTED, detail=detail)


def _arguments(cursor: Cursor, member: Member) -> Iterator[Fact]:
    """One word a line. What is too long or no text is a member like any other."""
    length = member.span.end - member.span.start
    raw = cursor.peek(member.span.start, min(length, _ARGUMENT_BYTES))
    try:
        words = raw.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        words = []
    if len(raw) < length or not words or len(words) > _ARGUMENTS_TOLD:
        yield member
        return
    cursor.consumed(*member.span)
    value = json.dumps(words)[: cursor.limits.text_characters * 4]
    yield Setting(span=member.span, scheme="llamafile", key=_ARGUMENTS, value=value)


FORMAT = Format(
    name="llamafile",
    summary="llamafile: a model as a program",
    claims=claims,
    begins=first_bytes(*_PROGRAMS),
    read=read,
    extensions=(".llamafile",),
    loaders=("the operating system, as a program", "llama.cpp in it, which opens the model behind the code"),
    blind_spots=(
        "the program: machine code is not read, so no llamafile is ever clear",
        "what its other members do when the program opens them",
    ),
    builds_on=("zip", "native_library"),
    references=(
        "https://github.com/mozilla-ai/llamafile#creating-llamafiles",
        "https://github.com/jart/cosmopolitan/blob/master/ape/specification.md",
    ),
)
