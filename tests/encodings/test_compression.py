"""Decoding within limits: what comes out, where it stops, and what it costs."""

import bz2
import gzip
import lzma
import random
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable

import lz4.frame
import pytest

from modelairlock.encodings.compression import METHODS, Inflated, inflate
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.reading import Budget, BytesSource, OverLimit, ReadProblem, Unreadable
from modelairlock.records.coverage import Because
from modelairlock.records.span import Span
from tests.build.zip_builder import DEFLATED, LZMA, compress

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_RANDOM = random.Random(7)
DATA = _RANDOM.randbytes(200_000) + b"abc" * 100_000 + _RANDOM.randbytes(500)
SMALL = b"an ordinary text, " * 9

PACK: dict[str, Callable[[bytes], bytes]] = {
    "deflate": lambda data: compress(data, DEFLATED),
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma-alone": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "lzma-zip": lambda data: compress(data, LZMA),
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
    "lz4-frame": lambda data: lz4.frame.compress(data, content_checksum=True),
}
#: what has no frame and no end of its own: tests/encodings/test_bytes_as_text.py, test_base64.py
SPELLINGS = {"latin1-of-utf8", "latin1-of-escapes", "json-string", "base64"}
#: methods whose streams follow one another
JOINED = sorted(set(PACK) - {"deflate", "lzma-zip"})


def opened(data: bytes, method: str, limits: Limits = DEFAULT_LIMITS, expected: int | None = None) -> Inflated:
    return inflate(BytesSource(data), Span(0, len(data)), method, Budget(limits), expected)


def everything(inflated: Inflated) -> bytes:
    return inflated.read(0, inflated.size)


def test_every_method_is_tested() -> None:
    assert set(PACK) | SPELLINGS == METHODS


@pytest.mark.parametrize("method", sorted(PACK))
def test_what_was_packed_comes_out(method: str) -> None:
    packed = PACK[method](DATA)
    inflated = opened(packed, method, expected=len(DATA))
    assert everything(inflated) == DATA
    assert (inflated.size, inflated.consumed, inflated.damage) == (len(DATA), len(packed), "")
    assert inflated.read(len(DATA) - 3, 100) == DATA[-3:]
    assert inflated.read(len(DATA), 1) == inflated.read(-1, 1) == inflated.read(5, 0) == b""


@pytest.mark.parametrize("method", sorted(PACK))
def test_only_the_span_is_decoded(method: str) -> None:
    packed = PACK[method](SMALL)
    source = BytesSource(b"before" + packed + b"after")
    inflated = inflate(source, Span(6, 6 + len(packed)), method, Budget(DEFAULT_LIMITS), len(SMALL))
    assert (everything(inflated), inflated.consumed) == (SMALL, len(packed))


@pytest.mark.parametrize("method", sorted(set(PACK) - {"lzma-zip"}))
def test_what_follows_is_not_consumed(method: str) -> None:
    packed = PACK[method](SMALL)
    inflated = opened(packed + b"\x80\x04 trailing", method)
    assert (everything(inflated), inflated.consumed, inflated.damage) == (SMALL, len(packed), "")


@pytest.mark.parametrize("method", JOINED)
def test_streams_one_after_another_are_one(method: str) -> None:
    packed = PACK[method](SMALL) + PACK[method](b"") + PACK[method](DATA)
    inflated = opened(packed, method)
    assert (everything(inflated), inflated.consumed, inflated.damage) == (SMALL + DATA, len(packed), "")


@pytest.mark.parametrize("method", sorted(PACK))
def test_a_cut_stream_keeps_what_came_before(method: str) -> None:
    packed = PACK[method](SMALL)
    for length in range(len(packed)):
        inflated = opened(packed[:length], method, expected=len(SMALL))
        assert SMALL.startswith(everything(inflated))
        assert inflated.damage or method == "lzma-zip", length
        assert inflated.consumed <= length
    assert opened(packed[:-9], method).because is Because.TRUNCATED or method == "lzma-zip"


@pytest.mark.parametrize("method", sorted(PACK))
def test_damage_in_the_middle_keeps_what_came_before(method: str) -> None:
    packed = bytearray(PACK[method](DATA))
    middle = len(packed) // 2
    packed[middle : middle + 8] = b"\xff" * 8
    inflated = opened(bytes(packed), method)
    common = next(
        (n for n, (a, b) in enumerate(zip(everything(inflated), DATA, strict=False)) if a != b), inflated.size
    )
    assert common > 0 or method == "bzip2"  # bzip2 decodes 900 kB at once or not at all
    assert inflated.consumed <= len(packed)


@pytest.mark.parametrize("method", ["zlib", "gzip", "xz"])
def test_a_wrong_checksum_at_the_end_costs_nothing(method: str) -> None:
    packed = bytearray(PACK[method](DATA))
    packed[-1 if method == "zlib" else -6 if method == "gzip" else -30] ^= 1
    inflated = opened(bytes(packed), method)
    assert everything(inflated) == DATA
    assert inflated.because is Because.MALFORMED
    assert "corrupt" in inflated.damage


def test_deflate_gives_everything_up_to_the_broken_byte() -> None:
    packed = PACK["deflate"](DATA)
    good = len(zlib.decompressobj(-15).decompress(packed[:-400]))
    inflated = opened(packed[:-400] + b"\xff" * 400, "deflate")
    assert inflated.damage
    assert inflated.size >= good - 300


@pytest.mark.parametrize("method", sorted(PACK))
def test_large_streams_are_read_at_any_position(method: str) -> None:
    limits = Limits(inflate_in_memory_bytes=10_000)
    data = DATA * 4
    inflated = opened(PACK[method](data), method, limits, len(data))
    assert inflated.size == len(data)
    pick = random.Random(3)
    for _ in range(12):
        start, length = pick.randrange(len(data)), pick.randrange(300_000)
        assert inflated.read(start, length) == data[start : start + length]
    assert inflated.read(len(data) - 60_000, 60_000) == data[-60_000:]


def _bomb(method: str) -> bytes:
    size = 48 * 2**20
    if method == "bzip2":
        return bz2.compress(bytes(900_000 * 4), 9) * (size // (900_000 * 4))
    if method in ("xz", "lzma-alone"):
        return lzma.compress(bytes(size), {"xz": lzma.FORMAT_XZ}.get(method, lzma.FORMAT_ALONE), preset=0)
    return PACK[method](bytes(size))


@pytest.mark.parametrize("method", ["deflate", "zstd", "lz4-frame", "bzip2", "xz"])
def test_a_bomb_is_over_the_limit_soon(method: str) -> None:
    limits = Limits(expansion_floor_bytes=32 * 2**20)
    packed = _bomb(method)
    started = time.process_time()
    inflated = opened(packed, method, limits)
    assert time.process_time() - started < 5
    assert inflated.because is Because.OVER_LIMIT
    assert "expansion_ratio" in inflated.damage
    assert 31 * 2**20 < inflated.size < 34 * 2**20
    # The budget is spent, and what came first can be read all the same.
    assert inflated.read(2**20, 10) == bytes(10)


def test_the_budget_is_shared_and_spent_again() -> None:
    data = DATA * 16
    packed = PACK["deflate"](data)
    budget = Budget(Limits(expanded_bytes=len(data) * 4, inflate_in_memory_bytes=1000))
    inflated = inflate(BytesSource(packed), Span(0, len(packed)), "deflate", budget)
    assert not inflated.damage

    def back_and_forth() -> None:
        for _ in range(9):
            assert inflated.read(4_000_000, 10) == data[4_000_000:4_000_010]
            assert inflated.read(100_000, 10) == data[100_000:100_010]

    with pytest.raises(ReadProblem) as caught:
        back_and_forth()
    assert caught.value.because is Because.OVER_LIMIT
    assert caught.value.position in (100_000, 4_000_000)


def test_an_empty_budget_is_damage_not_an_exception() -> None:
    inflated = opened(PACK["deflate"](DATA), "deflate", Limits(expanded_bytes=10))
    assert (inflated.size, inflated.because) == (0, Because.OVER_LIMIT)
    late = opened(PACK["deflate"](DATA), "deflate", Limits(seconds=-1))
    assert (late.size, late.because) == (0, Because.OVER_LIMIT)


def test_a_source_that_fails_is_damage() -> None:
    class Failing(BytesSource):
        def read(self, start: int, length: int) -> bytes:
            raise Unreadable(start, "the disk is gone")

    inflated = inflate(Failing(b"x" * 99), Span(0, 99), "gzip", Budget(DEFAULT_LIMITS))
    assert (inflated.size, inflated.because) == (0, Because.UNREADABLE)


def test_many_tiny_frames_are_one_stream() -> None:
    packed = gzip.compress(b"x") * 2000
    assert opened(packed, "gzip").size == 2000


def test_a_gzip_header_without_end_is_refused() -> None:
    inflated = opened(b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 500_000, "gzip")
    assert (inflated.size, inflated.because) == (0, Because.MALFORMED)


def test_an_unknown_method_is_the_callers_mistake() -> None:
    with pytest.raises(KeyError):
        opened(b"", "deflate64")


def test_over_limit_is_a_read_problem() -> None:
    assert issubclass(OverLimit, ReadProblem)


def test_noise_never_gets_through() -> None:
    noise = random.Random(11)
    for _ in range(60):
        data = noise.randbytes(noise.randrange(200))
        for method in sorted(PACK):
            head = PACK[method](b"")[: noise.randrange(14)]
            inflated = opened(head + data, method, expected=10)
            assert inflated.consumed <= len(head + data)


def test_codecs_are_imported_when_needed() -> None:
    code = (
        "import sys\nfrom modelairlock.formats import bz2, lz4, lzma, xz, zip, zstd\n"
        "print([m for m in ('lz4.frame', '_lzma', '_bz2', 'backports.zstd', 'compression.zstd') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_zip_lzma_without_end_mark_ends_at_the_declared_size() -> None:
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 6, "dict_size": 1 << 20}]
    raw = lzma.compress(SMALL, lzma.FORMAT_RAW, filters=filters)
    packed = struct.pack("<BBHBI", 9, 4, 5, 0x5D, 1 << 20) + raw
    assert everything(opened(packed, "lzma-zip", expected=len(SMALL))) == SMALL
    assert everything(opened(packed, "lzma-zip"))[: len(SMALL)] == SMALL
