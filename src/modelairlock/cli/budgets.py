"""Reads ``--limits NAME=VALUE``, from the command line or from a settings file."""

from collections.abc import Iterable

from modelairlock.limits import Limits
from modelairlock.pipeline.options import limits_from
from modelairlock.records.errors import AirlockError


def limits_of(texts: Iterable[str], origin: str = "--limits") -> Limits:
    """The default limits with what `texts` say. Raises `AirlockError`, naming `origin`, for what cannot be a limit."""
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not value.strip():
            example = f"{name.strip() or 'NAME'}=VALUE"
            raise AirlockError(
                f"{origin} {text}: there is no value", f"Write {example}, such as seconds=60 or facts=1M."
            )
        pairs.append((name.strip(), value.strip()))
    return limits_from(pairs, origin)
