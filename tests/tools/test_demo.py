"""The demo builds what it says, and notices when the answer is not the right one."""

import io
import pickletools
import zipfile

from tools.demo import COMMAND, HOSTILE, hostile, problems, worst_rule


def test_the_hostile_checkpoint_would_run_the_command() -> None:
    with zipfile.ZipFile(io.BytesIO(hostile())) as archive:
        opcodes = [
            (opcode.name, argument) for opcode, argument, _ in pickletools.genops(archive.read("archive/data.pkl"))
        ]
    assert ("GLOBAL", "os system") in opcodes
    assert ("BINUNICODE", COMMAND) in opcodes
    assert opcodes[-1] == ("STOP", None)


def test_any_other_answer_is_a_problem() -> None:
    right = {"subjects": [{"path": "a.pth", "verdict": "clear"}, {"path": f"x/{HOSTILE}", "verdict": "flagged"}]}
    assert problems(right) == []
    wrong = {"subjects": [{"path": "a.pth", "verdict": "flagged"}, {"path": f"x/{HOSTILE}", "verdict": "clear"}]}
    assert problems(wrong) == ["a.pth is flagged and should be clear", f"x/{HOSTILE} is clear and should be flagged"]
    assert problems({"subjects": []}) == [f"{HOSTILE} is not in the report"]


def test_the_rule_to_explain_may_be_in_a_member() -> None:
    member = {"findings": [{"rule": "runs-shell"}]}
    assert worst_rule({"findings": [], "members": [{"findings": []}, member]}) == "runs-shell"
    assert worst_rule({"members": []}) == ""
