"""What a model answered, as named tensors.

One array is ``output``; of a list, each is ``output_0`` and so on; of a dict, each has its key. What lies deeper has
both, with a dot between. None is no tensor: its names stand in the parameter ``none`` of the answer.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy

from modelairlock.records.text import shown
from modelairlock.serving.datatypes import datatype_of, to_binary, to_json
from modelairlock.serving.problems import Bounds, bad, unsendable
from modelairlock.serving.requests import Call

_WHOLE = "output"
_PLAIN = (bool, int, float, str)


def response(call: Call, model: str, value: object, bounds: Bounds) -> tuple[bytes, int | None]:
    """The body, and how much of it is JSON if the rest is binary. Raises Refusal."""
    found, absent = _named(value)
    for name in call.wanted:
        if name not in found:
            raise bad(f"there is no output {shown(name, 80)!r}; {call.method} answered {_listed(found)}")
    chosen = call.wanted or dict.fromkeys(found, call.binary)
    heads: list[dict[str, Any]] = []
    tails: list[bytes] = []
    values = 0
    for name, binary in chosen.items():
        array = found[name]
        head: dict[str, Any] = {"name": name, "datatype": datatype_of(name, array), "shape": [*array.shape]}
        if binary:
            tails.append(to_binary(name, array, bounds))
            head["parameters"] = {"binary_data_size": len(tails[-1])}
        else:
            values += array.size
            if values > bounds.values:
                raise unsendable(f'the answer has more than {bounds.values} values: ask for "binary_data"')
            head["data"] = to_json(name, array)
        heads.append(head)
    return _assembled(call, model, heads, tails, absent)


def _assembled(
    call: Call, model: str, heads: list[dict[str, Any]], tails: list[bytes], absent: list[str]
) -> tuple[bytes, int | None]:
    body: dict[str, Any] = {"model_name": model, "model_version": "1"}
    if call.id:
        body["id"] = call.id
    if absent:
        body["parameters"] = {"none": ",".join(absent)}
    text = msgspec.json.encode({**body, "outputs": heads})
    if not any("parameters" in head for head in heads):
        return text, None
    return b"".join((text, *tails)), len(text)


def _listed(found: dict[str, Any]) -> str:
    names = ", ".join(shown(name, 80) for name in list(found)[:20])
    return names or "nothing"


def _named(value: object) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    absent: list[str] = []
    for name, one in _tensors(value, ""):
        if name in found or name in absent:
            raise unsendable(f"two outputs would be called {shown(name, 80)!r}")
        if one is None:
            absent.append(name)
        else:
            found[name] = one
    return found, absent


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if value is None:
        yield name or _WHOLE, None
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _tensors(one, f"{name}.{key}" if name else key)
    elif isinstance(value, list | tuple) and not _is_row(value):
        for number, one in enumerate(value):
            yield from _tensors(one, f"{name}.{number}" if name else f"{_WHOLE}_{number}")
    else:
        yield name or _WHOLE, _array(value)


def _is_row(value: list[Any] | tuple[Any, ...]) -> bool:
    """Whether it is a list of plain values of one kind, which is one tensor."""
    return bool(value) and type(value[0]) in _PLAIN and all(type(one) is type(value[0]) for one in value)


def _array(value: Any) -> Any:
    if isinstance(value, numpy.ndarray | numpy.generic):
        return numpy.asarray(value)
    items = [*value] if isinstance(value, list | tuple) else [value]
    if type(items[0]) is not str:
        return numpy.array(items)
    # Not of a fixed width: one long text among many would take its room in each.
    array = numpy.empty(len(items), object)
    array[:] = items
    return array
