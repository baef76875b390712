"""Typed decoding, and the one lock that makes it safe to begin in several threads.

msgspec works out what a record looks like when it is first asked, and hands the half-finished answer to any other
thread that asks meanwhile, which then reads through a null pointer (seen as a segmentation fault with 0.22.0, in one of
twenty scans of a folder). So whatever may be the first question about a record is asked here.
"""

from _thread import allocate_lock
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

#: `threading.Lock` by its other name: the worker has no use for the rest of that module
_FIRST_QUESTION = allocate_lock()


def msgpack_decoder(kind: type[T]) -> Callable[[bytes], T]:
    """What decodes MessagePack as `kind`. The decoder raises ``msgspec.MsgspecError``."""
    with _FIRST_QUESTION:
        return msgspec.msgpack.Decoder(kind).decode


def json_decoder(kind: Any) -> Callable[[bytes], Any]:
    """What decodes JSON as `kind`, which may be a union. The decoder raises as `from_json` does."""
    with _FIRST_QUESTION:
        return msgspec.json.Decoder(kind).decode


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The `kind` that `text` says. Raises ``msgspec.MsgspecError``, ValueError and RecursionError."""
    with _FIRST_QUESTION:
        decoder = msgspec.json.Decoder(kind)
    return decoder.decode(text)


def from_plain(value: Any, kind: type[T]) -> T:
    """The `kind` that dicts, lists and scalars say. Raises ``msgspec.ValidationError``."""
    with _FIRST_QUESTION:
        return msgspec.convert(value, kind)
