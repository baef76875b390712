"""One sample of the red-team corpus, and the inert payload all of them carry.

`build()` gives the file with the inert payload; `build("touch x")` the same file with another shell command in its
place, which is how `test_corpus_executes` proves that a loader would run it. Building never runs anything.
"""

import marshal
from collections.abc import Callable
from dataclasses import dataclass

from tests.build import pickle_builder as p

#: does nothing, wherever it is run
CANARY = "true # modelairlock canary"


@dataclass(frozen=True)
class Sample:
    """A hostile, broken or misleading file, and what must be said of it.

    `technique` is a row of the evasion catalogue (``P8``: pickle machine, ``C5``: containers, ``3.3``: data formats).
    `executes` says that `loader` (a key of `test_corpus_executes.LOADERS`) runs the payload while loading; it then has
    to be FLAGGED. `needs` is a module that has to be importable for that, `fixed_in` the Python version that closed
    the hole.
    """

    name: str
    family: str
    technique: str
    file_name: str
    build: Callable[..., bytes]
    executes: bool = False
    loader: str = ""
    expects: str = "not-clear"
    note: str = ""
    needs: str = ""
    fixed_in: tuple[int, int, int] = (99, 0, 0)


def python(command: str) -> str:
    """A Python expression that runs `command`."""
    return f"__import__('os').system({command!r})"


def shell(command: str) -> list[str]:
    """An argument vector that runs `command`."""
    return ["/bin/sh", "-c", command]


def written(command: str) -> str:
    """The file that a ``touch`` command makes, for gadgets that write instead of run; else /dev/null."""
    return command.removeprefix("touch ") if command.startswith("touch ") else "/dev/null"


def marshalled(command: str) -> bytes:
    """Marshalled code of this Python version that runs `command`; compiled, not executed."""
    return marshal.dumps(compile(python(command), "<canary>", "eval"))


def system(command: str = CANARY) -> p.Code:
    """``os.system(command)`` by GLOBAL and REDUCE: the plainest payload there is."""
    return p.call(p.global_("os", "system"), command)


def evil(command: str = CANARY, protocol: int | None = 4) -> bytes:
    """The plainest hostile pickle."""
    return p.whole(system(command), protocol)


def harmless(protocol: int = 4) -> bytes:
    """A pickle of plain data."""
    return p.whole(p.push({"weights": [1.0, 2.0], "epoch": 3}), protocol)
