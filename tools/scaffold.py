"""Starts a format or a rule: the file, its failing test, and what to do next.

Nothing is registered anywhere, because the folder is the registry. What is written here passes ruff and mypy but not
its own test: until the example is built and the reader written, `make check` fails and says where.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FORMAT = '''\
"""REPLACE: one sentence on what a @NAME@ file is.

What a newcomer would get wrong: REPLACE.
"""

from collections.abc import Iterator

from modelairlock.reading import Cursor, Format, Malformed, Probe, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Member
from modelairlock.records.span import Span

# REPLACE by the bytes that every such file has, wherever they stand (specification, section)
MAGIC = b"\\x00REPLACE-@NAME@\\x00"


def claims(probe: Probe) -> bool:
    """By content, cheaply, and without raising; the extension proves nothing."""
    return probe.head.startswith(MAGIC)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """State what is there and where. What is neither read nor passed over becomes a gap by itself."""
    magic = cursor.read(0, len(MAGIC))
    if magic != MAGIC:
        raise Malformed(0, repr(MAGIC), repr(magic))
    if cursor.size > len(MAGIC):
        # for example: an artifact inside this one, which the tree identifies and reads anew
        yield Member(span=Span(len(MAGIC), cursor.size), name="REPLACE")
    raise Unsupported(len(MAGIC), "REPLACE: nothing after the first bytes is read yet")


FORMAT = Format(
    name="@NAME@",
    summary="REPLACE: what people call it",
    claims=claims,
    read=read,
    extensions=(),
    loaders=("REPLACE: the call that opens it, such as numpy.load",),
    passes_over="REPLACE: bytes that loaders take as numbers, or nothing",
    blind_spots=("REPLACE: what reading such a file never shows",),
    references=("REPLACE: the specification",),
)
'''

FORMAT_TEST = '''\
"""@NAME@: hit, miss, damaged."""

import pytest

from modelairlock.formats.@NAME@ import FORMAT
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.reading import Reading
from modelairlock.records.scan import Verdict


def example() -> bytes:
    """A small honest file, built by hand from its specification: nothing that is inspected is committed."""
    pytest.fail("build a small @NAME@ file here, then write its reader in src/modelairlock/formats/@NAME@.py")


def reading(data: bytes) -> Reading:
    # strict: a bug in the reader fails the test; in production it would be a gap
    return read_tree(BytesSource(data), "example", "example", DEFAULT_LIMITS, [FORMAT], strict=True)


def test_an_honest_file_is_read_whole() -> None:
    found = reading(example())
    assert found.formats == ("@NAME@",)
    assert found.coverage.complete, found.coverage.gaps
    assert found.facts == (), "state here the facts that the example holds, with their spans"


def test_something_else_is_not_claimed() -> None:
    assert reading(b"a plain line of text\\n").formats == ()
    assert reading(example()[1:]).formats == ()


def test_a_file_cut_short_is_never_clear() -> None:
    whole = example()
    for length in range(len(whole)):
        verdict = judge(reading(whole[:length]), sha256=None).verdict
        assert verdict is not Verdict.CLEAR, f"the first {length} of {len(whole)} bytes are {verdict}"
'''

RULE = '''\
"""REPLACE: one sentence on what the file does when this rule speaks.

## Why it matters

REPLACE: what happens to the person who loads the file.

## What to do

REPLACE: what that person can do now.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Import
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule


def check(reading: Reading, _context: Context) -> Iterator[Judgement]:
    """Judge facts; the bytes are not here, and neither are the disk and the clock."""
    for fact in reading.facts:
        if isinstance(fact, Import) and fact.module == "REPLACE":
            yield RULE.finding(reading, f"REPLACE: what loading would do with {fact.qualname}", fact)


RULE = Rule(
    name="@DASHED@",
    summary="REPLACE: half a sentence, lower case",
    check=check,
    severity=Severity.MEDIUM,
    help="REPLACE: one sentence on what to do.",
    cwe=(),
    atlas=(),
)
'''

RULE_TEST = '''\
"""@DASHED@: hit and miss."""

import pytest

from modelairlock.profiles import Profiles
from modelairlock.records.coverage import Coverage
from modelairlock.records.facts import Fact, Import
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement
from modelairlock.records.span import Span
from modelairlock.rules.@NAME@ import RULE


def judged(*facts: Fact) -> list[Judgement]:
    reading = Reading(path="model", name="model", coverage=Coverage(size_bytes=64, read_bytes=64), facts=facts)
    return list(RULE.check(reading, Context(profiles=Profiles.bundled())))


def offending() -> Fact:
    """The fact that this rule is about; it carries a span, so that the finding can say where."""
    pytest.fail("state here the fact that @DASHED@ is about, then write src/modelairlock/rules/@NAME@.py")


def test_it_speaks() -> None:
    [finding] = judged(offending())
    assert finding.rule == RULE.name
    assert finding.message == "REPLACE by what a person reads, word for word"


def test_it_is_silent_about_the_rest() -> None:
    assert judged(Import(span=Span(0, 8), module="collections", qualname="OrderedDict", opcode="GLOBAL")) == []
    assert RULE.name == "@DASHED@"
'''

NEXT = """\
Wrote {source}
      {test}

Next:
  1. .venv/bin/pytest {test}      fails, and says what to build
  2. replace every REPLACE in {source}
  3. make docs                    writes docs/{room}/{page}.md from it
  4. make check
Nothing else needs to know about it: the folder is the registry."""


class Refused(Exception):
    """What the person at the keyboard asked for cannot be done; the message says why."""


def write(kind: str, name: str, root: Path = ROOT) -> list[Path]:
    """Write the source file and the test of a new `kind` ("format" or "rule") below `root`. Raises `Refused`."""
    module, dashed = name.lower().replace("-", "_"), name.lower().replace("_", "-")
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", module):
        raise Refused(f"{name!r} cannot be a file's name. Say for example: make {kind} NAME=tflite")
    room, source, test = {"format": ("formats", FORMAT, FORMAT_TEST), "rule": ("rules", RULE, RULE_TEST)}[kind]
    files = {
        root / "src" / "modelairlock" / room / f"{module}.py": source,
        root / "tests" / room / f"test_{module}.py": test,
    }
    for path in files:
        if path.exists():
            raise Refused(f"{path.relative_to(root)} is there already")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("@NAME@", module).replace("@DASHED@", dashed), "utf-8")
    return list(files)


def main() -> int:
    """Write the two files and say what to do next; status 2 if that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m tools.scaffold", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kind", choices=("format", "rule"))
    parser.add_argument("name", help="such as tflite, or runs-shell-command")
    arguments = parser.parse_args()
    try:
        source, test = write(arguments.kind, arguments.name)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    page = source.stem.replace("_", "-") if arguments.kind == "rule" else source.stem
    shown = {"source": source.relative_to(ROOT), "test": test.relative_to(ROOT)}
    print(NEXT.format(**shown, room=source.parent.name, page=page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
