"""GGUF: numbers, strings and lists under names, then a table of tensors, then the tensors as plain bytes.

What a newcomer would get wrong: nothing in it runs by itself, and yet two things do harm. A chat template is a program
of Jinja that some loaders render without a sandbox, so every one is a member and is read as what it is. And loaders
written in C multiply the numbers in it: counts, lengths, shapes and offsets are compared with the file, by arithmetic
that does not overflow, before anything is believed.

Byte order is told by the version alone: 3 read backwards is 50331648. Ollama does not look, and believes the magic.
"""

import json
import re
from collections.abc import Generator, Iterator
from struct import Struct

from modelairlock.encodings.feed import Feed
from modelairlock.encodings.ggml_types import MOST, TEMPLATE, TYPES, elements
from modelairlock.encodings.teller import Teller
from modelairlock.encodings.tensor_layout import Tensor, account
from modelairlock.reading import Cursor, Format, Malformed, OverLimit, Probe, Unsupported, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Member, Role, Setting
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

_MAGICS = (b"GGUF", b"FUGG")
_VERSIONS = (1, 2, 3)
_ALIGNMENT = 32
#: more than any file has: the largest models have a few thousand tensors and a hundred keys
_KEYS, _TENSORS = 100_000, 250_000
#: a count or length from here on is no damage and no large model: it is there to overflow something
_ABSURD = 2**40
#: an end of a tensor from here on, likewise; a loader adds up all of them, with padding
_HUGE = 2**56
_NAME_BYTES = 65535
_GGML_NAME, _GGML_DIMS, _DIMS, _LAYERS = 64, 4, 64, 512
_DEPTH = 8
_SHORT = 16384
#: settings that are told; an honest file has about thirty
_SETTINGS = 500

_STRING, _ARRAY, _U32 = 8, 9, 4
#: format characters of the plain types; `struct` gives their width
_PLAIN = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_WIDTHS = {kind: Struct(f"<{code}").size for kind, code in _PLAIN.items()}

#: keys whose values are told: what chooses the loader's path, and where the file says it comes from
_TOLD = regex(
    r"general\.(?:architecture|type|alignment|file_type|quantization_version|finetune|license)"
    r"|general\..*(?:url|repo_url|doi|uuid)|split\..*|adapter\..*|[^.]*\.block_count|tokenizer\.ggml\.(?:model|pre)",
    re.DOTALL,
)
_BYTE_TOKEN = rb"<0x(?![0-9A-Fa-f]{2}>)[^>]{2}>"
_TOKENS, _SCORES, _TOKEN_TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type"
_WHOLE_TOKENIZER = "tokenizer.huggingface.json"


def claims(probe: Probe) -> bool:
    """The magic and a version, in either byte order."""
    return probe.head[:4] in _MAGICS and len(probe.head) >= 8 and _version(probe.head)[0] != 0


def _version(head: bytes) -> tuple[int, bool]:
    """The version and whether the file is big-endian; zero if it is no version."""
    little, big = (int.from_bytes(head[4:8], order) for order in ("little", "big"))
    if 0 < little < 0x10000 and head[:4] == b"GGUF":
        return little, False
    return (big, True) if 0 < big < 0x10000 else (0, False)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Keys, tensors, and the account of all bytes. Tensors and long lists of numbers are passed over."""
    version, big = _version(cursor.peek(0, 8))
    if version not in _VERSIONS:
        raise Unsupported(4, f"expected version 1, 2 or 3 of GGUF, got {version}")
    feed = Feed(cursor, 0, big=big, wide=version > 1)
    try:
        yield from _Reader(cursor, feed, version, big).read()
    finally:
        feed.settle()


class _Reader:
    """What is known of one file while it is read from front to back."""

    def __init__(self, cursor: Cursor, feed: Feed, version: int, big: bool) -> None:
        self.cursor, self.feed, self.version, self.big = cursor, feed, version, big
        self.order = ">" if big else "<"
        self.teller = Teller(cursor.size)
        self.alignment = _ALIGNMENT
        self.model = ""
        #: of the string that is next, and the name that was last
        self.length, self.name = 0, ""
        #: lists that belong together: element type, count
        self.lists: dict[str, tuple[int, int]] = {}
        self.told = 0
        self.byte_token: int | None = None
        self.tensors: list[Tensor] = []
        prefix = (6).to_bytes(feed.width, "big" if big else "little")
        self.look = regex(re.escape(prefix) + _BYTE_TOKEN)

    def read(self) -> Iterator[Fact | Gap]:
        self.feed.take(8)
        count, keys = self.feed.size(), self.feed.size()
        yield from self._counts(count, keys)
        seen: set[int] = set()
        for at in range(keys):
            if at >= _KEYS:
                raise OverLimit(self.feed.position, f"more than {_KEYS} keys are not read")
            yield from self._pair(seen)
        yield from self._together()
        seen.clear()
        for at in range(count):
            if at >= _TENSORS:
                raise OverLimit(self.feed.position, f"more than {_TENSORS} tensors are not read")
            yield from self._tensor(seen)
        yield from self._place()
        yield from self.teller.untold()

    def _say(self, kind: str, start: int, detail: str) -> Iterator[Fact]:
        yield from self.teller.say(kind, start, self.feed.position, detail)

    def _counts(self, count: int, keys: int) -> Iterator[Fact]:
        for number, what in ((count, "tensors"), (keys, "keys")):
            if number >= _ABSURD >> (0 if self.feed.width == 8 else 9):
                yield from self._say("gguf-count-overflows", 8, f"the header counts {number} {what}")
                raise Malformed(8, f"a number of {what} that a file can hold", str(number))
        backwards = [int.from_bytes(number.to_bytes(self.feed.width, "little"), "big") for number in (count, keys)]
        if self.big and (count or keys) and max(backwards) < _ABSURD:
            detail = f"{count} tensors and {keys} keys; read backwards, {backwards[0]} and {backwards[1]}"
            yield from self._say("gguf-byte-order-ambiguous", 4, detail)

    # Keys and their values.

    def _string(self, what: str, most: int) -> Iterator[Fact]:
        """Check the length of the string that comes next. Raises `ReadProblem`."""
        start = self.feed.position
        length = self.feed.size()
        if length > most and length >= _ABSURD:
            yield from self._say("gguf-length-overflows", start, f"{what} has {length} bytes")
        if length > most:
            raise Malformed(start, f"{what} of at most {most} bytes", str(length))
        self.length = length

    def _name(self, what: str, start: int, seen: set[int], kind: str) -> Iterator[Fact]:
        """The name of a key or tensor, which is left in `self.name`."""
        yield from self._string(f"the name of a {what}", _NAME_BYTES)
        raw = self.feed.take(self.length)
        if self.version == 1 and raw.endswith(b"\0"):
            raw = raw[:-1]
        self.name = raw.decode("utf-8", "replace")
        if hash(raw) in seen:
            yield from self._say(kind, start, f"the {what} {_short(self.name)} is there twice")
        seen.add(hash(raw))
        if "\ufffd" in self.name or not self.name.isprintable():
            yield from self._say("gguf-name-odd", start, f"the {what} {_short(self.name)} has no printable name")

    def _pair(self, seen: set[int]) -> Iterator[Fact | Gap]:
        start = self.feed.position
        yield from self._name("key", start, seen, "gguf-key-repeated")
        key = self.name
        if not key:
            yield from self._say("gguf-key-empty", start, "a key has no name")
        kind = self.feed.number(self.feed.u32)
        if kind == _STRING:
            yield from self._text(key, start)
        elif kind == _ARRAY:
            yield from self._list(key, start)
        elif kind in _PLAIN:
            yield from self._plain(key, kind, start)
        else:
            raise Malformed(self.feed.position - 4, f"a value type of 0-12 for {_short(key)}", str(kind))

    def _plain(self, key: str, kind: int, start: int) -> Iterator[Fact]:
        raw = self.feed.take(_WIDTHS[kind])
        if not _TOLD.fullmatch(key):
            return
        (value,) = Struct(self.order + _PLAIN[kind]).unpack(raw)
        yield from self._setting(key, str(bool(value)).lower() if kind == 7 else str(value), start)
        if key == "general.alignment":
            yield from self._align(kind, value, start)
        elif key.endswith(".block_count") and kind != 6 and value > _LAYERS:
            yield from self._say("gguf-layers-too-many", start, f"{_short(key)} is {value}")

    def _setting(self, key: str, value: str, start: int) -> Iterator[Fact]:
        self.told += 1
        if self.told <= _SETTINGS:
            yield Setting(span=Span(start, self.feed.position), scheme="gguf", key=key[:200], value=value)

    def _align(self, kind: int, value: int, start: int) -> Iterator[Fact]:
        if kind != _U32:
            yield from self._say("gguf-alignment-odd", start, "general.alignment is no unsigned number of 32 bits")
            return
        if value <= 0 or value & (value - 1):
            yield from self._say("gguf-alignment-odd", start, f"general.alignment is {value}, which is no power of two")
        elif value > 65536:
            yield from self._say("gguf-alignment-odd", start, f"general.alignment is {value}")
        self.alignment = value

    def _text(self, key: str, start: int) -> Iterator[Fact | Gap]:
        yield from self._string(f"the value of {_short(key)}", self.feed.left)
        if TEMPLATE.fullmatch(key):
            yield from self._member(f"{key[:200]}.jinja", "template")
        elif key == _WHOLE_TOKENIZER:
            yield from self._member("tokenizer.json", "")
        elif self.length <= _SHORT and _TOLD.fullmatch(key):
            said = self.feed.take(self.length).decode("utf-8", "replace")
            if key == "tokenizer.ggml.model":
                self.model = said
            yield from self._setting(key, json.dumps(said[: self.cursor.limits.text_characters]), start)
            if key == "general.alignment":
                yield from self._say("gguf-alignment-odd", start, "general.alignment is a text")
        else:
            self.feed.skip(self.length)

    def _member(self, name: str, role: Role) -> Iterator[Fact]:
        start, end = self.feed.position, self.feed.position + self.length
        self.feed.skip(self.length)
        if self.length:
            yield Member(span=Span(start, end), name=name, size_bytes=self.length, role=role)

    def _list(self, key: str, start: int) -> Iterator[Fact | Gap]:
        kind, count = self.feed.number(self.feed.u32), self.feed.size()
        if key in (_TOKENS, _SCORES, _TOKEN_TYPES):
            self.lists[key] = (kind, count)
        if count >= _ABSURD:
            yield from self._say("gguf-length-overflows", start, f"the list {_short(key)} has {count} elements")
        if kind == _STRING and TEMPLATE.fullmatch(key):
            yield from self._templates(key, count)
        elif kind != _ARRAY:
            yield from self._flat(key, kind, count)
        else:
            yield from self._say("gguf-array-nested", start, f"{_short(key)} is a list of lists")
            yield from self._nested(key, count)

    def _templates(self, key: str, count: int) -> Iterator[Fact]:
        for at in range(count):
            yield from self._string(f"a text of {_short(key)}", self.feed.left)
            yield from self._member(f"{key[:200]}.{at}.jinja", "template")

    def _flat(self, key: str, kind: int, count: int) -> Iterator[Fact]:
        if kind == _STRING:
            if count > self.feed.left // self.feed.width:
                raise Malformed(self.feed.position, f"as many texts for {_short(key)} as fit the file", str(count))
            found = self.feed.strings(count, self.look if key == _TOKENS else None)
            self.byte_token = found if found is not None else self.byte_token
        elif kind in _WIDTHS:
            if count > self.feed.left:
                raise Malformed(self.feed.position, f"as many numbers for {_short(key)} as fit the file", str(count))
            self.feed.pass_over(count * _WIDTHS[kind])
        else:
            raise Malformed(self.feed.position, f"an element type of 0-12 for {_short(key)}", str(kind))
        yield from ()

    def _nested(self, key: str, count: int) -> Iterator[Fact]:
        """Lists in lists, without recursion."""
        open_lists = [count]
        while open_lists:
            self.cursor.budget.check_time(self.feed.position)
            if not open_lists[-1]:
                open_lists.pop()
                continue
            open_lists[-1] -= 1
            kind = self.feed.number(self.feed.u32)
            count = self.feed.size()
            if kind != _ARRAY:
                yield from self._flat(key, kind, count)
            elif len(open_lists) >= _DEPTH:
                raise OverLimit(self.feed.position, f"{_short(key)} has lists nested more than {_DEPTH} deep")
            else:
                open_lists.append(count)

    def _together(self) -> Iterator[Fact]:
        """What loaders index by the number of a token, without looking whether it is as long."""
        _, tokens = self.lists.get(_TOKENS, (0, 0))
        for key in (_SCORES, _TOKEN_TYPES):
            kind, count = self.lists.get(key, (_U32, tokens))
            if _WIDTHS.get(kind, 0) < 4:
                detail = f"{key} has elements of type {kind}, where loaders read four bytes each"
                yield from self.teller.say("gguf-token-lists-differ", 0, self.feed.position, detail)
            elif count < tokens:
                detail = f"{key} has {count} elements for {tokens} tokens"
                yield from self.teller.say("gguf-token-lists-differ", 0, self.feed.position, detail)
        if self.byte_token is not None and self.model == "plamo2":
            detail = "a token <0x..> whose digits are none, for the tokenizer plamo2"
            yield from self.teller.say("gguf-byte-token-odd", self.byte_token, self.byte_token + 14, detail)

    # Tensors.

    def _tensor(self, seen: set[int]) -> Iterator[Fact | Gap]:
        start = self.feed.position
        self.cursor.budget.check_time(start)
        yield from self._name("tensor", start, seen, "gguf-tensor-repeated")
        name = _short(self.name)
        if self.length >= _GGML_NAME:
            yield from self._say("gguf-name-odd", start, f"{name} has {self.length} bytes, where ggml has room for 63")
        dimensions = self.feed.number(self.feed.u32)
        if dimensions > _GGML_DIMS:
            yield from self._say("gguf-dimensions-too-many", start, f"{name} has {dimensions} dimensions")
        if dimensions > _DIMS:
            raise Malformed(start, f"at most {_DIMS} dimensions of {name}", str(dimensions))
        shape = tuple(self.feed.size() for _ in range(dimensions))
        kind, offset = self.feed.number(self.feed.u32), self.feed.number(self.feed.u64)
        sizes: tuple[int, ...] = ()
        if kind in TYPES:
            sizes = yield from self._sizes(name, kind, shape, start)
        else:
            yield from self._say("gguf-element-type-unknown", start, f"{name} has the element type {kind}")
        size = max(sizes, default=0)
        if offset + size > _HUGE:
            detail = f"{name} begins at {offset} and has {size} bytes, with which sums of 64 bits overflow"
            yield from self._say("gguf-tensor-overflows", start, detail)
        if offset % max(1, self.alignment):
            detail = f"{name} begins at {offset}, which is no multiple of {self.alignment}"
            yield from self._say("gguf-offset-unaligned", start, detail)
        self.tensors.append(Tensor(offset, sizes, name))

    def _sizes(
        self, name: str, kind: int, shape: tuple[int, ...], start: int
    ) -> Generator[Fact, None, tuple[int, ...]]:
        """How many bytes the tensor may have, by its type and shape."""
        type_ = TYPES[kind]
        if type_.removed:
            detail = f"{name} is {type_.name}, which was removed; it was read by {type_.removed}"
            yield from self._say("gguf-element-type-removed", start, detail)
        count = elements(shape)
        if count is None:
            yield from self._say(
                "gguf-tensor-overflows", start, f"{name} of shape {_short(str(shape))} overflows 63 bits"
            )
            return (MOST,)
        row = shape[0] if shape else 1
        fitting = [size for size in type_.sizes if row % size[0] == 0]
        if not fitting:
            detail = f"{name} has rows of {row} elements, and {type_.name} comes in blocks of {type_.sizes[0][0]}"
            yield from self._say("gguf-rows-split-blocks", start, detail)
        sizes = tuple(-(-count // block) * size for block, size in fitting or type_.sizes)
        if max(sizes) > MOST:
            detail = f"{name} of shape {_short(str(shape))} has {sizes[0]} bytes, more than 63 bits can count"
            yield from self._say("gguf-tensor-overflows", start, detail)
        return sizes

    def _place(self) -> Iterator[Fact | Gap]:
        end = self.feed.position
        self.feed.settle()
        alignment = self.alignment if self.alignment > 0 else 1
        begin = -(-end // alignment) * alignment if self.tensors else end
        for at, tensor in enumerate(self.tensors):
            self.tensors[at] = tensor._replace(start=begin + tensor.start)
        yield from account(self.cursor, end, alignment, self.tensors, self.teller)


def _short(value: str) -> str:
    shown = ascii(value[:80])
    return shown if len(value) <= 80 else f"{shown[:-1]}...'"


FORMAT = Format(
    name="gguf",
    summary="GGUF, versions 1 to 3, in both byte orders",
    claims=claims,
    begins=first_bytes(*_MAGICS),
    read=read,
    extensions=(".gguf",),
    loaders=(
        "llama.cpp (gguf_init_from_file, llama_model_load_from_file) and what is built on it: LM Studio, koboldcpp",
        "Ollama (create, pull, run)",
        "llama-cpp-python, SGLang and vLLM, which render tokenizer.chat_template with jinja2",
        "gguf.GGUFReader (Python), mlx.core.load, transformers from_pretrained(gguf_file=...)",
    ),
    passes_over="the tensors' bytes, and lists of numbers of more than 256 KiB (scores, types of tokens)",
    blind_spots=(
        "weights and words that were made to misbehave, and what a chat template tells the model",
        "element types of forks (ik_llama.cpp and others): nobody here knows their size, so their bytes are a gap",
        "settings of an architecture that its code in a loader trusts, apart from the number of layers",
        "a file of version 1 as Ollama reads it, with longer lengths than llama.cpp",
        "the other files of a split model",
    ),
    references=(
        "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md",
        "https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/gguf.cpp",
        "CVE-2024-34359 (llama-cpp-python), CVE-2026-5760 (SGLang): chat templates rendered without a sandbox",
        "CVE-2024-21802, CVE-2024-21825, CVE-2024-21836, CVE-2024-23496, CVE-2024-23605",
        "CVE-2025-53630, CVE-2026-33298 (llama.cpp before b7824), CVE-2026-27940 (before b8146)",
        "CVE-2026-7482 (Ollama before 0.17.1)",
    ),
)
