"""Strings in the files of numbers of a TensorFlow checkpoint, and the names that its object graph has for variables.

A tensor of strings is all lengths as varints, a checksum of them, and then all bytes. What a newcomer would get wrong:
the checksum is not over what stands in the file, but over each length as four bytes (eight where it needs them), the
checksum of the lengths, and the bytes: ``WriteStringTensor`` in tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
"""

from collections.abc import Iterator

from modelairlock.disarm.numbers import count_of
from modelairlock.disarm.plain import plain_name, plain_value, to_json
from modelairlock.disarm.tensorflow_names import GRAPH, readable
from modelairlock.encodings.crc32c import crc32c, masked
from modelairlock.encodings.protobuf import LEN, fields_in
from modelairlock.encodings.tensorflow.table import read_number
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Malformed, ReadProblem, Source
from modelairlock.records.disarm import NOTE_CHARACTERS, PLAIN_BYTES, Note, Text, Texts
from modelairlock.records.tensors import NAME_CHARACTERS
from modelairlock.records.text import shown

FULL_NAMES = "$full_names"
_MOST_STRINGS = 1_000_000


def read_texts(source: Source, texts: tuple[Text, ...], limits: Limits) -> Texts:
    """What the `texts` stand for in this file of numbers; what is damaged or too much is lost."""
    budget = Budget(limits, source.size)
    plain: dict[str, object] = {}
    lost: list[Note] = []
    left = PLAIN_BYTES
    for text in texts:
        try:
            left -= text.end - text.start
            if left < 0:
                raise Malformed(text.start, f"at most {PLAIN_BYTES} bytes of strings", "more")
            strings = _strings(source.read(text.start, text.end - text.start), text, budget)
            if text.key.encode() == GRAPH:
                plain[FULL_NAMES] = _full_names(strings[0] if strings else b"", budget)
            else:
                plain[plain_name(text.key)] = _nested(list(map(_plain, strings)), text.shape)
        except ReadProblem as problem:
            lost.append(Note(shown(text.key, NOTE_CHARACTERS), "strings", shown(problem.detail, NOTE_CHARACTERS)))
    made = to_json(plain)
    if len(made) > PLAIN_BYTES:
        why = f"they are {len(made)} bytes as JSON, and {PLAIN_BYTES} are carried over"
        return Texts(lost=(*lost, Note("", "strings", why)))
    return Texts(plain=made, lost=tuple(lost))


def _strings(data: bytes, text: Text, budget: Budget) -> list[bytes]:
    """The strings, which fit their checksum. Raises `ReadProblem`."""
    count = count_of(text.shape)
    if count > min(_MOST_STRINGS, len(data)):
        raise Malformed(text.start, f"at most {min(_MOST_STRINGS, len(data))} strings in {len(data)} bytes", str(count))
    lengths, at, said = [], 0, bytearray()
    for _ in range(count):
        length, at = read_number(data, at, text.start)
        lengths.append(length)
        said += length.to_bytes(4 if length < 1 << 32 else 8, "little") if length < 1 << 64 else b""
    budget.check_time(text.start)
    sum_of_lengths = masked(crc32c(bytes(said))).to_bytes(4, "little")
    if data[at : at + 4] != sum_of_lengths or at + 4 + sum(lengths) != len(data):
        raise Malformed(text.start + at, "lengths that fit their checksum and the strings", "others")
    if crc32c(sum_of_lengths + data[at + 4 :], crc32c(bytes(said))) != text.crc32c:
        raise Malformed(text.start, "strings that fit their checksum", "others")
    at += 4
    found = []
    for length in lengths:
        found.append(data[at : at + length])
        at += length
    return found


def _plain(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return plain_value(value)


def _nested(values: list[object], shape: tuple[int, ...]) -> object:
    """Lists in lists, as the shape has them."""
    if not shape:
        return values[0]
    for length in shape[:0:-1]:
        values = [values[at : at + length] for at in range(0, len(values), length)] if length else []
    return values


def _full_names(graph: bytes, budget: Budget) -> dict[str, object]:
    """What TensorFlow calls each variable, by what it is called here, where those are not the same."""
    names: dict[str, object] = {}
    for node in _inside(graph, 1):
        budget.check_time(0)
        for attribute in _inside(node, 2):
            said = {
                field.number: attribute[field.start : field.end] for field in fields_in(attribute) if field.wire == LEN
            }
            key, name = readable(said.get(3, b"")), said.get(2, b"").decode("utf-8", "backslashreplace")
            if said.get(3) and name and len(name) <= NAME_CHARACTERS and name != key:
                names[plain_name(key)] = name
    return names


def _inside(message: bytes, number: int) -> Iterator[bytes]:
    for field in fields_in(message):
        if field.number == number and field.wire == LEN:
            yield message[field.start : field.end]
