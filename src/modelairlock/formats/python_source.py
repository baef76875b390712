"""Python source: what it imports and calls, and what of that happens as soon as something imports it.

What a newcomer would get wrong: a list of calls is no proof of harmlessness, so source always stays a gap; what is
read here is for a person to decide by, and for the rules that know which loader would run the file. The source is
parsed and never compiled or run. It is decoded here and not by Python's parser, which would let the file choose any
codec: under some of them, such as UTF-7, Python reads other code than everybody sees.
"""

import ast
import warnings
from collections.abc import Iterator

from modelairlock.encodings.plain_text import TextKind, base_name, text_kind
from modelairlock.encodings.python_uses import USES, Uses
from modelairlock.encodings.secret_shapes import Secrets
from modelairlock.reading import Cursor, Format, Malformed, OverLimit, Probe, Unsupported
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

EXTENSIONS = (".py", ".pyw", ".pyi")
#: a syntax tree takes some hundred times the source's size
SOURCE_BYTES = 512 * 1024
#: signs and lines, each of which may become a node or two of the tree, at a kilobyte and more
MARKS = 120_000
_MARK = regex(rb"[^\w\s]|\n")
_SHEBANG = regex(rb"#![^\n]*\bpython")
_CODING = regex(
    rb"(?:\xef\xbb\xbf)?(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))?[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)"
)
_CODECS = frozenset(("utf_8", "utf8", "utf_8_sig", "ascii", "us_ascii"))
#: one byte a character, ASCII as it is: what is not ASCII stands in texts and comments, and hides nothing
_ONE_BYTE = regex(r"(?:latin_?|iso_?8859_|iso_latin_)1[0-6]?|iso_?8859_[2-9]|(?:cp|windows_)125[0-8]|koi8_[ru]")
#: several bytes a character, some of which look like ASCII: not read here, and no trick either
_EAST = frozenset(
    ("gbk", "gb2312", "gb18030", "big5", "shift_jis", "sjis", "cp932", "cp936", "cp949", "euc_jp", "euc_kr")
)
_LINE = regex(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


def claims(probe: Probe) -> bool:
    """Text that is called a Python file, or says on its first line that Python runs it."""
    named = base_name(probe.name).endswith(EXTENSIONS)
    if text_kind(probe) is not TextKind.SCRIPT:
        # What is no UTF-8 may say in which other way it is written.
        return named and probe.role != "raw" and bool(_ONE_BYTE.fullmatch(_coding(probe.head)))
    if not named:
        return bool(_SHEBANG.match(probe.head))
    # In an archive of TorchScript this is another language, and has a reader of its own.
    return probe.role != "torchscript"


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every import and call, then the gap that the whole file stays."""
    if cursor.size > SOURCE_BYTES:
        raise OverLimit(0, f"source of more than {SOURCE_BYTES} bytes is not parsed")
    data = cursor.read(0, cursor.size)
    yield from Secrets().find(data, 0)
    coding, text = _decoded(data)
    if text is None and coding in _EAST:
        raise Unsupported(0, f"source written in {coding} is not read")
    if text is None:
        detail = f"it says that it is written in {coding}: Python reads other code in it than is to be seen"
        yield Irregularity(span=Span(0, min(len(data), 200)), kind="source-codec-odd", detail=detail)
        raise Malformed(0, "source in UTF-8", f"a file that says it is in {coding}")
    uses = Uses(_parsed(data, text), cursor.limits)
    plain = not _ONE_BYTE.fullmatch(coding)
    starts = [0, *(match.end() for match in _LINE.finditer(data))] if plain else []
    if plain and data.startswith(_BOM):
        starts[0] = len(_BOM)
    yield from uses.told(starts, cursor.size)
    if uses.cut:
        detail = f"more than {USES} different imports and calls; the others are not told"
        yield Gap(start=0, end=cursor.size, because=Because.OVER_LIMIT, detail=detail)
    detail = "Python source: it runs if something imports or executes it, so read it first; it is never CLEAR"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


def _coding(data: bytes) -> str:
    """What source says it is written in (PEP 263)."""
    match = _CODING.match(data)
    return match[1].decode("ascii", "replace").lower().replace("-", "_") if match else "utf_8"


def _decoded(data: bytes) -> tuple[str, str | None]:
    """What the source says it is written in, and its text if that is a codec which hides nothing."""
    coding = _coding(data)
    if _ONE_BYTE.fullmatch(coding):
        return coding, data.decode("latin-1")
    if coding not in _CODECS and not coding.startswith("utf_8_"):
        return coding, None
    try:
        return coding, data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(error.start, "UTF-8", error.reason) from None


def _parsed(data: bytes, text: str) -> ast.Module:
    """The syntax tree. Python's parser has limits of its own (200 open brackets); if it crashes, one file is a gap."""
    if len(_MARK.findall(data)) > MARKS:
        raise OverLimit(0, f"source with more than {MARKS} signs and lines is not parsed")
    try:
        with warnings.catch_warnings():
            # A strange escape is no news here, and to print one takes modules that are not there behind the wall.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise Malformed(0, "Python that this version parses", f"{error.msg} in line {error.lineno}") from None
    except ValueError as error:
        raise Malformed(0, "Python source", str(error)[:100]) from None
    except (RecursionError, MemoryError):
        raise OverLimit(0, "source nested too deep to be parsed") from None


FORMAT = Format(
    name="python_source",
    summary="Python source",
    claims=claims,
    read=read,
    extensions=EXTENSIONS,
    loaders=(
        "python, and whatever imports it",
        "transformers, diffusers and sentence-transformers with trust_remote_code=True",
        "diffusers before 0.38 and sentence-transformers before 6.0 from a local folder, without being asked to",
    ),
    blind_spots=(
        "what the code computes: names that are put together while it runs, and what it does with what it calls",
        "which branch is taken: everything that may run when it is imported counts as running",
        "source in a syntax newer or older than that of the Python which reads it",
        "notebooks: their code is not read",
    ),
    builds_on=("script",),
    native=True,
    references=(
        "https://docs.python.org/3/library/ast.html",
        "https://peps.python.org/pep-0263/ (source encodings)",
        "https://huggingface.co/docs/transformers/custom_models",
    ),
)
