"""How to scan, and how people write that down: as text, as tables, as Python values.

Everything that cannot be meant ends here, before anything is read, in an `AirlockError` that names the option and says
what to write. The command line, its settings files and the Python API share these words.
"""

import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level

_VALUE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(k|M|G|T|Ki|Mi|Gi|Ti)?B?")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def _processors() -> int:
    return os.cpu_count() or 1


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to scan. Nothing in here can turn a gap into silence.

    With `hash` off no digest is reported, names of Hugging Face blobs are not checked and the cache is not used.
    `cache_folder` is where facts are kept (``cache.default_folder`` knows the usual place); None keeps none.
    `started` goes into the record as it is; empty means the time the scan starts.
    """

    exclude: tuple[str, ...] = ()
    jobs: int = msgspec.field(default_factory=_processors)
    hash: bool = True
    require: Level | None = None
    limits: Limits = DEFAULT_LIMITS
    cache: bool = True
    cache_folder: Path | None = None
    started: str = ""


def sources_from(given: object) -> list[Path]:
    """The places that a caller of the Python API means: one path, or several. Raises `AirlockError`."""
    several = [given] if isinstance(given, str | os.PathLike) else _each(given)
    if not several or not all(isinstance(source, str | os.PathLike) for source in several):
        raise AirlockError(f"scan: the source is {_shown(given)}", "Give a path, or several, as str or pathlib.Path.")
    return [Path(source) for source in several]  # type: ignore[arg-type]  # all of them were looked at


def options_from(given: Mapping[str, object]) -> Options:
    """`Options` from what a caller of the Python API wrote; None stands for the default.

    Raises `AirlockError` for an option that does not exist, and for a value that cannot be one.
    """
    for name in given:
        if name not in Options.__struct_fields__:
            raise AirlockError(f"scan has no option {name!r}", _meant(name, Options.__struct_fields__))
    chosen: dict[str, Any] = {name: _read(name, value) for name, value in given.items() if value is not None}
    return Options(**chosen)


def _read(name: str, value: object) -> object:
    match name:
        case "exclude":
            return _strings(value)
        case "jobs":
            return _jobs(value)
        case "require":
            return _level(value)
        case "limits":
            return _limits(value)
        case "cache_folder":
            return _folder(value)
        case "started":
            return _checked(name, value, str, "a string")
    return _checked(name, value, bool, "True or False")


def _checked(name: str, value: object, kind: type, wanted: str) -> object:
    if not isinstance(value, kind):
        raise AirlockError(f"scan: {name} is {_shown(value)}", f"It must be {wanted}.")
    return value


def _each(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else (value,)


def _strings(value: object) -> tuple[str, ...]:
    patterns = _each(value)
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise AirlockError(f"scan: exclude is {_shown(value)}", 'It must be one pattern or several, such as "*.md".')
    return tuple(str(pattern) for pattern in patterns)


def _jobs(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise AirlockError(f"scan: jobs is {_shown(value)}", "It must be a whole number from 1 on.")
    return value


def _level(value: object) -> Level:
    try:
        return Level(str(value))
    except ValueError:
        raise AirlockError(f"scan: require is {_shown(value)}", f"There are {', '.join(Level)}.") from None


def _folder(value: object) -> Path:
    if not isinstance(value, str | os.PathLike):
        raise AirlockError(f"scan: cache_folder is {_shown(value)}", "It must be a path.")
    return Path(value)


def _limits(value: object) -> Limits:
    table = msgspec.structs.asdict(value) if isinstance(value, Limits) else value
    if not isinstance(table, Mapping):
        raise AirlockError(f"scan: limits is {_shown(value)}", 'It must be Limits or a dict, such as {"seconds": 60}.')
    return limits_from(table.items(), "limits")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def limits_from(given: Iterable[tuple[object, object]], origin: str) -> Limits:
    """The default limits with what `given` says; `origin` is how messages name the place it comes from.

    A value is a number, or text that may end in k, M, G, T, Ki, Mi, Gi or Ti. Raises `AirlockError`.
    """
    chosen: dict[str, int | float] = {}
    for name, value in given:
        known = str(name).strip().replace("-", "_")
        said = f"{origin} {name}={value}"
        if known not in Limits.__struct_fields__:
            raise AirlockError(f"{said}: there is no limit called {known!r}", _meant(known, Limits.__struct_fields__))
        chosen[known] = _number(said, known, value)
    return msgspec.structs.replace(DEFAULT_LIMITS, **chosen)


def whole_number(text: str) -> int | None:
    """A whole number as people write it, such as 4096, 512M or 1.5Gi; None for what is none."""
    match = _VALUE.fullmatch(text)
    return _whole(match) if match else None


def _whole(match: re.Match[str]) -> int:
    unit = _UNITS[match[2] or ""]
    # Whole numbers are computed as such: a float would round what is above 2**53.
    return int(match[1]) * unit if "." not in match[1] else int(float(match[1]) * unit)


def _number(said: str, name: str, value: object) -> int | float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = format(value, "f" if isinstance(value, float) else "d") if is_number else str(value).strip()
    match = _VALUE.fullmatch(text)
    number = float(match[1]) * _UNITS[match[2] or ""] if match else 0.0
    if not match or number <= 0 or not math.isfinite(number):
        raise AirlockError(f"{said}: not a number above zero", f"Write {_example(name)}.")
    if isinstance(getattr(DEFAULT_LIMITS, name), float):
        return number
    whole = _whole(match)
    if not 0 < whole < 2**63:
        raise AirlockError(f"{said}: {name} is a whole number from 1 to 2**63 - 1", f"Write {_example(name)}.")
    return whole


def _example(name: str) -> str:
    if name.endswith("_bytes"):
        return f"{name}=2G"
    return f"{name}=60" if name == "seconds" else f"{name}={getattr(DEFAULT_LIMITS, name)}"


def _meant(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # only for who has mistyped

    close = get_close_matches(name, known, 3, 0.5)
    return f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(known)}."
