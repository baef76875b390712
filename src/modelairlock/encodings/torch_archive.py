"""The layout of PyTorch's zip archives: where storages lie, and the small text records beside them."""

from collections.abc import Iterable, Iterator

from modelairlock.encodings.zip import Entry, Role, read_archive
from modelairlock.reading import Cursor
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Irregularity, Member

#: records that hold a short word or number (torch/csrc/export, torch/serialization.py)
_WORDS = frozenset(
    {
        "version",
        "byteorder",
        ".data/version",
        ".data/serialization_id",
        ".data/python_version",
        ".format_version",
        ".storage_alignment",
        "archive_version",
        "archive_format",
    }
)
WORD_BYTES = 64


def below_root(name: str) -> str:
    """`name` without the archive's root folder, which is called after the file."""
    return name.partition("/")[2]


def is_checkpoint(names: Iterable[str]) -> bool:
    """Whether an archive with these names has a pickle where torch.load looks for one."""
    return any(below_root(name) == "data.pkl" for name in names)


def is_script(names: Iterable[str]) -> bool:
    """Whether torch.jit.load would take the archive: it has constants, or code, or bytecode."""
    parts = [below_root(name) for name in names]
    return any(part in ("constants.pkl", "bytecode.pkl") or part.startswith("code/") for part in parts)


def archive_facts(cursor: Cursor, *storage_folders: str) -> Iterator[Fact | Gap]:
    """Everything the zip says, with the records of `storage_folders` as raw numbers and the words read."""

    def role(entry: Entry) -> Role:
        folder, _, key = below_root(entry.name).rpartition("/")
        return "raw" if folder in storage_folders and key else ""

    for stated in read_archive(cursor, role):
        if isinstance(stated, Member) and _is_word(stated):
            yield from _word(cursor, stated)
        else:
            yield stated


def _is_word(member: Member) -> bool:
    small = member.span.end - member.span.start <= WORD_BYTES
    return member.method == "stored" and small and below_root(member.name) in _WORDS


def _word(cursor: Cursor, member: Member) -> Iterator[Fact]:
    text = cursor.read(member.span.start, member.span.end - member.span.start)
    if not (text.isascii() and text.decode("ascii").strip().replace("_", "").replace(".", "").isalnum()):
        detail = f"{member.name} holds {text[:32]!r}, where torch writes a word or a number"
        yield Irregularity(span=member.span, kind="torch-record-odd", detail=detail)
