"""Frozen graphs, and graphs that somebody says are one."""

from pathlib import Path

from modelairlock.formats.graph_def import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator
from modelairlock.records.scan import Verdict
from tests.build import tensorflow_builder as t
from tests.formats.tensorflow_help import torn_everywhere
from tests.reading_help import change_everywhere, probe, read
from tests.rules.judging import judged

REAL = Path(__file__).parent.parent / "data" / "tensorflow" / "frozen.pb"


def example() -> bytes:
    weights = t.field(8, t.tensor(t.FLOAT, t.field(4, bytes(40)), shape=(10,)))
    return t.graph(
        t.placeholder("x", t.FLOAT),
        t.node("w", "Const", dtype=t.type_(t.FLOAT), value=weights),
        t.node("y", "MatMul", "x", "w", T=t.type_(t.FLOAT)),
        functions=[t.function("f", ["a"], t.node("b", "Identity", "a", T=t.type_(t.STRING)))],
    )


def test_hit() -> None:
    assert FORMAT.claims(probe(example()))
    facts, gaps, _ = read(FORMAT, example())
    assert gaps == []
    names = {fact.name for fact in facts if isinstance(fact, Operator)}
    assert names == {"Placeholder", "Const", "MatMul", "Identity"}


def test_its_holder_may_say_so() -> None:
    strange = t.field(50, "stranger") + t.graph(t.placeholder("a"))
    assert not FORMAT.claims(probe(strange[:12]))
    assert FORMAT.claims(probe(strange, role="graph"))
    assert [gap.because for gap in read(FORMAT, strange).gaps] == [Because.UNRECOGNISED]


def test_functions_or_versions_may_come_first() -> None:
    function = t.function("f", ["a"], t.node("b", "Abs", "a"))
    assert FORMAT.claims(probe(t.graph(functions=[function])))
    assert FORMAT.claims(probe(t.field(4, t.number(1, 9)) + t.field(1, t.placeholder("a"))))


def test_miss() -> None:
    for data in (
        b"", b"\n\n\n", b"\nabc\x12", t.honest(), t.keras_metadata(), t.field(1, t.field(1, "no") + t.number(2, 1)),
        t.field(1, t.field(1, "two words") + t.field(2, "Abs")), t.field(1, t.field(1, "name") + t.field(2, "No op")),
        t.field(1, t.field(1, "<unk>") + b"\x15\0\0\0\0\x18\x02"), b"\x0a\x04\x0a\x02ab",
    ):  # fmt: skip
        assert not FORMAT.claims(probe(data)), data


def test_damaged() -> None:
    torn_everywhere(example(), FORMAT)


def test_changed() -> None:
    change_everywhere(example(), FORMAT)


def test_a_real_one() -> None:
    subject = judged(REAL.read_bytes(), "model.bin")
    assert (subject.formats, subject.verdict) == (("graph_def",), Verdict.CLEAR)
    assert not subject.findings
