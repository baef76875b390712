"""Source of a TorchScript program: operators by name, and a gap for each form that torch never writes."""

import msgspec
import pytest

from modelairlock.formats.torchscript_source import FORMAT, SOURCE_BYTES
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Operator
from tests.build import torch_builder as t
from tests.reading_help import change_everywhere, probe, read

CODE = t.SCRIPT.replace(
    "return x", '_0 = torch.relu(x)\n    ops.aten.save(_0, "a")\n    return torch.relu(_0)'
).encode()
NAME = "code/__torch__.py"
ROLE = "torchscript"
#: the reader as an archive of TorchScript calls it, which gives the role
FORMAT_IN_ARCHIVE = msgspec.structs.replace(FORMAT, claims=lambda given: FORMAT.claims(given._replace(role=ROLE)))


def example() -> bytes:
    return CODE


def body(*lines: str) -> bytes:
    return t.SCRIPT.replace("return x", "\n    ".join([*lines, "return x"])).encode()


def operators(data: bytes) -> dict[str, Operator]:
    found = [fact for fact in read(FORMAT, data, NAME).facts if isinstance(fact, Operator)]
    return {f"{fact.domain}::{fact.name}": fact for fact in found}


def test_hit() -> None:
    assert FORMAT.claims(probe(CODE, NAME, ROLE))
    assert not FORMAT.claims(probe(CODE, NAME))
    assert FORMAT.claims(probe(b"x = 1\n", "code/a.py", "torchscript"))
    _, gaps, cursor = read(FORMAT, CODE, NAME)
    found = operators(CODE)
    assert {name: fact.count for name, fact in found.items() if fact.domain != "method"} == {
        "aten::relu": 2,
        "aten::save": 1,
    }
    assert found["aten::save"].strings == ("a",)
    assert found["aten::save"].where == "__torch__.Canary.forward"
    assert not gaps
    assert cursor.counted().total() == len(CODE)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("_0 = torch.autograd.grad([x], [x])", ["aten::grad"]),
        ("print(x)", ["prim::Print"]),
        ("_0 = (x).save(x, )", ["method::save"]),
        ("_0 = x.from_file(x)", ["method::from_file"]),
        ("_0 = x.save", ["method::save"]),
        ('_0 = getattr(x, "save")', ["method::save"]),
        ('_0 = self.save("/dev/null")', ["method::save"]),
        ("_0 = self.forward(x)", []),
        ("_0 = annotate(List[Tensor], [])", []),
        ("_0 = unchecked_cast(__torch__.torch.classes.a.B, x)", ["classes::__torch__.torch.classes.a.B"]),
        ("_0 = torch.add(x, ops.b.c(x), alpha=ops.d.e(x))", ["aten::add", "b::c", "d::e"]),
        ("_0 = (ops.b.c(x))[ops.d.e(x)]", ["b::c", "d::e"]),
        ("_0 = {ops.b.c(x): ops.d.e(x)}", ["b::c", "d::e"]),
        ("_0, _1, = ops.b.c(x)", ["b::c"]),
    ],
)
def test_operators_are_found_wherever_they_stand(line: str, names: list[str]) -> None:
    assert sorted(operators(body(line))) == sorted(names)
    assert not read(FORMAT, body(line), NAME).gaps


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("f = ops.aten.save", "which is not called where it stands"),
        ("f = torch", "the bare name torch"),
        ('_0 = getattr(ops.aten, "save")', "which is not called where it stands"),
        ("torch = x", "the name torch is bound anew"),
        ("for ops in range(3):\n      pass", "the name ops is bound anew"),
        ("_0 = lambda: x", "Lambda for a value"),
        ("_0 = [y for y in x]", "ListComp for a value"),
        ("_0 = x + x", "BinOp for a value"),
        ("x += x", "AugAssign in a function"),
        ("import os", "Import in a function"),
        ("self = x", "the name self is bound anew"),
        ('_0 = getattr(x, "save")("/dev/null")', "a call of Call"),
        ("_0 = x[0](x)", "a call of Subscript"),
        ("_0 = open(x)", "the bare name open"),
        ("_0 = torch.ops.aten.save(x)", "a call of torch.ops.aten.save"),
        ("_0 = 'a'", "the character"),
        ("_0 = x # ", "a comment"),
        ("_0 = tоrch.relu(x)", "a character beyond ASCII"),
        ("_0 = x; _1 = x", "the character"),
        ("_0 = " + "(" * 150 + "x" + ")" * 150, "brackets more than"),
        ("_0 = x" + "[0]" * 150, "expressions more than"),
        ("_0 = x" + ".a" * 5000, "expressions more than"),
        ("_0 = (", "SyntaxError"),
        ("del x", "Delete in a function"),
        ("_0: Evil = x", "Name for a type"),
        ("_0 = torch.relu(*x)", "the character"),
    ],
)
def test_what_torch_never_writes_is_a_gap(line: str, says: str) -> None:
    details = [gap.detail for gap in read(FORMAT, body(line), NAME).gaps]
    assert details
    assert any(says in detail for detail in details) or "RecursionError" in details[0], details


def test_an_operator_called_by_loading_is_told_apart() -> None:
    code = body("torch.warn(x)") + (
        b"  def __setstate__(self: __torch__.Canary, s: bool) -> NoneType:\n    torch.warn(s)\n    return None\n"
    )
    places = [fact.where for fact in read(FORMAT, code, NAME).facts if isinstance(fact, Operator)]
    assert places == ["__torch__.Canary.forward", "__torch__.Canary.__setstate__"]


def test_limits() -> None:
    data = CODE + b"\n" * SOURCE_BYTES
    assert [gap.because for gap in read(FORMAT, data, NAME).gaps] == [Because.OVER_LIMIT]


def test_miss() -> None:
    assert not FORMAT.claims(probe(b"import os\n\nclass A:\n    pass\n", "a.py"))
    assert not FORMAT.claims(probe(CODE, "a.txt"))


def test_damaged() -> None:
    """A cut between two statements leaves a program that is whole: the archive's own sizes tell of that."""
    for length in range(1, len(CODE)):
        assert read(FORMAT, CODE[:length], NAME).cursor.counted().total() == length


def test_changed() -> None:
    change_everywhere(CODE, FORMAT_IN_ARCHIVE, name=NAME)
