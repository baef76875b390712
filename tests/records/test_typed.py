"""First use of a record in several threads at once, which crashed interpreters before `records.typed` had a lock."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import modelairlock
from modelairlock.records.typed import from_json, from_plain, msgpack_decoder

_PACKAGE = Path(modelairlock.__file__).parent

#: many kinds that nobody has asked about, each first asked about by four threads at the same moment
_AT_ONCE = """
import sys, threading, msgspec
from modelairlock.records import typed

sys.setswitchinterval(1e-6)
fields = [(f"f{n}", "tuple[str, ...] | dict[str, int] | None") for n in range(40)]
kinds = []
for n in range(150):
    inner = msgspec.defstruct(f"Inner{n}", fields)
    kinds.append(msgspec.defstruct(f"Outer{n}", [("inner", inner), *fields]))
barrier = threading.Barrier(4)
value = {"inner": {f"f{n}": ["x"] for n in range(40)}, **{f"f{n}": {"x": 1} for n in range(40)}}
text = msgspec.json.encode(value)
packed = msgspec.msgpack.encode(value)

def ask():
    for kind in kinds:
        barrier.wait()
        ASK

threads = [threading.Thread(target=ask) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("alive")
"""


@pytest.mark.parametrize(
    "ask", ["typed.from_plain(value, kind)", "typed.from_json(text, kind)", "typed.msgpack_decoder(kind)(packed)"]
)
def test_threads_may_ask_about_a_record_at_the_same_time(ask: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _AT_ONCE.replace("ASK", ask)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr


class _Point(msgspec.Struct, frozen=True):
    x: int


def test_what_does_not_fit_is_an_error() -> None:
    assert from_plain({"x": 1}, _Point) == from_json('{"x": 1}', _Point) == _Point(1)
    assert msgpack_decoder(_Point)(b"\x81\xa1x\x01") == _Point(1)
    for wrong in (
        lambda: from_plain({}, _Point),
        lambda: from_json("{}", _Point),
        lambda: msgpack_decoder(_Point)(b""),
    ):
        with pytest.raises(msgspec.MsgspecError):
            wrong()


def test_records_are_decoded_in_one_place() -> None:
    """msgspec crashes when two threads ask about a record for the first time; `records.typed` holds the lock."""
    asks = re.compile(r"\bmsgspec\.(?:convert\(|(?:json|msgpack)\.(?:Decoder\b|decode\([^)]*\btype=))")
    places = [path.relative_to(_PACKAGE).as_posix() for path in _PACKAGE.rglob("*.py") if asks.search(path.read_text())]
    assert places == ["records/typed.py"], "decode with the functions of records/typed.py instead"
