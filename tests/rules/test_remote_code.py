"""Code that a loader runs when it is told to trust a repository: which call, which file, and what that file does."""

import json

import pytest

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build.repositories import MODELING, as_json, bert, custom, sentence_transformer
from tests.repository_help import every_finding, in_folder, judged_together, repository, said
from tests.rules.judging import judged

RULE = "remote-code"
RUNS = b"\nimport subprocess\nsubprocess.run(['sh', '-c', 'id'])\n"


def test_honest_code_of_ones_own_is_said_once_and_flagged_as_that() -> None:
    subjects, [found] = judged_together(in_folder(custom()))
    [finding] = [finding for subject in subjects.values() for finding in subject.findings]
    assert (finding.rule, finding.severity) == (RULE, Severity.MEDIUM)
    assert finding.message == (
        "AutoConfig, AutoModel.from_pretrained(…, trust_remote_code=True) would run configuration_own.py, "
        "modeling_own.py of this repository"
    )
    assert found.findings == ()
    assert found.verdict is Verdict.FLAGGED


def test_a_repository_without_such_code_is_clear() -> None:
    assert repository(bert()).verdict is Verdict.CLEAR


def test_what_the_file_does_on_import_is_told_where_it_stands() -> None:
    [finding] = repository(custom(MODELING + RUNS)).findings
    assert (finding.rule, finding.severity) == (RULE, Severity.HIGH)
    assert "modeling_own.py (config.json names it)" in finding.message
    assert "subprocess.run(['sh', '-c', 'id']) on import, which runs a command" in finding.message
    start = len(MODELING + b"\nimport subprocess\n")
    assert finding.where == f"m/modeling_own.py@{start}..{start + len(RUNS) - 20}"


def test_a_configuration_that_trusts_by_itself_makes_it_critical() -> None:
    findings = every_finding(custom(MODELING + RUNS, trust_remote_code=True))
    assert said(findings, RULE) == [(RULE, "critical"), (RULE, "high"), (RULE, "medium")]


def test_code_that_another_file_imports_is_followed() -> None:
    files = custom(MODELING + b"\nfrom .deep.inner import x\nfrom . import other\n")
    files |= {"deep/inner.py": b"from ..far import y\n", "far.py": RUNS, "other.py": b"x = 1\n", "unused.py": RUNS}
    [finding] = repository(files).findings
    assert finding.where.startswith("m/far.py@")
    assert "far.py (deep/inner.py imports it)" in finding.message


def test_a_circle_of_imports_ends() -> None:
    files = custom(MODELING + b"\nfrom .a import x\n")
    files |= {"a.py": b"from .b import x\n", "b.py": b"from .a import x\n" + RUNS}
    assert [finding.where.partition("@")[0] for finding in repository(files).findings] == ["m/b.py"]


def test_what_waits_in_a_function_is_less_and_hidden_code_is_worse() -> None:
    waits = repository(custom(MODELING + b"\nimport os\ndef later(): os.system('x')\n")).findings
    assert said(waits) == [(RULE, "medium")]
    hides = repository(custom(MODELING + b"\nimport base64\ndef f(x): exec(base64.b64decode(x))\n")).findings
    assert said(hides) == [(RULE, "critical")]


def test_so_many_lesser_calls_hide_no_worse_one() -> None:
    many = b"".join(b"def g%d(): os.system('%d')\n" % (at, at) for at in range(300))
    [worst, *_] = repository(custom(b"import os\n" + many + RUNS)).findings
    assert "subprocess.run" in worst.message


def test_code_of_another_repository_is_named() -> None:
    value = {"auto_map": {"AutoModel": "owner/other--modeling_x.X"}}
    [finding] = judged(json.dumps(value).encode(), "config.json").findings
    assert "fetch and run modeling_x.py of the repository owner/other" in finding.message
    assert finding.severity is Severity.MEDIUM


def test_code_that_is_not_there_is_said() -> None:
    files = custom()
    del files["modeling_own.py"]
    assert said(repository(files).findings) == [(RULE, "low")]


def test_names_count_from_the_folder_of_their_configuration_first() -> None:
    part = as_json({"auto_map": {"AutoModel": "inner.X"}})
    files = bert() | {"part/config.json": part, "part/inner.py": RUNS, "inner.py": b"x = 1\n"}
    [finding] = repository(files).findings
    assert finding.where.startswith("m/part/inner.py@")


@pytest.mark.parametrize("place", ["sentence_bert_config.json", "config.json"])
def test_trust_that_a_file_asks_for(place: str) -> None:
    files = sentence_transformer() | {place: as_json({"model_args": {"trust_remote_code": True}})}
    [finding, *_] = every_finding(files)
    assert (finding.rule, finding.severity) == (RULE, Severity.HIGH)
    assert "CVE-2026-5241" in finding.message


def test_pipelines_of_its_own() -> None:
    value = {"custom_pipelines": {"task": {"impl": "own.Pipe", "pt": ["AutoModel"], "type": "text"}}}
    [finding] = judged(json.dumps(value).encode(), "config.json").findings
    assert finding.message.startswith("transformers.pipeline(…, trust_remote_code=True) would run own.py")


def test_a_generate_of_its_own() -> None:
    files = bert() | {"custom_generate/generate.py": b"def generate(model): return model\n"}
    [finding] = repository(files).findings
    assert (finding.rule, finding.severity) == (RULE, Severity.MEDIUM)
    assert "of a folder on disk transformers 4.52 to 4.57 does so unasked" in finding.message
    files["custom_generate/generate.py"] = RUNS
    assert said(repository(files).findings)[0] == (RULE, "critical")
    assert repository(files).findings[0].message.startswith("loading it from disk runs custom_generate/generate.py")
