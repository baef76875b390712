"""Writes SARIF 2.1.0 for code scanning: findings and gaps as results, their rules as a table, errors as notifications.

The limits are GitHub's. What does not fit is left out from the least severe end, and a notification says how much.
Offsets are bytes of the file; what lies inside a member is named as a logical location, since SARIF has no offsets in
a compressed part of a file.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from modelairlock.outputs.sarif.model import (
    Configuration,
    Descriptor,
    Driver,
    Invocation,
    Log,
    Message,
    Notification,
    Run,
    Tool,
)
from modelairlock.outputs.sarif.results import LEVELS, Told, Writer, message_text, rule_of, sentences, told
from modelairlock.records.coverage import EXPLANATIONS, Because, Gap
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.output import Output, View
from modelairlock.records.rule import Rule
from modelairlock.records.scan import ScanRecord
from modelairlock.records.text import shown
from modelairlock.records.wording import settings_in_words

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: GitHub's bands: above 9.0 critical, 7.0 high, 4.0 medium
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
    Severity.INFO: "0.5",
}
_MOST_TAGS = 20
_MOST_NOTIFICATIONS = 100


def _render(record: ScanRecord, view: View) -> Iterator[str]:
    everything = told(record)
    rules = _rules(view.rules, everything)
    writer = Writer({rule.id: number for number, rule in enumerate(rules)}, view.folder)
    results = tuple(writer.results(everything))
    isolation = record.tool.isolation
    run = Run(
        tool=Tool(driver=Driver(name=record.tool.name, semantic_version=record.tool.version, rules=rules)),
        invocations=(
            Invocation(
                execution_successful=not record.errors,
                start_time_utc=_time(record.started),
                tool_execution_notifications=tuple(_notifications(record, writer.left_out)),
            ),
        ),
        results=results,
        artifacts=tuple(writer.artifacts.values()),
        properties={
            "verdict": record.verdict.value,
            "rulesDigest": record.tool.rules_digest,
            "profilesDigest": record.tool.profiles_digest,
            "isolation": isolation.level.value,
            "isolationMissing": tuple(layer.name for layer in isolation.layers if layer.state != "enforced"),
            "settings": tuple(shown(settings.path) for settings in record.settings),
        },
    )
    log = Log(schema=_SCHEMA, version="2.1.0", runs=(run,))
    # Everything in it went through `shown`, so no character is left that a terminal would obey.
    yield msgspec.json.format(msgspec.json.encode(log), indent=1).decode()
    yield "\n"


def _time(started: str) -> str | None:
    """SARIF wants UTC with a Z, section 3.9."""
    utc = started.removesuffix("+00:00").removesuffix("Z")
    return f"{utc}Z" if utc != started else None


def _rules(rules: tuple[Rule, ...], everything: list[Told]) -> tuple[Descriptor, ...]:
    """A row for each rule and reason that a result refers to: who reads the log looks up no other."""
    findings = {rule_of(each.what): each.what for each in everything if isinstance(each.what, Finding)}
    gaps = {each.what.because for each in everything if isinstance(each.what, Gap)}
    known = [_rule(rule) for rule in sorted(rules, key=lambda rule: rule.name) if rule.name in findings]
    ids = {descriptor.id for descriptor in known}
    unknown = [_unknown(finding) for name, finding in sorted(findings.items()) if name not in ids]
    return (*known, *unknown, *(_reason(because) for because in Because if because in gaps))


def _rule(rule: Rule) -> Descriptor:
    return _descriptor(rule.name, rule.summary, rule.help, rule.severity, (*rule.cwe, *rule.atlas), rule.formerly)


def _unknown(finding: Finding) -> Descriptor:
    """A rule that is not in the table, as in a report made by another version."""
    name = rule_of(finding)
    return _descriptor(name, name, finding.help or name, finding.severity, (*finding.cwe, *finding.atlas), ())


def _reason(because: Because) -> Descriptor:
    why, what = EXPLANATIONS[because]
    return _descriptor(f"gap/{because.value}", why, what, Severity.MEDIUM, (), ())


def _descriptor(
    name: str, summary: str, help_: str, severity: Severity, ids: tuple[str, ...], formerly: tuple[str, ...]
) -> Descriptor:
    tags = ("security", *(_tag(each) for each in ids))
    return Descriptor(
        id=name,
        short_description=Message(text=message_text(summary)),
        help=Message(text=message_text(f"{help_} See: airlock explain {name}")),
        default_configuration=Configuration(level=LEVELS[severity]),
        properties={"security-severity": _SCORES[severity], "precision": "high", "tags": tags[:_MOST_TAGS]},
        deprecated_ids=formerly,
    )


def _tag(identifier: str) -> str:
    lower = shown(identifier.lower(), 60)
    return f"external/cwe/{lower}" if lower.startswith("cwe-") else f"external/atlas/{lower}"


def _notifications(record: ScanRecord, left_out: int) -> Iterator[Notification]:
    if left_out:
        text = f"{left_out:,} results, the least severe, are left out: code scanning takes no more. JSON has them all."
        yield Notification(level="warning", message=Message(text=text))
    for error in record.errors[:_MOST_NOTIFICATIONS]:
        text = message_text(sentences(f"{error.path}: {error.message}", error.hint))
        yield Notification(level="error", message=Message(text=text))
    if len(record.errors) > _MOST_NOTIFICATIONS:
        text = f"{len(record.errors) - _MOST_NOTIFICATIONS:,} more errors"
        yield Notification(level="error", message=Message(text=text))
    for reason, count in Counter(left.reason for left in record.excluded).most_common(_MOST_NOTIFICATIONS):
        yield Notification(level="note", message=Message(text=message_text(f"{count:,} not looked at: {reason}")))
    for settings in record.settings:
        text = message_text(f"settings: {settings.path} {settings_in_words(settings)}")
        yield Notification(level="note", message=Message(text=text))


OUTPUT = Output(
    name="sarif",
    summary="SARIF 2.1.0 for code scanning",
    media_type="application/sarif+json",
    suffix=".sarif",
    render=_render,
)
