"""Calls of functions known to do harm, however the pickle calls them and whatever becomes of the result."""

import pytest

from modelairlock.profiles import Profiles
from modelairlock.records.facts import Build, SetItem
from modelairlock.records.finding import Severity
from modelairlock.records.profile import Harm
from modelairlock.records.scan import Verdict
from modelairlock.rules.runs_harmful_code import RULE as CHECK
from tests.build import pickle_builder as p
from tests.rules.judging import SPAN, called, checked, finding_of, findings, imported, judged, made, named, text

RULE = "runs-harmful-code"
SYSTEM = p.global_("os", "system")

WAYS = {
    "reduce": p.call(SYSTEM, "id"),
    "obj": p.call_obj(SYSTEM, "id"),
    "inst": p.Code(p.call_inst("os", "system", "id")),
    "newobj": p.call_newobj(SYSTEM, "id"),
    "newobj_ex": p.call_newobj_ex(SYSTEM, "id"),
    "thrown-away": p.Code(p.call(SYSTEM, "id") + p.POP + p.NONE),
    "in-a-mark": p.Code(p.MARK + p.call(SYSTEM, "id") + p.POP_MARK + p.NONE),
}


@pytest.mark.parametrize("way", WAYS)
def test_hit(way: str) -> None:
    subject = judged(p.whole(WAYS[way]))
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.CRITICAL
    arguments = "'id', {}" if way == "newobj_ex" else "'id'"
    assert finding.message == f"loading it would call os.system({arguments}), which runs a command or another program"
    assert finding.where.startswith("model.pkl@")
    assert "CWE-78" in finding.cwe
    assert finding.evidence
    assert subject.verdict is Verdict.FLAGGED


def test_a_payload_before_the_damage_counts() -> None:
    assert findings(judged(p.proto() + p.call(SYSTEM, "id") + b"\xff\xff\xff"), RULE)


def test_arguments_are_escaped_and_cut() -> None:
    [finding] = findings(judged(p.whole(p.call(SYSTEM, "\x1b[2J" + "a" * 5000))), RULE)
    assert "\x1b" not in finding.message
    assert len(finding.message) < 600


def test_python_2_names_count() -> None:
    assert findings(judged(p.whole(p.call(p.global_("__builtin__", "eval"), "1"), 2)), RULE)


def test_bytes_that_nothing_loads_say_so() -> None:
    inner = p.whole(p.call(SYSTEM, "id"))
    [finding] = findings(judged(p.whole(p.push({"a": inner}))), RULE)
    assert finding.message.startswith("if something loaded these bytes, it would call os.system")


def test_many_calls_are_told_up_to_fifty_times() -> None:
    calls = [called(named("os", "system"), text(f"id {number}")) for number in range(200)]
    assert len(checked(CHECK, *calls)) == 50
    code = b"".join(p.call(SYSTEM, f"id {number}") + p.POP for number in range(200))
    assert 10 <= len(findings(judged(p.whole(p.Code(code + p.NONE))), RULE)) <= 50


def test_lesser_calls_do_not_hide_a_worse_one() -> None:
    decoys = [called(named("os", "getcwd"), text(str(number))) for number in range(60)]
    told = checked(CHECK, *decoys, called(named("os", "system"), text("id")))
    assert [finding.severity for finding in told] == [Severity.MEDIUM] * 50 + [Severity.CRITICAL]


def one_of_each_category() -> dict[str, Harm]:
    found: dict[str, Harm] = {}
    for harm in Profiles.bundled().harms().values():
        if not harm.name.endswith("*") and "." not in harm.name.partition(":")[2]:
            found.setdefault(f"{harm.category}-{harm.severity}", harm)
    return found


@pytest.mark.parametrize("category", one_of_each_category())
def test_each_category_says_what_it_does(category: str) -> None:
    harm = one_of_each_category()[category]
    module, _, qualname = harm.name.partition(":")
    finding = finding_of(CHECK, called(named(module, qualname), text("x")))
    assert finding.message == f"loading it would call {module}.{qualname}('x'), which {harm.effect}"
    assert finding.severity == harm.severity
    assert (finding.cwe, finding.atlas) == (harm.cwe, harm.atlas)
    assert harm.cwe
    assert harm.atlas


def test_the_same_call_is_told_once() -> None:
    same = called(named("os", "system"), text("id"))
    assert len(checked(CHECK, same, same, called(named("os", "system"), text("ls")))) == 2
    assert len(checked(CHECK, same, called(named("os", "system"), text("id"), how="newobj"))) == 2


def test_what_is_done_with_the_result_counts() -> None:
    result = made(named("subprocess", "Popen"), text("id"))
    for fact in (
        Build(span=SPAN, target=result, state=text("x")),
        SetItem(span=SPAN, target=result, opcode="SETITEM"),
        SetItem(span=SPAN, target=result, opcode="APPENDS"),
    ):
        message = finding_of(CHECK, fact).message
        assert message.startswith("loading it would set the state of an object made by subprocess.Popen, which ")


def test_a_class_made_by_way_of_copyreg_counts() -> None:
    call = called(named("copyreg", "__newobj__"), named("subprocess", "Popen"), text("id"))
    assert finding_of(CHECK, call).message.startswith("loading it would call subprocess.Popen('id'), which ")


def test_dormant_bytes_by_hand() -> None:
    finding = finding_of(CHECK, called(named("os", "system"), text("id")), role="dormant")
    assert finding.severity is Severity.CRITICAL
    assert finding.message.startswith("if something loaded these bytes, it would call os.system('id'), which ")


def test_miss_what_other_rules_tell() -> None:
    owner = made(named("collections", "OrderedDict"))
    assert not checked(
        CHECK,
        imported("os", "system"),
        called(named("torch.storage", "_load_from_bytes"), text("x")),
        called(named("builtins", "getattr"), owner, text("keys")),
        called(named("somelib", "unknown"), named("os", "system")),
        called(text("os.system"), text("id")),
    )


def test_miss() -> None:
    honest = p.push({"a": [1, 2.5, "os.system", b"posix", None]})
    subject = judged(p.whole(honest))
    assert subject.verdict is Verdict.CLEAR
    assert not findings(subject, RULE)
