"""The JSON of a request as it is written, before anything is made of its tensors.

msgspec looks how long a list or a dict is when it has decoded all of it, and small values take twenty times as much as
their text. So whatever may be long stays text until its length is known: data until its shape is, the rest is short.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec

from modelairlock.records.text import shown
from modelairlock.records.typed import json_decoder
from modelairlock.serving.problems import bad

_SMALL_BYTES = 16 << 10

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Length = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
_Parameters = dict[_Name, str | bool | int | float]


class _Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: _Name
    shape: msgspec.Raw
    datatype: str
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    data: msgspec.Raw = msgspec.Raw()


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An output that is asked for."""

    name: _Name
    parameters: _Parameters = {}


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    inputs: Annotated[tuple[_Input, ...], msgspec.Meta(min_length=1, max_length=64)]
    id: Annotated[str, msgspec.Meta(max_length=256)] = ""
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    outputs: msgspec.Raw = msgspec.Raw(b"[]")


class Input(msgspec.Struct, frozen=True):
    """A tensor that is sent; `data` is JSON, and empty if it comes behind the JSON."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    parameters: dict[str, str | bool | int | float]
    data: bytes


class Request(msgspec.Struct, frozen=True):
    """All of it."""

    id: str
    parameters: dict[str, str | bool | int | float]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]


_request = json_decoder(_Request)
_shape = json_decoder(tuple[_Length, ...])
_parameters = json_decoder(_Parameters)
_outputs = json_decoder(tuple[Output, ...])


def written(raw: bytes) -> Request:
    """What the JSON says. Raises Refusal."""
    given: _Request = _decoded(_request, raw, "a request for inference")
    inputs = tuple(map(_input, given.inputs))
    outputs = _short(_outputs, given.outputs, "outputs")
    _names([one.name for one in inputs])
    _names([one.name for one in outputs])
    if not given.id.isprintable():
        raise bad("the id holds characters that cannot be printed")
    return Request(given.id, _short(_parameters, given.parameters, "parameters"), inputs, outputs)


def _input(given: _Input) -> Input:
    where = f"of input {shown(given.name)!r}"
    shape = _short(_shape, given.shape, f"the shape {where}")
    parameters = _short(_parameters, given.parameters, f"the parameters {where}")
    return Input(given.name, shape, given.datatype, parameters, bytes(given.data))


def _short(decode: Callable[[bytes], Any], raw: msgspec.Raw, what: str) -> Any:
    if len(memoryview(raw)) > _SMALL_BYTES:
        raise bad(f"{what}: more than {_SMALL_BYTES} bytes")
    return _decoded(decode, bytes(raw), what)


def _decoded(decode: Callable[[bytes], Any], raw: bytes, what: str) -> Any:
    try:
        return decode(raw)
    except RecursionError:
        raise bad("the JSON is nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise bad(f"not {what}: {shown(str(problem), 300)}") from None


def _names(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise bad("two inputs, or two outputs, have the same name")
    for name in names:
        if not name.isprintable():
            raise bad(f"the name {shown(name, 80)!r} holds characters that cannot be printed")
