"""Text where tensors belong."""

import pytest

from modelairlock.records.facts import Configured, Value
from modelairlock.rules.keras_string_argument import RULE
from tests.rules.judging import SPAN, checked, finding_of, text


def called(*arguments: Value, module: str = "keras.layers", name: str = "Dense") -> Configured:
    return Configured(span=SPAN, scheme="keras", kind="call", module=module, qualname=name, arguments=arguments)


@pytest.mark.parametrize("said", ["/bin/sh", "http://x/y", "a;b", "$(id)", "..\\x", "x" * 200])
def test_paths_commands_and_addresses(said: str) -> None:
    assert repr(said[:20])[1:-1] in finding_of(RULE, called(text(said))).message


def test_text_that_is_given_by_name() -> None:
    pair = Value(kind="tuple", parts=(text("command"), text("/bin/sh")))
    assert "/bin/sh" in finding_of(RULE, called(pair, module="pkg", name="Mine")).message


@pytest.mark.parametrize("said", ["float32", "SAME", "ij,jk->ik", "channels_last", ""])
def test_words_that_name_a_mode(said: str) -> None:
    assert not checked(RULE, called(text(said)))


def test_numbers_and_what_other_rules_tell() -> None:
    assert not checked(RULE, called(Value(kind="int", text="3")))
    assert not checked(RULE, called(text("/x"), module="keras.utils", name="get_file"))
    assert not checked(RULE, called(text("/x"), module="subprocess", name="run"))
