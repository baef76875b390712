"""What this machine cannot put around a load, its tests cannot try: they are skipped, and say what is missing."""

from functools import cache

import pytest

from modelairlock.isolation.jail import Job, run
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from tests.conftest import NO_JAIL
from tests.isolation.jail.world import INTERPRETER, MODES

_NOTHING = "PHASES = {'import': lambda state, inputs, argument: None}"


@cache
def _lacking(mode: str) -> str:
    """Why there is no jail in `mode` here; empty if there is one."""
    job = Job(code=_NOTHING, phases=("import",), interpreter=INTERPRETER)
    try:
        result = run(job, require=Level.WEAK, unsafe_allow_weak=True, enabled_layers=MODES[mode])
    except AirlockError as error:
        return str(error)
    reasons = [f"{layer.name}: {layer.reason}" for layer in result.layers if layer.state == "unavailable"]
    return "" if result.level.rank >= Level(mode).rank else "; ".join(reasons) or result.detail or "it is not there"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "isolation/jail/" in item.nodeid and item.get_closest_marker("jail"):
            mode = "confined" if "confined" in item.name else "strict"
            if reason := _lacking(mode):
                item.add_marker(pytest.mark.skip(reason=f"{NO_JAIL[mode]} ({reason})"))
