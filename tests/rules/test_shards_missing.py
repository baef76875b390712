"""Shards that an index names and the folder lacks, and those of the same series that it does not name."""

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build.repositories import bert, weights
from tests.repository_help import repository

RULE = "shards-missing"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"
SECOND = "model-00002-of-00003.safetensors"


def test_all_there() -> None:
    assert repository(bert()).findings == ()


def test_one_is_not_there() -> None:
    files = bert()
    del files[SECOND]
    found = repository(files)
    [finding] = found.findings
    assert (finding.rule, finding.severity) == (RULE, Severity.LOW)
    assert finding.message == (
        "of 3 shards that model.safetensors.index.json names, 1 are not among the files that were scanned: "
        "model-00002-of-00003.safetensors"
    )
    assert finding.where.startswith("m/model.safetensors.index.json@")
    assert found.verdict is Verdict.CLEAR


def test_one_is_a_pointer() -> None:
    found = repository(bert() | {SECOND: POINTER})
    assert "1 are pointers of git-lfs" in found.findings[0].message
    assert found.verdict is Verdict.INCOMPLETE


def test_one_more_of_the_same_series() -> None:
    found = repository(bert() | {"model-00004-of-00003.safetensors": weights(), "adapter-00001-of-00001.bin": b""})
    [finding] = found.findings
    assert finding.severity is Severity.INFO
    assert "does not name model-00004-of-00003.safetensors" in finding.message


def test_an_index_in_a_folder_counts_from_there() -> None:
    files = {f"unet/{path}": content for path, content in bert().items()} | {"config.json": b"{}"}
    assert repository(files).findings == ()


def test_of_many_only_some_are_named() -> None:
    files = bert()
    for path in [path for path in files if path.endswith(".safetensors")]:
        del files[path]
    [finding] = repository(files).findings
    assert "3 are not" in finding.message
