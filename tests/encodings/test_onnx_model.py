"""The official parser is the oracle where it is installed: the same operators, files and functions in every model."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelairlock.formats.onnx import FORMAT
from modelairlock.records.facts import Operator, Reference, Setting
from tests.build import onnx_builder as o
from tests.formats.test_onnx import PLACES
from tests.reading_help import Result, read
from tests.real_models import fetched, model_files


def real_models() -> list[Path]:
    return [path for package in fetched() for path in model_files(package) if path.suffix == ".onnx"]


def messages(message: Any) -> Iterator[Any]:
    """A message and all in it."""
    yield message
    for described, value in message.ListFields():
        if described.message_type:
            for one in [value] if hasattr(value, "ListFields") else value:
                yield from messages(one)


def same(data: bytes, result: Result, parse: Callable[[bytes], Any]) -> None:
    operators: Counter[tuple[str, str]] = Counter()
    files: Counter[str] = Counter()
    model = parse(data)
    for one in messages(model):
        if type(one).__name__ == "NodeProto":
            operators[one.domain, one.op_type] += 1
        elif type(one).__name__ == "TensorProto":
            files.update(pair.value for pair in one.external_data if pair.key == "location")
    found: Counter[tuple[str, str]] = Counter()
    for fact in result.facts:
        if isinstance(fact, Operator):
            found[fact.domain, fact.name] += fact.count
    assert found == operators
    assert {fact.target: fact.count for fact in result.facts if isinstance(fact, Reference)} == files
    defined = sorted((fact.where, fact.value) for fact in result.facts if isinstance(fact, Setting))
    assert defined == sorted((one.domain, one.name) for one in model.functions)


@pytest.mark.frameworks
@pytest.mark.parametrize("place", [*PLACES.values(), lambda t: o.everything()], ids=[*PLACES, "everything"])
def test_the_official_parser_sees_the_same(place: Callable[[bytes], bytes]) -> None:
    onnx = pytest.importorskip("onnx")
    data = place(o.external("../x", ("offset", "8"), ("length", "16")))
    same(data, read(FORMAT, data), onnx.load_model_from_string)


@pytest.mark.frameworks
@pytest.mark.models
@pytest.mark.parametrize("path", real_models(), ids=lambda path: path.name)
def test_it_sees_the_same_in_real_models(path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    data = path.read_bytes()
    same(data, read(FORMAT, data), onnx.load_model_from_string)


@pytest.mark.frameworks
def test_it_refuses_what_is_too_deep_for_us() -> None:
    onnx = pytest.importorskip("onnx")
    graph = o.graph()
    for _ in range(60):
        graph = o.graph((o.node("If", attributes=(o.graph_attribute("then_branch", graph),)),))
    assert read(FORMAT, o.model(graph)).gaps
    with pytest.raises(Exception, match=r"(?i)pars|decod"):
        onnx.load_model_from_string(o.model(graph))


@pytest.mark.frameworks
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", ["relu", "loop", "sequence", "attention", "quantizelinear", "optional", "string"])
def test_models_of_the_official_tests_are_whole(case: str) -> None:
    pytest.importorskip("onnx")
    from onnx.backend.test.case.node import collect_testcases

    models = [one.model for one in collect_testcases(None) if case in one.name and one.model is not None]
    assert models
    for model in models:
        result = read(FORMAT, model.SerializeToString())
        assert (result.gaps, result.kinds) == ([], [])
