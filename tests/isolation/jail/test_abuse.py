"""Hostile loads, really executed in the jail: contained, and seen from outside, whoever runs it and at both levels."""

import platform
import subprocess
import sys
import time

import pytest

from modelairlock.records.isolation import Level
from modelairlock.records.jail import Certainty, Outcome
from tests.isolation.jail import payloads
from tests.isolation.jail.world import INTERPRETER, MODES, SECRET, WHO, calls, everything, load, uid, world

pytestmark = [
    pytest.mark.jail,
    pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="numbers of Linux on x86_64"),
]

ALL = {**payloads.EFFECT, **payloads.OTHER}


@pytest.mark.parametrize("detonate", [False, True], ids=["refuse", "detonate"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", ALL)
def test_it_changes_nothing_and_is_seen(name, who, mode, detonate, monkeypatch) -> None:
    monkeypatch.setenv("CANARY", SECRET)
    source, expected = ALL[name]
    with world() as outside:
        outside.victim(uid(who) or (65534 if who == "root" else None))
        before = outside.state()
        result = load(outside.filled(source), who=who, mode=mode, detonate=detonate)
        after = outside.state()
    assert after == before
    assert result.level == Level(mode), result.layers
    assert expected & calls(result), (result.outcome, result.detail, result.output)
    assert result.outcome in {Outcome.COMPLETED_WITH_VIOLATIONS, Outcome.LOADER_ERROR}, result.detail
    assert SECRET not in everything(result)
    assert "root:x:0:0" not in everything(result)
    harmless = {"clone", "fork", "vfork"}
    assert all(one.certainty is Certainty.DENIED or one.syscall in harmless for one in result.events)


@pytest.mark.parametrize("name", payloads.EFFECT)
def test_the_oracles_see_it_where_there_is_no_jail(name) -> None:
    """Else a jail that stops nothing would pass."""
    source, _ = payloads.EFFECT[name]
    with world() as outside:
        outside.victim(None)
        outside.model.write_bytes(b"model")
        before = outside.state()
        plain = subprocess.Popen([INTERPRETER, "-c", outside.filled(source)])
        seen = False
        while not seen and plain.poll() is None:
            seen = outside.state() != before
        plain.wait()
        for _ in range(50):
            seen = seen or outside.state() != before
            time.sleep(0 if seen else 0.02)
        assert seen
