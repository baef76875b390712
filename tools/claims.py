"""Which files below a folder a format claims: ``python -m tools.claims NAME FOLDER``.

For a format without a magic: run it over everything that a machine has (the site-packages of ``.venv-test``), and read
each line. What is no file of the format is a claim too wide.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from modelairlock.catalog import find, names
from modelairlock.pipeline.descriptor import Descriptor
from modelairlock.pipeline.tree import HEAD_BYTES, TAIL_BYTES
from modelairlock.reading import Format, Probe


def claimed(one: Format, folder: Path) -> Iterator[tuple[Path, bool]]:
    """Every file below `folder`, and whether the format claims it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                source = Descriptor(file.fileno(), 0, size)
                ends = source.read(0, HEAD_BYTES), source.read(max(0, size - TAIL_BYTES), TAIL_BYTES)
                yes = size > 0 and one.claims(Probe(*ends, size, path.name, "", source, {}))
            yield path, yes


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
