"""SARIF: valid under the official schema, and within what code scanning takes."""

import gzip
import json
import random
from base64 import b85encode
from functools import cache
from pathlib import Path

import jsonschema_rs
import pytest

from modelairlock.outputs.sarif import results
from modelairlock.outputs.sarif.results import message_text, uri_of
from modelairlock.records.coverage import Because
from modelairlock.records.finding import Severity
from tests.outputs.canonical import ALL, FOLDER, HOSTILE_NAMES, VIEW, call_finding, gap_subject, pickle_flagged, record
from tests.outputs.hostile import hidden_in, rendered

SCHEMA = Path(__file__).parent.parent / "data" / "sarif-2.1.0.json"


@cache
def validator() -> jsonschema_rs.Draft7Validator:
    schema = json.loads(SCHEMA.read_bytes())
    for name in ("run", "toolComponent"):
        # The official schema has an unbalanced bracket there, which strict validators refuse; we write no language.
        del schema["definitions"][name]["properties"]["language"]["pattern"]
    return jsonschema_rs.Draft7Validator(schema)


def run_of(text: str) -> dict:
    return json.loads(text)["runs"][0]


@pytest.mark.parametrize("name", ALL)
def test_it_is_valid_under_the_official_schema(name: str) -> None:
    log = json.loads(rendered("sarif", ALL[name]))
    assert not [f"{e.instance_path}: {e.message}" for e in validator().iter_errors(log)]


def test_the_validator_bites() -> None:
    assert not validator().is_valid({"version": "2.1.0", "runs": [{"results": [{"level": "fatal"}]}]})


def test_findings_and_gaps_become_results() -> None:
    run = run_of(rendered("sarif", FOLDER))
    ids = [result["ruleId"] for result in run["results"]]
    assert ids.count("harmful-call") == 9
    assert {"gap/unvouched", "gap/encrypted", "gap/truncated", "gap/unrecognised", "gap/malformed"} <= set(ids)
    for each in run["results"]:
        assert run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
    assert [r["level"] for r in run["results"][:9]] == ["error"] * 9


def test_offsets_are_of_the_file_and_members_have_none() -> None:
    in_member, in_file = (
        run_of(rendered("sarif", FOLDER))["results"][0],
        run_of(rendered("sarif", FOLDER))["results"][2],
    )
    assert "region" not in in_member["locations"][0]["physicalLocation"]
    assert in_member["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].endswith("!archive/data.pkl")
    assert in_file["locations"][0]["physicalLocation"]["region"] == {"byteOffset": 17, "byteLength": 43}


def test_errors_and_exclusions_become_notifications() -> None:
    invocation = run_of(rendered("sarif", FOLDER))["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert [note["level"] for note in invocation["toolExecutionNotifications"]] == ["error", *["note"] * 3]


def test_rules_carry_what_code_scanning_sorts_by() -> None:
    rule = run_of(rendered("sarif", FOLDER))["tool"]["driver"]["rules"][0]
    assert rule["properties"]["security-severity"] == "9.5"
    assert {"security", "external/cwe/cwe-502"} <= set(rule["properties"]["tags"])


def test_a_rule_that_is_not_in_the_table_is_added_to_it() -> None:
    run = run_of(rendered("sarif", FOLDER, VIEW._replace(rules=())))
    assert "harmful-call" in {rule["id"] for rule in run["tool"]["driver"]["rules"]}


def test_the_table_has_the_rules_of_results_and_no_others() -> None:
    for name, one in ALL.items():
        run = run_of(rendered("sarif", one))
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert sorted(rules) == sorted({result["ruleId"] for result in run["results"]}), name


def test_fingerprints_are_stable_and_differ() -> None:
    first = [result["partialFingerprints"] for result in run_of(rendered("sarif", FOLDER))["results"]]
    again = [result["partialFingerprints"] for result in run_of(rendered("sarif", FOLDER))["results"]]
    assert first == again
    assert len({str(each) for each in first}) == len(first)


@pytest.mark.parametrize(
    ("path", "folder", "uri"),
    [
        ("a b/ü.pt", "", "a%20b/%C3%BC.pt"),
        ("./x/../m.pt", "", "m.pt"),
        ("/repo/m.pt", "/repo", "m.pt"),
        ("/repository/m.pt", "/repo", "file:///repository/m.pt"),
        ("//m.pt", "", "file:///m.pt"),
        ("c:x", "", "c%3Ax"),
        ("a?b#c%\\\n", "", "a%3Fb%23c%25%5C%0A"),
        ("x\udcff", "", "x%FF"),
        ("x\ud800", "", "x%5Cud800"),
    ],
)
def test_locations_are_uris(path: str, folder: str, uri: str) -> None:
    assert uri_of(path, folder) == uri


def test_messages_hold_no_links_and_no_placeholders() -> None:
    assert message_text("see [this](https://evil) {0}") == "see [this] (https://evil) {{0}}"
    assert len(message_text("{" * 5000)) <= 2000


def test_hostile_names_are_escaped() -> None:
    assert not hidden_in(rendered("sarif", HOSTILE_NAMES))


def test_no_more_results_than_code_scanning_takes_and_the_worst_are_kept(monkeypatch) -> None:
    assert results.MOST_RESULTS == 25_000
    monkeypatch.setattr(results, "MOST_RESULTS", 250)
    gaps = (gap_subject(f"{n}.pkl", Because.MALFORMED, "x") for n in range(260))
    text = rendered("sarif", record(*gaps, pickle_flagged("evil.pkl")))
    run = run_of(text)
    assert len(run["results"]) == 250
    assert run["results"][0]["ruleId"] == "harmful-call"
    note = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert note.startswith("11 results, the least severe, are left out")


def test_text_that_does_not_compress_stays_within_the_limit_too(monkeypatch) -> None:
    assert results.MOST_PACKED_BYTES < 9_000_000, "code scanning takes 10 MB"
    monkeypatch.setattr(results, "MOST_PACKED_BYTES", 400_000)
    noise = b85encode(random.Random(1).randbytes(800_000)).decode()
    subjects = [
        gap_subject(noise[at : at + 150], Because.MALFORMED, noise[at + 150 : at + 750])
        for at in range(0, len(noise) - 750, 750)
    ]
    text = rendered("sarif", record(*subjects))
    assert len(gzip.compress(text.encode(), 6)) < 500_000
    assert "are left out" in text


def test_every_severity_has_a_level_and_a_score() -> None:
    for severity in Severity:
        finding = call_finding("a@0..1")
        one = type(finding)(
            **{name: getattr(finding, name) for name in finding.__struct_fields__} | {"severity": severity}
        )
        subject = pickle_flagged("a")
        subject = type(subject)(
            **{name: getattr(subject, name) for name in subject.__struct_fields__} | {"findings": (one,)}
        )
        result = run_of(rendered("sarif", record(subject)))["results"][0]
        assert result["level"] in {"error", "warning", "note"}
