"""What the frameworks make of files that want to mislead: the reason for each case of `test_disagreements.py`."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest

from tests.build import joblib_builder, torch_builder
from tests.build import pickle_builder as p
from tests.disarm.convert_help import converted
from tests.disarm.test_disagreements import BIG, NUMPY_DTYPE, OTHER, TWO, array, attribute
from tests.disarm.test_torch_programs import Outer, script

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")
pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("maker", ["parameter", "type"])
def test_torch_takes_an_attribute_for_the_numbers(maker: str) -> None:
    for name in ("data", "real"):
        data = torch_builder.checkpoint(torch_builder.state({"w": attribute(name, maker), "o": OTHER}), TWO)
        loaded = torch.load(io.BytesIO(data))
        assert torch.equal(loaded["w"], loaded["o"])


def test_numpy_takes_any_number_for_columns_and_changes_copies_alone() -> None:
    def loaded(fortran: object, dtype: p.Code) -> "numpy.ndarray":
        empty = p.call(p.global_("numpy.core.multiarray", "_reconstruct"), p.global_("numpy", "ndarray"), (0,), b"b")
        made = p.build(empty, (1, (2, 3), dtype, fortran, numpy.arange(6, dtype="<f4").tobytes()))
        return pickle.loads(p.whole(p.push(made)))

    plain = joblib_builder.dtype("f4")
    for fortran in (False, 0, True, 1, 2, -1):
        strides = tuple(step * 4 for step in array(fortran).tensors[0].strides)
        assert loaded(fortran, plain).strides == strides
    shared = p.build(p.call(NUMPY_DTYPE, "f4", False, False), BIG)
    assert loaded(False, shared).tolist() == loaded(False, plain).tolist()
    own = p.build(p.call(NUMPY_DTYPE, "f4", False, True), BIG)
    assert loaded(False, own).tolist() != loaded(False, plain).tolist()


def turned(data: bytes) -> bytes:
    """The archive, which says that its numbers are big-endian."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as given, zipfile.ZipFile(out, "w") as archive:
        for name in given.namelist():
            archive.writestr(name, b"big" if name.endswith("/byteorder") else given.read(name))
    return out.getvalue()


def test_programs_that_say_that_they_are_big_endian(tmp_path: Path) -> None:
    """torch reads them as little-endian all the same, so whoever wrote them is wrong, or torch is."""
    model = Outer()
    data = turned(script(model, traced=False))
    loaded = torch.jit.load(io.BytesIO(data)).state_dict()
    assert torch.equal(loaded["inner.lin.weight"], model.state_dict()["inner.lin.weight"])
    exported = io.BytesIO()
    torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),)), exported)
    for whole in (data, turned(exported.getvalue())):
        told = converted(tmp_path, whole, force=True)
        assert told.outcome == "not-converted"
        assert "big-endian" in told.reason
