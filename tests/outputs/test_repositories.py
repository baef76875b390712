"""Repositories in every output: flagged ones, incomplete ones, and those whose files are fine one by one."""

import json
import xml.etree.ElementTree as ET

import pytest
from msgspec.structs import replace

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.scan import Repository, ScanRecord, Verdict
from tests.outputs.canonical import HOSTILE, VIEW, clear_subject, record, zip_finding
from tests.outputs.hostile import hidden_in, rendered

GAP = Gap(start=0, end=0, because=Because.OVER_LIMIT, detail="m/x.json states more than is kept")
INCOMPLETE = Repository(path="half", verdict=Verdict.INCOMPLETE, files=3, gaps=(GAP,))
BY_A_FILE = Repository(path="held", verdict=Verdict.INCOMPLETE, files=2)
CLEAR = Repository(path="fine", verdict=Verdict.CLEAR, files=4)
FLAGGED = Repository(path="bad", verdict=Verdict.FLAGGED, files=5, findings=(zip_finding("bad/a.bin@0..30"),))


def together(*repositories: Repository) -> ScanRecord:
    return record(clear_subject("fine/model.safetensors"), clear_subject("bad/a.bin"), repositories=repositories)


ALL = together(INCOMPLETE, BY_A_FILE, CLEAR, FLAGGED)


def test_text() -> None:
    text = rendered("text", ALL)
    assert "4 repositories: 1 flagged, 2 incomplete, 1 clear." in text
    assert "FLAGGED     bad   these files together" in text
    assert "INCOMPLETE  half   these files together" in text
    assert "over_limit: m/x.json states more than is kept" in text
    assert "held" not in text
    verbose = rendered("text", ALL, VIEW._replace(verbose=True))
    assert "held, as a repository: incomplete, 2 files" in verbose
    assert "fine, as a repository: clear, 4 files" in verbose


def test_text_says_when_only_files_together_are_flagged() -> None:
    text = rendered("text", replace(together(FLAGGED), verdict=Verdict.FLAGGED))
    assert text.startswith("FLAGGED     no file is by itself, but files are that a loader opens together")


def test_a_thousand_of_them_do_not_fill_the_screen() -> None:
    text = rendered("text", together(*[FLAGGED] * 1_000))
    assert text.count("these files together") == 20
    assert "and 980 repositories more with -v" in text


def test_junit() -> None:
    suite = ET.fromstring(rendered("junit", ALL)).find("testsuite")
    cases = {case.get("name"): case for case in suite.findall("testcase[@classname='repository']")}
    assert set(cases) == {"half", "held", "fine", "bad"}
    assert "zip-disagreement at bad/a.bin@0..30" in cases["bad"].find("failure").text
    assert "over_limit: m/x.json states" in cases["half"].find("error").text
    assert cases["held"].find("error").get("message") == "incomplete, as the worst of its 2 files"
    assert len(cases["fine"]) == 0
    assert (suite.get("failures"), suite.get("errors")) == ("1", "2")


def test_markdown() -> None:
    text = rendered("markdown", ALL)
    assert "### FLAGGED `bad`\n\nThese files together:" in text
    order = [text.index(f"- {one}") for one in ("FLAGGED `bad`, 5 files", "INCOMPLETE `half`, 3 files", "CLEAR `fine`")]
    assert order == sorted(order)
    assert "`m/x.json states more than is kept`" in text


def test_sarif_points_at_the_file() -> None:
    [run] = json.loads(rendered("sarif", ALL))["runs"]
    found = {result["ruleId"]: result["locations"][0]["physicalLocation"] for result in run["results"]}
    assert found["zip-disagreement"]["artifactLocation"]["uri"] == "bad/a.bin"
    assert found["zip-disagreement"]["region"] == {"byteOffset": 0, "byteLength": 30}
    assert found["gap/over_limit"]["artifactLocation"]["uri"] == "half"


@pytest.mark.parametrize("output", ["text", "json", "junit", "markdown", "sarif"])
def test_hostile_folders_are_escaped(output: str) -> None:
    gap = Gap(start=0, end=0, because=Because.UNSUPPORTED, detail=HOSTILE)
    hostile = Repository(path=HOSTILE, verdict=Verdict.FLAGGED, gaps=(gap,), findings=(zip_finding(f"{HOSTILE}@0..1"),))
    assert not hidden_in(rendered(output, together(hostile), VIEW._replace(verbose=True)))
