"""What a loader runs before anybody calls the model, and what that saves."""

import pytest

from modelairlock.formats.saved_model import FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import tensorflow_builder as t
from tests.reading_help import read
from tests.rules.judging import judged

SAVE = (t.placeholder("filename"), t.node("w", "SaveV2", "filename", "n", "s", "c"))
RESTORE = (t.node("r", "RestoreV2", "filename", "n", "s"), t.node("all", "NoOp", "^r"))
INIT = t.field(5, t.field(1, "__saved_model_init_op") + t.field(2, t.field(2, t.field(2, t.field(1, "main:0")))))


def messages(data: bytes) -> list[str]:
    return [finding.message for finding in judged(data, "saved_model.pb").findings]


@pytest.mark.parametrize(
    "more",
    [
        t.saver_def("main"),
        t.saver_def("main:0"),
        t.saver_def("w"),
        t.collection("saved_model_main_op", "x", "main"),
        t.collection("legacy_init_op", "main:0"),
        INIT,
    ],
    ids=["restores", "tensor", "itself", "main", "legacy", "signature"],
)
def test_a_loader_that_runs_a_saver(more: bytes) -> None:
    """It is fed with the path of the model's own variables; TensorFlow 2.21 writes over them."""
    data = t.plain(*SAVE, t.node("mid", "NoOp", "^w"), t.node("main", "Identity", "mid:0"), more=more)
    [finding] = judged(data, "saved_model.pb").findings
    assert finding.severity is Severity.HIGH
    assert "writes a checkpoint (SaveV2 in " in finding.message
    assert ", which a loader runs)" in finding.message


def test_in_a_function_in_a_function() -> None:
    outer = t.function("outer", ["p"], t.call("c", t_name := "__inference__traced_save_1", "p"))
    nodes = (t.placeholder("filename"), t.call("main", "outer", "filename"))
    assert messages(t.plain(*nodes, functions=[t.saver(), outer], more=t.saver_def("other"))) == []
    found = messages(t.plain(*nodes, functions=[t.saver(), outer], more=t.saver_def("main")))
    assert any("in main, which a loader runs" in one for one in found), t_name


def test_savers_that_only_users_run() -> None:
    """Every model has both, side by side, and both are fed with the same name."""
    main = t.collection("saved_model_main_op", "init")
    data = t.plain(*SAVE, *RESTORE, t.node("init", "NoOp", "^r"), more=t.saver_def("all") + main)
    assert judged(data, "saved_model.pb").verdict is Verdict.CLEAR


def test_the_default_name_of_old_savers_is_none_in_functions() -> None:
    """Nobody feeds over a constant there."""
    nodes = (t.const("p", "model"), t.node("w", "SaveV2", "p:output:0", "n", "s", "c"))
    assert judged(t.plain(*nodes), "saved_model.pb").verdict is Verdict.CLEAR
    data = t.plain(functions=[t.function("__inference__initializer_1", [], *nodes)])
    [finding] = judged(data, "saved_model.pb").findings
    assert "fed by 'model'" in finding.message


def test_two_nodes_of_one_name_lead_on_together() -> None:
    nodes = (t.node("main", "NoOp", "^w"), t.node("main", "NoOp", "^r"))
    assert messages(t.plain(*SAVE, *nodes, more=t.saver_def("main")))


def test_too_many_operations_to_run() -> None:
    names = [f"n{at}" for at in range(10_001)]
    gaps = read(FORMAT, t.plain(*SAVE, more=t.collection("legacy_init_op", *names))).gaps
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]


@pytest.mark.slow
def test_a_graph_of_very_many_nodes() -> None:
    nodes = [t.node(f"n{at}", "NoOp") for at in range(200_001)]
    gaps = read(FORMAT, t.plain(*SAVE, *nodes, more=t.saver_def("n1"))).gaps
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]
    assert read(FORMAT, t.plain(*nodes, more=t.saver_def("n1"))).gaps == []
