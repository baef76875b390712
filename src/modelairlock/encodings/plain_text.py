"""Tells text from bytes, and one kind of text from another by its name.

What a newcomer would get wrong: whether text can run depends on who opens it, so its kind comes from its name and
only *whether* it is text comes from its content. The kinds exclude each other, so that no two everyday formats claim
the same file. INERT is a closed set of things that people read and tokenizers split; everything else is held. A text of
unknown kind is claimed by nobody: it may be a pickle of protocol 0, a libsvm model, anything.
"""

import codecs
import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from modelairlock.reading import Cursor, Malformed, Probe
from modelairlock.records.regex import regex


class TextKind(Enum):
    """What a text is taken for."""

    INERT = "inert"
    JSON = "json"
    SCRIPT = "script"
    POINTER = "pointer"
    TEMPLATE = "template"
    OTHER = "other"


POINTER_LINE = b"version https://git-lfs.github.com/spec/v1"
#: git-lfs writes pointers of about 130 bytes and reads none of 1024 or more
POINTER_BYTES = 1024

INERT_EXTENSIONS = (
    ".txt", ".md", ".markdown", ".rst", ".csv", ".tsv", ".log", ".license", ".licence", ".cff", ".bib",
)  # fmt: skip
JSON_EXTENSIONS = (".json", ".jsonl")
SCRIPT_EXTENSIONS = (
    ".py", ".pyi", ".pyx", ".pyw", ".ipynb", ".sh", ".bash", ".zsh", ".fish", ".bat", ".cmd", ".ps1", ".psm1", ".vbs",
    ".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".r", ".lua", ".pl", ".pm", ".rb", ".php", ".jl", ".scala", ".java",
    ".kt", ".go", ".rs", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cu", ".cuh", ".cl", ".m", ".mm", ".swift", ".cs",
    ".sql", ".awk", ".tcl", ".wat", ".ptx", ".mk", ".cmake",
)  # fmt: skip
TEMPLATE_EXTENSIONS = (".jinja", ".jinja2", ".j2", ".tmpl")
OTHER_EXTENSIONS = (
    ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".env", ".xml", ".pmml", ".html", ".htm", ".svg",
    ".css", ".prototxt", ".pbtxt", ".textproto", ".txtpb", ".onnxtxt", ".onnxtext", ".gv", ".dot", ".tex",
    ".json5", ".hocon", ".service", ".desktop", ".plist", ".lock", ".in",
)  # fmt: skip
_INERT_NAMES = regex(r"(?:license|licence|readme|notice|copying|authors|contributors|changelog|citation)(?:[-_. ].*)?")
#: what such a name may end in besides: a version, a language, a licence. Any other ending may be some program's
_INERT_ENDINGS = regex(
    r"\.(?:[0-9]+|[a-z]{2,3}[-_][a-z]{2,4}|en|zh|ja|de|fr|es|ko|lesser|mit|bsd|apache|gpl|lgpl)", re.ASCII
)
_GIT_NAMES = frozenset((".gitattributes", ".gitignore"))
#: names that some program acts upon, whatever their extension says
_OTHER_NAMES = regex(
    r".*requirements?.*\.txt|.*constraints.*\.txt|packages\.txt|apt\.txt|entry_points\.txt|modelfile.*", re.DOTALL
)
_SCRIPT_NAMES = regex(
    r"dockerfile.*|makefile|gnumakefile|cmakelists\.txt|jenkinsfile|rakefile|gemfile|package\.json|devcontainer\.json"
    r"|tasks\.json|launch\.json"
)
_BINARY = regex(r"[\x00-\x08\x0e-\x1f\x7f]")
#: what `is_text` finds text may begin with: no control character, no byte that cannot begin a character of UTF-8, and
#: the marks of UTF-16
TEXT_BEGINS = frozenset(range(256)) - {*range(9), *range(0x0E, 0x20), *range(0x7F, 0xC2), *range(0xF5, 0xFE)}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
PIECE = 1 << 18


class _Encoding(NamedTuple):
    name: str
    unit: int


def _encoding(head: bytes) -> _Encoding:
    return _Encoding("utf-16", 2) if head.startswith(_UTF16) else _Encoding("utf-8", 1)


def base_name(name: str) -> str:
    """The last part of a path, in lower case."""
    return name.replace("\\", "/").rpartition("/")[2].lower()


def is_text(probe: Probe) -> bool:
    """Whether what shows of the beginning is text: UTF-8, or UTF-16 with its mark, without control characters."""
    encoding = _encoding(probe.head)
    if encoding.unit == 1 and b"\0" in probe.head[:4096]:
        return False
    decoder = codecs.getincrementaldecoder(encoding.name)("strict")
    try:
        shown = decoder.decode(probe.head, final=probe.whole)
    except UnicodeDecodeError:
        return False
    return bool(probe.head) and not _BINARY.search(shown)


def text_kind(probe: Probe) -> TextKind | None:
    """What kind of text the artifact is; None if it is no text, of no known kind, or bytes that a loader takes raw."""
    return None if probe.role == "raw" else _text_kind(probe.head, probe.size, probe.name)


# Five formats ask the same question about every artifact. The key holds no source, so none is kept open.
@lru_cache(maxsize=1)
def _text_kind(head: bytes, size: int, name: str) -> TextKind | None:
    probe = Probe(head, b"", size, name)
    if not is_text(probe):
        return None
    if head.startswith(POINTER_LINE) and size < POINTER_BYTES:
        return TextKind.POINTER
    if head.startswith(b"#!"):
        return TextKind.SCRIPT
    return _by_name(base_name(name), probe)


def _by_name(name: str, probe: Probe) -> TextKind | None:
    if _SCRIPT_NAMES.fullmatch(name) or probe.extension in SCRIPT_EXTENSIONS:
        return TextKind.SCRIPT
    if probe.extension in TEMPLATE_EXTENSIONS:
        return TextKind.TEMPLATE
    if _OTHER_NAMES.fullmatch(name) or probe.extension in OTHER_EXTENSIONS:
        return TextKind.OTHER
    if probe.extension in JSON_EXTENSIONS:
        return TextKind.JSON
    if probe.extension in INERT_EXTENSIONS or name in _GIT_NAMES or _inert_name(name, probe.extension):
        return TextKind.INERT
    return TextKind.JSON if _JSON_BEGINS.match(probe.head) else None


def _inert_name(name: str, extension: str) -> bool:
    return bool(_INERT_NAMES.fullmatch(name) and (not extension or _INERT_ENDINGS.fullmatch(extension)))


_JSON_BEGINS = regex(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+(?:\{[ \t\r\n]*+[\"}]|\[[ \t\r\n]*+[\[{\"0-9\]-])")


def read_text(cursor: Cursor) -> Iterator[str]:
    """The whole text, piece by piece. Raises `Malformed` where it stops being text."""
    encoding = _encoding(cursor.peek(0, 2))
    decoder = codecs.getincrementaldecoder(encoding.name)("strict")
    for start in range(0, cursor.size, PIECE):
        cursor.budget.check_time(start)
        data = cursor.read(start, min(PIECE, cursor.size - start))
        try:
            text = decoder.decode(data, final=start + len(data) == cursor.size)
        except UnicodeDecodeError as error:
            raise Malformed(start + max(0, error.start - 3), encoding.name.upper(), error.reason) from None
        found = _BINARY.search(text)
        if found:
            at = start + max(0, len(text[: found.start()].encode(encoding.name)) - 3)
            raise Malformed(min(at, cursor.size), "text", f"the control character {found[0]!r}")
        yield text
