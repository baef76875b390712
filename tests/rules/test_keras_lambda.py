"""Bytecode: how bad it is depends on who loads it, and what it names."""

from modelairlock.records.facts import Bytecode, Configured
from modelairlock.records.finding import Severity
from modelairlock.rules.keras_lambda import RULE
from tests.build import keras_builder as k
from tests.rules.judging import SPAN, checked, finding_of, findings, judged

HARMLESS = Bytecode(span=SPAN, where="config.function", names=("abs",), python="3.13")
HARMFUL = Bytecode(span=SPAN, where="config.function", names=("__import__", "system"), strings=("os",), python="3.13")
UNREAD = Bytecode(span=SPAN, where="config.function")
ARCHIVED = {"name": "config.json", "role": "keras-config"}


def severity(*facts: Bytecode | Configured, **where: str) -> Severity:
    [found] = [one for one in checked(RULE, *facts, **where) if hasattr(one, "severity")]
    return found.severity


def test_by_loader_and_by_what_it_names() -> None:
    assert severity(HARMLESS, **ARCHIVED) is Severity.MEDIUM
    assert severity(HARMFUL, **ARCHIVED) is Severity.HIGH
    assert severity(UNREAD, **ARCHIVED) is Severity.HIGH
    assert severity(HARMLESS, name="model_config", role="keras-config") is Severity.HIGH
    assert severity(HARMFUL, name="model_config", role="keras-config") is Severity.CRITICAL


def test_without_a_module_safe_mode_does_not_help() -> None:
    layer = Configured(span=SPAN, scheme="keras", kind="class", module="", qualname="Lambda")
    assert severity(HARMLESS, layer, **ARCHIVED) is Severity.HIGH
    assert "CVE-2026-12481" in checked(RULE, HARMLESS, layer, **ARCHIVED)[0].message


def test_the_message_names_what_the_code_names() -> None:
    message = finding_of(RULE, HARMFUL).message
    assert "it names __import__, system, 'os'" in message
    assert "could not be taken apart" in finding_of(RULE, UNREAD).message


def test_a_lambda_layer_without_bytecode_is_none() -> None:
    named = k.functional(k.layer("Lambda", {"function": k.function("relu")}, inbound_nodes=k.call(k.tensor())))
    assert judged(k.archive(named), "a.keras").verdict.value == "clear"
    assert not findings(judged(k.archive(named), "a.keras"), RULE.name)
