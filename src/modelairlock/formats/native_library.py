"""Machine code: ELF, PE and Mach-O files, static libraries, WebAssembly, Java classes. It runs when something loads it.

What a newcomer would get wrong: a shared library runs code as soon as it is opened, before any function of it is
called. Nothing here can say what that code does, so the whole file is a gap, whatever it is named.
"""

from collections.abc import Iterator

from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact

_MACH_O = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
#: a universal Mach-O counts its parts where a Java class states its version, which has been 45 or more from the start
_FAT = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")


def claims(probe: Probe) -> bool:
    """By magic numbers and the fields beside them."""
    return _kind(probe.head) != ""


def _kind(head: bytes) -> str:
    if head[:4] == b"\x7fELF" and head[4:5] in (b"\1", b"\2") and head[5:6] in (b"\1", b"\2") and head[6:7] == b"\1":
        return "ELF"
    if head[:2] == b"MZ":
        at = int.from_bytes(head[60:64], "little")
        return "PE" if 0 < at <= len(head) - 4 and head[at : at + 4] == b"PE\0\0" else ""
    if head[:4] in _MACH_O and len(head) >= 28:
        return "Mach-O"
    if head[:4] in _FAT and len(head) >= 8:
        return "Mach-O" if int.from_bytes(head[4:8], "big") < 45 else "Java"
    if head[:8] == b"!<arch>\n":
        return "archive of object files"
    return "WebAssembly" if head[:8] == b"\0asm\1\0\0\0" else ""


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """One gap."""
    kind = _kind(cursor.peek(0, 65536))
    detail = f"machine code ({kind}): it runs when something loads it"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="native_library",
    summary="machine code",
    claims=claims,
    begins=first_bytes(b"\x7f", b"M", b"!", b"\0", *_MACH_O, *_FAT),
    read=read,
    extensions=(".so", ".dll", ".dylib", ".pyd", ".exe", ".node", ".wasm", ".class", ".o", ".a"),
    loaders=("dlopen, LoadLibrary", "Python's import of an extension module", "torch.ops.load_library"),
    blind_spots=("everything: machine code is not read",),
)
