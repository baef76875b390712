"""One child: tighten the walls, then answer task after task, then end.

Runs right after fork, so it shares everything with the template that has no wall between them yet: until `tighten`
returns, it must not touch an input. It never returns to the caller's code and never runs finalisers.
"""

import os
import signal
from collections.abc import Callable, Sequence
from typing import NoReturn

from modelairlock.isolation import kernel, rlimits
from modelairlock.isolation.framing import ANSWER, RAISED, RESULT, TASK, plain
from modelairlock.isolation.lockdown import Locks

Function = Callable[[int, bytes], bytes]
_CHUNK = 1 << 20
_BAD_REQUEST, _NOT_LOCKED, _UNEXPECTED = 65, 66, 70


def tighten(locks: Locks, parent: int, cpu_seconds: int, keep: Sequence[int]) -> None:
    """Drop what only the template needs. Raises OSError."""
    if kernel.machine() >= 0:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            raise OSError(0, "the template is gone")
    if locks.ruleset >= 0:
        kernel.call("landlock_restrict_self", locks.ruleset, 0)
    close_all_but(keep)
    if locks.limits:
        rlimits.limit_child(cpu_seconds)
    if locks.program is not None:
        locks.program.install()


def close_all_but(keep: Sequence[int]) -> None:
    """Close every descriptor that is not in `keep`."""
    start = 0
    for fd in sorted(keep):
        if start < fd:
            os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, rlimits.TEMPLATE_FILES)


def live(function: Function, tasks: int, answers: int, inputs: Sequence[int], lock: Callable[[], None]) -> NoReturn:
    """Lock, then read tasks from descriptor `tasks` to its end and write an answer to each to `answers`."""
    status = _UNEXPECTED
    try:
        lock()
    except BaseException:
        os._exit(_NOT_LOCKED)
    try:
        status = _answer_all(function, tasks, answers, inputs)
    finally:
        # Whatever happens, the template's own loop must not go on in here.
        os._exit(status)


def _answer_all(function: Function, tasks: int, answers: int, inputs: Sequence[int]) -> int:
    waiting = iter(inputs)
    index = 0
    while header := _read(tasks, TASK.size):
        if len(header) < TASK.size:
            return _BAD_REQUEST
        size, has_input = TASK.unpack(header)
        payload = _read(tasks, size)
        if len(payload) < size:
            return _BAD_REQUEST
        kind, body = _call(function, next(waiting) if has_input else -1, payload)
        _write(answers, ANSWER.pack(index, kind, len(body)), body)
        index += 1
    return 0


def _call(function: Function, fd: int, payload: bytes) -> tuple[int, bytes]:
    try:
        result: object = function(fd, payload)
    except BaseException as error:
        # SystemExit and KeyboardInterrupt too: a reader that raises has failed, whatever it raised.
        return RAISED, plain(f"{type(error).__name__}: {error}").encode("utf-8", "replace")
    if not isinstance(result, bytes):
        return RAISED, f"it returned {type(result).__name__} where bytes were expected".encode()
    return RESULT, result


def _read(fd: int, size: int) -> bytes:
    """Exactly `size` bytes, or fewer at the end of the stream."""
    data = os.read(fd, min(size, _CHUNK))
    if len(data) == size:
        return data
    parts = [data]
    left = size - len(data)
    while left and parts[-1]:
        parts.append(os.read(fd, min(left, _CHUNK)))
        left -= len(parts[-1])
    return b"".join(parts)


def _write(fd: int, header: bytes, body: bytes) -> None:
    # No signal reaches a child, so a blocking write never stops within the header.
    done = os.writev(fd, (header, body)) - len(header)
    while done < len(body):
        done += os.write(fd, memoryview(body)[done:])
