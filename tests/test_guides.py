"""What the guides say, tried out."""

import json
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import modelairlock
from tests.build import transformers_builder
from tests.build.pickle_builder import STOP

GUIDES = Path(__file__).resolve().parent.parent / "docs" / "guide"


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (GUIDES / guide).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_python_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    Path("more").mkdir()
    Path("models/honest.pkl").write_bytes(b"\x80\x04}" + STOP)
    Path("models/evil.pkl").write_bytes(b"cposix\nsystem\n(X\x02\x00\x00\x00idtR.")  # never loaded
    Path("models/cut.pkl").write_bytes(b"\x80\x04}")
    Path("more/model.pt").write_bytes(b"\x80\x04}" + STOP)
    names: dict = {"SERVING": sys.executable}
    for block in blocks("python.md", "python"):
        exec(compile(block, "python.md", "exec"), names)  # ours, and no model's
    said = capsys.readouterr().out
    for part in (
        "flagged models/evil.pkl",
        "critical runs-harmful-code",
        "truncated models/cut.pkl",
        "no limit called",
    ):
        assert part in said, said
    assert names["may_be_loaded"]("models/honest.pkl")
    assert not names["may_be_loaded"]("models/evil.pkl")
    assert not names["may_be_loaded"]("models/cut.pkl")
    assert not names["may_be_loaded"]("models/gone.pkl")


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.frameworks
@pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
def test_the_guide_to_isolated_models_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    joblib = pytest.importorskip("joblib")
    linear = pytest.importorskip("sklearn.linear_model")
    monkeypatch.chdir(tmp_path)
    fitted = linear.LogisticRegression().fit([[0.0] * 12, [1.0] * 12], [0, 1])
    joblib.dump(fitted, "churn.joblib")
    names: dict = {"SERVING": sys.executable}
    pytest.importorskip("transformers")
    transformers_builder.gpt2(Path("my-model"))
    for block in blocks("isolated-models.md", "python"):
        exec(compile(block, "isolated-models.md", "exec"), names)
    said = capsys.readouterr().out
    for part in (
        "[0 0 0 0]",
        "(4, 2)",
        "joblib.load",
        "X has 3 features",
        "[UNK]",
        "This is what the jailed process says",
    ):
        assert part in said, said


def test_the_settings_guide_has_every_key(tmp_path: Path) -> None:
    from modelairlock.cli.commands.scan import command
    from modelairlock.cli.settings import options_by_key

    [example] = blocks("settings.md", "toml")
    assert set(tomllib.loads(example)) == set(options_by_key(command)), "docs/guide/settings.md lists all keys"


def test_the_converting_guide_converts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from modelairlock.cli.group import airlock
    from tests.build import gguf_builder, pickle_builder, torch_builder

    monkeypatch.chdir(tmp_path)
    plain = {"not a number": float("nan"), "bytes": b"\x00\xff", "above 2**53": 2**80}
    weights = {"w": torch_builder.tensor()}
    run = pickle_builder.call(pickle_builder.global_("posix", "system"), "id")
    Path("model.pt").write_bytes(torch_builder.checkpoint(torch_builder.state({**weights, **plain})))
    Path("hostile.pt").write_bytes(torch_builder.checkpoint(torch_builder.state({**weights, "x": run})))
    template = gguf_builder.key("tokenizer.chat_template", gguf_builder.string("{{ x.__class__.__mro__ }}"))
    Path("chat.gguf").write_bytes(gguf_builder.gguf([gguf_builder.ARCHITECTURE, template]))
    shutil.copytree(GUIDES.parent.parent / "tests/data/tensorflow/module/variables", "variables")
    for block in blocks("convert.md", "sh"):
        if "--load-in-jail" in block:
            continue  # below
        done = CliRunner().invoke(airlock, block.split()[1:], prog_name="airlock")
        assert (done.exit_code, done.stdout[:9]) == (0, "CONVERTED"), done.output
    assert CliRunner().invoke(airlock, ["convert", "hostile.pt", "again.safetensors"]).exit_code == 1
    [example] = blocks("convert.md", "json")
    assert json.loads(Path("model.safetensors.json").read_text("ascii"))["data"] == json.loads(example)
    assert Path("weights.safetensors").exists()
    assert not Path("again.safetensors").exists()


@pytest.mark.jail
@pytest.mark.usefixtures("jailed_python")
@pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")
def test_the_converting_guide_loads_in_the_jail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from modelairlock.cli.group import airlock
    from tests.build import pickle_builder

    pytest.importorskip("numpy")
    monkeypatch.chdir(tmp_path)
    made = pickle_builder.call(pickle_builder.global_("numpy", "arange"), 3)
    Path("odd.pkl").write_bytes(pickle_builder.proto() + made + STOP)
    assert "--load-in-jail" in CliRunner().invoke(airlock, ["convert", "odd.pkl", "not.safetensors"]).stdout
    [block] = [one for one in blocks("convert.md", "sh") if "--load-in-jail" in one]
    done = CliRunner().invoke(airlock, block.replace("~/venvs/odd", sys.executable).split()[1:], prog_name="airlock")
    assert (done.exit_code, done.stdout[:9]) == (0, "CONVERTED"), done.output
    assert "by loading it in the jail" in done.stdout


#: the beginnings of files that README and docs/formats/README.md call not read yet
NOT_READ = {
    "x.onnx": b"\x08\x07\x12\x07pytorch\x1a\x032.0:\x1a\n\x05\n\x01x\x12\x01y\x22\x08Identity\x12\x05graph",
    "x.h5": b"\x89HDF\r\n\x1a\n" + bytes(88),
    "saved_model.pb": b"\x08\x01\x12\x08\n\x06\x12\x04\n\x02ab",
    "x.tflite": b"\x1c\x00\x00\x00TFL3" + bytes(32),
    "x.model": b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02\n\x0c\n\x03<s>\x15\x00\x00\x00\x00\x18\x03",
    "x.yaml": b"a: 1\nb: [2, 3]\n",
    "x.ubj": b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{L\x00\x00\x00\x00\x00\x00\x00\x01aU\x01}}",
    "x.bin": b"binf" + bytes(100),
}


def test_what_is_not_read_yet_is_incomplete(tmp_path: Path) -> None:
    for name, content in NOT_READ.items():
        (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", NOT_READ["x.h5"])
    found = {Path(subject.path).name: subject.verdict for subject in modelairlock.scan(tmp_path).subjects}
    assert found == dict.fromkeys([*NOT_READ, "x.keras"], modelairlock.Verdict.INCOMPLETE)
