"""Zip archives that readers disagree about, around checkpoints of PyTorch (rows C3 to C10).

Most carry ``<root>/data.pkl`` with the plain payload. PyTorch's own reader (miniz) goes by the central directory, wants
``PK\\3\\4`` at offset 0, ignores local headers, CRCs and the case of names; Python's `zipfile` and streaming readers
differ in each of these.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.build import torch_builder as t
from tests.build import zip_builder as z
from tests.build.sample import CANARY, Sample, evil, harmless
from tests.build.zip_builder import Entry

Build = Callable[[str], bytes]
PICKLE = "archive/data.pkl"


def _other(*, entry: dict[str, object] | None = None, **options: object) -> Build:
    """A checkpoint with the payload whose pickle member is changed by `entry`, the archive by `options`."""

    def build(c: str) -> bytes:
        first, *rest = t.members(evil(c, 2), {})
        return z.zip_file(replace(first, **(entry or {})), *rest, **options)

    return build


def _end(**overrides: object) -> Build:
    return _other(end=overrides)


def _method(method: int) -> Build:
    return lambda c: z.zip_file(Entry(PICKLE, evil(c, 2), method=method), *t.members(b"", {})[1:])


def _two_directories(c: str) -> bytes:
    """Two whole archives in one file, offsets of both true: the first end record is harmless, the last is not."""
    first = t.checkpoint(t.state())
    return first + t.checkpoint(evil(c, 2), {}, prefix=first)[len(first) :]


def _hidden_behind_comment(c: str) -> bytes:
    """The honest-looking archive stands in the comment of the real one's end record."""
    inner = t.checkpoint(t.state())
    return t.checkpoint(evil(c, 2), {}, comment=inner)


def _overlapping(c: str) -> bytes:
    """Two directory entries for the same data: one under a harmless name."""
    entry = Entry(PICKLE, evil(c, 2))
    twin = replace(entry, name="archive/readme.txt", in_local=False, central={"offset": 0})
    return z.zip_file(entry, twin, Entry("archive/version", b"3\n"))


def _streamed(c: str) -> bytes:
    """Sizes and CRC only in a data descriptor, as a streaming writer leaves them."""
    data = evil(c, 2)
    entry = Entry(
        PICKLE, data, flags=z.DESCRIPTOR, trailer=z.descriptor(data), local={"crc": 0, "packed_size": 0, "size": 0}
    )
    return z.zip_file(entry, Entry("archive/version", b"3\n"))


def _wrong_descriptor(c: str) -> bytes:
    data = evil(c, 2)
    entry = Entry(PICKLE, data, flags=z.DESCRIPTOR, trailer=z.descriptor(b"something else"))
    return z.zip_file(entry, Entry("archive/version", b"3\n"))


def _local_only(c: str) -> bytes:
    """A member that only those see who read local headers one after another."""
    return z.zip_file(*t.members(t.state()), Entry("archive/extra.pkl", evil(c, 2), in_central=False))


def _in_the_gap(c: str) -> bytes:
    return t.checkpoint(t.state(), gap=evil(c, 2))


def _nested(depth: int) -> Build:
    def build(c: str) -> bytes:
        data = t.checkpoint(evil(c, 2), {})
        for level in range(depth):
            data = z.zip_file(Entry(f"level{level}.zip", data))
        return data

    return build


def _unicode_path(c: str) -> bytes:
    """The Info-ZIP Unicode path field renames the member for readers that honour it."""
    body = b"\x01" + z.struct.pack("<I", z.zlib.crc32(b"archive/notes.txt")) + PICKLE.encode()
    entry = Entry("archive/notes.txt", evil(c, 2), extra=z.extra_field(0x7075, body))
    return z.zip_file(entry, Entry("archive/version", b"3\n"))


#: name -> (row, does torch.load run it, build); measured with PyTorch 2.13
TRICKS: dict[str, tuple[str, bool, Build]] = {
    "plain": ("C10", True, _other()),
    "flag-encrypted-both": ("C3", False, _other(entry={"flags": z.ENCRYPTED})),
    "flag-encrypted-local": ("C3", True, _other(entry={"local": {"flags": z.ENCRYPTED}})),
    "flag-encrypted-central": ("C3", False, _other(entry={"central": {"flags": z.ENCRYPTED}})),
    "flag-patched": ("C3", False, _other(entry={"flags": z.PATCHED})),
    "flag-patched-local": ("C3", True, _other(entry={"local": {"flags": z.PATCHED}})),
    "flag-strong": ("C3", False, _other(entry={"flags": z.STRONG})),
    "flag-strong-local": ("C3", True, _other(entry={"local": {"flags": z.STRONG}})),
    "flag-masked": ("C3", False, _other(entry={"flags": 0x2000})),
    "flag-all-but-those": ("C3", True, _other(entry={"flags": 0xDF9E})),
    "crc-wrong-both": ("C4", True, _other(entry={"local": {"crc": 1}, "central": {"crc": 1}})),
    "crc-wrong-central": ("C4", True, _other(entry={"central": {"crc": 1}})),
    "crc-wrong-local": ("C4", True, _other(entry={"local": {"crc": 1}})),
    "name-differs-in-local": ("C5", True, _other(entry={"local": {"name": "archive/data.txt"}})),
    "name-differs-in-central": ("C5", False, _other(entry={"central": {"name": "archive/data.txt"}})),
    "name-length-differs": ("C5", False, _other(entry={"local": {"name_length": 3}})),
    "extra-length-differs": ("C5", False, _other(entry={"local": {"extra_length": 0}})),
    "method-differs-in-local": ("C5", True, _other(entry={"local": {"method": z.DEFLATED}})),
    "size-zero-in-local": ("C5", True, _other(entry={"local": {"size": 0, "packed_size": 0}})),
    "size-zero-in-central": ("C5", False, _other(entry={"central": {"size": 0, "packed_size": 0}})),
    "size-larger-in-central": ("C5", False, _other(entry={"central": {"size": 10**6}})),
    "size-huge-in-both": (
        "C5", False, _other(entry={"local": {"size": 2**32 - 2}, "central": {"size": 2**32 - 2, "packed_size": 2**31}})
    ),
    "offset-past-the-end": ("C5", False, _other(entry={"central": {"offset": 10**6}})),
    "offset-of-another": ("C5", False, _other(entry={"central": {"offset": 7}})),
    "signature-of-local": ("C5", False, _other(entry={"local": {"signature": 0}})),
    "version-needed-255": ("C5", True, _other(entry={"local": {"version": 255}, "central": {"version": 255}})),
    "disk-numbers": ("C5", False, _other(entry={"central": {"disk": 3}})),
    "zip64-entry": ("C7", True, _other(entry={"zip64": True})),
    "zip64-end": ("C7", True, _other(zip64=True)),
    "zip64-end-elsewhere": ("C7", False, _other(zip64=True, locator={"end_offset": 0})),
    "zip64-count-differs": ("C7", False, _other(zip64=True, end64={"entries": 1, "entries_here": 1})),
    "zip64-field-too-short": (
        "C7", False, _other(entry={"central": {"size": 2**32 - 1, "extra": z.extra_field(1, b"\0")}})
    ),
    "zip64-values-differ": (
        "C7", True, _other(entry={"extra": z.extra_field(1, bytes(16)), "local": {"size": 2**32 - 1}})
    ),
    "end-count-too-small": ("C7", False, _end(entries=1, entries_here=1)),
    "end-count-zero": ("C7", False, _end(entries=0, entries_here=0)),
    "end-count-too-large": ("C7", False, _end(entries=9, entries_here=9)),
    "end-offset-zero": ("C7", False, _end(central_offset=0)),
    "end-size-too-small": ("C7", False, _end(central_size=60)),
    "end-comment-length": ("C7", True, _end(comment_length=50)),
    "end-on-disk-1": ("C7", False, _end(disk=1, central_disk=1)),
    "no-end-record": ("C7", False, lambda c: t.checkpoint(evil(c, 2), {})[:-22]),
    "no-directory": ("C7", False, lambda c: z.zip_file(*t.members(evil(c, 2), {}), order=())),
    "prefix-text": ("C7", False, _other(prefix=b"#!/bin/sh\nexit 0\n")),
    "prefix-offsets-unrepaired": ("C7", False, _other(prefix=b"x" * 100, shift=0)),
    "prefix-pickle": ("C7", True, lambda c: t.checkpoint(t.state(), prefix=evil(c))),
    "suffix": ("C7", True, _other(suffix=b"\0" * 100)),
    "suffix-long": ("C7", False, _other(suffix=b"\0" * 70_000)),
    "suffix-pickle": ("C7", False, lambda c: t.checkpoint(t.state(), suffix=evil(c))),
    "comment": ("C7", False, _other(comment=b"PK\x05\x06 is not an end record")),
    "comment-holds-an-end": ("C7", False, _other(comment=z.end_record(0, 0, 0))),
    "comment-holds-an-archive": ("C7", False, _hidden_behind_comment),
    "two-archives": ("C7", True, _two_directories),
    "in-the-gap": ("C7", False, _in_the_gap),
    "local-header-only": ("C5", False, _local_only),
    "overlapping-entries": ("C6", True, _overlapping),
    "streamed": ("C5", True, _streamed),
    "descriptor-differs": ("C5", True, _wrong_descriptor),
    "unicode-path": ("C5", False, _unicode_path),
    "deflated": ("C8", True, _method(z.DEFLATED)),
    "bzip2": ("C8", False, _method(z.BZIP2)),
    "lzma": ("C8", False, _method(z.LZMA)),
    "xz": ("C8", False, _method(z.XZ)),
    "deflate64": ("C8", False, _method(z.DEFLATE64)),
    "zstd-in-name-only": ("C8", False, _method(z.ZSTD)),
    "aes": ("C8", False, _method(z.AES)),
    "unknown-method": ("C8", False, _method(777)),
    "deflate-cut-short": (
        "C8", False, lambda c: z.zip_file(
            Entry(PICKLE, evil(c, 2), z.DEFLATED, packed=z.compress(evil(c, 2), z.DEFLATED)[:-9]))
    ),
    "deflate-with-a-tail": (
        "C5", True, lambda c: z.zip_file(
            Entry(PICKLE, evil(c, 2), z.DEFLATED, packed=z.compress(evil(c, 2), z.DEFLATED) + evil(c)),
            Entry("archive/version", b"3\n"))
    ),
    "duplicate-evil-first": (
        "C6", True, lambda c: z.zip_file(Entry(PICKLE, evil(c, 2)), *t.members(t.state()))),
    "duplicate-evil-last": (
        "C6", True, lambda c: z.zip_file(*t.members(t.state()), Entry(PICKLE, evil(c, 2)))),
    "duplicate-by-case": (
        "C6", True, lambda c: z.zip_file(*t.members(t.state()), Entry("archive/DATA.PKL", evil(c, 2)))),
    "duplicate-by-backslash": (
        "C6", False, lambda c: z.zip_file(*t.members(t.state()), Entry("archive\\data.pkl", evil(c, 2)))),
    "duplicate-by-dot": (
        "C6", False, lambda c: z.zip_file(*t.members(t.state()), Entry("archive/./data.pkl", evil(c, 2)))),
    "duplicate-by-nul": (
        "C6", False, lambda c: z.zip_file(*t.members(t.state()), Entry(b"archive/data.pkl\0.txt", evil(c, 2)))),
    "duplicate-root": (
        "C6", False, lambda c: z.zip_file(*t.members(t.state()), *t.members(evil(c, 2), {}, root="other"))),
    "evil-root-first": (
        "C6", False, lambda c: z.zip_file(*t.members(evil(c, 2), {}, root="other"), *t.members(t.state()))),
    "second-pickle-no-extension": (
        "C1", False, lambda c: z.zip_file(*t.members(t.state()), Entry("archive/extra", evil(c)))),
    "pickle-among-storages": (
        "C1", False, lambda c: t.checkpoint(t.state(), {"0": bytes(16), "1": evil(c)})),
    "pickle-as-directory": (
        "C9", False, lambda c: z.zip_file(*t.members(t.state()), Entry("archive/sub/", evil(c)))),
    "nested-3": ("C9", False, _nested(3)),
    "nested-7": ("C9", False, _nested(7)),
    "nested-12": ("C9", False, _nested(12)),
}  # fmt: skip

#: C9: names and links; nothing here needs a payload
NAMES: dict[str, tuple[Entry, ...]] = {
    "traversal": (Entry("../../modelairlock-canary", b"x"),),
    "traversal-backslash": (Entry("..\\..\\modelairlock-canary", b"x"),),
    "absolute": (Entry("/modelairlock-canary", b"x"),),
    "drive": (Entry("C:\\modelairlock-canary", b"x"),),
    "nul": (Entry(b"a\0b", b"x"),),
    "newline": (Entry("a\nb\x1b[31m", b"x"),),
    "not-utf-8": (Entry(b"\xff\xfe.pkl", harmless(), flags=z.UTF8),),
    "empty": (Entry("", b"x"),),
    "very-long": (Entry("a" * 65_000, b"x"),),
    "right-to-left": (Entry("lkp.\u202egnp.exe", b"x"),),
    "stream": (Entry("a.txt:hidden", b"x"),),
    "reserved": (Entry("CON", b"x"), Entry("nul.txt", b"x")),
    "symlink": (Entry("link", b"/etc/passwd", external=0o120777 << 16),),
    "symlink-then-through-it": (
        Entry("link", b"..", external=0o120777 << 16), Entry("link/modelairlock-canary", b"x"),
    ),
    "device": (Entry("device", b"", external=0o020666 << 16),),
    "fifo": (Entry("fifo", b"", external=0o010666 << 16),),
}  # fmt: skip


def _sample(name: str, row: str, runs: bool, build: Build) -> Sample:
    return Sample(
        f"zip-{name}", "zip", row, f"zip-{name}.pt", lambda c=CANARY: build(c), runs, "torch.load" if runs else "",
        "flagged" if runs else "not-clear", needs="torch" if runs else "",
    )  # fmt: skip


def _samples() -> list[Sample]:
    made = [_sample(name, row, runs, build) for name, (row, runs, build) in TRICKS.items()]
    for name, entries in NAMES.items():
        file = z.zip_file(*entries)
        made.append(Sample(f"zip-name-{name}", "zip", "C9", f"zip-{name}.zip", lambda c=CANARY, file=file: file))
    return made


SAMPLES = tuple(_samples())
