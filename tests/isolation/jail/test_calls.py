"""The numbers of system calls, held to the kernel's own headers, which are no part of this project."""

import re
from pathlib import Path

import pytest

from modelairlock.isolation import kernel
from modelairlock.isolation.jail import calls, decode, session
from modelairlock.isolation.jail.filter import ALLOWED, CHECKED

TABLE = Path(__file__).with_name("arm64_calls.txt")
HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
#: later than the newest in the table
_NEWEST = 462


def told() -> dict[str, int]:
    rows = [row for line in TABLE.read_text().splitlines() if not line.startswith("#") for row in line.split()]
    return {name: int(number) for number, name in (row.split(":") for row in rows)}


def test_those_of_arm64_are_the_kernels() -> None:
    table = told()
    assert len(table) > 300
    ours = {name: numbers[1] for name, numbers in calls.NUMBERS.items() if 0 <= numbers[1] <= _NEWEST}
    assert ours == table


@pytest.mark.skipif(not HEADER.exists(), reason="needs the kernel's headers for x86_64 (apt install linux-libc-dev)")
def test_those_of_x86_64_are_the_kernels() -> None:
    found = re.findall(r"^#define __NR_(\w+) (\d+)", HEADER.read_text(), re.MULTILINE)
    table = {name: int(number) for name, number in found}
    assert len(table) > 350
    newest = max(table.values())
    assert {name: one[0] for name, one in calls.NUMBERS.items() if 0 <= one[0] <= newest} == table


def test_both_tables_of_ours_agree() -> None:
    assert {name: calls.NUMBERS[name] for name in kernel.NUMBERS} == kernel.NUMBERS


@pytest.mark.parametrize("machine", [0, 1])
def test_numbers_are_told_apart(machine) -> None:
    numbers = [one[machine] for one in calls.NUMBERS.values() if one[machine] >= 0]
    assert len(numbers) == len(set(numbers))


def test_what_is_named_is_in_the_table() -> None:
    for name in (*ALLOWED, *(name for name, _ in CHECKED), *decode._FORMATS, *session._CALLS):
        assert name in calls.NUMBERS, name
    # What the worker calls by number must be there on both.
    assert all(min(calls.NUMBERS[name]) >= 0 for name in (*session._CALLS, *(name for name, _ in CHECKED)))


def test_names_of_arm64(monkeypatch) -> None:
    monkeypatch.setattr(kernel, "machine", lambda: 1)
    assert calls.name(56) == "openat"
    assert calls.name(220) == "clone"
    assert calls.name(221) == "execve"
    assert calls.name(198) == "socket"
    assert calls.name(2) == "io_submit"
