"""Code objects of nine versions of Python, taken apart by one that need not be any of them."""

import base64
import json
import marshal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.encodings import marshal_code
from modelairlock.encodings.marshal_code import take_apart
from modelairlock.reading import Malformed, OverLimit, ReadProblem

STORED: dict[str, str] = json.loads((Path(__file__).parents[1] / "data" / "marshal_code.json").read_text())
LAYOUTS = {
    "2.7": "2.7", "3.6": "3.6 or 3.7", "3.7": "3.6 or 3.7", "3.8": "3.8 to 3.10", "3.9": "3.8 to 3.10",
    "3.10": "3.8 to 3.10", "3.11": "3.11 or 3.12", "3.12": "3.11 or 3.12", "3.13": "3.13",
}  # fmt: skip


def dumped(source: str) -> bytes:
    return marshal.dumps(compile(source, "<m>", "exec"))


@pytest.mark.parametrize("version", STORED)
def test_code_of_every_version(version: str) -> None:
    taken = take_apart(base64.b64decode(STORED[version]))
    assert taken.python == LAYOUTS[version.rpartition(".")[0]]
    assert {"os", "getcwd", "urllib", "parse", "quote"} <= set(taken.names)
    assert {"words", "deep", "bytes", "中"} <= set(taken.strings)
    assert taken.imports == (() if version.startswith("2") else ("os", "urllib"))


def test_code_of_this_version() -> None:
    taken = take_apart(dumped("import a.b\nx = lambda y: c.d(y, 'e')"))
    assert {"a.b", "c", "d"} <= set(taken.names)
    assert "e" in taken.strings


def test_a_name_past_255_others_is_imported_by_its_own_number() -> None:
    many = "\n".join(f"n{number}" for number in range(300))
    taken = take_apart(dumped(f"{many}\nimport last"))
    if taken.python != "3.11 or later":
        assert taken.imports == ("last",)
    assert "last" in taken.names


@pytest.mark.parametrize("data", [b"", b"i\0\0\0\0", b"(\0\0\0\0", marshal.dumps("text"), b"\xe3", b"c" + bytes(100)])
def test_no_code(data: bytes) -> None:
    with pytest.raises(Malformed):
        take_apart(data)


@pytest.mark.parametrize("version", STORED)
def test_cut_anywhere(version: str) -> None:
    whole = base64.b64decode(STORED[version])
    for length in range(len(whole)):
        with pytest.raises(Malformed):
            take_apart(whole[:length])


def test_what_follows_is_ignored_as_marshal_does() -> None:
    whole = dumped("print")
    assert take_apart(whole + b"anything") == take_apart(whole)


def test_deep_and_many() -> None:
    code = dumped("x")
    at = code.index(b"N", 20) if b"N" in code[20:] else 30
    with pytest.raises(ReadProblem):
        take_apart(code[:at] + b"\x29\x01" * 5000)
    wide = b"\xe3" + bytes(20) + b"s\0\0\0\0" + b"(" + (10**6).to_bytes(4, "little") + b"N" * 10**6
    with pytest.raises(OverLimit):
        take_apart(wide)


def test_shared_tuples_are_walked_once() -> None:
    """Each tuple holds the one before it twice: 2^20 leaves for a few hundred bytes."""
    nested = b"\xa9\x02z\x01az\x01a"
    refs = 1
    body = nested
    for depth in range(20):
        del depth
        body += b"\xa9\x02" + b"r" + refs.to_bytes(4, "little") + b"r" + refs.to_bytes(4, "little")
        refs += 1
    consts = b")\x15" + body
    tail = b")\0" * 3 + b"z\x01f" + b"z\x01n" + bytes(4) + b"s\0\0\0\0"
    data = b"\xe3" + bytes(24) + b"s\0\0\0\0" + consts + b")\0" + tail
    assert take_apart(data).strings == ("a",)


@given(st.sampled_from(sorted(STORED)), st.integers(0, 2000), st.integers(0, 255))
def test_changed_bytes_end_well(version: str, at: int, value: int) -> None:
    data = bytearray(base64.b64decode(STORED[version]))
    data[at % len(data)] = value
    try:
        taken = take_apart(bytes(data))
    except ReadProblem:
        return
    assert all(isinstance(one, str) for one in (*taken.names, *taken.imports, *taken.strings))


def test_limits_are_small_enough_for_the_stack() -> None:
    assert marshal_code.DEPTH < 100
