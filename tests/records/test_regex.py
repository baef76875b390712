"""Expressions are compiled late, and every one of them does compile."""

import importlib
import pkgutil
import re

import pytest

import modelairlock
from modelairlock.records.regex import Late, regex


def test_it_is_compiled_at_the_first_use_and_does_what_the_compiled_one_does() -> None:
    late = regex(r"(?P<word>[a-z]+)\d", re.IGNORECASE)
    assert set(vars(late)) == {"source", "flags"}
    found = late.fullmatch("AB1")
    assert found is not None
    assert found["word"] == "AB"
    assert set(vars(late)) == {"source", "flags", "fullmatch"}
    assert (late.pattern, late.groups, late.sub("-", "a1b2")) == (r"(?P<word>[a-z]+)\d", 1, "--")


def test_one_that_is_none_says_so_at_the_first_use() -> None:
    late = regex("(")
    with pytest.raises(re.error, match="missing"):
        late.match("")


def test_every_expression_of_the_house_compiles() -> None:
    late = {}
    for module in pkgutil.walk_packages(modelairlock.__path__, "modelairlock."):
        if not module.name.endswith("__main__") and ".isolation." not in module.name:  # some of that starts to work
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, Late):
                    late[module.name, name] = value
    assert len(late) > 100
    for value in late.values():
        re.compile(value.source, value.flags)
