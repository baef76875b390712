"""A skops file: hit, miss, damaged; and real ones, where skops is installed."""

import io
from pathlib import Path

import pytest

from modelairlock.formats import npy, skops_schema
from modelairlock.formats.skops import FORMAT
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.scan import Verdict
from tests.build import skops_builder as s
from tests.build import zip_builder
from tests.reading_help import change_everywhere, cut_everywhere, probe, tree

FORMATS = (FORMAT, skops_schema.FORMAT, npy.FORMAT)


def verdict(data: bytes) -> Verdict:
    reading = read_tree(BytesSource(data), "m.skops", "m.skops", DEFAULT_LIMITS, strict=True)
    return judge(reading, sha256=None).verdict


def test_hit() -> None:
    data = s.skops(s.honest())
    assert FORMAT.claims(probe(data, "m.zip"))
    assert [member.formats for member in tree(data, *FORMATS, name="m.skops").members] == [("skops_schema",), ("npy",)]
    assert verdict(data) is Verdict.CLEAR


def test_miss() -> None:
    other = zip_builder.zip_file(zip_builder.Entry("schema.json", b"{}"), zip_builder.Entry("a.txt", b"x"))
    assert not FORMAT.claims(probe(other, "m.zip"))
    assert FORMAT.claims(probe(other, "m.skops"))
    assert not FORMAT.claims(probe(b"no zip", "m.skops"))


def test_damaged() -> None:
    cut_everywhere(s.skops(s.constant(1)), *FORMATS, name="m.skops")


def test_changed() -> None:
    change_everywhere(s.skops(s.constant(1)), *FORMATS, name="m.skops")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_a_schema_in_another_encoding_is_never_clear(encoding: str) -> None:
    """`json.loads` takes bytes in any of them, and skops hands it bytes."""
    data = s.schema(s.node("FunctionNode", "os", "system")).decode().encode(encoding)
    assert verdict(zip_builder.zip_file(zip_builder.Entry("schema.json", data))) is not Verdict.CLEAR


def _fitted() -> dict[str, object]:
    numpy = pytest.importorskip("numpy")
    sklearn = pytest.importorskip("sklearn")
    from sklearn import ensemble, linear_model, neighbors, neural_network, pipeline, preprocessing, svm

    assert sklearn
    dice = numpy.random.default_rng(0)
    x, y = dice.random((40, 3)), numpy.arange(40) % 2
    models = {
        "svc": svm.SVC(),
        "sgd": linear_model.SGDClassifier(),
        "forest": ensemble.RandomForestClassifier(3),
        "boosting": ensemble.HistGradientBoostingClassifier(max_iter=2),
        "neighbours": neighbors.KNeighborsClassifier(),
        "network": neural_network.MLPClassifier((2,), max_iter=300),
        "pipeline": pipeline.make_pipeline(preprocessing.FunctionTransformer(numpy.log1p), linear_model.Ridge()),
    }
    return {name: model.fit(x, y) for name, model in models.items()}


@pytest.mark.frameworks
def test_real_models_are_clear(tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    for name, model in _fitted().items():
        buffer = io.BytesIO(skops.dumps(model))
        assert verdict(buffer.getvalue()) is Verdict.CLEAR, name
