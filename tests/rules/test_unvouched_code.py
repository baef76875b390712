"""Names that nobody vouches for are held; parts of Python that no model needs are flagged when they are called."""

import pytest

from modelairlock.records.facts import Build, Irregularity, SetItem, Value
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.unvouched_code import RULE as CHECK
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.rules.judging import (
    SPAN,
    called,
    checked,
    finding_of,
    findings,
    gap_of,
    imported,
    judged,
    made,
    named,
    text,
    unvouched,
)

RULE = "unvouched-code"
DICT = p.global_("collections", "OrderedDict")


def test_hit_a_library_without_a_profile_is_a_gap_that_names_every_use() -> None:
    subject = judged(p.whole(p.build(p.call_newobj(p.global_("somelib.models", "Model")), {"a": 1})))
    assert unvouched(subject) == ["somelib.models.Model (imported, instantiated, given a state)"]
    assert subject.verdict is Verdict.INCOMPLETE


def test_hit_a_part_of_python_that_is_called() -> None:
    subject = judged(p.whole(p.call(p.global_("calendar", "setfirstweekday"), 1)))
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.MEDIUM
    assert "calendar.setfirstweekday" in finding.message
    assert subject.verdict is Verdict.FLAGGED


def test_a_part_of_python_that_is_only_named_is_a_gap() -> None:
    subject = judged(p.whole(p.push([p.global_("calendar", "setfirstweekday")])))
    assert unvouched(subject) == ["calendar.setfirstweekday (imported)"]
    assert not findings(subject, RULE)


def test_an_argument_that_does_not_fit_is_a_gap() -> None:
    codec = p.call(p.global_("_codecs", "encode"), "x", "zlib_codec")
    assert unvouched(judged(p.whole(codec, 2), "a.pkl")) == [
        "_codecs.encode (called with arguments that nobody vouches for)"
    ]


def test_an_unknown_name_is_to_blame_not_the_known_one_that_it_is_handed_to() -> None:
    stranger = p.global_("ngrams", "Data")
    made_with = p.call(p.global_("collections", "defaultdict"), stranger)
    subject = judged(p.whole(made_with))
    assert unvouched(subject) == ["ngrams.Data (imported, handed to collections.defaultdict)"]
    assert subject.verdict is Verdict.INCOMPLETE
    array = p.call(p.global_("numpy.core.multiarray", "_reconstruct"), stranger, (0,), b"b")
    assert unvouched(judged(p.whole(array, 2))) == [
        "ngrams.Data (imported, handed to numpy.core.multiarray._reconstruct)"
    ]


def test_a_known_name_is_to_blame_when_what_it_is_handed_is_known_too() -> None:
    for known in (p.global_("numpy", "ndarray"), p.global_("posix", "system")):
        subject = judged(p.whole(p.call(p.global_("collections", "defaultdict"), known)))
        assert unvouched(subject) == ["collections.defaultdict (called with arguments that nobody vouches for)"]


def test_a_finding_on_a_name_hides_no_gap_of_what_it_is_handed_to() -> None:
    name = named("calendar", "setfirstweekday")
    told = checked(CHECK, called(name), called(named("collections", "defaultdict"), name))
    assert [type(each).__name__ for each in told] == ["Finding", "Gap"]


def test_attributes_cannot_stand_in_for_methods() -> None:
    built = p.build(p.call(DICT), {"extend": p.global_("numpy", "float64")})
    subject = judged(p.whole(p.Code(built + p.MARK + p.push(1) + p.APPENDS)))
    assert unvouched(subject) == ["collections.OrderedDict (appended to)"]
    assert judged(p.whole(p.Code(p.call(DICT) + p.push("a") + p.push(1) + p.SETITEM))).verdict is Verdict.CLEAR


def test_no_object_may_be_given_a_setstate() -> None:
    for spelled in (p.push("__setstate__"), p.unicode("\\u005f_setstate__"), p.string("'__set\\x73tate__'")):
        state = p.Code(p.EMPTY_DICT + spelled + p.global_("numpy", "float64") + p.SETITEM)
        subject = judged(p.whole(p.Code(p.call(p.global_("argparse", "Namespace")) + state + p.BUILD)))
        assert any("__setstate__" in detail for detail in unvouched(subject))
    # without any BUILD the word is only a word
    assert judged(p.whole(p.push(["__setstate__"]))).verdict is Verdict.CLEAR


def test_data_types_must_tell_the_truth() -> None:
    honest = j.dtype("f8", "<", 0)
    lying = j.dtype("O8", "|", 0)
    assert judged(p.whole(honest)).verdict is Verdict.CLEAR
    assert unvouched(judged(p.whole(lying))) == ["numpy.dtype (given a state that nobody vouches for)"]


def test_classes_of_a_torchscript_program_are_one_gap() -> None:
    made = [p.call_newobj(p.global_("__torch__.a", name)) for name in ("A", "B", "C")]
    [detail] = unvouched(judged(p.whole(p.push(made))))
    assert detail.startswith("__torch__ (3 classes")


def test_a_method_named_by_getattr_is_held_not_condemned() -> None:
    owner = p.call(DICT)
    subject = judged(p.whole(p.call(p.global_("builtins", "getattr"), owner, "keys"), 3))
    assert unvouched(subject) == ["builtins.getattr (called)"]
    assert subject.verdict is Verdict.INCOMPLETE
    dunder = judged(p.whole(p.call(p.global_("builtins", "getattr"), owner, "__class__"), 3))
    assert dunder.verdict is Verdict.FLAGGED


def test_miss() -> None:
    honest = p.push({"d": p.call(DICT), "t": p.call(p.global_("datetime", "date"), b"\x07\xe4\x01\x01")})
    subject = judged(p.whole(honest))
    assert unvouched(subject) == []
    assert subject.verdict is Verdict.CLEAR


# --- by hand ----------------------------------------------------------------------------------------------------------

MODEL = named("somelib.models", "Model")


def test_hit_every_use_is_named_once_in_order() -> None:
    instance = made(MODEL)
    facts = (
        imported("somelib.models", "Model"),
        called(MODEL),
        called(MODEL, text("x")),
        called(MODEL, how="newobj"),
        Build(span=SPAN, target=instance, state=text("x")),
        SetItem(span=SPAN, target=instance, opcode="SETITEM"),
        SetItem(span=SPAN, target=instance, opcode="APPENDS"),
    )
    assert gap_of(CHECK, *facts) == (
        "somelib.models.Model (imported, called, instantiated, given a state, given items, appended to)"
    )


def test_names_are_escaped_and_cut() -> None:
    detail = gap_of(CHECK, imported("some\x1b[2J", "M" * 5000))
    assert "\x1b" not in detail
    assert len(detail) < 400


def test_hit_a_part_of_python_by_hand() -> None:
    for how in ("reduce", "obj", "inst", "newobj", "newobj_ex"):
        call = called(named("calendar", "setfirstweekday"), how=how)
        finding = finding_of(CHECK, imported("calendar", "setfirstweekday"), call)
        assert (finding.severity, finding.confidence) == (Severity.MEDIUM, Confidence.MEDIUM)
        assert finding.message == (
            "loading it would call calendar.setfirstweekday, a part of Python that no honest model is known to need"
        )
        assert finding.evidence == (call,)
        assert (finding.cwe, finding.atlas) == (("CWE-502",), ("AML.T0011.000",))


def test_python_2_names_are_parts_of_python() -> None:
    assert finding_of(CHECK, called(named("__builtin__", "coverage_of_nothing"))).severity is Severity.MEDIUM


def test_arguments_decide_where_a_vouch_has_a_constraint() -> None:
    encode = named("_codecs", "encode")
    assert not checked(CHECK, called(encode, text("x"), text("latin1")))
    cut = Value(kind="str", text="latin1", cut=True)
    for arguments in ((text("x"), text("rot13")), (text("x"), cut), (text("x"),), (made(encode), text("latin1"))):
        assert (
            gap_of(CHECK, called(encode, *arguments))
            == "_codecs.encode (called with arguments that nobody vouches for)"
        )


def test_one_unfit_call_among_fit_ones_is_a_gap() -> None:
    encode = named("_codecs", "encode")
    fit, unfit = called(encode, text("x"), text("latin1")), called(encode, text("x"), text("zlib"))
    assert gap_of(CHECK, fit, unfit, fit) == "_codecs.encode (called with arguments that nobody vouches for)"


@pytest.mark.parametrize(
    ("module", "qualname", "vouched"),
    [
        ("collections", "OrderedDict", False),
        ("collections", "UserList", False),
        ("somelib", "Any", False),
        ("collections", "deque", True),
        ("builtins", "set", True),
    ],
)
def test_only_what_has_no_attributes_may_be_appended_to(module: str, qualname: str, vouched: bool) -> None:
    told = checked(CHECK, SetItem(span=SPAN, target=made(named(module, qualname)), opcode="APPEND"))
    assert bool(told) is not vouched


@pytest.mark.parametrize(
    ("kind", "flags", "fits"),
    [("f8", 0, True), ("O8", 0, False), ("O8", 63, True), ("f8", 1, False), ("S8", 0, False), ("V8", 0, False)],
)
def test_states_of_data_types_by_hand(kind: str, flags: int, fits: bool) -> None:
    no, yes, nothing = Value(kind="bool", text="False"), Value(kind="bool", text="True"), Value(kind="none")
    number = [Value(kind="int", text=str(value)) for value in (3, -1, -1, flags)]
    state = Value(kind="tuple", parts=(number[0], text("<"), nothing, nothing, nothing, *number[1:]))
    build = Build(span=SPAN, target=made(named("numpy", "dtype"), text(kind), no, yes), state=state)
    if fits:
        assert not checked(CHECK, build)
    else:
        assert gap_of(CHECK, build) == "numpy.dtype (given a state that nobody vouches for)"


def test_script_classes_by_hand() -> None:
    facts = [called(named(f"__torch__.{name}", "M"), how="newobj") for name in "abca"]
    detail = gap_of(CHECK, imported("__torch__.a", "M"), *facts)
    assert detail == "__torch__ (3 classes of the TorchScript program that the file belongs to)"
    assert gap_of(CHECK, imported("__torch__x", "M")) == "__torch__x.M (imported)"


def test_a_planted_setstate_by_hand() -> None:
    spelled = Irregularity(span=SPAN, kind="pickle-names-setstate", detail="")
    build = Build(span=SPAN, target=Value(kind="call"), state=Value(kind="dict"))
    assert gap_of(CHECK, spelled, build).startswith("__setstate__ ")
    assert not checked(CHECK, spelled)
    assert not checked(CHECK, build)


def test_a_method_reference_by_hand() -> None:
    getattr_, owner = named("builtins", "getattr"), made(named("collections", "OrderedDict"))
    assert gap_of(CHECK, called(getattr_, owner, text("keys"))) == "builtins.getattr (called)"
    # anything else getattr does is told by runs-harmful-code
    assert not checked(CHECK, called(getattr_, owner, text("__class__")))
    assert not checked(CHECK, called(getattr_, owner, made(named("builtins", "str"))))


def test_miss_harmful_names_are_left_to_other_rules() -> None:
    assert not checked(CHECK, imported("os", "system"), called(named("os", "system"), text("id")))
