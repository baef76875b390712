"""Source of a TorchScript program: operators are named, and the source stays a gap."""

from modelairlock.formats.torchscript_source import FORMAT, OVERLAP, PIECE
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator
from tests.build import torch_builder as t
from tests.reading_help import change_everywhere, probe, read

CODE = t.SCRIPT.replace(
    "return x", "_0 = torch.relu(x)\n    ops.aten.save(_0, 'a')\n    return torch.relu(_0)"
).encode()
NAME = "code/__torch__.py"


def example() -> bytes:
    return CODE


def test_hit() -> None:
    assert FORMAT.claims(probe(CODE, NAME))
    facts, gaps, cursor = read(FORMAT, CODE)
    assert {(fact.name, fact.count) for fact in facts if isinstance(fact, Operator)} == {
        ("torch.relu", 2),
        ("ops.aten.save", 1),
    }
    assert [(gap.start, gap.end, gap.because) for gap in gaps] == [(0, len(CODE), Because.UNSUPPORTED)]
    assert cursor.counted().total() == len(CODE)


def test_an_operator_across_two_pieces_is_found_once() -> None:
    for shift in (1, 5, 12, OVERLAP - 1):
        code = CODE + b"#" * (PIECE - len(CODE) - shift) + b"ops.aten.from_file(x)\n"
        found = {fact.name: fact.count for fact in read(FORMAT, code).facts if isinstance(fact, Operator)}
        assert found["ops.aten.from_file"] == 1


def test_miss() -> None:
    assert not FORMAT.claims(probe(b"import os\n\nclass A:\n    pass\n", "a.py"))
    assert not FORMAT.claims(probe(CODE, "a.txt"))


def test_damaged() -> None:
    for length in range(1, len(CODE)):
        assert read(FORMAT, CODE[:length]).gaps


def test_changed() -> None:
    change_everywhere(CODE, FORMAT, name=NAME)
