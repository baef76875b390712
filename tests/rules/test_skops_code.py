"""Names in skops files that nobody vouches for, or that do harm: hit and miss."""

from modelairlock.records.scan import Verdict
from tests.build import skops_builder as s
from tests.rules.judging import findings, judged, unvouched


def test_hit() -> None:
    data = s.skops(s.object_("sklearn.svm._classes", "SVC", kernel=s.node("FunctionNode", "os", "system")))
    [finding] = findings(judged(data, "m.skops"), "skops-code")
    assert finding.message.startswith("a FunctionNode names os.system, which runs a command")


def test_unknown_names_are_gaps() -> None:
    for root, name in (
        (s.object_("sympy.core.expr", "Expr"), "sympy.core.expr.Expr (ObjectNode of a skops file)"),
        (s.node("ListNode", "somewhere", "MyList", content=[]), "somewhere.MyList (ListNode of a skops file)"),
        (s.node("NewNode", "builtins", "str"), "builtins.str (NewNode of a skops file)"),
        (s.method(s.honest(), "fit"), "sklearn.svm._classes.SVC (MethodNode of a skops file)"),
    ):
        data = s.skops(root)
        assert name in unvouched(judged(data, "m.skops"))
        assert judged(data, "m.skops").verdict is Verdict.INCOMPLETE


def test_miss() -> None:
    assert judged(s.skops(s.honest()), "m.skops").verdict is Verdict.CLEAR
