"""What Python callers give for a jail: a path, an interpreter, a level and limits, each looked at before it is used.

What cannot be meant is an `AirlockError` that names the argument and says what to write.
"""

import os
import sys
from collections.abc import Mapping
from typing import TypeGuard

import msgspec

from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JailLimits
from modelairlock.records.text import shown
from modelairlock.records.typed import from_plain

_LIMITS_HINT = f"It is a dict with some of {', '.join(JailLimits.__struct_fields__)}, each a number above zero."


def is_path(given: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether it is a path of text, as str or Path."""
    return isinstance(given, str | os.PathLike) and isinstance(os.fspath(given), str)


def interpreter_from(given: object) -> str:
    """The path of the Python to load with; of this one for None. Raises AirlockError."""
    if given is None:
        return sys.executable
    if not is_path(given):
        raise AirlockError(f"interpreter is {shown(repr(given), 80)}", "Give the path of a Python, as str or Path.")
    return os.fspath(given)


def jail_level_from(require: Level | str) -> Level:
    """A level at which models may be opened. Raises AirlockError."""
    try:
        level = Level(str(require))
    except ValueError:
        raise AirlockError(f"require is {shown(repr(require), 80)}", "There are confined and strict.") from None
    if level.rank < Level.CONFINED.rank:
        raise AirlockError(f"require is {level}, which is too little to open a model", "There are confined and strict.")
    return level


def jail_limits_from(given: JailLimits | Mapping[str, float] | None) -> JailLimits:
    """The default limits with what `given` says. Raises AirlockError."""
    table = msgspec.structs.asdict(given) if isinstance(given, JailLimits) else given
    if table is None:
        return JailLimits()
    if not isinstance(table, Mapping) or set(table) - set(JailLimits.__struct_fields__):
        raise AirlockError(f"limits is {shown(repr(given), 80)}", _LIMITS_HINT)
    try:
        limits = from_plain(dict(table), JailLimits)
    except msgspec.ValidationError as problem:
        raise AirlockError(f"limits: {problem}", _LIMITS_HINT) from None
    if not all(0 < value < 2**62 for value in msgspec.structs.astuple(limits)):
        raise AirlockError(f"limits is {shown(repr(given), 80)}", _LIMITS_HINT)
    return limits
