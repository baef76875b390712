"""Nodes with two names."""

from modelairlock.records.facts import Configured
from modelairlock.rules.keras_registered_name import RULE
from tests.build import keras_builder as k
from tests.rules.judging import SPAN, checked, finding_of, findings, judged, text


def registered(module: str) -> Configured:
    return Configured(
        span=SPAN, scheme="keras", kind="registered", module=module, qualname="pkg>Other", arguments=(text("Dense"),)
    )


def test_a_class_of_keras_under_another_name() -> None:
    message = finding_of(RULE, registered("keras.layers")).message
    assert "keras.layers.Dense" in message
    assert "pkg>Other" in message


def test_classes_of_the_author_are_registered() -> None:
    assert not checked(RULE, registered("pkg.layers"))
    assert not checked(RULE, registered(""))


def test_keras_own_nodes_have_one_name() -> None:
    assert not findings(judged(k.text(k.honest()), "a.json"), RULE.name)
