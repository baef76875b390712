"""What Python callers give to `modelairlock.convert` and `modelairlock.detonate`, as this room's functions take it."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from modelairlock.limits import Limits
from modelairlock.pipeline import convert as converting
from modelairlock.pipeline import detonate as detonating
from modelairlock.pipeline.given import interpreter_from, is_path, jail_level_from, jail_limits_from
from modelairlock.pipeline.options import limits_from, sources_from
from modelairlock.records.conversion import ConversionRecord
from modelairlock.records.detonate import DetonateRecord
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JailLimits
from modelairlock.records.text import shown

_SWITCHES = ("force", "strip", "drop_template", "load_in_jail")


def convert(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    given: Mapping[str, Any],
    progress: Callable[[int, int], None] | None,
) -> ConversionRecord:
    """See `modelairlock.convert`, which documents it; `given` is all the rest of what that takes."""
    for name, place in (("path", path), ("out", out)):
        if not is_path(place):
            raise AirlockError(f"convert: {name} is {shown(repr(place), 80)}", "Give a path, as str or Path.")
    switches = {name: given[name] for name in _SWITCHES}
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise AirlockError(f"convert: {name} is {shown(repr(value), 80)}", "It is True or False.")
    wanted = converting.Wanted(
        **switches,
        interpreter=interpreter_from(given["interpreter"]),
        require=None if given["require"] is None else _any_level(given["require"]),
        limits=_budgets(given["limits"]),
    )
    return converting.convert(os.fspath(path), os.fspath(out), wanted, progress)


def detonate(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    loader: str,
    interpreter: str | os.PathLike[str] | None,
    require: Level | str,
    limits: JailLimits | Mapping[str, float] | None,
) -> DetonateRecord:
    """See `modelairlock.detonate`, which documents it."""
    return detonating.detonate(
        sources_from(sources),
        loader=loader,
        interpreter=interpreter_from(interpreter),
        require=jail_level_from(require),
        limits=None if limits is None else jail_limits_from(limits),  # without any they grow with the file
    )


def _any_level(require: Level | str) -> Level:
    try:
        return Level(str(require))
    except ValueError:
        message = f"convert: require is {shown(repr(require), 80)}"
        raise AirlockError(message, f"There are {', '.join(Level)}.") from None


def _budgets(given: object) -> Limits:
    table = msgspec.structs.asdict(given) if isinstance(given, Limits) else given
    if table is None:
        return Limits()
    if not isinstance(table, Mapping):
        hint = 'It must be Limits or a dict, such as {"seconds": 60}.'
        raise AirlockError(f"convert: limits is {shown(repr(given), 80)}", hint)
    return limits_from(table.items(), "convert: limits")
