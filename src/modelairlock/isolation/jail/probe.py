"""Which layers of the jail this machine has, and why not: found out by putting them up around nothing."""

import sys

from modelairlock.isolation.jail.job import Job
from modelairlock.isolation.jail.run import run
from modelairlock.records.isolation import Isolation, Level

_NOTHING = "PHASES = {'import': lambda state, inputs, argument: None}"


def probe(interpreter: str = sys.executable) -> Isolation:
    """Start a jail, see which layers hold, end it. Raises AirlockError if the interpreter does not start.

    The layers are `JailLayer`: they also say who saw that they hold.
    """
    job = Job(code=_NOTHING, phases=("import",), interpreter=interpreter)
    result = run(job, require=Level.WEAK, unsafe_allow_weak=True)
    return Isolation(level=result.level, layers=result.layers)
