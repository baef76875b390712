"""Commands as Ollama's parser takes them: values in quotes go on, everything else ends with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.formats.modelfile import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Reference, Setting, TemplateUse
from tests.reading_help import gaps_of, kinds_of, probe, read, tree

NAME = "Modelfile"
TEXT = '''# made by hand
FROM ./model.gguf
ADAPTER ./lora.gguf
TEMPLATE """{{ if .System }}<|system|>
{{ .System }}{{ end }}{{ range .Messages }}{{ .Content | json }}{{ end }}"""
PARAMETER temperature 0.7
PARAMETER stop "<|end|>"
system "You are
FROM nowhere"
MESSAGE user Hello
LICENSE """
Apache
"""
'''


def example() -> bytes:
    return TEXT.encode()


def test_commands() -> None:
    reading = tree(example(), FORMAT, name=NAME)
    assert reading.formats == ("modelfile",)
    assert gaps_of(reading) == []
    assert [(fact.kind, fact.target) for fact in reading.facts if isinstance(fact, Reference)] == [
        ("model", "./model.gguf"),
        ("adapter", "./lora.gguf"),
    ]
    settings = {fact.key: fact.value for fact in reading.facts if isinstance(fact, Setting)}
    assert settings == {
        "temperature": '"0.7"',
        "stop": '"<|end|>"',
        "system": '"You are\\nFROM nowhere"',
        "license": '"\\nApache\\n"',
    }
    uses = {(fact.kind, fact.name) for fact in reading.facts if isinstance(fact, TemplateUse)}
    assert uses == {("loop", ".Messages"), ("global", "json")}


def test_what_cannot_be_printed_is_left_out_of_names() -> None:
    reading = tree("FROM /etc\u200b/passwd\n".encode(), FORMAT, name=NAME)
    [reference] = [fact for fact in reading.facts if isinstance(fact, Reference)]
    assert reference.target == "/etc/passwd"


@pytest.mark.parametrize(
    "text",
    [
        "PARAMETER temperature 1\n", "FROM a\nRUN rm -rf /\n", 'FROM a\nTEMPLATE """{{ .X }}\n', "FROM a\nSYSTEM",
        "# x\n", "FROM a\nPARAMETER x\n", "FROM a\nSYSTEM \xff\n",
    ],
)  # fmt: skip
def test_what_ollama_refuses_is_a_gap(text: str) -> None:
    assert gaps_of(tree(text.encode("latin-1"), FORMAT, name=NAME)) or not FORMAT.claims(probe(text.encode("latin-1")))


@pytest.mark.parametrize(
    ("name", "text", "claimed"),
    [
        ("Modelfile", "FROM x\n", True), ("Modelfile.q4", "FROM x\n", True), ("a.modelfile", "FROM x\n", True),
        ("x", 'FROM x\nSYSTEM "y"\n', True), ("x", "FROM python:3\nRUN x\n", False),
        ("Dockerfile", 'FROM x\nSYSTEM "y"\n', False), ("a.md", 'FROM x\nSYSTEM "y"\n', False),
        ("Modelfile", "\0", False),
        ("modelfile.md", "# Format `modelfile`\n\nA recipe.\n", False),
        ("Modelfile.q4_K_M", "FROM ./a.gguf\n", True),
        ("x.tp", "x = 1\nfrom libc cimport a\nSYSTEM x\nFROM y\n", False),
        ("x.tp", "# a recipe\n\nSYSTEM x\nFROM y\n", True),
    ],
)  # fmt: skip
def test_claims(name: str, text: str, claimed: bool) -> None:
    assert FORMAT.claims(probe(text.encode(), name)) is claimed


def test_templates_that_go_round() -> None:
    template = '{{ define "a" }}{{ template "b" }}{{ end }}{{ define "b" }}{{ template "a" }}{{ end }}'
    text = f'FROM a\nTEMPLATE """{template}"""\n'
    assert kinds_of(tree(text.encode(), FORMAT, name=NAME)) == ["go-template-recursive"]


def test_a_template_that_cannot_be_read_is_a_gap_and_costs_nothing_else() -> None:
    reading = tree(b"FROM a\nTEMPLATE {{ .X \nADAPTER /b\n", FORMAT, name=NAME)
    assert [(gap.start, gap.because) for gap in gaps_of(reading)] == [(16, Because.MALFORMED)]
    assert [fact.target for fact in reading.facts if isinstance(fact, Reference)] == ["a", "/b"]


def test_damaged_and_changed() -> None:
    data = example()
    assert gaps_of(tree(data[: data.index(b"{{ range")], FORMAT, name=NAME))
    for position in range(len(data)):
        for value in (b"\0", b"\xff", b'"', b"{"):
            read(FORMAT, data[:position] + value + data[position + 1 :], NAME)


def test_long_hostile_texts_end_soon() -> None:
    for text in ("{{" * 200_000, '{{ "' * 200_000, "{{ /*" * 200_000, '"\n' * 400_000):
        read(FORMAT, b'FROM a\nTEMPLATE """' + text.encode(), NAME)


@given(st.binary(max_size=200))
def test_any_bytes_end_well(tail: bytes) -> None:
    read(FORMAT, b"FROM a\nTEMPLATE " + tail, NAME)
