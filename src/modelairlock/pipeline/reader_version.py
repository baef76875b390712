"""What facts depend on besides the bytes: the very code that reads, and the libraries it decodes with.

A number raised by hand would be forgotten, and what a reader overlooked before it was mended would stay CLEAR in every
cache. So the version is a digest over sources: any change of a reader makes its old facts unknown. The libraries behind
`bz2` and `lzma` do not tell their version; that of the Python they came with stands for them.
"""

import hashlib
import os
import sys
import zlib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import modelairlock

#: below the package: what the worker imports, less the wall it runs behind (a test holds them against each other)
FOLDERS = ("formats", "encodings", "records")
FILES = (
    "catalog.py", "limits.py", "reading.py", "pipeline/answer.py", "pipeline/descriptor.py", "pipeline/tree.py",
    "pipeline/worker.py",
)  # fmt: skip
#: module, and the attribute with its version
_LIBRARIES = (("compression.zstd", "zstd_version"), ("backports.zstd", "zstd_version"), ("lz4", "__version__"))


@cache
def reader_version() -> str:
    """A digest that changes when the same bytes might read differently. Raises OSError if sources are missing."""
    digest = hashlib.sha256("\0".join((sys.version, os.uname().machine, *_libraries())).encode())
    root = Path(modelairlock.__file__).parent
    for folder in FOLDERS:
        paths = sorted((root / folder).rglob("*.py"))
        if not paths:
            raise FileNotFoundError(2, "the reader's own sources are not there to tell its version by", folder)
        for path in paths:
            _add(digest, root, path)
    for name in FILES:
        _add(digest, root, root / name)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", root: Path, path: Path) -> None:
    content = path.read_bytes()
    digest.update(b"%s\0%d\0" % (path.relative_to(root).as_posix().encode(), len(content)))
    digest.update(content)


def _libraries() -> Iterator[str]:
    yield f"zlib {zlib.ZLIB_RUNTIME_VERSION}"
    yield from _parsers()
    for module, attribute in _LIBRARIES:
        try:
            yield f"{module} {getattr(import_module(module), attribute)}"
        except (ImportError, AttributeError):
            yield f"{module} -"


def _parsers() -> Iterator[str]:
    """What of jinja2 is used, by its sources: to ask it for its version takes longer than to read them."""
    spec = find_spec("jinja2")
    for folder in spec.submodule_search_locations or [] if spec else []:
        for name in ("ext.py", "lexer.py", "nodes.py", "parser.py"):
            yield f"jinja2 {name} {hashlib.sha256((Path(folder) / name).read_bytes()).hexdigest()}"
