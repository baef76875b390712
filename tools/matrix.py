"""What the support matrix says of a format, found out from the code, so that nobody keeps a list.

A reader can only state kinds of fact that it, or an encoding it uses, imports; a rule can only judge those that it
imports. That errs on the side of naming a rule too many.
"""

import ast
from functools import cache
from pathlib import Path

from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource, Cursor, Format, ReadProblem
from modelairlock.records.coverage import Because, Gap

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "modelairlock"
FACTS = "modelairlock.records.facts"
#: where a reader's facts may come from besides its own module
FOLLOWED = ("modelairlock.formats.", "modelairlock.encodings.")
#: for readers that do not care what they are given
SAMPLE = b"x = 1\n" * 16
#: facts about any artifact, stated by the tree
ALWAYS = frozenset({"Polyglot", "NameMismatch"})


def judging(format_: str, rules: list[str]) -> list[str]:
    """Those modules of `rules` that look at a kind of fact which the format's reader may state."""
    stated = states(f"modelairlock.formats.{format_}") - ALWAYS
    return [rule for rule in rules if stated & states(f"modelairlock.rules.{rule}")]


def states(module: str) -> frozenset[str]:
    """The kinds of fact that `module`, and what it follows, imports by name."""
    kinds, seen, waiting = set[str](), set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for source, imported in _imports(name):
            if source == FACTS:
                kinds.add(imported)
            else:
                waiting += [one for one in (source, f"{source}.{imported}") if one.startswith(FOLLOWED)]
    return frozenset(kinds - {"Fact", "Value"})


@cache
def _imports(module: str) -> tuple[tuple[str, str], ...]:
    """What `module` imports, as (from, name); a package counts with all of its modules."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    return tuple(
        (node.module, alias.name)
        for path in files
        if path.is_file()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    )


def reads(format_: Format) -> bool:
    """Whether anything of the content is read; False where all of it is one gap, whatever it holds."""
    cursor = Cursor(BytesSource(SAMPLE), "sample", Budget(DEFAULT_LIMITS))
    try:
        stated = list(format_.read(cursor))
    except ReadProblem:
        return True
    if cursor.counted().total() == len(SAMPLE):
        return True  # source code is read to its last byte, and is a gap all the same
    return not any(
        isinstance(one, Gap) and one.because is Because.UNSUPPORTED and (one.start, one.end) == (0, len(SAMPLE))
        for one in stated
    )
