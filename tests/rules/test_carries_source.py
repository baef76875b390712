"""torch.package archives import the Python source that they carry."""

from modelairlock.records.finding import Severity
from tests.build import pickle_builder as p
from tests.build.zip_builder import Entry, zip_file
from tests.rules.judging import findings, judged

RULE = "carries-source"


def package(*extra: Entry) -> bytes:
    return zip_file(
        Entry("model/model.pkl", p.whole(p.push({"a": 1}))), Entry("model/.data/extern_modules", b"os\n"), *extra
    )


def test_hit() -> None:
    [finding] = findings(judged(package(Entry("model/own.py", b"x = 1\n")), "model.pt"), RULE)
    assert finding.severity is Severity.MEDIUM
    assert finding.message == "loading it imports the code it carries: 1 module (model/own.py)"


def test_miss() -> None:
    assert not findings(judged(package(), "model.pt"), RULE)
    assert not findings(judged(zip_file(Entry("own.py", b"x = 1\n")), "a.zip"), RULE)
