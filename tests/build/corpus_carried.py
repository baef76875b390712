"""Archives inside what looks like another file, and archives that unpack elsewhere than they say (C7, C9).

Found by attacking modelairlock itself: each of these was called CLEAR once.
"""

from collections.abc import Callable

from tests.build import carriers
from tests.build import tar_builder as tar
from tests.build import torch_builder as t
from tests.build import zip_builder as z
from tests.build.sample import CANARY, Sample, evil, python
from tests.build.tar_builder import Item
from tests.build.zip_builder import Entry

Build = Callable[[str], bytes]

#: run by torch.load, which asks `tarfile` first: file name, build
TARS: dict[str, tuple[str, Build]] = {
    "pickle": ("pytorch_model.bin", lambda c: carriers.pickle_and_tar(carriers.storages(evil(c, 2)))),
    "pickle-0o": ("pytorch_model.bin", lambda c: carriers.pickle_and_tar(carriers.storages(evil(c, 2)), "0o{:o}")),
    "pickle-plus": ("pytorch_model.bin", lambda c: carriers.pickle_and_tar(carriers.storages(evil(c, 2)), "+{:o}")),
    "safetensors": ("model.bin", lambda c: carriers.safetensors_and_tar(carriers.storages(evil(c, 2)))),
    "npy": ("weights.npy", lambda c: carriers.npy_and_tar(carriers.storages(evil(c, 2)))),
}
_GNU: dict[str, int | str | bytes] = {"magic": b"ustar ", "version": b" \0"}


def _program(c: str, **options: object) -> bytes:
    """A zip with a `__main__.py`, which Python runs when it is given the file, and a directory of some kilobytes."""
    rest = [Entry(f"{'n' * 60}{n}") for n in range(60)]
    return z.zip_file(Entry("__main__.py", python(c).encode()), Entry("data.pkl", evil(c)), *rest, **options)


def _long_last_entry(c: str) -> bytes:
    """A directory longer than the tail that a probe shows, whose last entry has another's mark in its comment."""
    rest = [Entry(f"{'n' * 60}{n}") for n in range(900)]
    last = Entry("last", central={"comment": b"PK\x01\x02" + bytes(60)})
    return z.zip_file(Entry("__main__.py", python(c).encode()), *rest, last)


def _decoy(c: str) -> bytes:
    entries = (Entry("__main__.py", python(c).encode()), Entry("data.pkl", evil(c)))
    length = len(carriers.in_safetensors(carriers.zip_with_a_decoy(0, *entries)))
    archive = carriers.zip_with_a_decoy(0, *entries)
    return carriers.in_safetensors(carriers.zip_with_a_decoy(length - len(archive), *entries))


#: found from their end by Python's zip readers: build, and whether `runpy` runs it
ZIPS: dict[str, tuple[Build, bool]] = {
    "no-entries": (lambda c: carriers.in_safetensors(_program(c, end={"entries": 0, "entries_here": 0})), True),
    "long-comment": (lambda c: carriers.in_safetensors(_program(c, comment=b"c" * 65535)), True),
    "mark-in-comment": (lambda c: carriers.in_safetensors(_long_last_entry(c)), True),
    "ustar": (lambda c: carriers.in_safetensors(_program(c) + b"\0", "x" * 225 + "ustar" + "x" * 100), True),
    "zip64-decoy": (_decoy, False),
    "png": (lambda c: carriers.in_png(_program(c, end={"entries": 0, "entries_here": 0})), True),
    "pickle": (lambda c: b"\x80\x04B" + len(_program(c)).to_bytes(4, "little") + _program(c) + b".", True),
}


def _module(c: str, *between: Entry) -> bytes:
    """A torch.package whose module lies where a checkpoint's storages do, its mark in the middle of the directory."""
    source = (python(c) + "\n").encode().ljust(70_000, b"#")
    storage = t.storage("evil.py", len(source), "ByteStorage")
    pickle = t.state({"w": t.tensor(storage, shape=(len(source),), stride=(1,))})
    long = {"comment": b"c" * 50_000}
    return z.zip_file(
        Entry("m/data.pkl", pickle),
        Entry("m/data/evil.py", source),
        *between,
        Entry("m/.data/extern_modules", b"os\n"),
        Entry("m/byteorder", b"little", central=long),
        Entry("m/version", b"3\n", central=long),
    )


def _odd_word(c: str, word: str) -> bytes:
    """A checkpoint with a small pickle where torch writes a word: the payload would not fit, so it does nothing."""
    del c
    return z.zip_file(*t.members(t.state())[:3], Entry(f"archive/{word}", evil("true", 0)))


def _linked(*links: tuple[str, str]) -> bytes:
    items = [Item(name, kind=tar.SYMLINK, link=target) for name, target in links]
    return tar.tar_file(*items, Item("l/notes.txt", b"hello\n"))


def _pax(records: bytes, size: int | None = None) -> bytes:
    stated = len(records) if size is None else size
    block = Item("pax", records.ljust(512, b"\0"), tar.PAX, fields={"size": stated}, pad=False)
    return tar.tar_file(block, Item("notes.txt", b"hello\n"))


#: C9: they write elsewhere when `tarfile` of Python 3.11 unpacks them
ESCAPES: dict[str, Callable[[], bytes]] = {
    "prefix-gnu": lambda: tar.tar_file(Item("notes.txt", b"hello\n", fields={**_GNU, "prefix": "../.."})),
    "prefix-v7": lambda: tar.tar_file(Item("x", b"hello\n", fields={"magic": b"", "version": b"", "prefix": ".."})),
    "link-chain": lambda: _linked(("s", "."), ("l", "s/s/s/../..")),
    "link-in-linked-folder": lambda: _linked(("d/s", ".."), ("d/s/l", "../x")),
    "pax-no-line-feed": lambda: _pax(b"23 path=../../notes.txtX"),
    "pax-behind-its-size": lambda: _pax(b"11 mtime=0\n24 path=../../notes.txt\n", 11),
    "pax-zeros": lambda: _pax(b"0000000000000038 path=../../notes.txt\n"),
    "long-behind-its-size": lambda: tar.tar_file(
        Item("l", b"../../notes.txt".ljust(512, b"\0"), tar.GNU_LONGNAME, fields={"size": 1}, pad=False),
        Item("notes.txt", b"hello\n"),
    ),
}


def _folder_with_data(c: str) -> bytes:
    """A folder to Python, which finds members in its data; a pickle to who goes by the name in the pax record."""
    inner = carriers.pickle_and_tar(tar.tar_file(Item("evil.pkl", evil(c)), end=b""))
    return tar.tar_file(tar.pax(path="w.pkl"), Item("dir/", inner, tar.OLD_REGULAR))


def _samples() -> list[Sample]:
    made = [
        Sample(
            f"carried-tar-{name}", "carried", "C7", file, lambda c=CANARY, build=build: build(c), True, "torch.load",
            "flagged", needs="torch",
        )
        for name, (file, build) in TARS.items()
    ]  # fmt: skip
    made += [
        Sample(
            f"carried-{name}", "carried", "C9", "a.tar", lambda c=CANARY, build=build: build(),  expects="flagged",
        )
        for name, build in ESCAPES.items()
    ]  # fmt: skip
    made += [
        Sample(
            f"carried-zip-{name}", "carried", "C7", "logo.png" if name == "png" else "weights.bin",
            lambda c=CANARY, build=build: build(c), runs, "runpy.run_path" if runs else "", "flagged",
        )
        for name, (build, runs) in ZIPS.items()
    ]  # fmt: skip
    made.append(
        Sample(
            "carried-package", "carried", "C10", "pytorch_model.pt", lambda c=CANARY: _module(c), True,
            "torch.package(data.evil)", "flagged", needs="torch",
        )
    )  # fmt: skip
    link = Entry("requirements.txt", b"modelairlock-canary", external=0o120777 << 16)
    linked = z.zip_file(link, Entry("a.txt", b"hello\n"))
    made.append(Sample("carried-link-as-file", "carried", "C9", "a.zip", lambda c=CANARY: linked))
    made += [
        Sample(
            f"carried-word-{word.strip('.').replace('/', '-')}",
            "carried",
            "C10",
            "a.pt",
            lambda c=CANARY, word=word: _odd_word(c, word),
        )
        for word in ("version", "byteorder", ".data/serialization_id")
    ]
    made.append(Sample("carried-tar-folder", "carried", "C9", "a.tar", lambda c=CANARY: _folder_with_data(c)))
    return made


SAMPLES = tuple(_samples())
