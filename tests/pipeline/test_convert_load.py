"""Converting by loading in the jail: what the framework loads, bit for bit, and nothing that a hostile load says."""

import collections
import json
import os
import pickle
import sys
from pathlib import Path

import pytest

from modelairlock.isolation.jail import memory as sealed
from modelairlock.limits import Limits
from modelairlock.pipeline import convert_load
from modelairlock.pipeline.convert import TRIED
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.isolation import Level
from tests.build.onnx_builder import model
from tests.disarm.convert_help import converted, kept, left_over, plain

numpy = pytest.importorskip("numpy")
pytestmark = [
    pytest.mark.jail,
    pytest.mark.slow,
    pytest.mark.usefixtures("jailed_python"),
    pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's"),
]


class Made:
    """A value that a call makes when it is loaded."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.made = function, arguments

    def __reduce__(self) -> tuple:
        return self.made


def pickled(value: object) -> bytes:
    return pickle.dumps(value, 4)


def test_what_a_call_makes_is_taken_out_of_the_jail(tmp_path: Path) -> None:
    value = {
        "lazy": Made(numpy.arange, 6), "big": numpy.arange(4, dtype=">i4").reshape(2, 2).T,
        "truth": numpy.array([True]),
        "half": numpy.array([numpy.nan, 1], "f2"), "none": None, "texts": numpy.array(["a", "b"]), "$odd": [1, 2.5],
        "nan": float("nan"), "bytes": b"\xff", "wide": 1 << 70, "empty": numpy.zeros((0, 3), "f4"),
        "dates": numpy.array(["2020-01-01"], "M8[D]"), "scalar": numpy.float32(0.5), "nested": [{"x": numpy.ones(1)}],
    }  # fmt: skip
    told = converted(tmp_path, pickled(value), "in.pkl")
    assert (told.how, "--load-in-jail" in told.hint) == ("read", True)
    assert "lazy" not in {one.key for one in told.tensors}
    told = converted(tmp_path, pickled(value), "in.pkl", force=True, load_in_jail=True)
    assert (told.how, told.loader, told.hint, told.outcome) == ("loaded", "pickle.load", "", "partly")
    assert told.jail is not None
    assert told.jail.level.rank >= Level.CONFINED.rank
    assert [one.where for one in told.lost] == ["dates"]
    value["lazy"] = numpy.arange(6)
    arrays = {key: one for key, one in value.items() if isinstance(one, numpy.ndarray) and one.dtype.kind in "biuf"}
    arrays["nested.0.x"] = numpy.ones(1)
    found = kept(tmp_path)
    assert set(found) == set(arrays)
    for key, array in arrays.items():
        assert found[key][1:] == (array.shape, array.astype(array.dtype.newbyteorder("<")).tobytes()), key
    assert plain(tmp_path) == {
        "none": None, "texts": ["a", "b"], "$$odd": [1, 2.5], "nan": {"$float": "nan"}, "bytes": {"$bytes": "/w=="},
        "wide": {"$integer": str(1 << 70)}, "scalar": 0.5,
    }  # fmt: skip


def test_plain_data_that_cannot_be_said_is_lost_and_told(tmp_path: Path) -> None:
    value = {
        "lazy": Made(numpy.arange, 6), "same": {1: "a", "1": "b"}, "long": numpy.longdouble(1),
        "tensors": {1: numpy.ones(1), "1": numpy.zeros(1)},
    }  # fmt: skip
    told = converted(tmp_path, pickled(value), "in.pkl", load_in_jail=True)
    assert told.how == "loaded", told
    assert {one.where for one in told.lost} == {"same.1", "long", "tensors.1"}
    assert plain(tmp_path) == {"same": {"1": "a"}}
    assert kept(tmp_path)["tensors.1"][2] == numpy.ones(1).tobytes()


def test_loading_is_advised_only_where_it_can_help(tmp_path: Path) -> None:
    cases = {
        "no type for it": pickled({"w": numpy.ones(3), "dates": numpy.array(["2020-01-01"], "M8[D]")}),
        "cut short": pickled({"w": numpy.ones(3), "lazy": Made(numpy.arange, 6)})[:-20],
        # One that runs a program is loaded nowhere for our asking.
        "flagged": pickled({"w": numpy.ones(3), "x": Made(os.system, "true")}),
    }
    for name, data in cases.items():
        told = converted(tmp_path, data, "in.pkl", force=True, strip=True)
        assert "--load-in-jail" not in f"{told.hint} {told.reason}", name


@pytest.mark.parametrize("load_in_jail", [False, True])
def test_what_has_no_tensors_to_give_is_not_loaded_and_is_called_by_its_kind(
    tmp_path: Path, load_in_jail: bool
) -> None:
    for data, kind in ((b"", "it is empty"), (model(), "onnx"), (b"hello\n", "no known format")):
        told = converted(tmp_path, data, "in.bin", load_in_jail=load_in_jail)
        assert (told.how, told.jail, told.hint) == ("read", None, "")
        assert told.reason == f"not yet converted: files of this kind ({kind})"


def test_what_reading_can_do_is_not_loaded(tmp_path: Path) -> None:
    told = converted(tmp_path, pickled({"w": numpy.ones(3)}), "in.pkl", load_in_jail=True)
    assert (told.how, told.outcome, told.jail) == ("read", "converted", None)


@pytest.mark.frameworks
def test_torch_bit_for_bit(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    bits = torch.randint(0, 256, (60,), dtype=torch.uint8)
    base = torch.nn.Parameter(torch.randn(4, 6))
    value = collections.OrderedDict(
        lazy=Made(torch.nn.functional.one_hot, torch.arange(3)), brain=bits.view(torch.bfloat16).reshape(5, 6).t(),
        small=bits.clone().view(torch.float8_e4m3fn), a=base, b=base, view=base.detach()[::2, 1:3],
        conj=torch.randn(3, dtype=torch.complex64).conj(),
        module=torch.nn.Linear(2, 2), sparse=torch.eye(3).to_sparse(), count=torch.tensor(7),
    )  # fmt: skip
    torch.save(value, tmp_path / "in.pt")
    told = converted(tmp_path, tmp_path / "in.pt", load_in_jail=True, strip=True)
    assert (told.how, told.loader) == ("loaded", "torch.load"), told
    assert {one.where for one in told.lost} == {"sparse"}
    assert ("a", "b", "view") in told.shared
    loaded = pytest.importorskip("safetensors.torch").load_file(tmp_path / "out.safetensors")
    expected = {key: one for key, one in value.items() if isinstance(one, torch.Tensor) and key != "sparse"}
    expected |= {"lazy": torch.eye(3, dtype=torch.int64)}
    expected |= {f"module.{key}": one for key, one in value["module"].state_dict().items()}
    assert set(loaded) == set(expected)
    for key, one in expected.items():
        one = one.detach().resolve_conj().contiguous()
        assert (loaded[key].dtype, loaded[key].shape) == (one.dtype, one.shape)
        assert torch.equal(loaded[key].reshape(-1).view(torch.uint8), one.reshape(-1).view(torch.uint8)), key


@pytest.mark.frameworks
def test_estimators(tmp_path: Path) -> None:
    """A tree's nodes are fields, which have no place; all that is plain numbers comes as reading would call it."""
    ensemble = pytest.importorskip("sklearn.ensemble")
    fitted = ensemble.RandomForestClassifier(3, random_state=1).fit([[0.0, 1], [1, 0], [2, 1]], [0, 1, 1])
    told = converted(tmp_path, pickled(fitted), "in.pkl", load_in_jail=True)
    assert told.how == "loaded", told
    assert kept(tmp_path)["classes_"] == ("I64", (2,), fitted.classes_.tobytes())
    values = kept(tmp_path)["estimators_.0.tree_.values"]
    assert values[2] == fitted.estimators_[0].tree_.__getstate__()["values"].tobytes()
    assert "estimators_.0.tree_.nodes" in {one.where for one in told.lost}


def test_a_flagged_file_is_not_loaded(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    told = converted(tmp_path, pickled({"x": Made(os.system, f"touch {canary}")}), "in.pkl", load_in_jail=True)
    assert (told.outcome, told.how, told.jail) == ("refused", "read", None)
    assert not canary.exists()


def test_attempts_are_told_and_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    data = pickled({"w": numpy.ones(2), "x": Made(os.system, f"touch {canary}"), "lazy": Made(numpy.arange, 3)})
    told = converted(tmp_path, data, "in.pkl", load_in_jail=True, strip=True)
    assert (told.outcome, told.how) == ("converted", "loaded")
    assert told.attempts
    assert {one.rule for one in told.findings if one.rule.startswith("load-")}, told.findings
    assert set(kept(tmp_path)) == {"w", "lazy"}
    assert not canary.exists()


def test_what_only_the_load_shows_is_refused_without_strip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the scan is quiet, what it tried decides: here the scan is made to be."""
    import msgspec

    from modelairlock.pipeline import convert as module
    from modelairlock.records.scan import Verdict

    told_ = module._told
    monkeypatch.setattr(
        module, "_told", lambda *given: msgspec.structs.replace(told_(*given), verdict=Verdict.INCOMPLETE, findings=())
    )
    data = pickled({"x": Made(os.system, "true"), "lazy": Made(numpy.arange, 3)})
    told = converted(tmp_path, data, "in.pkl", load_in_jail=True)
    assert (told.outcome, told.reason, told.output) == ("refused", TRIED, None)
    assert told.attempts
    assert not left_over(tmp_path) - {"in.pkl"}


def test_more_attempts_than_are_kept_are_not_taken_for_usual(tmp_path: Path) -> None:
    code = "import os\nfor at in range(600):\n try: os.open('/etc/passwd', 0)\n except OSError: pass"
    data = pickled({"x": Made(exec, code), "lazy": Made(numpy.arange, 3)})
    told = converted(tmp_path, data, "in.pkl", load_in_jail=True, strip=True)
    assert (told.outcome, "more than are kept" in told.reason) == ("not-converted", True), told
    assert not left_over(tmp_path) - {"in.pkl"}


def test_a_booster_has_no_tensors_to_give_and_is_not_loaded(tmp_path: Path) -> None:
    told = converted(tmp_path, b"{L" + (7).to_bytes(8) + b"learner{}}", "in.ubj", load_in_jail=True)
    assert (told.how, told.outcome, told.jail) == ("read", "not-converted", None)


def test_a_load_that_raises_writes_nothing(tmp_path: Path) -> None:
    told = converted(tmp_path, pickled({"x": Made(numpy.arange, "no")}), "in.pkl", load_in_jail=True)
    assert (told.outcome, told.output) == ("not-converted", None)
    assert "loading it in the jail failed: loader_error" in told.reason
    assert not left_over(tmp_path) - {"in.pkl"}


def test_too_little_isolation_is_the_operator_s_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelairlock.isolation import jail

    run = jail.run
    monkeypatch.setattr(
        jail, "run", lambda *given, **more: run(*given, **more, enabled_layers=("privileges", "limits"))
    )
    with pytest.raises(NoIsolation, match="the model was not opened"):
        converted(tmp_path, pickled({"x": Made(numpy.arange, 3)}), "in.pkl", load_in_jail=True)
    assert not left_over(tmp_path) - {"in.pkl"}


def test_an_environment_without_the_loader(tmp_path: Path) -> None:
    with pytest.raises(AirlockError) as raised:
        converted(
            tmp_path, pickled({"x": Made(numpy.arange, 3)}), "in.pkl", load_in_jail=True, interpreter="/usr/bin/false"
        )
    assert raised.value.hint


# -- hostile data on the way back -------------------------------------------------------------------------------------

#: finds the code that gives tensors, in the frames below, and has it say `text` as its description
_TAKE_OVER = """
import json, sys
frame = sys._getframe()
while "Giver" not in frame.f_globals:
    frame = frame.f_back
giver = frame.f_globals["Giver"]
text = {text!r}
honest = giver.answered
def answered(self, want, tensor, at, count, text=text, honest=honest):
    self.text, self.failed = text, ""
    return honest(self, want, tensor, at, count)
giver.answered = answered
{more}
"""
_FINE = {"tensors": [], "plain": "", "dropped": [], "lost": [], "more_dropped": 0, "more_lost": 0}
W = ["w", "F32", [2], 0]


def said(text: object, more: str = "") -> bytes:
    """A pickle that takes the jailed side of the channel over. The scan flags it; it is stripped on purpose."""
    data = text if isinstance(text, bytes) else json.dumps(text).encode()
    code = _TAKE_OVER.format(text=data, more=more)
    return pickled(Made(exec, code))


def tensors(*described: object, **other: object) -> dict:
    return {**_FINE, "tensors": list(described), **other}


BROKEN = {
    "deep": b"[" * 100_000,
    "NaN in a shape": json.dumps(tensors(["w", "F32", [float("nan")], 0])).encode(),
    "no machine": tensors(["w", "F32", [2**61, 2**61], 0]),
    "NaN in plain data": tensors(W, plain='{"a": NaN}'),
    "deep plain data": tensors(W, plain="[" * 300 + "]" * 300),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_no_honest_worker_says(tmp_path: Path, case: str) -> None:
    """More cases, without a jail, in tests/isolation/jail/test_fetching.py."""
    told = converted(tmp_path, said(BROKEN[case]), "in.pkl", load_in_jail=True, strip=True)
    assert (told.outcome, told.output) == ("not-converted", None), told
    assert "protocol" in told.reason or "plain data" in told.reason, told.reason
    assert not left_over(tmp_path) - {"in.pkl"}


def test_more_than_a_disk_holds(tmp_path: Path) -> None:
    told = converted(tmp_path, said(tensors(["w", "U8", [2**60], 0])), "in.pkl", load_in_jail=True, strip=True)
    assert (told.outcome, "would take" in told.reason) == ("not-converted", True)
    assert not left_over(tmp_path) - {"in.pkl"}


def test_names_that_lead_out_and_words_that_steer_a_terminal(tmp_path: Path) -> None:
    named = tensors(
        ["../../etc/cron.d/x", "U8", [0], 0], ["a\x1b[2J", "U8", [0], 0], ["__metadata__", "U8", [0], 0],
        ["/abs", "U8", [0], 0], ["fine", "U8", [0], 0], ["x" * 5000, "U8", [0], 0],
        dropped=[["\x1b[31m", "\x07", "\u202e"]],
    )  # fmt: skip
    told = converted(tmp_path, said(named), "in.pkl", load_in_jail=True, strip=True)
    assert set(kept(tmp_path)) == {"fine"}
    assert len(told.lost) == 5
    assert all(part.isprintable() for one in (*told.lost, *told.dropped) for part in (one.where, one.what, one.why))


MISBEHAVING = {
    "says too much": 'giver.answered = lambda self, *_, **__: {"kind": "size", "bytes": 2**40}',
    "says less than nothing": 'giver.answered = lambda self, *_, **__: {"kind": "size", "bytes": -1}',
    "says something else": 'giver.answered = lambda self, *_, **__: {"kind": "ready"}',
    "says nothing known": 'giver.answered = lambda self, *_, **__: {"kind": "more", "bytes": 1}',
    "says a long thing": 'giver.answered = lambda self, *_, **__: {"kind": "failed", "error": "x" * 50_000}',
    "speaks twice": "giver.answered = lambda *_, **__: os.write(3, b'{\"kind\":\"ready\"}') and {'kind': 'ready'}",
    "speaks before it is asked": 'import os; os.write(3, b\'{"kind":"size","bytes":1}\')',
    "speaks of another phase": 'import os; os.write(3, b\'{"kind":"done","phase":"give","error":""}\')',
    "hangs up": "giver.answered = lambda self, *_, **__: os.close(3)",
    "ends": "giver.answered = lambda self, *_, **__: os._exit(0)",
    "crashes": "giver.answered = lambda self, *_, **__: os.abort()",
    "refuses": 'giver.answered = lambda self, *_, **__: {"kind": "failed", "error": "\\x1b[31m"}',
    "waits": "giver.answered = lambda self, *_, **__: __import__('time').sleep(1000)",
    "turns": "giver.answered = lambda self, *_, **__: [None for _ in iter(int, 1)]",
}


@pytest.mark.parametrize("case", MISBEHAVING)
def test_a_worker_that_misbehaves(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert_load, "_SECONDS", 3)
    told = converted(tmp_path, said(tensors(W), MISBEHAVING[case]), "in.pkl", load_in_jail=True, strip=True)
    assert (told.outcome, told.output) == ("not-converted", None), told
    assert told.reason.isprintable()
    assert not left_over(tmp_path) - {"in.pkl"}


def test_truth_values_that_are_neither(tmp_path: Path) -> None:
    more = "giver.piece = lambda self, tensor, at, count: self.window.__setitem__(slice(0, count), b'\\2' * count)"
    told = converted(tmp_path, said(tensors(["w", "BOOL", [9], 0]), more), "in.pkl", load_in_jail=True, strip=True)
    assert (told.outcome, "truth values" in told.reason) == ("not-converted", True), told


def test_the_window_can_be_neither_shrunk_nor_grown(tmp_path: Path) -> None:
    """A worker that shortens it would have the parent die of a bus error."""
    more = (
        "import os; held = []\n"
        "old = frame.f_globals['os'].close\n"
        "def close(fd, old=old):\n"
        "    for size in (0, 1 << 30):\n"
        "        try: os.ftruncate(fd, size)\n"
        "        except OSError: pass\n"
        "    old(fd)\n"
        "frame.f_globals['os'].close = close\n"
        "giver.piece = lambda self, tensor, at, count: self.window.__setitem__(slice(0, count), b'\\7' * count)"
    )
    told = converted(tmp_path, said(tensors(["w", "U8", [5], 0]), more), "in.pkl", load_in_jail=True, strip=True)
    assert kept(tmp_path) == {"w": ("U8", (5,), b"\7" * 5)}, told
    assert sealed.Memory(1).size


def test_an_output_that_is_too_large_for_the_limits(tmp_path: Path) -> None:
    data = pickled({"lazy": Made(numpy.zeros, 10_000)})
    told = converted(tmp_path, data, "in.pkl", load_in_jail=True, limits=Limits(expanded_bytes=1000))
    assert (told.outcome, "would take" in told.reason) == ("not-converted", True)
