"""Archives as Keras writes them, and zips that are something else."""

import io
import zipfile
from pathlib import Path

import pytest

from modelairlock.formats import json_text, keras, keras_config, npy, npz
from modelairlock.formats import zip as zip_format
from tests.build import keras_builder as k
from tests.build import npy_builder
from tests.build import zip_builder as z
from tests.build.zip_builder import Entry
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, probe, tree
from tests.rules.judging import gaps, judged

NAME = "model.keras"
KNOWN = (keras.FORMAT, zip_format.FORMAT, keras_config.FORMAT, json_text.FORMAT, npz.FORMAT, npy.FORMAT)


def example() -> bytes:
    return k.archive(k.sequential(k.layer("Dense", {"units": 2})))


def test_every_member_is_read() -> None:
    weights = Entry("model.weights.npz", npy_builder.npz(("a.npy", npy_builder.npy())))
    reading = tree(k.archive(k.honest(), weights=weights), *KNOWN, name=NAME)
    assert reading.formats == ("keras",)
    found = {member.name: (member.formats, member.role) for member in reading.members}
    assert found == {
        "metadata.json": (("json_text",), ""),
        "config.json": (("keras_config",), "keras-config"),
        "model.weights.npz": (("npz",), ""),
    }
    assert gaps_of(reading) == []


def test_a_configuration_without_any_node_is_still_one() -> None:
    reading = tree(k.archive({"loss": "mse"}), *KNOWN, name=NAME)
    assert {member.formats for member in reading.members} == {("json_text",), ("keras_config",)}


def test_claims_by_content_and_no_other_zip() -> None:
    whole = k.archive(k.honest())
    assert keras.FORMAT.claims(probe(whole, "weights.bin"))
    repository = z.zip_file(Entry("config.json", b"{}"), Entry("model.safetensors", b"x"))
    assert not keras.FORMAT.claims(probe(repository, "repository.zip"))
    assert keras.FORMAT.claims(probe(repository, "model.keras"))
    assert not keras.FORMAT.claims(probe(z.zip_file(Entry("a/config.json", b"{}")), "model.keras"))
    assert not keras.FORMAT.claims(probe(b"{}", "model.keras"))


def test_cut_anywhere_leaves_a_gap() -> None:
    cut_everywhere(example(), *KNOWN, name=NAME)


@pytest.mark.slow
def test_changed_anywhere_ends_well() -> None:
    change_everywhere(example(), *KNOWN, name=NAME)


def test_an_honest_archive_is_clear() -> None:
    weights = Entry("model.weights.npz", npy_builder.npz(("a.npy", npy_builder.npy())))
    subject = judged(k.archive(k.honest(), Entry("assets/layers/vocabulary.txt", b"a\nb\n"), weights=weights), NAME)
    assert [one.findings for one in subject.walk() if one.findings] == []
    assert subject.verdict.value == "clear"


@pytest.mark.frameworks
def test_what_keras_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras_itself = pytest.importorskip("keras")
    layers = keras_itself.layers
    entered = keras_itself.Input((8,))
    hidden = layers.Dense(4, activation="gelu", kernel_regularizer="l2")(entered)
    joined = layers.Concatenate()([hidden, layers.LayerNormalization()(entered)])
    model = keras_itself.Model(entered, layers.Dense(1)(layers.Dropout(0.5)(joined)))
    model.compile("adam", loss=keras_itself.losses.Huber(), metrics=["mae", keras_itself.metrics.AUC()])
    model.save(tmp_path / NAME)
    data = (tmp_path / NAME).read_bytes()
    subject = judged(data, NAME)
    assert [one.findings for one in subject.walk() if one.findings] == []
    assert subject.verdict.value == "clear", [gap.detail for gap in gaps(subject)]
    config = zipfile.ZipFile(io.BytesIO(data)).read("config.json")
    assert judged(config, "config.json").verdict.value == "clear"
