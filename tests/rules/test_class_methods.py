"""``getattr(Class, "method")``: how pickle writes methods, which are judged by their whole name."""

import datetime
import pickle
import zoneinfo

import pytest

from modelairlock.records.scan import Verdict
from tests.build import pickle_builder as p
from tests.rules.judging import findings, judged, unvouched

GETATTR = p.global_("builtins", "getattr")
ZONE = p.global_("zoneinfo", "ZoneInfo")


@pytest.mark.parametrize("protocol", range(6))
def test_a_time_with_its_zone_is_clear(protocol: int) -> None:
    when = datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC"))
    subject = judged(pickle.dumps({"when": when, "split": str.split, "lower": str.lower}, protocol))
    assert subject.verdict is Verdict.CLEAR, unvouched(subject)


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "a" * 40])
def test_a_zone_that_is_a_path_is_held(key: str) -> None:
    subject = judged(p.whole(p.call(p.call(GETATTR, ZONE, "_unpickle"), key, 1)))
    assert subject.verdict is not Verdict.CLEAR


@pytest.mark.parametrize("method", ["from_file", "clear_cache", "__init_subclass__", "no_cache.__func__"])
def test_another_method_is_a_computed_call(method: str) -> None:
    subject = judged(p.whole(p.call(p.call(GETATTR, ZONE, method), "UTC", 1)))
    assert findings(subject, "computed-code")


def test_the_last_of_many_methods_is_looked_at() -> None:
    calls = b"".join(p.call(p.call(GETATTR, ZONE, "_unpickle"), "UTC", 1) + p.POP for _ in range(30))
    subject = judged(p.whole(p.Code(calls + p.call(p.call(GETATTR, ZONE, "from_file"), "x"))))
    assert findings(subject, "computed-code")
    subject = judged(p.whole(p.Code(calls + p.call(p.call(GETATTR, ZONE, "_unpickle"), "../../etc/passwd", 1))))
    assert subject.verdict is not Verdict.CLEAR


def test_an_attribute_of_an_instance_is_no_class_method() -> None:
    bag = p.build(p.call_newobj(p.global_("argparse", "Namespace")), {"x": 1})
    subject = judged(p.whole(p.call(p.call(GETATTR, bag, "x"), 1)))
    assert findings(subject, "computed-code")
