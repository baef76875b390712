"""Manifests as Go reads them; what has other keys is read as JSON as well, so that no key hides from its reader."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.formats import json_text
from modelairlock.formats.oci_manifest import FORMAT
from modelairlock.records.facts import Configured, Reference
from tests.reading_help import gaps_of, kinds_of, probe, read, tree

DIGEST = "sha256:" + "4d" * 32
MODEL = "application/vnd.ollama.image.model"


def layer(digest: str = DIGEST, size: Any = 7, **more: Any) -> dict[str, Any]:
    return {"mediaType": MODEL, "digest": digest, "size": size, **more}


def manifest(*layers: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "config": layer(), "layers": layers or [layer()], **more}).encode()


def example() -> bytes:
    return manifest()


GOOD = {
    "Ollama": manifest(layer(**{"from": "library/llama3"})),
    "index": json.dumps({"schemaVersion": 2, "manifests": [layer(platform={"os": "linux"})]}).encode(),
    "layout": b'{"imageLayoutVersion": "1.0.0"}',
    "titles": manifest(layer(annotations={"org.opencontainers.image.title": "model.gguf"}), annotations={"a": "b"}),
    "null": json.dumps({"schemaVersion": 2, "layers": None, "subject": None, "config": layer()}).encode(),
    "empty config": manifest(layer(data=""), config=layer(data="e30=")),
    "empty": b'{"schemaVersion": 2, "layers": []}',
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_honest_manifests_are_complete_and_quiet(data: bytes) -> None:
    reading = tree(data, FORMAT, json_text.FORMAT, name="latest")
    assert reading.formats == ("oci_manifest",)
    assert gaps_of(reading) == []
    assert kinds_of(reading) == []


def test_layers_are_told() -> None:
    reading = tree(manifest(layer(urls=["https://example.org/x"])), FORMAT)
    told = [(fact.kind, fact.target, fact.where, fact.length) for fact in reading.facts if isinstance(fact, Reference)]
    assert told == [
        ("layer", DIGEST, MODEL, 7),
        ("layer", DIGEST, MODEL, 7),
        ("layer-address", "https://example.org/x", MODEL, None),
    ]


LIES = {
    "traversal": (manifest(layer("../../../../etc/ld.so.preload")), "oci-digest-escapes"),
    "traversal behind a name": (manifest(layer("sha256:../../x")), "oci-digest-escapes"),
    "absolute": (manifest(layer("/etc/passwd")), "oci-digest-escapes"),
    "backslashes": (manifest(layer("sha256:..\\x")), "oci-digest-escapes"),
    "short": (manifest(layer("sha256:abc")), "oci-digest-odd"),
    "surrogate": (manifest(layer("\ud800")), "oci-digest-odd"),
    "size": (manifest(layer(size=-1)), "oci-size-odd"),
    "no size": (manifest(layer(size=True)), "oci-size-odd"),
    "title": (manifest(layer(annotations={"org.opencontainers.image.title": "../../.bashrc"})), "oci-title-escapes"),
    "model pack": (manifest(layer(annotations={"org.cncf.model.filepath": "../../.bashrc"})), "oci-title-escapes"),
    "old model pack": (manifest(layer(annotations={"org.cnai.model.filepath": "/x"})), "oci-title-escapes"),
    "name": (manifest(layer(name="/x")), "oci-title-escapes"),
}


@pytest.mark.parametrize(("data", "kind"), LIES.values(), ids=LIES)
def test_lies_are_stated(data: bytes, kind: str) -> None:
    assert kinds_of(tree(data, FORMAT)) == [kind]


ODD = layer("../../x")
AS_GO = {
    "another key": manifest(ODD, auto_map={"a": "b"}),
    "another key of a layer": manifest(layer("../../x", auto_map="x")),
    "other types": manifest(layer("../../x", annotations={"a": {}}, urls="x", platform={"auto_map": 1})),
    "another version": manifest(ODD, schemaVersion=1),
    "no version": json.dumps({"layers": [ODD]}).encode(),
    "case": manifest(ODD).replace(b'"layers"', b'"Layers"').replace(b'"digest"', b'"DIGEST"'),
    "long s": manifest(ODD).replace(b'"digest"', '"dige\u017ft"'.encode()),
    "escape": manifest(ODD).replace(b'"digest"', b'"\\u0064igest"'),
    "first of two": manifest(layer(), x=1).replace(b'"x": 1', b'"layers": [' + json.dumps(ODD).encode() + b"]"),
    "second of two": manifest(ODD).replace(b'"layers"', b'"layers": [], "layers"'),
    "two digests": manifest(layer()).replace(b'"digest"', b'"digest": "../../x", "digest"'),
    "config alone": json.dumps({"schemaVersion": 2, "config": ODD}).encode(),
}


@pytest.mark.parametrize("data", AS_GO.values(), ids=AS_GO)
@pytest.mark.parametrize("name", ["latest", "manifest.json", "config.json"])
def test_what_go_takes_for_a_manifest_is_one(data: bytes, name: str) -> None:
    reading = tree(data, FORMAT, json_text.FORMAT, name=name)
    assert reading.formats == ("oci_manifest",)
    assert "oci-digest-escapes" in kinds_of(reading)


def test_other_keys_are_read_as_json() -> None:
    reading = tree(manifest(auto_map={"AutoModel": "a--b.C"}), FORMAT, json_text.FORMAT, name="config.json")
    [member] = reading.members
    assert (member.name, member.formats) == ("config.json", ("json_text",))
    assert [fact.qualname for fact in member.facts if isinstance(fact, Configured)] == ["C"]
    assert gaps_of(reading) == []


def test_keys_that_stand_twice_are_told() -> None:
    data = manifest(layer()).replace(b'"layers"', b'"layers": [], "Layers"')
    reading = tree(data, FORMAT, name="latest")
    assert kinds_of(reading) == ["json-key-repeated"]


def test_a_descriptor_without_a_digest_is_a_gap() -> None:
    assert gaps_of(tree(manifest(layer(), {"mediaType": MODEL}), FORMAT))
    assert gaps_of(tree(manifest(layer(), "x"), FORMAT))


@pytest.mark.parametrize(
    "data",
    [
        b"{}", b'{"schemaVersion": 2}', b'{"schemaVersion": 2, "layers": ' + b"[" * 5000,
        b'{"imageLayoutVersion": "1.0.0", "auto_map": 1}', b'{"schemaVersion": 2, "layers": 1}',
        b'{"digest": "../x"}', b'{"layers": [{"name": "x"}]}',
        b'[{"layers": [{"digest": "../x"}]}]', b'{"config": {"digest": "x"}}', manifest() + b" " * 70_000,
    ],
)  # fmt: skip
def test_anything_else_stays_json(data: bytes) -> None:
    assert not FORMAT.claims(probe(data, "manifest.json"))
    assert read(FORMAT, data).gaps


def test_what_is_embedded_and_what_is_too_much_is_a_gap() -> None:
    assert gaps_of(tree(manifest(layer(data="aGk=")), FORMAT))
    assert gaps_of(tree(manifest(*[layer()] * 100), FORMAT))


def test_damaged_and_changed() -> None:
    data = example()
    assert not any(FORMAT.claims(probe(data[:end])) for end in range(len(data)))
    for position in range(len(data)):
        read(FORMAT, data[:position] + b"\xff" + data[position + 1 :])


@given(st.binary(max_size=100))
def test_any_bytes_end_well(tail: bytes) -> None:
    read(FORMAT, b'{"schemaVersion": 2,' + tail)
