"""One decoder for each compression method, all with the same few attributes, none of which trusts its input.

A decoder reads *one* frame. What comes after it, and how much may come out at all, is for `compression` to say. The
codecs are imported when first used, because most files need none of them.
"""

import binascii
import codecs
import json
import zlib
from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple, Protocol

from modelairlock.records.regex import regex

#: what a decoder may take for its dictionary: ``xz -9`` needs 65 MiB, ``zstd --ultra -22`` 128 MiB
MEMORY_BYTES = 144 * 1024 * 1024
ZSTD_WINDOW_LOG = 27

_GZIP_MAGIC = b"\x1f\x8b"
_XZ_MAGIC = b"\xfd7zXZ\x00"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_LZ4_MAGIC = b"\x04\x22\x4d\x18"
#: RFC 1952 section 2.3.1
_FHCRC, _FEXTRA, _FNAME, _FCOMMENT = 2, 4, 8, 16
_GZIP_HEADER_LIMIT = 160 * 1024
_TWO_WORDS = Struct("<II")


class Decoder(Protocol):
    """What `bz2` and `lzma` decompressors look like; the others are made to look so."""

    @property
    def eof(self) -> bool:
        """Whether the frame ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more bytes in."""

    @property
    def unused_data(self) -> bytes:
        """What was put in and lies after the end of the frame."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Put `data` in, take up to `max_length` bytes out."""


class Codec(NamedTuple):
    """How frames of one method are decoded and how they follow one another."""

    new: Callable[[], Decoder]
    #: what a decoder raises over bytes that break its format
    failures: tuple[type[Exception], ...]
    #: whether these bytes begin another frame that loaders read on into
    follows: Callable[[bytes], bool] = lambda _: False
    #: zero bytes between frames are passed in multiples of this; 0 where there may be none
    padding: int = 0
    #: whether the stream may simply end, without a mark
    open_ended: bool = False


class BadFrame(Exception):
    """A frame breaks its format in a way that no codec would have noticed or reported."""


class Deflate:
    """`zlib.decompressobj` with the attributes of the others."""

    __slots__ = ("_inner", "needs_input")

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """See `Decoder`."""
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        """See `Decoder`."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Decoder`. Raises `zlib.error`."""
        inner = self._inner
        out = inner.decompress(inner.unconsumed_tail + data, max_length)
        # A full output means that zlib may hold more back, even when it took all the input.
        self.needs_input = not inner.unconsumed_tail and len(out) < max_length
        return out


class Latin1:
    """Text that stands for the bytes of its code points, as pickles below protocol 3 spell bytes."""

    __slots__ = ("_inner", "eof", "needs_input", "unused_data")

    def __init__(self, spelled: str) -> None:
        self._inner = codecs.getincrementaldecoder(spelled)("strict")
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Decoder`; never more than was put in. Raises `UnicodeError`."""
        del max_length
        return self._inner.decode(data).encode("latin-1")


class Base64:
    """RFC 4648 section 4, as `base64.b64decode` reads it: characters that are not of the alphabet are passed."""

    __slots__ = ("_left", "eof", "needs_input", "unused_data")

    def __init__(self) -> None:
        self._left = b""
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Decoder`; never more than was put in. Raises `BadFrame` for padding that is none."""
        del max_length
        raw = self._left + data
        text, padding, rest = raw.partition(b"=")
        text = _NOT_BASE64.sub(b"", text)
        if padding:
            return self._ended(text, padding + rest)
        whole = len(text) - len(text) % 4
        self._left = text[whole:]
        return binascii.a2b_base64(text[:whole])

    def _ended(self, text: bytes, tail: bytes) -> bytes:
        """The last group, once all of its padding is here."""
        needed = -len(text) % 4
        run = _PADDING.match(tail)
        padding = run[0] if run else b""
        if needed not in (1, 2) or len(padding) > _PADDING_BYTES:
            raise BadFrame("expected base64, got padding inside it")
        if padding.count(b"=") < needed and len(padding) == len(tail):
            self._left = text + tail
            return b""
        self.eof, self.needs_input = True, False
        self.unused_data = tail[len(padding) :]
        return binascii.a2b_base64(text + b"=" * needed)


_NOT_BASE64 = regex(rb"[^A-Za-z0-9+/]")
_PADDING = regex(rb"[=\r\n]*")
_PADDING_BYTES = 4096


class JsonString:
    """A string of JSON with its quotes (RFC 8259 section 7), decoded to the text that it stands for, in UTF-8.

    An escaped half of a surrogate pair without the other, which Python's reader lets pass, becomes three bytes that no
    reader of UTF-8 takes.
    """

    __slots__ = ("_inner", "_pending", "_started", "eof", "needs_input", "unused_data")

    def __init__(self) -> None:
        self._inner = codecs.getincrementaldecoder("utf-8")("strict")
        self._pending = ""
        self._started = False
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Decoder`; never more than was put in. Raises `BadFrame` and `UnicodeError`."""
        del max_length
        text = self._pending + self._inner.decode(data)
        if not self._started and text:
            if text[0] != '"':
                raise BadFrame(f"expected a string in double quotes, got {text[:10]!a}")
            self._started, text = True, text[1:]
        whole = _JSON_CHARACTERS.match(text)
        end = whole.end() if whole else 0
        self._pending = text[end:]
        if self._pending.startswith('"'):
            self.eof, self.needs_input, self.unused_data = True, False, self._pending[1:].encode("utf-8")
        elif self._pending[:1] not in ("", "\\") or len(self._pending) > _LONGEST_ESCAPE:
            raise BadFrame(f"expected a character of a string, got {self._pending[:12]!a}")
        decoded = json.loads(f'"{text[:end]}"')
        return str(decoded).encode("utf-8", "surrogatepass")


#: whole characters and escapes; half a surrogate pair only where it is certain that the other half does not follow
_JSON_CHARACTERS = regex(
    r'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u(?![dD][89abAB])[0-9a-fA-F]{4}'
    r"|u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?=[^\\]|\\[^u]|\\u(?:[^dD]|[dD][^c-fC-F])))))*+"
)
_LONGEST_ESCAPE = 12


def gzip_header_end(head: bytes) -> int:
    """Where the header ends that `head` begins with, or -1 when more of it is needed. Raises `BadFrame`.

    RFC 1952 section 2.3. Reserved flags are ignored and the header's own checksum is not compared, as Python's `gzip`
    does: what it opens must be read.
    """
    if len(head) < 10:
        return -1
    if head[:3] != _GZIP_MAGIC + b"\x08":
        raise BadFrame(f"expected the start of a gzip member, got {head[:3].hex(' ')}")
    flags, at = head[3], 10
    if flags & _FEXTRA:
        if len(head) < 12:
            return -1
        at = 12 + int.from_bytes(head[10:12], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            at = head.find(b"\x00", at) + 1
            if at == 0:
                return -1
    at += 2 if flags & _FHCRC else 0
    return at if at <= len(head) else -1


class Gzip:
    """One gzip member: header, deflate, checksum and length (RFC 1952)."""

    __slots__ = ("_crc", "_inner", "_length", "_pending", "eof", "needs_input", "unused_data")

    def __init__(self) -> None:
        self._inner: Deflate | None = None
        self._pending = b""
        self._crc = 0
        self._length = 0
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Decoder`. Raises `BadFrame` and `zlib.error`."""
        if self._inner is None:
            self._pending += data
            end = gzip_header_end(self._pending)
            if end < 0:
                if len(self._pending) > _GZIP_HEADER_LIMIT:
                    raise BadFrame("the gzip header does not end")
                return b""
            self._inner = Deflate(-15)
            data, self._pending = self._pending[end:], b""
        if self._inner.eof:
            self._trailer(data)
            return b""
        out = self._inner.decompress(data, max_length)
        return self._counted(self._inner, out)

    def _counted(self, inner: Deflate, out: bytes) -> bytes:
        self._crc = zlib.crc32(out, self._crc)
        self._length += len(out)
        self.needs_input = inner.needs_input
        if inner.eof:
            # The checksum is compared on the next call, so that a wrong one does not cost the last bytes.
            self._pending, self.needs_input = inner.unused_data, len(inner.unused_data) < 8
        return out

    def _trailer(self, data: bytes) -> None:
        self._pending += data
        if len(self._pending) < 8:
            self.needs_input = True
            return
        crc, length = _TWO_WORDS.unpack_from(self._pending)
        if crc != self._crc:
            raise BadFrame(f"expected CRC-32 {crc:08x}, got {self._crc:08x}")
        if length != self._length & 0xFFFFFFFF:
            raise BadFrame(f"expected {length} decoded bytes (modulo 2^32), got {self._length}")
        self.unused_data, self._pending = self._pending[8:], b""
        self.eof, self.needs_input = True, False


class Lz4:
    """`LZ4FrameDecompressor` with bytes for `unused_data`, and ended for good at the end of a frame."""

    __slots__ = ("_full", "_inner")

    def __init__(self) -> None:
        from lz4.frame import LZ4FrameDecompressor

        self._inner = LZ4FrameDecompressor()
        self._full = False

    @property
    def eof(self) -> bool:
        """See `Decoder`."""
        return bool(self._inner.eof)

    @property
    def needs_input(self) -> bool:
        """See `Decoder`."""
        return bool(self._inner.needs_input) and not self._full

    @property
    def unused_data(self) -> bytes:
        """See `Decoder`."""
        return bytes(self._inner.unused_data or b"")

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Decoder`. Raises `RuntimeError`."""
        out = bytes(self._inner.decompress(data, max_length))
        # It may hold decoded bytes back after it took all the input.
        self._full = len(out) == max_length
        return out


class ZipLzma:
    """Method 14 of a zip (APPNOTE 5.8.8): a small header of its own, then LZMA without a container.

    The raw decoder takes no memory limit, so the stream is put behind the header of a ``.lzma`` file, which does.
    """

    __slots__ = ("_expected", "_head", "_inner")

    def __init__(self, expected: int | None) -> None:
        import lzma

        self._inner = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MEMORY_BYTES)
        self._head: bytes | None = b""
        self._expected = expected

    @property
    def eof(self) -> bool:
        """See `Decoder`."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """See `Decoder`."""
        return self._inner.needs_input

    @property
    def unused_data(self) -> bytes:
        """See `Decoder`. An end mark after the declared size is part of the frame."""
        unused = self._inner.unused_data
        return b"" if len(unused) <= 16 else unused

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Decoder`. Raises `BadFrame` and `lzma.LZMAError`."""
        if self._head is not None:
            self._head += data
            if len(self._head) < 9:
                return b""
            if self._head[2:4] != b"\x05\x00":
                raise BadFrame(f"expected 5 bytes of LZMA properties, got {int.from_bytes(self._head[2:4], 'little')}")
            size = b"\xff" * 8 if self._expected is None else self._expected.to_bytes(8, "little")
            data, self._head = self._head[4:9] + size + self._head[9:], None
        return self._inner.decompress(data, max_length)


def _skippable(head: bytes) -> bool:
    """Whether a skippable frame begins here; zstd and lz4 share them (RFC 8878 section 3.1.2)."""
    return len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


def skippable_end(head: bytes) -> int:
    """Where the skippable frames end that `head` begins with; 0 without any."""
    at = 0
    while _skippable(head[at : at + 8]) and at + 8 <= len(head):
        at += 8 + int.from_bytes(head[at + 4 : at + 8], "little")
    return at


def zlib_header(head: bytes) -> bool:
    """Whether `head` begins with a zlib header (RFC 1950 section 2.2), windows up to 32 KiB."""
    return len(head) >= 2 and head[0] & 0x0F == 8 and head[0] >> 4 <= 7 and (head[0] << 8 | head[1]) % 31 == 0


def lzma_header(head: bytes) -> bool:
    """Whether `head` begins with a plausible ``.lzma`` header: properties, dictionary size, decoded size.

    The format has no magic; like `liblzma`, only dictionary sizes of 2^n or 2^n + 2^(n-1) and
    sizes below 256 GiB count.
    """
    if len(head) < 13 or head[0] >= 9 * 5 * 5:
        return False
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    power = 1 << max(dictionary.bit_length() - 1, 0)
    regular = dictionary in (power, power | power >> 1, 0xFFFFFFFF)
    return regular and (size == 0xFFFFFFFFFFFFFFFF or size < 1 << 38)


def _bzip2() -> Codec:
    from bz2 import BZ2Decompressor

    return Codec(BZ2Decompressor, (OSError, ValueError), lambda head: head[:3] == b"BZh" and head[3:4] in _BZIP2_LEVELS)


_BZIP2_LEVELS = tuple(b"%d" % level for level in range(1, 10))


def _lzma() -> Codec:
    import lzma

    # One reader for both: Python's `lzma.open` reads on from an .xz stream into an .lzma stream and back.
    return Codec(
        lambda: lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=MEMORY_BYTES),
        (lzma.LZMAError,),
        lambda head: head[:6] == _XZ_MAGIC or lzma_header(head),
        padding=4,
    )


def _zip_lzma(expected: int | None) -> Codec:
    import lzma

    return Codec(lambda: ZipLzma(expected), (lzma.LZMAError, BadFrame), open_ended=expected is None)


def _zstd() -> Codec:
    try:
        from compression import zstd
    except ImportError:
        from backports import zstd

    new: Any = zstd.ZstdDecompressor
    options = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
    return Codec(
        lambda: new(options=options),
        (zstd.ZstdError, ValueError),
        lambda head: head[:4] == _ZSTD_MAGIC or _skippable(head),
    )


def codec(method: str, expected: int | None) -> Codec:
    """The codec of `method`. `expected` is the decoded size a zip declares. Raises `KeyError` for other methods."""
    if method == "lzma-zip":
        return _zip_lzma(expected)
    return _CODECS[method]()


_CODECS: dict[str, Callable[[], Codec]] = {
    "latin1-of-utf8": lambda: Codec(lambda: Latin1("utf-8"), (UnicodeError,), open_ended=True),
    "latin1-of-escapes": lambda: Codec(lambda: Latin1("raw-unicode-escape"), (UnicodeError,), open_ended=True),
    "json-string": lambda: Codec(JsonString, (UnicodeError, BadFrame, ValueError)),
    "base64": lambda: Codec(Base64, (binascii.Error, BadFrame), open_ended=True),
    "deflate": lambda: Codec(lambda: Deflate(-15), (zlib.error,)),
    "zlib": lambda: Codec(lambda: Deflate(15), (zlib.error,), zlib_header),
    "gzip": lambda: Codec(Gzip, (zlib.error, BadFrame), lambda head: head[:2] == _GZIP_MAGIC, padding=1),
    "bzip2": _bzip2,
    "xz": _lzma,
    "lzma-alone": _lzma,
    "zstd": _zstd,
    "lz4-frame": lambda: Codec(Lz4, (RuntimeError, ValueError), lambda h: h[:4] == _LZ4_MAGIC or _skippable(h)),
}

METHODS = frozenset(_CODECS) | {"lzma-zip"}
