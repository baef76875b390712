"""The JSON report: the schema, and nothing else."""

import json

import jsonschema_rs
import msgspec
import pytest

from modelairlock.outputs.json import schema
from modelairlock.records.scan import ScanRecord
from tests.outputs.canonical import ALL, FOLDER, HOSTILE, HOSTILE_NAMES
from tests.outputs.hostile import hidden_in, rendered

VALIDATOR = jsonschema_rs.validator_for(schema())


@pytest.mark.parametrize("name", ALL)
def test_it_is_valid_under_the_published_schema(name: str) -> None:
    problems = [
        f"{e.instance_path}: {e.message}" for e in VALIDATOR.iter_errors(json.loads(rendered("json", ALL[name])))
    ]
    assert not problems


def test_the_schema_refuses_what_is_no_report() -> None:
    report = json.loads(rendered("json", FOLDER))
    assert not VALIDATOR.is_valid({**report, "verdict": "safe"})
    assert not VALIDATOR.is_valid({**report, "schema": "modelairlock/scan/2"})
    assert not VALIDATOR.is_valid({key: value for key, value in report.items() if key != "tool"})


def test_the_schema_lets_later_versions_gain_fields() -> None:
    assert VALIDATOR.is_valid({**json.loads(rendered("json", FOLDER)), "later": 1})


def test_it_goes_round_trip() -> None:
    assert msgspec.json.decode(rendered("json", FOLDER), type=ScanRecord) == FOLDER


def test_it_is_the_same_on_repeat() -> None:
    assert rendered("json", FOLDER) == rendered("json", FOLDER)


def test_the_fields_of_the_contract_are_there() -> None:
    report = json.loads(rendered("json", FOLDER))
    assert {"schema", "verdict", "started", "tool", "subjects", "repositories"} <= set(report)
    assert {"name", "version", "rules_digest", "profiles_digest", "isolation"} == set(report["tool"])
    assert {"path", "verdict", "formats", "sha256", "size_bytes", "findings", "coverage", "assumes", "blind_spots",
            "members", "data_of"} == set(report["subjects"][0])  # fmt: skip
    finding = report["subjects"][0]["members"][0]["findings"][0]
    assert {"rule", "severity", "confidence", "message", "where", "evidence", "help", "cwe", "atlas"} == set(finding)
    assert finding["evidence"][0]["fact"] == "call"


def test_hostile_names_are_escaped_and_come_back_as_they_were() -> None:
    text = rendered("json", HOSTILE_NAMES)
    assert not hidden_in(text)
    # A lone surrogate has no UTF-8; it alone is changed, into what it is shown as.
    assert json.loads(text)["subjects"][0]["path"] == HOSTILE.replace("\udcff", "\\udcff")


def test_astral_characters_are_escaped_as_pairs() -> None:
    tag = "\U000e0041"
    one = msgspec.structs.replace(FOLDER, started=f"x{tag}\x7fé😀")
    assert json.loads(rendered("json", one))["started"] == f"x{tag}\x7fé😀"
    assert "\\udb40\\udc41\\u007fé😀" in rendered("json", one)


def test_every_description_is_of_a_field_that_exists() -> None:
    definitions = schema()["$defs"]
    assert definitions["Finding"]["properties"]["where"]["description"]
    assert definitions["Subject"]["description"]
