"""Folders of transformers: honest ones are quiet, and what the code of a hostile one does is seen from outside."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from modelairlock.isolation.jail import Folder, Job, loading, run, used
from modelairlock.pipeline.model_folder import whole
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JailLimits, JailResult, Outcome
from tests.build import transformers_builder as build
from tests.isolation.jail.world import INTERPRETER, MODES, WHO, as_user, calls

pytestmark = [
    pytest.mark.jail,
    pytest.mark.frameworks,
    pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's"),
]
transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
#: each level and each user once: all four are tried with less, in test_folder.py
PAIRS = (("strict", WHO[0]), ("confined", WHO[-1]))
PACKAGES = str(Path(transformers.__file__).parent.parent)
#: several folders in one run, since the imports take seconds
SEVERAL = """
def _several(state, inputs, argument):
    import os
    place = os.environ["AIRLOCK_MODEL"]
    for name in sorted(os.listdir(place)):
        found = state["load"](-1, os.path.join(place, name))
        print(name, *sorted(found), *(type(one).__name__ for one in found.values() if hasattr(one, "forward")))
PHASES["load"] = _several
"""


@pytest.fixture(scope="module")
def models() -> Iterator[Path]:
    """Where an ordinary user reads too: the parent opens what the jail asks for, and pytest's folders are root's."""
    with tempfile.TemporaryDirectory(prefix="models-") as name:
        root = Path(name)
        build.bert(root / "bert")
        build.gpt2(root / "gpt2")
        build.wav2vec2(root / "wav2vec2")
        for one in (root, *root.rglob("*")):
            one.chmod(0o755)
        yield root


def made(folder: Folder, mode: str, who: str = "root", code: str = "") -> Job:
    job = loading("transformers", folder, sys.executable, ["numpy"])
    if mode == "confined" or who == "ordinary":
        # Root's home, where the tests' Python may be, is closed to others.
        job = msgspec.structs.replace(job, interpreter=INTERPRETER, import_from=(PACKAGES,))
    return msgspec.structs.replace(job, code=job.code + code)


def loaded(job: Job, mode: str, who: str = "root") -> JailResult:
    limits = JailLimits()
    return as_user(who, lambda: run(job, require=Level(mode), limits=limits, detonate=True, enabled_layers=MODES[mode]))


@pytest.mark.parametrize(("mode", "who"), PAIRS)
def test_honest_models_are_quiet(mode: str, who: str, models: Path) -> None:
    with Folder(whole(str(models))) as folder:
        result = loaded(made(folder, mode, who, SEVERAL), mode, who)
    assert (result.outcome, result.events) == (Outcome.COMPLETED, ()), (result.detail, result.output, result.events)
    assert result.output.strip().split("\n")[-3:] == [
        "bert AutoConfig AutoTokenizer BertForSequenceClassification BertForSequenceClassification",
        "gpt2 AutoConfig AutoTokenizer GPT2LMHeadModel GPT2LMHeadModel",
        "wav2vec2 AutoConfig AutoFeatureExtractor Wav2Vec2Model Wav2Vec2Model",
    ]


def test_the_code_of_an_honest_model_runs_and_is_quiet(tmp_path: Path) -> None:
    bar = "import torch\nfrom tqdm import tqdm\nfor _ in tqdm(range(2)): torch.cuda.is_available()\n"
    own = build.with_code(tmp_path / "own", bar)
    (own / "__init__.py").write_text("raise SystemExit('transformers does not run this')\n")
    with Folder(whole(str(build.in_cache(own, tmp_path / "cache")))) as folder:
        result = loaded(made(folder, "strict", code="""
_usual = PHASES["load"]
def _told(state, inputs, argument):
    _usual(state, inputs, argument)
    print({name: type(one).__module__ for name, one in state["model"][0].items()})
PHASES["load"] = _told
"""), "strict")  # fmt: skip
    assert (result.outcome, result.events) == (Outcome.COMPLETED, ()), (result.detail, result.output, result.events)
    assert "'AutoModel': 'transformers_modules.model.modeling_own'" in result.output


def test_what_the_code_of_a_hostile_model_tries_is_seen(tmp_path: Path) -> None:
    own = build.with_code(tmp_path / "own", build.HOSTILE)
    before = {one.name: one.read_bytes() for one in own.iterdir()}
    with Folder(whole(str(own))) as folder:
        result = loaded(made(folder, "strict"), "strict")
    assert result.outcome is Outcome.COMPLETED_WITH_VIOLATIONS, (result.detail, result.output)
    assert calls(result) >= {"execve", "socket", "openat"}
    opened = {event.arguments[0]: event.action for event in result.events if event.syscall == "openat"}
    assert opened == {"/etc/passwd": "EACCES", "/airlock/model-0/config.json": "EACCES"}
    assert {one.name: one.read_bytes() for one in own.iterdir()} == before


def test_what_waits_for_the_first_text_is_seen(tmp_path: Path) -> None:
    """Code of the folder's own is no library's: all that a model may be asked for is asked of it."""
    folder = tmp_path / "models"
    own = build.with_code(folder / "own")
    with (own / "modeling_own.py").open("a") as file:
        file.write("\n    def generate(self, prompt):\n        open('/etc/class')\n")
    source = "def generate(model, input_ids, generation_config=None, **more):\n    open('/etc/function')\n"
    build.with_generation(folder / "text", source)
    code = """
def _both(state, inputs, argument):
    import os
    place = os.environ["AIRLOCK_MODEL"]
    state["model"] = [state["load"](-1, os.path.join(place, name)) for name in ("own", "text")]
PHASES["load"] = _both
"""
    with Folder(whole(str(folder))) as one:
        result = loaded(used(made(one, "strict", code=code)), "strict")
    opened = {event.arguments[0] for event in result.events if event.syscall == "openat"}
    assert opened == {"/etc/class", "/etc/function"}, (result.detail, result.phases)
    assert {event.phase for event in result.events} == {"inference"}


def test_code_in_another_repository_is_missing_and_nobodys_attempt(tmp_path: Path) -> None:
    mapped = {"model_type": "own", "auto_map": {"AutoConfig": "other/repository--conf.Own"}}
    (tmp_path / "config.json").write_text(json.dumps(mapped))
    with Folder(whole(str(tmp_path))) as folder:
        result = loaded(made(folder, "strict"), "strict")
    assert (result.outcome, result.events) == (Outcome.LOADER_ERROR, ()), result.detail
    assert "conf.py lies in another repository, other/repository" in result.detail
