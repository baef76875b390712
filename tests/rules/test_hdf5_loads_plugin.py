"""What runs programs is high, what nobody knows is medium, compressors are worth a word."""

import pytest

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.rules.hdf5_loads_plugin import RULE
from tests.rules.judging import SPAN, checked, finding_of


def plugin(target: str, where: str = "/z", kind: str = "filter-plugin") -> Reference:
    return Reference(span=SPAN, kind=kind, target=target, where=where)


@pytest.mark.parametrize(
    ("target", "severity", "says"),
    [
        ("31300 hdf5_udf_filter", Severity.HIGH, "runs the program in its chunk"),
        ("32015 zstd", Severity.INFO, "needs the compressor Zstandard (filter 32015)"),
        ("32015 no such name", Severity.INFO, "needs the compressor Zstandard (filter 32015)"),
        ("333 blosc", Severity.MEDIUM, "makes libhdf5 load every plug-in it finds for the filter 333 blosc"),
        ("0", Severity.MEDIUM, "makes libhdf5 load every plug-in it finds for the filter 0"),
        ("x", Severity.MEDIUM, "makes libhdf5 load every plug-in it finds for the filter x"),
    ],
)
def test_hit(target: str, severity: Severity, says: str) -> None:
    finding = finding_of(RULE, plugin(target), formats=("hdf5",))
    assert finding.severity is severity
    assert finding.message.startswith(f"reading /z {says}")


def test_each_filter_is_one_finding() -> None:
    facts = [plugin("32015 a"), plugin("32015 a", "/y"), plugin("999")]
    assert [one.message[:20] for one in checked(RULE, *facts, formats=("hdf5",))] == [
        "reading /z and 1 mor",
        "reading /z makes lib",
    ]


def test_miss() -> None:
    assert not checked(RULE, plugin("999", kind="external-link"), formats=("hdf5",))
    assert not checked(RULE, plugin("999"), formats=("onnx",))
