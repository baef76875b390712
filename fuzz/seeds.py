"""What fuzzing a format starts from: files of that format, and a name under which it claims them.

They come from ``example()`` of the format's test module, and from the red-team corpus. A format without any would be
fuzzed in vain, because no mutation of something else ever becomes a file of it; so that is an error.
"""

from functools import cache
from importlib import import_module
from typing import NamedTuple

from tests.build.corpus import SAMPLES
from tests.reading_help import probe

from modelairlock.catalog import find
from modelairlock.reading import Format

SEED_BYTES = 32 * 1024
SEEDS = 200


class NoSeeds(Exception):
    """Nothing to start from; the message says what to write."""


class Seeds(NamedTuple):
    """Files to mutate, what to call them, and the role in which an archive hands them on, if they need one."""

    name: str
    files: tuple[bytes, ...]
    role: str


@cache
def seeds(name: str) -> Seeds:
    """The seeds of the format `name`. Raises `NoSeeds`."""
    one = find("modelairlock.formats", name, Format)
    module = import_module(f"tests.formats.test_{name}")
    extension = one.extensions[0] if one.extensions else ""
    called, role = getattr(module, "NAME", f"f{extension}"), getattr(module, "ROLE", "")
    files = [(called, module.example())] if hasattr(module, "example") else []
    files += [(file_name, data) for file_name, data in _corpus() if one.claims(probe(data, file_name, role))]
    # The name that suits most of them: for some formats it is the name that tells.
    suits = {each: sum(one.claims(probe(data, each, role)) for _, data in files) for each in _names(one, called, files)}
    best = max(suits, key=suits.__getitem__)
    if not suits[best]:
        raise NoSeeds(
            f"fuzzing {name} has nothing to start from: write `def example() -> bytes` in tests/formats/test_{name}.py,"
            " a small file that the format claims; if it claims it by its name or role, set NAME or ROLE there"
        )
    return Seeds(best, tuple(dict.fromkeys(data for _, data in files))[:SEEDS], role)


def _names(one: Format, called: str, files: list[tuple[str, bytes]]) -> list[str]:
    return [called, *(f"f{extension}" for extension in one.extensions), *dict.fromkeys(name for name, _ in files)][:20]


@cache
def _corpus() -> tuple[tuple[str, bytes], ...]:
    built = ((one.file_name, one.build()) for one in SAMPLES if not one.name.startswith(("bomb-", "costly-")))
    return tuple((name, data) for name, data in built if len(data) <= SEED_BYTES)
