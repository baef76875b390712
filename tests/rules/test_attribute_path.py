"""A dotted name reaches any module by way of any other."""

import pytest

from modelairlock.records.finding import Confidence, Severity
from modelairlock.rules.attribute_path import RULE as CHECK
from tests.build import pickle_builder as p
from tests.rules.judging import checked, finding_of, findings, imported, judged

RULE = "attribute-path"


def test_hit() -> None:
    subject = judged(p.whole(p.call(p.stack_global("pathlib", "os.system"), "id")))
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.HIGH
    assert finding.message == "it reaches os.system by way of pathlib"
    assert findings(subject, "runs-harmful-code")


def test_a_nested_class_of_a_library_is_told_quietly() -> None:
    [finding] = findings(judged(p.whole(p.push([p.stack_global("somelib.nn", "Model.Config")]))), RULE)
    assert finding.severity is Severity.LOW


def test_miss() -> None:
    assert not findings(judged(p.whole(p.push([p.stack_global("collections", "OrderedDict")]))), RULE)


@pytest.mark.parametrize(
    ("module", "qualname", "severity"),
    [
        ("pathlib", "os.system", Severity.HIGH),
        ("pathlib", "Path.cwd", Severity.HIGH),  # no model needs a part of Python by a path
        ("somelib", "os.system", Severity.HIGH),
        ("somelib", "Model._hidden", Severity.HIGH),
        ("somelib", "Model.__init__.__globals__", Severity.HIGH),
        ("somelib", ".x", Severity.HIGH),
        ("somelib", "Model.Config", Severity.LOW),
    ],
)
def test_hit_by_hand(module: str, qualname: str, severity: Severity) -> None:
    finding = finding_of(CHECK, imported(module, qualname))
    assert (finding.severity, finding.confidence) == (severity, Confidence.MEDIUM)
    assert finding.message == f"it reaches {qualname} by way of {module}"
    assert (finding.cwe, finding.atlas) == (("CWE-502", "CWE-184"), ("AML.T0011.000",))


def test_miss_by_hand() -> None:
    assert not checked(CHECK, imported("os.path", "join"), imported("somelib.nn", "Model"))
