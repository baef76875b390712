"""MetaGraphs of TensorFlow 1."""

from pathlib import Path

from modelairlock.formats.meta_graph import FORMAT
from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import tensorflow_builder as t
from tests.formats.tensorflow_help import torn_everywhere
from tests.reading_help import change_everywhere, probe, read
from tests.rules.judging import judged

REAL = Path(__file__).parent.parent / "data" / "tensorflow" / "tf1" / "model.ckpt-7.meta"


def collections() -> bytes:
    asset = t.field(1, t.field(1, "path:0")) + t.field(2, "vocab.txt")
    anything = t.field(1, "type.googleapis.com/tensorflow.AssetFileDef") + t.field(2, asset)
    return b"".join(
        t.field(4, t.field(1, key) + t.field(2, value))
        for key, value in (
            ("saved_model_assets", t.field(5, t.field(1, anything))),
            ("asset_filepaths", t.field(1, t.field(1, "other:0"))),
            ("variables", t.field(2, t.field(1, "w:0"))),
            ("steps", t.field(3, t.field(1, b"\x01\x02"))),
            ("rates", t.field(4, t.field(1, bytes(8)))),
        )
    )


def example() -> bytes:
    nodes = (t.const("path", "/old/vocab.txt"), t.node("fill", "InitializeTableFromTextFileV2", "table", "path"))
    return t.meta_graph(t.graph(*nodes), more=collections())


def test_hit() -> None:
    assert FORMAT.claims(probe(example()))
    facts, gaps, _ = read(FORMAT, example())
    assert gaps == []
    assert [fact.target for fact in facts if isinstance(fact, Reference)] == ["vocab.txt"]


def test_an_asset_is_fed_by_the_loader() -> None:
    subject = judged(example(), "model.meta")
    assert subject.verdict is Verdict.CLEAR
    [finding] = subject.findings
    assert finding.severity is Severity.LOW
    assert "'/old/vocab.txt'" in finding.message


def test_a_list_of_operators_may_come_first() -> None:
    operators = t.field(2, t.field(1, t.field(1, "Abs") + t.field(2, t.field(1, "x"))))
    assert FORMAT.claims(probe(t.field(1, operators) + t.field(2, t.graph(t.placeholder("a")))))


def test_miss() -> None:
    for data in (b"", t.honest(), t.graph(t.placeholder("a")), t.keras_metadata()):
        assert not FORMAT.claims(probe(data))


def test_damaged() -> None:
    torn_everywhere(example(), FORMAT)


def test_changed() -> None:
    change_everywhere(example(), FORMAT)


def test_a_real_one() -> None:
    subject = judged(REAL.read_bytes(), REAL.name)
    assert subject.formats == ("meta_graph",)
    assert subject.verdict is Verdict.CLEAR
    assert [finding.severity for finding in subject.findings] == [Severity.LOW]
