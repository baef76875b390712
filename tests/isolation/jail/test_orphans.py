"""Whoever kills the one that watches does not set the load free: the jail ends with its parent, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.isolation.jail.world import INTERPRETER, MARKER, MODES, marked, survivors

pytestmark = [pytest.mark.jail, pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")]

_ROOT = Path(__file__).resolve().parents[3]
_PARENT = """
import sys
from modelairlock.isolation.jail import Job, run
code = "import time\\nPHASES = {'import': lambda *_: None, 'load': lambda *_: time.sleep(30)}"
job = Job(code=code, phases=("import", "load"), interpreter=sys.argv[1], variables=(("MARKER", sys.argv[2]),))
print(run(job, enabled_layers=sys.argv[3].split(",")).detail)
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interpreter", sorted({INTERPRETER, sys.executable}))
def test_the_parent_is_killed(interpreter, mode) -> None:
    if mode == "confined" and interpreter != INTERPRETER and os.geteuid() == 0:
        pytest.skip("root needs namespaces for an interpreter that only root may run")
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, interpreter, MARKER, ",".join(MODES[mode])],
        env={**os.environ, "PYTHONPATH": f"{_ROOT}/src:{os.environ.get('PYTHONPATH', '')}"},
    )
    for _ in range(100):
        time.sleep(0.05)
        jailed = [entry for entry in os.listdir("/proc") if marked(entry)]
        if len(jailed) >= (3 if mode == "strict" else 1):
            break
    else:
        pytest.fail("it did not start")
    time.sleep(0.3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert survivors() == []
