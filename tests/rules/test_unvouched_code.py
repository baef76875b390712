"""Names that nobody vouches for are held; parts of Python that no model needs are flagged when they are called."""

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.rules.judging import findings, judged, unvouched

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
    assert unvouched(judged(p.whole(codec, 2), "a.pkl")) == ["_codecs.encode (called)"]


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
    assert unvouched(judged(p.whole(lying))) == ["numpy.dtype (given a state)"]


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
