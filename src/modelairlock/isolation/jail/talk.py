"""What a serving worker may say, and only when it is due: an answer, an error, or that it needs memory for a result."""

import socket
from collections.abc import Callable
from typing import Annotated

import msgspec

from modelairlock.isolation.jail.channel import BrokeProtocol
from modelairlock.isolation.jail.decode import escaped
from modelairlock.isolation.jail.values import Value
from modelairlock.records.typed import json_decoder

#: both ways: descriptions alone, for arrays go through memory
MESSAGE_BYTES = 96 * 1024


class Answer(msgspec.Struct, frozen=True, tag="answer", tag_field="kind", forbid_unknown_fields=True):
    """A result. `kept`: the model holds on to its arguments, so their memory must not be written again."""

    call: int
    value: Value
    kept: bool


class Raised(msgspec.Struct, frozen=True, tag="raised", tag_field="kind", forbid_unknown_fields=True):
    """The call raised, or its result is none that can be sent."""

    call: int
    error: str
    kept: bool


class More(msgspec.Struct, frozen=True, tag="more", tag_field="kind", forbid_unknown_fields=True):
    """The result takes so many bytes."""

    call: int
    bytes: Annotated[int, msgspec.Meta(ge=1, le=2**62)]


Said = Answer | Raised | More
_decode: Callable[[bytes], Said] = json_decoder(Said)


def hear(control: socket.socket) -> Said | None:
    """The next message, or None at the end. Descriptors that come along are dropped by the kernel.

    Raises BlockingIOError when there is none yet, BrokeProtocol.
    """
    try:
        data = control.recv(MESSAGE_BYTES + 1)
    except ConnectionResetError:
        return None
    if not data:
        return None
    if len(data) > MESSAGE_BYTES:
        raise BrokeProtocol(f"a message of more than {MESSAGE_BYTES} bytes")
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BrokeProtocol(f"not a message: {escaped(str(error))}") from error
