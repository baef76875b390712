"""What declares a thousand times what it stores is told; what stores what it declares is not."""

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.rules.hdf5_shape_bomb import RULE
from tests.build import hdf5_builder as h
from tests.build.hdf5_builder import File
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def odd(kind: str) -> Irregularity:
    return Irregularity(span=SPAN, kind=kind, detail="/w declares 8 bytes and stores 0")


def test_hit() -> None:
    finding = finding_of(RULE, odd("hdf5-shape-bomb"), odd("hdf5-shape-bomb"))
    assert finding.severity is Severity.MEDIUM
    assert finding.message == "/w declares 8 bytes and stores 0 (and 1 more): loading it takes memory for all of it"


def test_miss() -> None:
    assert not checked(RULE, odd("hdf5-cycle"))


def test_from_a_file() -> None:
    file = File()
    data = file.whole(file.folder(h.link("w", file.dataset(None, h.FLOAT, h.shape(1 << 40, 1 << 10)))))
    [finding] = findings(judged(data, "model.h5"), RULE.name)
    assert finding.message.startswith("/w declares 4503599627370496 bytes and stores 0")
    assert not findings(judged(h.small(), "model.h5"), RULE.name)
