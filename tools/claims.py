"""Which files below a folder a format claims: ``python -m tools.claims NAME FOLDER``.

For a format without a magic: run it over everything that a machine has (the site-packages of ``.venv-test``), and read
each line. What is no file of the format is a claim too wide.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from modelairlock.catalog import find, names
from modelairlock.reading import Format, Probe

HEAD_BYTES, TAIL_BYTES = 64 * 1024, 66 * 1024


class _File:
    """A file as a source."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, path.stat().st_size

    def read(self, start: int, length: int) -> bytes:
        """See `modelairlock.reading.Source`."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(max(0, length))


def claimed(one: Format, folder: Path) -> Iterator[tuple[Path, bool]]:
    """Every file below `folder`, and whether the format claims it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            source = _File(path)
            ends = source.read(0, HEAD_BYTES), source.read(max(0, source.size - TAIL_BYTES), TAIL_BYTES)
            yield path, bool(source.size) and one.claims(Probe(*ends, source.size, path.name, "", source, {}))


def main() -> int:
    """Print the files that are claimed, and how many there were."""
    parser = argparse.ArgumentParser(prog="python -m tools.claims", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("format", choices=names("modelairlock.formats"), metavar="NAME")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder} is no folder")
    one = find("modelairlock.formats", arguments.format, Format)
    seen = yes = 0
    for path, is_claimed in claimed(one, arguments.folder):
        seen, yes = seen + 1, yes + is_claimed
        if is_claimed:
            print(path)
    print(f"{one.name} claims {yes} of {seen} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
