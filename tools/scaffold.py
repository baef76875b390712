"""Starts a format or a rule: the file, its failing test, and what to do next.

Nothing is registered anywhere, because the folder is the registry. What is written here passes ruff and mypy but not
its own test: until the example is built and the reader written, `make check` fails and says where. What else a new
format or rule needs is said at the end; tests/test_formats.py and tests/test_structure.py ask for each of it.
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
    # names that promise it, with their dot; set `builds_on` if it reads the structure of another format (a zip) itself
    extensions=(".REPLACE",),
    loaders=("REPLACE: the call that opens it, such as numpy.load",),
    passes_over="REPLACE: bytes that loaders take as numbers, or nothing",
    blind_spots=("REPLACE: what reading such a file never shows",),
    references=("REPLACE: the specification",),
)
'''

FORMAT_TEST = '''\
"""@NAME@: hit, miss, damaged, changed."""

import pytest

from modelairlock.formats.@NAME@ import FORMAT
from tests.reading_help import change_everywhere, cut_everywhere, probe, read, tree


def example() -> bytes:
    """A small honest file, built by hand from its specification. Fuzzing starts from it as well."""
    pytest.fail("build a small file of the format here, then write its reader")


def test_hit() -> None:
    data = example()
    assert FORMAT.claims(probe(data))
    facts, gaps, _ = read(FORMAT, data)
    assert gaps == []
    assert facts == [], "state here the facts that the example holds, with their spans"
    assert tree(data, FORMAT).formats == ("@NAME@",)


def test_miss() -> None:
    # tests/test_formats.py tries the claim on honest files of all other formats; add here what is most like this one
    for data in (b"", b"a plain line of text\\n", example()[1:]):
        assert not FORMAT.claims(probe(data))


def test_damaged() -> None:
    cut_everywhere(example(), FORMAT)


def test_changed() -> None:
    change_everywhere(example(), FORMAT)
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


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    """Judge facts; the bytes are not here, and neither are the disk and the clock."""
    del context  # REPLACE: or ask its profiles
    for fact in reading.facts:
        if isinstance(fact, Import) and fact.module == "REPLACE":
            yield RULE.finding(reading, f"REPLACE: what loading would do with {fact.qualname}", fact)


RULE = Rule(
    name="@DASHED@",
    summary="REPLACE: a whole sentence on what the file does.",
    check=_check,
    looks_at=(Import,),
    severity=Severity.MEDIUM,
    help="REPLACE: one sentence on what to do.",
    cwe=(),
    atlas=(),
)
'''

RULE_TEST = '''\
"""@DASHED@: hit and miss."""

import pytest

from modelairlock.records.facts import Fact
from modelairlock.rules.@NAME@ import RULE
from tests.build.sample import harmless
from tests.rules.judging import checked, finding_of, findings, imported, judged


def offending() -> Fact:
    """The fact that the rule is about, at ``tests.rules.judging.SPAN``; `imported` and its neighbours make some."""
    pytest.fail("state here the fact that the rule is about, then write the rule")


def test_hit() -> None:
    finding = finding_of(RULE, offending())
    assert finding.message == "REPLACE by what a person reads, word for word"


def test_miss() -> None:
    assert checked(RULE, imported("collections", "OrderedDict")) == []
    assert findings(judged(harmless()), RULE.name) == []
'''

NEXT = """\
Wrote {source}
      {test}

Next:
  1. .venv/bin/pytest {test}      fails, and says what to build
  2. replace every REPLACE in both files
  3. {more}
  4. make docs                    writes docs/{room}/{page}.md from it
  5. make check                   names what is missing, and where to add it
Nothing is to be registered: the folder is the registry."""

MORE = {
    "format": """beside them, and `make check` asks for each:
     an honest file in tests/build/everyday.py; a place in rules/name_misleads.py;
     if it can do harm, a sample in tests/build/corpus_*.py, and its name in rules that go by formats""",
    "rule": """a hostile file that it flags in tests/build/corpus_*.py, from bytes to the verdict""",
}


EXAMPLES = {"format": "tflite", "rule": "runs-shell"}


class Refused(Exception):
    """What the person at the keyboard asked for cannot be done; the message says why."""


def write(kind: str, name: str, root: Path = ROOT) -> list[Path]:
    """Write the source file and the test of a new `kind` ("format" or "rule") below `root`. Raises `Refused`."""
    module, dashed = name.lower().replace("-", "_"), name.lower().replace("_", "-")
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", module):
        raise Refused(f"{name!r} cannot be a file's name. Say for example: make {kind} NAME={EXAMPLES[kind]}")
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
    parser.add_argument("name", help="such as " + ", or ".join(EXAMPLES.values()))
    arguments = parser.parse_args()
    try:
        source, test = write(arguments.kind, arguments.name)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    page = source.stem.replace("_", "-") if arguments.kind == "rule" else source.stem
    shown = {"source": source.relative_to(ROOT), "test": test.relative_to(ROOT)}
    print(NEXT.format(**shown, room=source.parent.name, page=page, more=MORE[arguments.kind]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
