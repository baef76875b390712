"""Files that hold the numbers of a model beside them, and what may not pass for one."""

from pathlib import Path

import pytest

from modelairlock import scan
from modelairlock.records.coverage import Because
from modelairlock.records.scan import ScanRecord, Subject, Verdict
from tests.build import onnx_builder as o
from tests.build import openvino_builder as ov

NUMBERS = bytes(range(1, 200)) * 40
SIZE = str(len(NUMBERS))


def onnx(*places: tuple[str, str, str]) -> bytes:
    """A model with a tensor at each (file, offset, length)."""
    tensors = []
    for name, at, length in places:
        more = [pair for pair in (("offset", at), ("length", length)) if pair[1]]
        dims = (int(length or SIZE) // 4,)
        tensors.append(o.external(name, *more, name=f"w{len(tensors)}", dims=dims))
    return o.model(o.graph(initializers=tuple(tensors)))


def judged(folder: Path, **files: bytes) -> dict[str, Subject]:
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    record = scan(folder, cache=False)
    assert ScanRecord.from_json(record.to_json()) == record
    return {str(Path(one.path).relative_to(folder)): one for one in record.subjects}


def test_a_data_file_is_what_it_is_to_its_model(tmp_path: Path) -> None:
    found = judged(tmp_path, m_onnx=onnx(("m.data", "0", SIZE)), m_data=NUMBERS)
    data = found["m.data"]
    assert (data.verdict, data.formats, data.coverage.passed_over_bytes) == (Verdict.CLEAR, (), len(NUMBERS))
    assert [Path(model).name for model in data.data_of] == ["m.onnx"]
    assert any("onnxruntime" in loader for loader in data.assumes)


def test_without_its_model_nobody_knows(tmp_path: Path) -> None:
    assert judged(tmp_path, m_data=NUMBERS)["m.data"].verdict is Verdict.INCOMPLETE


def test_several_tensors_and_files_in_a_folder_below(tmp_path: Path) -> None:
    half = len(NUMBERS) // 2
    places = ("d/w.bin", "0", str(half)), ("d/w.bin", str(half), str(len(NUMBERS) - half)), ("layer.weight", "", "")
    found = judged(tmp_path, m_onnx=onnx(*places), d__w_bin=NUMBERS, layer_weight=NUMBERS)
    assert {name: one.verdict for name, one in found.items()} == dict.fromkeys(
        ("d/w.bin", "layer.weight", "m.onnx"), Verdict.CLEAR
    )


def test_openvino(tmp_path: Path) -> None:
    found = judged(tmp_path, m_xml=ov.net(ov.constant(0, 16)), m_bin=NUMBERS[:16])
    assert found["m.bin"].data_of, found["m.bin"]


@pytest.mark.parametrize(
    ("offset", "length", "because", "at"),
    [
        ("0", str(len(NUMBERS) - 12), Because.UNRECOGNISED, (len(NUMBERS) - 12, len(NUMBERS))),
        ("12", str(len(NUMBERS) - 12), Because.UNRECOGNISED, (0, 12)),
        ("0", str(len(NUMBERS) + 12), Because.TRUNCATED, (len(NUMBERS), len(NUMBERS))),
    ],
)
def test_what_the_model_does_not_name_stays_a_gap(
    tmp_path: Path, offset: str, length: str, because: Because, at: tuple[int, int]
) -> None:
    data = judged(tmp_path, m_onnx=onnx(("m.data", offset, length)), m_data=NUMBERS)["m.data"]
    assert data.verdict is Verdict.INCOMPLETE
    [gap] = data.coverage.gaps
    assert (gap.because, (gap.start, gap.end)) == (because, at)


@pytest.mark.parametrize("name", ["m.engine", "m.rds", "m.SER", "m.pt", "m.so", "m.mlmodel"])
def test_a_name_that_promises_something_else_is_not_vouched_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx((name, "0", SIZE)))
    (tmp_path / name).write_bytes(NUMBERS)
    found = {Path(one.path).name: one for one in scan(tmp_path, cache=False).subjects}
    assert found[name].verdict is Verdict.INCOMPLETE
    assert not found[name].data_of


def test_a_file_that_is_something_is_judged_as_that(tmp_path: Path) -> None:
    found = judged(tmp_path, m_onnx=onnx(("m.data", "", "")), m_data=b"cos\nsystem\n(S'id'\ntR.")
    assert found["m.data"].verdict is Verdict.FLAGGED


@pytest.mark.parametrize("target", ["../m.data", "/m.data", "a\\..\\m.data", "file:m.data"])
def test_only_what_lies_below_the_model(tmp_path: Path, target: str) -> None:
    (tmp_path / "below").mkdir()
    found = judged(tmp_path, below__m_onnx=onnx((target, "0", SIZE)), m_data=NUMBERS)
    assert found["m.data"].verdict is Verdict.INCOMPLETE


def test_a_flagged_model_vouches_for_nothing(tmp_path: Path) -> None:
    found = judged(tmp_path, m_onnx=onnx(("m.data", "0", SIZE), ("/etc/passwd", "0", "4")), m_data=NUMBERS)
    assert found["m.onnx"].verdict is Verdict.FLAGGED
    assert found["m.data"].verdict is Verdict.INCOMPLETE


@pytest.mark.frameworks
def test_what_onnx_writes(tmp_path: Path) -> None:
    real = pytest.importorskip("onnx")
    import numpy

    dice = numpy.random.default_rng(1)
    node = real.helper.make_node("Add", ["w1", "w2"], ["y"])
    out = real.helper.make_tensor_value_info("y", real.TensorProto.FLOAT, [40, 50])
    for name, together in (("one", True), ("many", False)):
        # saving it moves the numbers out of the model, so each time it is a new one
        weights = [real.numpy_helper.from_array(dice.random((40, 50), numpy.float32), at) for at in ("w1", "w2")]
        model = real.helper.make_model(real.helper.make_graph([node], "g", [], [out], weights))
        (tmp_path / name).mkdir()
        options = {"all_tensors_to_one_file": together, "location": "m.onnx_data" if together else None}
        real.save_model(model, tmp_path / name / "m.onnx", save_as_external_data=True, size_threshold=0, **options)
    record = scan(tmp_path, cache=False)
    assert record.verdict is Verdict.CLEAR, [(one.path, one.coverage.gaps) for one in record.subjects]
    assert sum(bool(one.data_of) for one in record.subjects) == 3
