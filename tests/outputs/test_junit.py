"""The JUnit report: well-formed whatever the files are called, a test case a file."""

import xml.etree.ElementTree as ET

import pytest

from tests.outputs.canonical import ALL, FOLDER, HOSTILE_NAMES, VIEW
from tests.outputs.hostile import hidden_in, rendered


def suite(name: str) -> ET.Element:
    return ET.fromstring(rendered("junit", ALL[name])).find("testsuite")


@pytest.mark.parametrize("name", ALL)
def test_it_is_well_formed_and_counts_right(name: str) -> None:
    top = suite(name)
    assert int(top.get("tests")) == len(top.findall("testcase"))
    assert int(top.get("failures")) == len(top.findall("testcase/failure"))
    assert int(top.get("errors")) == len(top.findall("testcase/error"))
    assert int(top.get("skipped")) == len(top.findall("testcase/skipped"))


def test_flagged_fails_incomplete_errs_clear_passes() -> None:
    cases = {case.get("name"): case for case in suite("folder").findall("testcase")}
    assert len(cases) == 16 + 1 + 1 + 2
    assert "loading it would call" in cases["hub/pytorch_model.bin"].find("failure").text
    assert cases["hub/pytorch_model.bin"].find("failure").get("message").startswith("critical")
    assert cases["hub/secret.zip"].find("error").get("type") == "incomplete"
    assert cases["gone.pt"].find("error").get("type") == "operator"
    assert len(cases["hub/model.safetensors"]) == 0
    assert cases["hub/link"].find("skipped") is not None


def test_hostile_names_are_escaped() -> None:
    text = rendered("junit", HOSTILE_NAMES)
    assert not hidden_in(text)
    assert "</testcase>" in ET.fromstring(text).find("testsuite/testcase").get("name")


def test_the_time_is_there_if_it_is_known() -> None:
    assert 'time="1.500"' in rendered("junit", FOLDER, VIEW._replace(seconds=1.5))
