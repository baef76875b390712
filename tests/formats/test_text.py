"""Text is text to its last byte, and only under names that nothing acts on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.formats import json_text, lfs_pointer, other_text, script, text
from modelairlock.formats.text import FORMAT
from modelairlock.records.coverage import Because
from tests.formats.everyday_help import because, claims, complete, read

EVERYDAY = (text.FORMAT, other_text.FORMAT, script.FORMAT, json_text.FORMAT, lfs_pointer.FORMAT)
NOTE = b"# A model\n\tof words, wei\xc3\x9fe W\xc3\xb6rter\r\n"


@pytest.mark.parametrize(
    "name",
    ["a.txt", "README.md", "x/y/README", "LICENSE", "LICENSE-2.0", "license.txt", "NOTICE", "vocab.txt", "merges.txt",
     ".gitattributes", "m.csv", "CITATION.cff", "README.zh-CN", "dir\\notes.rst", "refs.bib", "CHANGELOG.TXT",
     "README.de", "COPYING.LESSER", "a/.gitignore", "license-apache", "CHANGELOG-1.2.3"],
)  # fmt: skip
def test_inert_names(name: str) -> None:
    reading = read(NOTE, *EVERYDAY, name=name)
    assert reading.formats == ("text",)
    assert complete(reading)
    assert reading.coverage.read_bytes == len(NOTE)


@pytest.mark.parametrize(
    "name",
    ["requirements.txt", "requirements-dev.txt", "CMakeLists.txt", "LICENSE.py", "README.ipynb", "notes.yaml",
     "entry_points.txt", "x.pkl", "model.bin", "noext", "Modelfile", "a.svg", "Dockerfile", "license.html",
     "pre-requirements.txt", "dev-requirements.txt", "requirement.txt", "x/requirements.pre.txt", "a-constraints.txt",
     "requirements\u00e9.txt", "readme.hta", "NOTICE.phtml", "readme.pth", "README.ipy", "readme.xhtml", "license.wsf",
     "readme.pyz.command", "readme.reg", "readme.url", "README.el", "notice.pyw2", "COPYING.scpt", "readme.csproj"],
)  # fmt: skip
def test_everything_else_is_held(name: str) -> None:
    reading = read(NOTE, *EVERYDAY, name=name)
    assert "text" not in reading.formats
    assert not complete(reading)


def test_a_script_is_one_whatever_its_name() -> None:
    assert not claims(FORMAT, b"#!/bin/sh\nrm -rf /\n", "README.md")


@pytest.mark.parametrize("data", [b"a\0b", b"\x80\x04N.", b"\xff\xfe\xfd", b"a\x1b[31m", b"\xc3(", b""])
def test_what_is_no_text_is_not_claimed(data: bytes) -> None:
    assert not claims(FORMAT, data, "a.txt")


def test_bytes_that_a_loader_takes_raw_are_left_to_it() -> None:
    assert not claims(FORMAT, NOTE, "a.txt", role="raw")


def test_utf_16_with_its_mark() -> None:
    assert complete(read("Wörter\n".encode("utf-16"), FORMAT, name="a.txt"))
    assert not claims(FORMAT, "Wörter\n".encode("utf-16-le"), "a.txt")
    assert not complete(read("Wörter\n".encode("utf-16")[:-1], FORMAT, name="a.txt"))
    assert complete(read(b"\xef\xbb\xbf" + NOTE, FORMAT, name="a.txt"))


@pytest.mark.parametrize("tail", [b"\0", b"\xff", b"\x1b[2J", b"\xc3", b"\x80\x04\x95"])
def test_the_last_byte_counts(tail: bytes) -> None:
    data = ("ä" * 200_000).encode() + tail
    reading = read(data, FORMAT, name="a.txt")
    assert reading.formats == ("text",)
    assert because(reading) == {Because.MALFORMED}
    assert reading.coverage.gaps[0].start >= len(data) - len(tail) - 4


def test_a_character_across_two_pieces() -> None:
    assert complete(read(b"a" + ("ä" * 200_000).encode(), FORMAT, name="a.txt"))


@given(st.binary(max_size=100))
def test_any_bytes_end_well(data: bytes) -> None:
    reading = read(data, *EVERYDAY, name="a.txt")
    assert len(reading.formats) <= 1
    if complete(reading):
        data.decode("utf-16" if data[:1] in b"\xff\xfe" else "utf-8")


@given(st.text(max_size=40), st.sampled_from(["a.txt", "a.json", "a.py", "a.yaml", "a", "b.pkl", "README", "c.jsonl"]))
def test_at_most_one_everyday_format_claims_a_text(content: str, name: str) -> None:
    data = content.encode("utf-8", "replace")
    assert sum(claims(format_, data, name) for format_ in EVERYDAY) <= 1
