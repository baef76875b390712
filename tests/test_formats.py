"""What every format keeps to, whoever wrote it: each failure says what to add, and where.

What a newcomer would get wrong: each format is tried with the honest files of *all* formats here, because a claim that
takes too much shows only on other files than its own.
"""

import ast
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from fuzz.seeds import SEED_BYTES

import modelairlock.pipeline.full_worker  # noqa: F401  # what needs a library is read there, and here
from modelairlock.catalog import catalog, names, said
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import Budget, BytesSource, Cursor, Format, Probe, ReadProblem
from modelairlock.records.facts import NameMismatch, Polyglot
from tests.build.corpus import SAMPLES
from tests.build.everyday import EVERYDAY
from tests.reading_help import HEAD_BYTES, TAIL_BYTES, probe, read, walk
from tests.test_structure import PACKAGE, python_files, shown, told
from tools import matrix

FORMATS = {one.name: one for one in catalog("modelairlock.formats", Format)}
RULES = names("modelairlock.rules")
FILES = [(format_, name, data) for format_, files in EVERYDAY.items() for name, data in files]
each_format = pytest.mark.parametrize("one", FORMATS.values(), ids=FORMATS)


# --- what its page says -------------------------------------------------------------------------------------------

#: formats that leave a part of their page empty, and why
EMPTY = {
    "extensions": {
        "hub_bookkeeping": "whole names", "keras_config": "promises .json, as any JSON", "lfs_pointer": "any name",
        "oci_manifest": "whole names", "ollama_text": "names by digest", "openvino": "promises .xml, as any XML",
        "skops_schema": "whole names", "spacy_config": "whole names", "tensorflow_checkpoint": "whole names",
        "tensorflow_data": "numbered", "torch_export_graph": "members only", "torchscript_source": "members only",
    },
    "loaders": {"other_text": "any program that goes by the name: all of it is a gap"},
    "references": {
        "native_library": "the loaders of operating systems", "other_text": "many formats", "script": "many languages",
    },
    "blind_spots": {
        "bz2": "unpacked whole", "zlib": "unpacked whole", "tfhub_module": "nothing in it is a choice",
    },
}  # fmt: skip


@pytest.mark.parametrize("part", EMPTY)
def test_the_page_of_every_format_is_filled_in(part: str) -> None:
    means = {
        "extensions": "names that promise it, or they count as misleading",
        "loaders": "calls that open it: a CLEAR verdict holds for these only",
        "references": "its specification, and advisories about its loaders",
        "blind_spots": "what reading such a file never shows",
    }[part]
    empty = {name for name, one in FORMATS.items() if not getattr(one, part)} - set(EMPTY[part])
    places = [f"formats/{name}.py" for name in sorted(empty)]
    assert not empty, told(
        f"set `{part}=` ({means}), or say in EMPTY of tests/test_formats.py why there is none", places
    )
    filled = {name for name in EMPTY[part] if name not in FORMATS or getattr(FORMATS[name], part)}
    assert not filled, f"take these out of EMPTY in tests/test_formats.py: {sorted(filled)}"


def test_extensions_are_written_as_they_are_looked_up() -> None:
    wrong = [
        f"formats/{name}.py: {extension!r}"
        for name, one in FORMATS.items()
        for extension in one.extensions
        if not extension.startswith(".") or extension != extension.lower() or extension.count(".") != 1
    ]
    assert not wrong, told("write one ending in lower case, with its dot (`.pb`): no other is ever found", wrong)


@pytest.mark.parametrize("field", ["loaders", "blind_spots", "passes_over"])
def test_what_is_read_off_the_source_is_what_the_format_says(field: str) -> None:
    for one in FORMATS.values():
        assert said("modelairlock.formats", one.name, Format, field) == getattr(one, field), one.name


def test_what_is_passed_over_stands_on_the_page() -> None:
    silent = {
        f"formats/{format_}.py ({name})"
        for format_, name, data in FILES
        if not FORMATS[format_].passes_over and read(FORMATS[format_], data, name).cursor.passed.total()
    }
    assert not silent, told("set `passes_over=`: which bytes of these, and why no loader acts on them", sorted(silent))


# --- what it claims -----------------------------------------------------------------------------------------------


def test_honest_files_are_claimed_by_one_format() -> None:
    """`builds_on` is for a reader that reads the structure of the other by itself; all else is a claim too wide."""
    twice = [
        f"{name} (a file of {format_}): {' and '.join(fact.formats)}"
        for format_, name, data in FILES
        for one in walk(read_tree(BytesSource(data), name, name, DEFAULT_LIMITS, strict=True))
        for fact in one.facts
        if isinstance(fact, Polyglot)
    ]
    assert not twice, told(
        "a polyglot is a finding. Narrow the `claims` of the one that is wrong there; or if one reads the other's"
        " structure itself, name the other in its `builds_on`",
        twice,
    )


def test_honest_names_are_promised() -> None:
    wrong = [
        f"formats/{format_}.py: {fact.extension!r}"
        for format_, name, data in FILES
        for one in walk(read_tree(BytesSource(data), name, name, DEFAULT_LIMITS, strict=True))
        for fact in one.facts
        if isinstance(fact, NameMismatch) and format_ in fact.formats
    ]
    assert not wrong, told("other formats promise these names: add them to `extensions` as well", wrong)


#: what a claim may fetch of a file beside its two ends
CLAIMED_BYTES = 4 << 20


class _Measured:
    """A gigabyte: a file's beginning, and zeros. Counts what is read of it."""

    def __init__(self, data: bytes, size: int = 1 << 30, most: int = CLAIMED_BYTES) -> None:
        self.data, self.size, self.most = data, size, most
        self.taken = self.longest = 0

    def read(self, start: int, length: int) -> bytes:
        length = max(0, min(length, self.size - start))
        self.taken += length
        self.longest = max(self.longest, length)
        assert self.taken <= self.most, "too much"
        return self.data[start : start + length].ljust(length, b"\0")


@each_format
def test_claims_of_a_large_file_look_at_little_of_it(one: Format) -> None:
    for format_, name, data in FILES:
        source = _Measured(data)
        head = source.data[:HEAD_BYTES].ljust(HEAD_BYTES, b"\0")
        large = Probe(head, bytes(TAIL_BYTES), source.size, name, "", source, {})
        try:
            one.claims(large)
        except AssertionError:
            pytest.fail(
                f"formats/{one.name}.py: `claims` fetches more than {CLAIMED_BYTES} bytes of a gigabyte that begins"
                f" like {format_}. Every file is asked: go by `head` and `tail`, and jump by small reads of `source`"
            )


def odd() -> Iterator[Probe]:
    """Beginnings of all kinds, with and without a source, shorter than their size, and cut."""
    yield Probe(b"", b"", 0, "")
    for byte in range(256):
        yield probe(bytes([byte]))
        yield Probe(bytes([byte]) * 9, bytes([byte]) * 9, 9, "/.")
        yield Probe(bytes([byte, 0x80]), b"", 1 << 40, "a" * 300, "raw", BytesSource(b""), None)
    for _, name, data in FILES:
        for length in (2, 3, 5, 9, 17, 33, len(data) // 2, len(data) - 1):
            yield probe(data[:length], name)
            yield Probe(data[:length], b"", len(data), name)
        yield Probe(data, data, 1 << 40, name, "", BytesSource(data), {})


@each_format
def test_claims_answer_whatever_they_are_asked(one: Format) -> None:
    for asked in odd():
        try:
            answer: object = one.claims(asked)
        except Exception as failure:  # whatever it is, it is what this test is about
            answer = failure
        assert isinstance(answer, bool), (
            f"formats/{one.name}.py: `claims` must say True or False and never raise: {answer!r} for a file of"
            f" {asked.size} bytes called {asked.name[:40]!r} that begins with {asked.head[:20]!r} and"
            f" {'has a' if asked.source else 'has no'} source. A head may be empty, a source may end early"
        )


# --- what it reads ------------------------------------------------------------------------------------------------

#: modules that take bytes of a source beside the cursor, and why
BESIDE_THE_CURSOR = {
    "encodings/compression.py": "what a decoder is fed counts by what it consumed",
    "encodings/pickle_stream.py": "a source itself, which puts two together",
    "encodings/tensorflow/probes.py": "claims", "encodings/zip_probe.py": "claims", "encodings/tar.py": "claims",
    "encodings/hdf5/superblock.py": "claims",
    "encodings/zip_members.py": "checksums of members, which count as they are read",
}  # fmt: skip


def test_readers_take_bytes_by_the_cursor() -> None:
    """It alone knows the limits, and counts what was read."""
    strays = {
        f"{shown(path)}:{node.lineno}"
        for path in python_files("src/modelairlock/formats", "src/modelairlock/encodings")
        if path.relative_to(PACKAGE).as_posix() not in BESIDE_THE_CURSOR
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == "read"
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "source"
    }
    assert not strays, told(
        "read by the cursor (`cursor.read`, `cursor.peek`), which knows the limits and counts; or say in"
        " BESIDE_THE_CURSOR of tests/test_formats.py why not",
        sorted(strays),
    )


#: formats of nothing but numbers
ONLY_NUMBERS = {"tensorflow_data"}


def test_no_reader_passes_over_all_of_a_file() -> None:
    """What says how long the numbers are has to be read, and what is passed over is never looked at again."""
    blind = {
        f"formats/{format_}.py"
        for format_, name, data in FILES
        if format_ not in ONLY_NUMBERS and read(FORMATS[format_], data, name).cursor.passed.total() == len(data)
    }
    assert not blind, told(
        "pass over the numbers only, from where they begin to where the header says that they end; or name the format"
        " in ONLY_NUMBERS of tests/test_formats.py",
        sorted(blind),
    )


#: one read of a reader whose file is large; it is more than any window
READ_BYTES = 2 << 20


@pytest.mark.parametrize(("format_", "name", "data"), FILES, ids=[f"{format_}-{name}" for format_, name, _ in FILES])
def test_readers_read_large_files_in_pieces(format_: str, name: str, data: bytes) -> None:
    source = _Measured(data, size=4 * READ_BYTES, most=1 << 40)
    began = time.process_time()
    with suppress(ReadProblem):
        for _ in FORMATS[format_].read(Cursor(source, name, Budget(Limits(seconds=0.2)))):
            pass
    assert time.process_time() - began < 2, (
        f"formats/{format_}.py takes longer than it may for {name} with zeros behind: call"
        " `cursor.budget.check_time(position)` now and then in its loops"
    )
    assert source.longest <= READ_BYTES, (
        f"formats/{format_}.py reads {source.longest} bytes at once of {name} with zeros behind. Memory must stay the"
        " same whatever the file's size: read in pieces of `limits.window_bytes`, as the file's own structure goes"
    )


# --- who judges it ------------------------------------------------------------------------------------------------

#: kinds of fact whose own content says what they are about, so that rules need no format for them
SAID_BY_KIND = {"Irregularity", "Member"}


def stating(module: str) -> dict[str, set[str]]:
    """The modules that a format reads with, and which kinds of fact each of them states."""
    waiting, seen = [module], set[str]()
    kinds: dict[str, set[str]] = {}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for source, imported in matrix._imports(name):
            if source == matrix.FACTS:
                kinds.setdefault(name, set()).add(imported)
            else:
                waiting += [each for each in (source, f"{source}.{imported}") if each.startswith(matrix.FOLLOWED)]
    return {name: found - {"Fact", "Value"} - SAID_BY_KIND for name, found in kinds.items() if ".encodings." in name}


def test_rules_that_go_by_formats_know_all_that_read_alike() -> None:
    """A rule that asks ``"onnx" in reading.formats`` is silent on another format that states the very same facts."""
    states = {name: stating(f"modelairlock.formats.{name}") for name in FORMATS}
    silent = []
    for rule in RULES:
        text = (PACKAGE / "rules" / f"{rule}.py").read_text("utf-8")
        constants = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
        known = constants & set(FORMATS) if ".formats" in text else set()
        looked_at = matrix.states(f"modelairlock.rules.{rule}")
        for name in sorted(set(FORMATS) - known) if known else ():
            shared = {
                module.rpartition(".")[2]
                for one in known
                for module, kinds in states[one].items()
                if kinds & states[name].get(module, set()) & looked_at
            }
            silent += (
                [f"rules/{rule}.py: {name}, which reads by {' and '.join(sorted(shared))} as well"] if shared else []
            )
    assert not silent, told("name these formats beside those that the rule goes by, and add a hit to its test", silent)


#: formats whose facts are judged and that no sample of the corpus is made of, and why
NO_SAMPLE = {
    "modelfile": "tests/rules have hits from bytes", "ollama_text": "a template: see jinja_template and gguf",
    "skops_schema": "a member of skops archives, which have samples", "tensorflow_checkpoint": "a list of names",
    "tfjs": "tests/rules have hits from bytes", "torch_export_graph": "a member of torch_export, which has samples",
    "torchscript_source": "a member of torchscript, which has samples", "zstd": "needs a library to be built",
}  # fmt: skip


def test_what_can_do_harm_has_a_sample_that_is_flagged() -> None:
    """From bytes to the verdict: that a reader states a fact and a rule knows it proves not that the two meet."""
    asked = {
        name
        for name in FORMATS
        if matrix.judging(name, list(RULES)) and matrix.reads(FORMATS[name]) and name not in NO_SAMPLE
    }
    for sample in SAMPLES:
        if sample.expects == "flagged" and asked and not sample.name.startswith(("bomb-", "costly-")):
            data = sample.build()
            if len(data) <= SEED_BYTES:
                asked -= {name for name in asked if FORMATS[name].claims(probe(data, sample.file_name))}
    assert not asked, told(
        "add a hostile file of each to its family in tests/build/corpus_*.py, with expects='flagged' and a name under"
        " which it is claimed; if rules judge nothing in it, say so in NO_SAMPLE of tests/test_formats.py",
        sorted(asked),
    )


def test_nothing_is_excused_that_is_gone() -> None:
    gone = (set(NO_SAMPLE) - set(FORMATS)) | {file for file in BESIDE_THE_CURSOR if not (PACKAGE / file).exists()}
    assert not gone, f"take these out of the lists in tests/test_formats.py: {sorted(gone)}"
