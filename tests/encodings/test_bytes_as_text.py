"""Below protocol 3 a pickle spells bytes as text and ``_codecs.encode``: they are the same constants all the same."""

import pickle

import pytest

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import pickle_builder as p
from tests.rules.judging import findings, judged

HOSTILE = p.proto(2) + p.global_("posix", "system") + p.push("true") + p.TUPLE1 + p.REDUCE + p.STOP
HARMLESS = pickle.dumps({"\xe9": [1, 2, 3], "\\\n\0": b"\x80\xff"}, 4)
PROTOCOLS = range(6)


def constant(data: bytes, protocol: int) -> bytes:
    """The opcodes that leave `data` on the stack, as `pickle` writes them."""
    written = pickle.dumps(data, protocol)[:-1]
    return written if protocol < 4 else written[:2] + written[11 if written[2:3] == b"\x95" else 2 :]


def loading(data: bytes, protocol: int) -> bytes:
    """A value: what torch's loader makes of `data`, as a pickle of a tensor has it."""
    return p.global_("torch.storage", "_load_from_bytes") + constant(data, protocol) + b"\x85" + p.REDUCE


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_loaded_is_read_in_turn(protocol: int) -> None:
    subject = judged(loading(HOSTILE, protocol) + p.STOP)
    assert subject.verdict is Verdict.FLAGGED
    [member] = subject.members
    assert member.size_bytes == len(HOSTILE)
    assert [finding.severity for finding in findings(subject, "runs-harmful-code")] == [Severity.CRITICAL]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_harmless_one_is_held_and_not_condemned(protocol: int) -> None:
    subject = judged(loading(HARMLESS, protocol) + p.STOP)
    assert subject.verdict is Verdict.INCOMPLETE
    assert [member.verdict for member in subject.members] == [Verdict.CLEAR]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_last_of_many_is_read_too(protocol: int) -> None:
    many = b"".join(loading(pickle.dumps(number, 4), protocol) + p.POP for number in range(60))
    subject = judged(many + loading(HOSTILE, protocol) + p.STOP)
    assert len(subject.members) == 61
    assert subject.verdict is Verdict.FLAGGED


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_dormant_pickle_is_found(protocol: int) -> None:
    subject = judged(constant(HOSTILE, protocol) + p.STOP)
    assert [member.size_bytes for member in subject.members] == [len(HOSTILE)]
    assert subject.verdict is Verdict.FLAGGED


@pytest.mark.parametrize("codec", ["utf-8", "latin-1", "rot13", ""])
def test_only_one_spelling_is_taken_for_bytes(codec: str) -> None:
    """pickle writes ``latin1``; what another codec makes of the text is computed, and nobody here computes it."""
    text = p.push(HOSTILE.decode("latin-1"))
    data = p.global_("_codecs", "encode") + text + p.push(codec) + b"\x86" + p.REDUCE
    subject = judged(p.global_("torch.storage", "_load_from_bytes") + data + b"\x85" + p.REDUCE + p.STOP)
    assert subject.members == ()
    assert [finding.severity for finding in findings(subject, "nested-load")] == [Severity.CRITICAL]


def test_text_that_is_no_bytes_leaves_a_gap() -> None:
    """``'\\u0100'.encode('latin1')`` raises, so what follows never runs; the member says that it breaks off."""
    data = p.global_("_codecs", "encode") + p.push("\x80\x04N.\u0100") + p.push("latin1") + b"\x86" + p.REDUCE
    subject = judged(p.global_("torch.storage", "_load_from_bytes") + data + b"\x85" + p.REDUCE + p.STOP)
    assert subject.verdict is not Verdict.CLEAR
    assert any("corrupt" in gap.detail for member in subject.members for gap in member.coverage.gaps)
