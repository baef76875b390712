"""Which rules can speak about a format: found out from what their modules import, so that nobody keeps a list.

A reader can only state kinds of fact that it, or an encoding it uses, imports; a rule can only judge those that it
imports. It is the best that can be said without running anything, and it errs on the side of naming a rule too many.
"""

import ast
from functools import cache
from pathlib import Path

from modelairlock.reading import Format

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "modelairlock"
FACTS = "modelairlock.records.facts"
#: where a reader's facts may come from besides its own module
FOLLOWED = ("modelairlock.formats.", "modelairlock.encodings.")
#: facts about any artifact, stated by the tree
ALWAYS = frozenset({"Polyglot", "NameMismatch"})


def judging(format_: str, rules: list[str]) -> list[str]:
    """The modules of `rules` that look at a kind of fact which the format's reader may state."""
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
    """Whether anything of the content is read, or the format is only recognised (then all of it is a gap)."""
    return bool(format_.loaders or format_.passes_over)
