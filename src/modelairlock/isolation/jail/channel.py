"""What the worker may say: a few kinds of small messages, strictly decoded, and one descriptor, once.

After the model is open all of it is a claim.
"""

import array
import os
import socket
import struct
from collections.abc import Callable
from typing import Literal

import msgspec

from modelairlock.isolation.jail.decode import escaped
from modelairlock.records.typed import json_decoder

_MESSAGE_BYTES = 32 * 1024
_SHORT = 1000
#: pid, uid, gid; the kernel fills them in for who asked for them with SO_PASSCRED
_CREDENTIALS = struct.Struct("=iII")
SO_PASSCRED, _SCM_CREDENTIALS = 16, 2


class BrokeProtocol(Exception):
    """The worker said what no honest worker says."""


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="kind", forbid_unknown_fields=True):
    """The first word."""


class LayerUp(msgspec.Struct, frozen=True, tag="layer", tag_field="kind", forbid_unknown_fields=True):
    """How a layer went."""

    name: Literal["privileges", "limits", "landlock", "seccomp"]
    state: Literal["enforced", "unavailable", "failed"]
    reason: str


class ListenerHere(msgspec.Struct, frozen=True, tag="listener", tag_field="kind", forbid_unknown_fields=True):
    """Comes with the listener's descriptor."""


class Locked(msgspec.Struct, frozen=True, tag="locked", tag_field="kind", forbid_unknown_fields=True):
    """All layers are up."""


class Tried(msgspec.Struct, frozen=True, tag="tried", tag_field="kind", forbid_unknown_fields=True):
    """What became of the canaries: name, and errno or 0."""

    results: tuple[tuple[str, int], ...]


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="kind", forbid_unknown_fields=True):
    """A phase is over, and what it says of itself."""

    phase: str
    error: str
    note: str = ""


class Said(msgspec.Struct, frozen=True, tag="claim", tag_field="kind", forbid_unknown_fields=True):
    """An audit event."""

    event: str
    arguments: tuple[str, ...]


Message = Hello | LayerUp | ListenerHere | Locked | Tried | Done | Said
_decode: Callable[[bytes], Message] = json_decoder(Message)


def receive(control: socket.socket) -> Message | None:
    """The next message, or None at the end. Descriptors that come along are dropped by the kernel.

    Raises BlockingIOError when there is none yet, BrokeProtocol.
    """
    return _decoded(control.recv(_MESSAGE_BYTES + 1))


def receive_listener(control: socket.socket) -> tuple[Message | None, int, int]:
    """As `receive`, with the one descriptor that may come along, or -1, and the sender by the kernel's word.

    Raises BlockingIOError, BrokeProtocol.
    """
    space = socket.CMSG_SPACE(4) + socket.CMSG_SPACE(_CREDENTIALS.size)
    data, ancillary, _, _ = control.recvmsg(_MESSAGE_BYTES + 1, space, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    sender = -1
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == _SCM_CREDENTIALS and len(payload) == _CREDENTIALS.size:
            sender = _CREDENTIALS.unpack(payload)[0]
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) // fds.itemsize * fds.itemsize])
    try:
        message = _decoded(data)
    except BrokeProtocol:
        for fd in fds:
            os.close(fd)
        raise
    for fd in fds[1:]:
        os.close(fd)
    return message, fds[0] if fds else -1, sender


def send(control: socket.socket, message: object, fds: tuple[int, ...] = ()) -> None:
    """One message of plain data to the worker, which may be gone, as Python writes it. Raises OSError."""
    say(control, repr(message).encode("utf-8", "backslashreplace"), fds)


def say(control: socket.socket, data: bytes, fds: tuple[int, ...] = ()) -> None:
    """One message as it is, and the descriptors that go along. Raises OSError."""
    if fds:
        socket.send_fds(control, [data], list(fds))
    else:
        control.send(data)


def _decoded(data: bytes) -> Message | None:
    if not data:
        return None
    if len(data) > _MESSAGE_BYTES:
        raise BrokeProtocol(f"a message of more than {_MESSAGE_BYTES} bytes")
    try:
        return _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BrokeProtocol(f"not a message: {escaped(str(error))}") from error


def plain(text: str) -> str:
    """A claim's text, escaped and short."""
    return escaped(text[:_SHORT])
