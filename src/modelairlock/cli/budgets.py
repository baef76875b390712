"""Reads ``--limits NAME=VALUE``. Names are those of `limits.Limits`; a value may end in k, M, G, Ki, Mi or Gi."""

import math
import re
from collections.abc import Sequence
from difflib import get_close_matches

import msgspec

from modelairlock.limits import Limits
from modelairlock.records.errors import AirlockError

_VALUE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)(k|M|G|T|Ki|Mi|Gi|Ti)?B?")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def limits_from(texts: Sequence[str]) -> Limits:
    """The default limits with what `texts` say. Raises `AirlockError` for what cannot be a limit."""
    chosen: dict[str, int | float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in Limits.__struct_fields__:
            raise AirlockError(f"--limits {text}: there is no limit called {name!r}", _meant(name))
        chosen[name] = _number(text, name, value.strip())
    return msgspec.structs.replace(Limits(), **chosen)


def _number(text: str, name: str, value: str) -> int | float:
    match = _VALUE.fullmatch(value)
    number = float(match[1]) * _UNITS[match[2] or ""] if match else 0.0
    if not match or number <= 0 or not math.isfinite(number):
        raise AirlockError(f"--limits {text}: not a number above zero", f"Write {name}=60 or {name}=2G.")
    if isinstance(getattr(Limits(), name), float):
        return number
    # Whole numbers are computed as such: a float would round what is above 2**53.
    whole = int(match[1]) * _UNITS[match[2] or ""] if "." not in match[1] else int(number)
    if not 0 < whole < 2**63:
        raise AirlockError(f"--limits {text}: {name} is a whole number from 1 to 2**63 - 1")
    return whole


def _meant(name: str) -> str:
    close = get_close_matches(name, Limits.__struct_fields__, 3, 0.4)
    return f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(Limits.__struct_fields__)}."
