"""Limits that grow with the file, and never beyond the machine."""

import pytest

from modelairlock.pipeline.load_limits import limits_for, machine_memory, reached
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JailLimits, JailPhase, JailResult, Outcome

GIB = 1 << 30


def test_a_small_file_gets_the_defaults() -> None:
    assert limits_for(1000, 64 * GIB) == JailLimits()


def test_a_large_checkpoint_gets_what_it_needs() -> None:
    found = limits_for(2 * 10**9, 64 * GIB)
    assert found.memory_bytes == GIB + 8 * 10**9
    assert (found.wall_seconds, found.cpu_seconds) == (160.0, 160)


def test_never_more_than_the_machine_has() -> None:
    assert limits_for(10**12, 8 * GIB).memory_bytes == 7 * GIB
    assert limits_for(10, 2 * GIB).memory_bytes == 7 * GIB // 4
    assert limits_for(10**12, 0).memory_bytes > 10**12


def test_a_size_that_costs_nothing_buys_an_hour_at_most() -> None:
    """A file with a hole of a terabyte in it would else keep a queue busy for half a day."""
    found = limits_for(10**15, 64 * GIB)
    assert (found.wall_seconds, found.cpu_seconds) == (3660.0, 3660)


def test_an_operator_is_believed() -> None:
    found = limits_for(10**10, 8 * GIB, seconds=3.5, memory_bytes=5)
    assert (found.wall_seconds, found.memory_bytes, found.cpu_seconds) == (3.5, 5, 60)
    assert limits_for(1, 0, seconds=900.5).cpu_seconds == 901
    assert limits_for(1, 0, seconds=float("inf")).cpu_seconds == 10**8


def test_this_machine() -> None:
    assert 1 << 27 < machine_memory() < 1 << 50


@pytest.mark.parametrize("outcome", list(Outcome))
def test_which_limit_it_was_is_said(outcome: Outcome) -> None:
    phase = JailPhase(name="inference", seconds=1, cpu_seconds=1, memory_bytes=1)
    result = JailResult(level=Level.STRICT, layers=(), outcome=outcome, phases=(phase,))
    told = reached(result, JailLimits(), 3_000_000)
    assert bool(told) is outcome.value.startswith("limit:")
    if told:
        assert told.startswith("; allowed for 3.0 MB, during inference: ")
    if outcome is Outcome.LIMIT_MEMORY:
        assert told.endswith("4,096 MiB of memory (--memory gives more)")
