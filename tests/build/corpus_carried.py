"""Archives inside what looks like another file, and archives that unpack elsewhere than they say (C7, C9).

Found by attacking modelairlock itself: each of these was called CLEAR once.
"""

from collections.abc import Callable

from tests.build import carriers
from tests.build import tar_builder as tar
from tests.build.sample import CANARY, Sample, evil
from tests.build.tar_builder import Item

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
    made.append(Sample("carried-tar-folder", "carried", "C9", "a.tar", lambda c=CANARY: _folder_with_data(c)))
    return made


SAMPLES = tuple(_samples())
