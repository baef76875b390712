"""Assets, shards and checkpoints that lie elsewhere."""

import json

import pytest

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.tensorflow_path_leaves_folder import RULE as CHECK
from tests.build import tensorflow_builder as t
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def named(target: str, kind: str = "tensorflow-asset") -> Reference:
    return Reference(span=SPAN, kind=kind, target=target)


def test_hit() -> None:
    subject = judged(t.plain(t.placeholder("a"), assets=[("a:0", "../../etc/passwd")]), "saved_model.pb")
    [finding] = findings(subject, CHECK.name)
    assert finding.message == "loading it opens '../../etc/passwd' as an asset, outside the model's folder"
    assert subject.verdict is Verdict.FLAGGED


def test_shards_of_tensorflow_js() -> None:
    said = {"modelTopology": {"node": []}, "weightsManifest": [{"paths": ["https://x.example/w.bin"], "weights": []}]}
    subject = judged(json.dumps(said).encode(), "model.json")
    assert [finding.severity for finding in findings(subject, CHECK.name)] == [Severity.MEDIUM]


def test_a_checkpoint_of_another_machine_is_information() -> None:
    subject = judged(b'model_checkpoint_path: "/home/user/m-7"\n', "checkpoint")
    assert [finding.severity for finding in subject.findings] == [Severity.INFO]
    assert subject.verdict is Verdict.CLEAR


@pytest.mark.parametrize(
    "target", ["/x", "\\x", "~/x", "C:\\x", "c:x", "../x", "a/../x", "a\\..\\x", "..", "http://x", "file:x", "a\0b"]
)
def test_hit_by_hand(target: str) -> None:
    assert finding_of(CHECK, named(target)).severity is Severity.MEDIUM


@pytest.mark.parametrize("target", ["%2E%2e/x", "a/.%2e/x", ".\t./x", "\n//x.example/w"])
def test_shards_as_a_browser_reads_their_addresses(target: str) -> None:
    assert finding_of(CHECK, named(target, "tfjs-weights")).severity is Severity.MEDIUM
    if "%" in target:  # a file system takes these as they stand
        assert not checked(CHECK, named(target))


@pytest.mark.parametrize("target", ["vocab.txt", "a/b.txt", "..x", "a..b", "x...", "1:2", "-a"])
def test_miss_by_hand(target: str) -> None:
    assert not checked(CHECK, named(target), named("/x", "vocabulary"))
