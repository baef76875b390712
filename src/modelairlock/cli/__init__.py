"""The command line: the only room that prints, exits, or reads the environment and the clock.

``airlock scan`` starts the worker's interpreter before it imports anything itself, so that both are ready at once.
"""

import gc
import os
import sys

# Type checkers know this name; importing it would import typing.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NoReturn

    from modelairlock.isolation.spawn import Spawned


def main() -> "NoReturn":
    """The ``airlock`` program."""
    # A scan makes records by the thousand and no cycles; looking for some every 700 objects costs a tenth of its time.
    gc.set_threshold(100_000, 20, 20)
    spawned = _head_start() if sys.argv[1:2] == ["scan"] else None
    try:
        from modelairlock.cli.group import airlock

        airlock.main(obj=spawned)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        status = end.code
    finally:
        if spawned:
            spawned.dismiss()
    _leave(status)


def _leave(status: int) -> "NoReturn":
    """End at once: to take the interpreter apart takes as long as scanning a hundred files, and saves nothing."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        sys.exit(status)  # Python says what is wrong with its streams
    os._exit(status)


def _head_start() -> "Spawned | None":
    """The interpreter that the scan will want; if it cannot be started, the scan will try again and say why."""
    from modelairlock.isolation.spawn import spawn
    from modelairlock.pipeline import READ

    try:
        return spawn(READ) if sys.executable else None
    except OSError:
        return None
