"""The layout of PyTorch's zip archives: where storages lie, and the small text records beside them."""

from collections.abc import Callable, Iterator

from modelairlock.encodings.zip import Entry, Names, Role, names_under, read_archive
from modelairlock.reading import Cursor
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Irregularity, Member
from modelairlock.records.regex import regex

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
#: what torch calls storages; a name with an ending could be a module to torch.package
_KEY = regex(r"[0-9A-Za-z_-]+")
_SCRIPT_RECORDS = frozenset({"constants.pkl", "bytecode.pkl"})
_EXPORT_RECORDS = frozenset({"archive_format", "serialized_exported_program.json"})


def below_root(name: str) -> str:
    """`name` without the archive's root folder, which is called after the file."""
    return name.partition("/")[2]


def _records(names: Names) -> Iterator[str]:
    """The names below the root, in small letters: torch finds a record whatever the case of its name."""
    for name in names.names:
        yield below_root(name).lower()


def is_checkpoint(names: Names) -> bool:
    """Whether an archive with these names has a pickle where torch.load looks for one."""
    return any(record == "data.pkl" for record in _records(names))


def is_script(names: Names) -> bool:
    """Whether torch.jit.load would take the archive: it has constants, or code, or bytecode."""
    return any(record in _SCRIPT_RECORDS or record.startswith("code/") for record in _records(names))


def is_package(names: Names) -> bool:
    """Whether torch.package.PackageImporter would take the archive: it begins with this record."""
    return any(record == ".data/extern_modules" for record in _records(names))


def is_export(names: Names) -> bool:
    """Whether torch.export.load would take the archive, as it is written since torch 2.1."""
    return any(record in _EXPORT_RECORDS for record in _records(names)) or not _EXPORT_RECORDS.isdisjoint(names.names)


#: records of torch.export among the numbers that torch unpickles (torch/export/pt2_archive/_package.py)
_UNPICKLED = ("opaque_obj", "custom_obj")


def _no_role(_: str) -> Role:
    return ""


def archive_facts(
    cursor: Cursor, *storage_folders: str, role_of: Callable[[str], Role] = _no_role
) -> Iterator[Fact | Gap]:
    """Everything the zip says, with the records of `storage_folders` as raw numbers and the words read.

    Nothing is raw in an archive that torch.package opens, or whose names are too many to know that it does not: there
    the same folder may hold pickles and modules. `role_of` says what the loader takes other records for, by their name
    below the root, in small letters.
    """
    names = names_under(cursor)
    whole = not names.cut and not is_package(names)

    def role(entry: Entry) -> Role:
        folder, _, key = below_root(entry.name).rpartition("/")
        if whole and folder in storage_folders and _KEY.fullmatch(key) and not key.lower().startswith(_UNPICKLED):
            return "raw"
        return role_of(below_root(entry.name).lower())

    for stated in read_archive(cursor, role):
        if isinstance(stated, Member) and _is_word(stated):
            yield from _word(cursor, stated)
        else:
            yield stated


def _is_word(member: Member) -> bool:
    small = member.span.end - member.span.start <= WORD_BYTES
    return member.method == "stored" and small and below_root(member.name) in _WORDS


def _word(cursor: Cursor, member: Member) -> Iterator[Fact]:
    """The record as read, or as a member like any other when it holds no word."""
    text = cursor.peek(member.span.start, member.span.end - member.span.start)
    if text.isascii() and text.decode("ascii").strip().replace("_", "").replace(".", "").isalnum():
        cursor.consumed(*member.span)
        return
    detail = f"{member.name} holds {text[:32]!r}, where torch writes a word or a number"
    yield Irregularity(span=member.span, kind="torch-record-odd", detail=detail)
    yield member
