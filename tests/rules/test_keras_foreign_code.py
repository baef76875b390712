"""Modules outside Keras: known ones are told, the author's own are held by another rule."""

import pytest

from modelairlock.records.facts import Configured
from modelairlock.records.finding import Severity
from modelairlock.rules.keras_foreign_code import RULE
from tests.build import keras_builder as k
from tests.rules.judging import SPAN, checked, finding_of, findings, judged, text


def named(module: str, name: str, kind: str = "class") -> Configured:
    return Configured(span=SPAN, scheme="keras", kind=kind, module=module, qualname=name, where="config")


def test_a_command_with_its_arguments() -> None:
    one = named("subprocess", "run")
    call = Configured(
        span=SPAN, scheme="keras", kind="call", module="subprocess", qualname="run", arguments=(text("/bin/sh"),)
    )
    found = checked(RULE, one, call)
    assert len(found) == 1
    assert "subprocess.run('/bin/sh')" in found[0].message
    assert found[0].severity is Severity.CRITICAL
    assert "before 3.9.0" in found[0].message


@pytest.mark.parametrize("module", ["os", "numpy", "json", "torch.nn"])
def test_known_libraries_are_no_part_of_keras(module: str) -> None:
    assert finding_of(RULE, named(module, "anything_at_all")).severity in (Severity.HIGH, Severity.CRITICAL)


def test_builtins_that_run_code() -> None:
    assert "eval" in finding_of(RULE, named("builtins", "eval", "function")).message


@pytest.mark.parametrize(
    "fact",
    [
        named("keras.layers", "Dense"),
        named("keras.utils", "get_file"),
        named("", "Dense"),
        named("__main__", "Mine"),
        named("pkg.layers", "Mine"),
        named("builtins", "my_loss", "function"),
        named("builtins", "relu", "function"),
        Configured(span=SPAN, scheme="skops", kind="class", module="os", qualname="system"),
    ],
)
def test_what_is_of_keras_or_of_the_author_is_for_others(fact: Configured) -> None:
    assert not checked(RULE, fact)


def test_through_the_front_door() -> None:
    run = k.layer("run", {}, "subprocess", inbound_nodes=k.call(["/bin/sh", "-c", "true"]))
    [found] = findings(judged(k.text(k.functional(run)), "a.json"), RULE.name)
    assert "subprocess.run('/bin/sh', '-c', 'true')" in found.message
