"""A harmful name that is only imported waits for somebody to call it."""

import pytest

from modelairlock.records.facts import Build, Fact, SetItem
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.names_harmful_code import RULE as CHECK
from tests.build import pickle_builder as p
from tests.rules.judging import (
    CONTEXT,
    SPAN,
    called,
    checked,
    finding_of,
    findings,
    imported,
    judged,
    made,
    named,
    text,
)

RULE = "names-harmful-code"


def test_hit() -> None:
    subject = judged(p.whole(p.push({"activation": p.global_("os", "system")})))
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.HIGH
    assert finding.message == "it names os.system, which runs a command or another program, and keeps it for later"
    assert subject.verdict is Verdict.FLAGGED


def test_a_called_name_is_told_by_the_other_rule() -> None:
    subject = judged(p.whole(p.call(p.global_("os", "system"), "id")))
    assert not findings(subject, RULE)
    assert findings(subject, "runs-harmful-code")


def test_miss() -> None:
    assert not findings(judged(p.whole(p.push([p.global_("collections", "OrderedDict")]))), RULE)


@pytest.mark.parametrize(
    ("module", "qualname", "called_severity", "severity"),
    [
        ("os", "system", "critical", Severity.HIGH),
        ("os", "nice", "high", Severity.MEDIUM),
        ("functools", "partialmethod", "medium", Severity.MEDIUM),
    ],
)
def test_hit_is_one_step_below_a_call(module: str, qualname: str, called_severity: str, severity: Severity) -> None:
    harm = CONTEXT.profiles.harm(module, qualname)
    assert harm is not None
    assert harm.severity == called_severity
    finding = finding_of(CHECK, imported(module, qualname))
    assert finding.severity is severity
    assert finding.message == f"it names {module}.{qualname}, which {harm.effect}, and keeps it for later"
    assert (finding.cwe, finding.atlas) == (harm.cwe, harm.atlas)


@pytest.mark.parametrize(
    "acts",
    [
        called(named("os", "system"), text("id")),
        called(named("os", "system"), text("id"), how="newobj"),
        Build(span=SPAN, target=made(named("os", "system")), state=text("x")),
        SetItem(span=SPAN, target=made(named("os", "system")), opcode="SETITEM"),
        SetItem(span=SPAN, target=made(named("os", "system")), opcode="APPEND"),
    ],
)
def test_a_name_that_acts_is_not_only_named(acts: Fact) -> None:
    assert not checked(CHECK, imported("os", "system"), acts)
    assert not checked(CHECK, acts, imported("os", "system"))
    assert len(checked(CHECK, imported("os", "popen"), acts)) == 1  # another name is another matter


def test_miss_by_hand() -> None:
    assert not checked(CHECK, imported("somelib", "Model"), imported("collections", "OrderedDict"))
