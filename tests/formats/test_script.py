"""Source code is held until something reads it."""

import pytest

from modelairlock.formats.script import FORMAT
from modelairlock.records.coverage import Because
from tests.formats.everyday_help import because, claims, cuts, read

CODE = b"import os\n"


def example() -> bytes:
    return CODE


@pytest.mark.parametrize(
    "name", ["modeling.py", "run.sh", "a.ipynb", "x.R", "m.lua", "package.json", "Makefile", "a.cu"]
)
def test_is_held(name: str) -> None:
    reading = read(CODE, FORMAT, name=name)
    assert reading.formats == ("script",)
    assert because(reading) == {Because.UNSUPPORTED}


def test_by_its_first_line_under_any_name() -> None:
    assert claims(FORMAT, b"#!/usr/bin/env python3\n", "model")
    assert claims(FORMAT, b"#!/usr/bin/env python3\n", "LICENSE")


@pytest.mark.parametrize(
    ("data", "name", "role"),
    [(b"\x80\x04N.", "a.py", ""), (CODE, "a.txt", ""), (CODE, "a.py", "raw"), (b"", "a.py", "")],
)
def test_does_not_claim(data: bytes, name: str, role: str) -> None:
    assert not claims(FORMAT, data, name, role)


def test_damaged_is_held_too() -> None:
    for cut in cuts(b"#!/bin/sh\nid\n"):
        assert read(cut, FORMAT, name="a.sh").coverage.gaps
