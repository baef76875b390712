"""What callers give for a jail; what is refused is tried in test_load_isolated.py, as callers meet it."""

import sys
from pathlib import Path

from modelairlock.pipeline.given import interpreter_from, jail_limits_from
from modelairlock.records.jail import JailLimits


def test_limits_are_written_as_a_dict_or_a_record() -> None:
    assert jail_limits_from(None) == JailLimits()
    assert jail_limits_from({"memory_bytes": 1 << 30, "wall_seconds": 5}) == JailLimits(
        memory_bytes=1 << 30, wall_seconds=5.0
    )
    assert jail_limits_from(JailLimits(files=9)) == JailLimits(files=9)


def test_the_interpreter_is_this_one_or_a_path() -> None:
    assert interpreter_from(None) == sys.executable
    assert interpreter_from(Path("venv/bin/python")) == "venv/bin/python"
