"""Texts under a digest for a name, as words or as a template of Go."""

import pytest

from modelairlock.formats.ollama_text import FORMAT
from modelairlock.records.facts import TemplateUse
from tests.reading_help import gaps_of, probe, read, tree

NAME = "sha256-" + "4d" * 32
TEMPLATE = b"{{- range .Messages }}<|{{ .Role }}|>{{ .Content }}{{ end }}{{/* a note */}}"


def example() -> bytes:
    return TEMPLATE


def test_templates_and_words() -> None:
    reading = tree(TEMPLATE, FORMAT, name=f"blobs/{NAME}")
    assert gaps_of(reading) == []
    uses = {(fact.kind, fact.name) for fact in reading.facts if isinstance(fact, TemplateUse)}
    assert uses == {("loop", ".Messages")}
    words = tree("You are {{user}}, née é.".encode(), FORMAT, name=f"blobs/sha256/{'4d' * 32}")
    assert (words.formats, words.facts) == (("ollama_text",), ())


@pytest.mark.parametrize(
    ("name", "data"), [("a", b"x"), (NAME, b"{}"), (NAME, b"#!/bin/sh"), (NAME, b"\x80\x04N."), ("4d" * 32, b"words")]
)
def test_other_things_are_not_claimed(name: str, data: bytes) -> None:
    assert not FORMAT.claims(probe(data, name))


def test_damaged_and_changed() -> None:
    assert gaps_of(tree(TEMPLATE[:30], FORMAT, name=NAME))
    assert gaps_of(tree(b"x" * 70_000 + b"\0", FORMAT, name=NAME))
    for position in range(len(TEMPLATE)):
        for value in (b"\0", b"\xff", b'"', b"{"):
            read(FORMAT, TEMPLATE[:position] + value + TEMPLATE[position + 1 :], NAME)
