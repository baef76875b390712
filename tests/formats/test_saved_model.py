"""SavedModels built byte by byte, and real ones that TensorFlow made (tests/data/tensorflow)."""

import random
import time
from pathlib import Path

import msgspec
import pytest

from modelairlock.formats.graph_def import FORMAT as GRAPH
from modelairlock.formats.saved_model import FORMAT
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, Cursor
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Member, Operator, Reference
from modelairlock.records.scan import Verdict
from tests.build import tensorflow_builder as t
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, probe, read, tree, walk
from tests.rules.judging import judged

REAL = Path(__file__).parent.parent / "data" / "tensorflow"
MODELS = sorted(path.parent.name for path in REAL.glob("*/saved_model.pb"))


def example() -> bytes:
    return t.honest()


def operators(data: bytes) -> dict[str, Operator]:
    return {fact.name: fact for fact in read(FORMAT, data).facts if isinstance(fact, Operator)}


def test_hit() -> None:
    data = example()
    assert FORMAT.claims(probe(data))
    facts, gaps, cursor = read(FORMAT, data)
    assert gaps == []
    assert cursor.passed.total() == 400
    found = {fact.name: fact for fact in facts if isinstance(fact, Operator)}
    assert found["LookupTableFindV2"].where == "__inference_serve_1"
    assert found["SaveV2"].given == "caller"
    assert found["SaveV2"].strings == (".part", "_temp/part")
    assert found["StatefulPartitionedCall"].count == 3
    assert [fact.target for fact in facts if isinstance(fact, Reference)] == ["vocab.txt"]


def test_miss() -> None:
    for data in (
        b"",
        b"\x08\x01",
        t.graph(t.const("a", "b")),
        t.keras_metadata(),
        t.fingerprint(),
        b"\x08\x07\x12\x07pytorch",
    ):
        assert not FORMAT.claims(probe(data))


def test_nothing_at_random_is_one() -> None:
    dice = random.Random(7)
    words = b"abcdefghij \n\t\x08\x12\x0a\x01\x02"
    for _ in range(5000):
        data = dice.randbytes(dice.randint(1, 200))
        assert not FORMAT.claims(probe(data))
        assert not GRAPH.claims(probe(data))
        text = bytes(dice.choices(words, k=60))
        assert not FORMAT.claims(probe(b"\x08\x01\x12" + text))
        assert not GRAPH.claims(probe(b"\x0a" + text))


@pytest.mark.parametrize("name", ["x", "model.bin", "model.txt"])
def test_no_name_is_needed(name: str) -> None:
    assert "saved_model" in tree(example(), FORMAT, name=name).formats


@pytest.mark.slow
def test_damaged() -> None:
    cut_everywhere(example(), FORMAT)


def test_changed() -> None:
    change_everywhere(example()[:700], FORMAT)


@pytest.mark.parametrize("model", MODELS)
def test_real_models_are_clear(model: str) -> None:
    data = (REAL / model / "saved_model.pb").read_bytes()
    subject = judged(data, "saved_model.pb")
    assert subject.verdict is Verdict.CLEAR, (subject.findings, subject.coverage.gaps)
    low = [finding.rule for finding in subject.findings]
    assert low == (["graph-reaches-out"] if model == "tf1_saved" else [])


def test_real_models_are_there() -> None:
    assert len(MODELS) == 7


def test_what_was_found_before_the_damage_is_told() -> None:
    data = t.plain(t.const("p", "/tmp/x"), t.node("w", "WriteFile", "p", "p"), t.node("z", "Abs"))
    facts, gaps, _ = read(FORMAT, data[:-12])
    assert [gap.because for gap in gaps][:1] == [Because.TRUNCATED]
    assert any(isinstance(fact, Operator) and fact.name == "WriteFile" for fact in facts)


def test_what_nobody_knows_is_a_gap() -> None:
    strange = t.field(99, b"hidden")
    for data in (
        example() + strange,
        t.saved_model(t.meta_graph(t.graph(t.placeholder("a")), more=strange)),
        t.saved_model(t.meta_graph(t.graph(t.placeholder("a"), more=strange))),
        t.plain(t.placeholder("a") + strange),
        t.plain(t.placeholder("a"), functions=[t.function("f", ["a"]) + strange]),
        t.plain(t.node("a", "Abs", v=strange)),
        t.plain(t.node("a", "Const", v=t.field(8, t.tensor(1) + strange))),
        t.saved_model(t.meta_graph(t.graph(t.placeholder("a")), more=t.field(7, t.field(1, strange)))),
        t.saved_model(
            t.meta_graph(t.graph(t.placeholder("a")), more=t.field(4, t.field(1, "k") + t.field(2, strange)))
        ),
    ):
        assert [gap.because for gap in read(FORMAT, data).gaps] == [Because.UNRECOGNISED], data[-60:]


def test_functions_are_read_like_the_graph() -> None:
    hidden = t.function("f", ["a"], t.const("p", "/tmp/x"), t.node("r", "ReadFile", "p:output:0"))
    found = operators(t.plain(t.placeholder("x"), functions=[hidden]))
    assert found["ReadFile"].strings == ("/tmp/x",)
    assert found["ReadFile"].where == "function f"


def test_a_function_is_no_operator() -> None:
    found = operators(t.plain(t.node("x", "MyFunction", "a"), functions=[t.function("MyFunction", ["a"])]))
    assert "MyFunction" not in found
    assert "MyFunction" in operators(t.plain(t.node("x", "MyFunction", "a")))


INNER = t.graph(t.const("p", "/tmp/x"), t.node("r", "ReadFile", "p"))
PACKED = t.tensor(t.STRING, t.field(4, t.varint(len(INNER)) + INNER))


@pytest.mark.parametrize(
    "data",
    [
        t.plain(t.const("g", INNER), t.node("d", "DatasetFromGraph", "g")),
        t.plain(t.const("g", "a", "b", "c", "d", "e", "f", "g", "h", "i", INNER)),
        t.plain(t.node("g", "Const", dtype=t.type_(t.STRING), value=t.field(8, PACKED))),
        t.plain(t.node("g", "Foo", text=t.text(INNER))),
        t.plain(
            t.node("g", "Foo", f=t.field(10, t.field(1, "f") + t.field(2, t.field(1, "k") + t.field(2, t.text(INNER)))))
        ),
        t.plain(t.placeholder("x"), functions=[t.function("f", [], t.const("g", INNER))]),
        t.plain(t.const("g", t.graph(t.const("h", INNER)))),
        t.plain(t.const("g", t.graph(functions=[t.function("f", ["a"], t.const("p", INNER))]))),
    ],
    ids=["string", "tenth", "content", "attribute", "function-attribute", "function", "two-deep", "library-only"],
)
def test_a_graph_in_a_string_is_read(data: bytes) -> None:
    reading = tree(data, FORMAT, GRAPH)
    found = [fact for one in walk(reading) for fact in one.facts if isinstance(fact, Operator)]
    assert [fact.strings for fact in found if fact.name == "ReadFile"] == [("/tmp/x",)] or any(
        fact.name == "ReadFile" for fact in found
    )


def test_strings_in_contents_that_lie() -> None:
    for content in (t.varint(5) + b"abc", t.varint(2) + b"abc", b"\xff"):
        value = t.field(8, t.tensor(t.STRING, t.field(4, content)))
        assert read(FORMAT, t.plain(t.node("g", "Const", value=value))).gaps


def test_the_last_type_of_a_tensor_counts() -> None:
    """A tensor that says float first and string at last holds strings."""
    value = t.number(1, t.FLOAT) + t.field(4, t.varint(len(INNER)) + INNER) + t.number(1, t.STRING)
    facts, _, _ = read(FORMAT, t.plain(t.node("g", "Const", value=t.field(8, value))))
    assert [fact.role for fact in facts if isinstance(fact, Member)] == ["graph"]


def test_what_a_parser_would_join_is_not_read_apart() -> None:
    """Two tensors in one attribute become one, with the type of the first and the contents of the second."""
    typed, held = t.field(8, t.number(1, t.STRING)), t.field(8, t.field(4, t.varint(len(INNER)) + INNER))
    apart = t.field(5, t.field(1, "value") + t.field(2, typed) + t.field(2, held))
    for node in (t.node("g", "Const", value=typed + held), t.node("g", "Const") + apart):
        assert [gap.because for gap in read(FORMAT, t.plain(node)).gaps] == [Because.MALFORMED]
    signed = t.function("f", ["a"]) + t.function("f", ["b"])
    assert [gap.because for gap in read(FORMAT, t.plain(functions=[signed])).gaps] == [Because.MALFORMED]
    shaped = t.tensor(t.STRING, t.field(2, b""), shape=(2,)) + t.field(2, t.field(2, t.number(1, 1)))
    assert read(FORMAT, t.plain(t.node("g", "Const", value=t.field(8, shaped)))).gaps


@pytest.mark.parametrize("kind", [t.RESOURCE, t.VARIANT])
def test_objects_in_tensors_are_gaps(kind: int) -> None:
    for inside in (t.field(14, t.field(3, "h")), t.field(15, t.field(1, "type")), t.field(4, b"abc")):
        value = t.field(8, t.tensor(kind, inside))
        gaps = read(FORMAT, t.plain(t.node("g", "Const", value=value))).gaps
        assert [gap.because for gap in gaps] == [Because.UNSUPPORTED]


def test_long_strings_are_looked_at_by_everybody() -> None:
    facts, gaps, _ = read(FORMAT, t.plain(t.const("big", b"x" * 5000)))
    assert [(fact.role, fact.name) for fact in facts if isinstance(fact, Member)] == [("raw", "big.bin")]
    assert gaps == []


def test_so_many_long_strings_are_looked_at() -> None:
    facts, gaps, _ = read(FORMAT, t.plain(*(t.const(f"c{at}", b"x" * 1024) for at in range(2010))))
    assert sum(isinstance(fact, Member) for fact in facts) == 2000
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]


def test_many_strings_take_their_time() -> None:
    """Lengths of strings are the file's to choose: millions of empty ones."""
    value = t.field(8, t.tensor(t.STRING, t.field(4, bytes(4_000_000)), shape=(4_000_000,)))
    started = time.process_time()
    limits = msgspec.structs.replace(DEFAULT_LIMITS, seconds=0.2)
    gaps = read(FORMAT, t.plain(t.node("g", "Const", value=value)), limits=limits).gaps
    assert gaps[0].because is Because.OVER_LIMIT
    assert time.process_time() - started < 1.5


def test_too_many_that_reach_out_drown_nothing() -> None:
    limits = msgspec.structs.replace(DEFAULT_LIMITS, facts=40)
    many = [t.node(f"p{at}", "PyFunc", token=t.text(str(at))) for at in range(30)]
    facts, gaps, _ = read(FORMAT, t.plain(t.node("w", "WriteFile", "p", "c"), *many), limits=limits)
    assert sum(isinstance(fact, Operator) for fact in facts) == 10
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]


def test_configurations_of_old_keras_are_members() -> None:
    user = t.field(4, t.field(1, "_tf_keras_layer") + t.field(3, '{"class_name": "Dense"}'))
    data = t.saved_model(t.meta_graph(t.graph(t.placeholder("a")), more=t.field(7, t.field(1, user))))
    facts, gaps, _ = read(FORMAT, data)
    assert [fact.role for fact in facts if isinstance(fact, Member)] == ["keras-config"]
    assert gaps == []


def test_functions_nested_too_deep() -> None:
    value = t.text("x")
    for _ in range(2000):
        value = t.field(10, t.field(1, "f") + t.field(2, t.field(1, "k") + t.field(2, value)))
    gaps = read(FORMAT, t.plain(t.node("a", "If", x=value))).gaps
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]


def test_structures_nested_too_deep() -> None:
    value = b""
    for _ in range(3000):
        value = t.field(51, t.field(1, value))
    signature = t.field(7, t.field(2, t.field(1, "f") + t.field(2, t.field(3, value))))
    gaps = read(FORMAT, t.saved_model(t.meta_graph(t.graph(t.placeholder("a")), more=signature))).gaps
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]


@pytest.mark.slow
def test_many_nodes_are_quick() -> None:
    nodes = [
        t.node(
            f"layer_{at}/conv", ("MatMul", "Relu", "AddV2")[at % 3], f"layer_{at - 1}", T=t.type_(1), f=t.text("NHWC")
        )
        for at in range(100_000)
    ]
    data = t.plain(*nodes)
    started = time.process_time()
    assert read(FORMAT, data).gaps == []
    assert time.process_time() - started < 5


class Sparse:
    """A huge file that is zeros but for its beginning; counts what is asked of it."""

    def __init__(self, head: bytes, size: int) -> None:
        self.head, self.size, self.asked = head, size, 0

    def read(self, start: int, length: int) -> bytes:
        length = max(0, min(length, self.size - start))
        self.asked += length
        return self.head[start : start + length].ljust(length, b"\0")


def _around(head: bytes, size: int, *numbers: int) -> bytes:
    """The beginning of nested fields whose innermost holds `head` and `size` bytes more."""
    for number in numbers:
        head = t.varint(number << 3 | 2) + t.varint(len(head) + size) + head
    return head


def test_a_huge_constant_is_not_fetched() -> None:
    size = 6 * 1024**3
    value = _around(_around(t.number(1, t.FLOAT) + t.varint(4 << 3 | 2) + t.varint(size), size, 8), size, 2)
    node = t.field(1, "w") + t.field(2, "Const") + _around(t.field(1, "value") + value, size, 5)
    head = t.number(1, 1) + _around(node, size, 1, 2, 2)
    source = Sparse(head, len(head) + size)
    cursor = Cursor(source, "x", Budget(DEFAULT_LIMITS))
    assert [fact.name for fact in FORMAT.read(cursor) if isinstance(fact, Operator)] == ["Const"]
    assert cursor.passed.total() == size
    assert cursor.counted().total() == len(head)
    assert source.asked < 1_000_000


def test_gaps_stay_few() -> None:
    data = t.plain(*[t.node(f"n{at}", "Abs") + t.field(50, b"x") for at in range(300)])
    assert len(gaps_of(tree(data, FORMAT))) == 300
