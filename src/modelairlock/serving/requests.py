"""The body of a request, as the call that it asks for.

A request names tensors and a method of a fixed list. It names no file, no memory and no other model: the extensions of
the protocol that do are refused.
"""

import math
from typing import Any, NamedTuple

from modelairlock.isolation.jail.served import METHODS
from modelairlock.records.text import shown
from modelairlock.serving.datatypes import BYTES, from_binary, from_json
from modelairlock.serving.problems import Bounds, Refusal, bad
from modelairlock.serving.written import Input, Request, written

#: how several inputs become arguments: one after the other, by their names, or as one dict
PASSINGS = ("positions", "keywords", "dict")
#: what an input becomes: an array, a list, or the one value in it
FORMS = ("array", "list", "value")
#: a parameter of the request that begins so is an argument of the method, by name
OPTION = "option."
_CONTENTS = ("text", "bytes")
_REQUEST_PARAMETERS = ("method", "inputs_as", "binary_data_output")
_INPUT_PARAMETERS = ("binary_data_size", "content", "form")
#: a list and its values become plain ones, which cost more than those of arrays
_MAX_LISTED_VALUES = 4096


class Call(NamedTuple):
    """What to ask the model, and how the caller wants to have it. `wanted` has each name, and whether in binary."""

    id: str
    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    wanted: dict[str, bool]
    binary: bool


def call_of(body: bytes | bytearray, header: str | None, usual: str, bounds: Bounds) -> Call:
    """The call that a body asks for; `header` is ``Inference-Header-Content-Length``. Raises Refusal."""
    whole = memoryview(body)
    length = _json_length(header, len(whole))
    if length > bounds.json:
        raise Refusal(413, f"{length} bytes of JSON, and at most {bounds.json} are taken; send tensors in binary")
    given = written(bytes(whole[:length]))
    method = _one_of(given.parameters, "method", METHODS, usual)
    inputs = _inputs(given, whole[length:], bounds)
    arguments, options = _passed(given, inputs)
    binary = _flag(given.parameters, "binary_data_output")
    return Call(given.id, method, arguments, options, _wanted(given, binary), binary)


def _json_length(header: str | None, size: int) -> int:
    if header is None:
        return size
    if not (header.isascii() and header.isdigit() and len(header) < 12) or int(header) > size:
        what = f"Inference-Header-Content-Length is {shown(header, 40)!r}, of a body of {size} bytes"
        raise bad(f"{what}: it is how many of them are JSON")
    return int(header)


def _known(parameters: dict[str, Any], known: tuple[str, ...], of: str) -> None:
    for name in parameters:
        if name not in known:
            raise bad(f"{of} has a parameter {shown(name, 80)!r}, which is not taken; there are {', '.join(known)}")


def _one_of(parameters: dict[str, Any], name: str, known: tuple[str, ...], usual: str) -> str:
    value = parameters.get(name, usual)
    if not isinstance(value, str) or value not in known:
        raise bad(f"{name} is {shown(repr(value), 80)}; there are {', '.join(known)}")
    return value


def _flag(parameters: dict[str, Any], name: str, usual: bool = False) -> bool:
    value = parameters.get(name, usual)
    if not isinstance(value, bool):
        raise bad(f"{name} is {shown(repr(value), 80)}; it is true or false")
    return value


def _inputs(given: Request, binary: memoryview, bounds: Bounds) -> dict[str, Any]:
    made: dict[str, Any] = {}
    at = room = 0
    for one in given.inputs:
        _known(one.parameters, _INPUT_PARAMETERS, f"input {shown(one.name)!r}")
        size = _binary_size(one)
        text = _one_of(one.parameters, "content", _CONTENTS, "text") == "text"
        if size is None:
            array = from_json(one.name, one.datatype, one.shape, one.data, bounds, text=text)
        elif at + size > len(binary):
            raise bad(f"input {shown(one.name)!r}: {size} bytes of binary data, and {len(binary) - at} are left")
        else:
            array = from_binary(one.name, one.datatype, one.shape, binary[at : at + size], bounds, text=text)
            at += size
        room += array.nbytes
        if room > bounds.arrays:
            raise bad(f"the inputs take more than {bounds.arrays} bytes together")
        made[one.name] = _formed(one, array)
    if at != len(binary):
        raise bad(f"{len(binary) - at} bytes of binary data belong to no input")
    return made


def _binary_size(one: Input) -> int | None:
    """How many bytes behind the JSON are its data; None if the data are in the JSON."""
    size = one.parameters.get("binary_data_size")
    if (size is None) == (not one.data):
        raise bad(f"input {shown(one.name)!r} needs either data or the parameter binary_data_size")
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise bad(f"input {shown(one.name)!r}: binary_data_size is {shown(repr(size), 40)}; it is a number of bytes")
    return size


def _formed(one: Input, array: Any) -> Any:
    form = _one_of(one.parameters, "form", FORMS, "array")
    if form == "array":
        return array
    if one.datatype == BYTES and array.dtype.kind == "S":
        raise bad(f"input {shown(one.name)!r}: only arrays can hold bytes that are no text")
    if form == "value":
        if array.size != 1:
            raise bad(f"input {shown(one.name)!r}: form is value, and there are {array.size} of them")
        return array.reshape(-1)[0].item()
    if math.prod(max(1, length) for length in array.shape) > _MAX_LISTED_VALUES:
        raise bad(f"input {shown(one.name)!r}: a list has at most {_MAX_LISTED_VALUES} values; send it as an array")
    return array.tolist()


def _passed(given: Request, inputs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments by position, and by name."""
    named = {key: value for key, value in given.parameters.items() if not key.startswith(OPTION)}
    _known(named, _REQUEST_PARAMETERS, f"the request (beside {OPTION}NAME)")
    options: dict[str, Any] = {
        key.removeprefix(OPTION): value for key, value in given.parameters.items() if key.startswith(OPTION)
    }
    passing = _one_of(given.parameters, "inputs_as", PASSINGS, "positions")
    for name in (*options, *(inputs if passing == "keywords" else ())):
        if not name.isidentifier() or name == "self":
            raise bad(f"{shown(name, 80)!r} cannot be the name of an argument")
    if passing == "keywords":
        if options.keys() & inputs.keys():
            raise bad(f"an input and an {OPTION}NAME have the same name")
        return (), {**options, **inputs}
    return ((inputs,) if passing == "dict" else tuple(inputs.values())), options


def _wanted(given: Request, usual: bool) -> dict[str, bool]:
    for one in given.outputs:
        _known(one.parameters, ("binary_data",), f"output {shown(one.name)!r}")
    return {one.name: _flag(one.parameters, "binary_data", usual) for one in given.outputs}
