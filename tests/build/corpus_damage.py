"""Pickles that break: frames that lie, streams that go on or stop short, errors after the payload, costly ones.

Rows P8 to P11, P17 and P19. The payload has run by the time anything goes wrong, so "not a pickle" is no answer.
"""

from collections.abc import Callable

from tests.build import pickle_builder as p
from tests.build.sample import CANARY, Sample, evil, harmless, system

Body = Callable[[str], bytes]

#: frames from here on are read from a file without a look-ahead, whatever the buffer (`PREFETCH` in _pickle.c)
LARGE = 128 * 1024 + 64


def _frame(inside: bytes, size: int) -> bytes:
    """PROTO and a frame of `size` bytes that ends with `inside`, the rest one byte string that is dropped again."""
    filler = p.binbytes(b"f" * (size - len(inside) - 6)) + p.POP
    return p.proto(4) + p.frame(filler + inside)


def straddle_argument(c: str, size: int = 128, opcode: bytes = b"X", width: int = 4) -> bytes:
    """A counted argument that begins in the frame and ends after it.

    CPython's C unpickler, before gh-154848 was mended, drops what is left of the frame and reads the whole argument
    after it, where everybody else joins the two parts. From there on the two are apart by as much as was dropped: just
    enough for a BINBYTES that, to everybody else, holds the code. (Bytes themselves are read into place, and joined.)
    """
    code = p.POP + system(c) + p.STOP
    hider = p.binbytes(code)[:5]
    inside = opcode + (32).to_bytes(width, "little") + b"x" * len(hider)
    return _frame(inside, size) + b"y" * (32 - len(hider)) + hider + code + p.STOP


def straddle_length(c: str, size: int = 128) -> bytes:
    """The frame ends within an opcode's length: half of it counts for some, none of it for the C unpickler."""
    code = p.POP + system(c) + p.STOP
    inside = b"B" + (2 + len(code)).to_bytes(2, "little")
    return _frame(inside, size) + bytes(4) + code + p.STOP


def straddle_line(c: str, size: int = 128) -> bytes:
    """GLOBAL whose module begins in the frame: the C unpickler forgets that part of the line."""
    return _frame(b"ctorch", size) + b"os\nsystem\n" + p.push((c,)) + p.REDUCE + p.STOP


def straddle_get(c: str, size: int = 128) -> bytes:
    """GET whose index begins in the frame: 15 for everybody else, 5 for the C unpickler."""
    memo = p.short_binunicode("collections") + p.put(15) + p.POP + p.short_binunicode("os") + p.put(5) + p.POP
    names = b"5\n" + p.short_binunicode("system") + p.STACK_GLOBAL
    return p.proto(4) + _frame(memo + b"g1", size)[2:] + names + p.push((c,)) + p.REDUCE + p.STOP


def straddle_nested(c: str, size: int = 128) -> bytes:
    """A frame that begins within a frame and is longer: the C unpickler drops the rest of the outer one."""
    inner = p.NONE + p.POP + system(c) + p.STOP
    inside = b"\x95" + len(inner).to_bytes(8, "little") + p.binbytes(inner)[:5]
    return _frame(inside, size) + inner + p.STOP


STRADDLES = (straddle_argument, straddle_length, straddle_line, straddle_get, straddle_nested)

#: P8 without a hidden payload: frames that only lie
FRAMES: dict[str, Callable[[str], bytes]] = {
    "empty": lambda c: p.proto(4) + p.frame(b"") + system(c) + p.STOP,
    "too-short": lambda c: p.proto(4) + p.frame(system(c) + p.STOP, 3),
    "many": lambda c: p.proto(4) + p.frame(b"") * 500 + p.frame(system(c)) + p.frame(p.STOP),
    "nested-inside": lambda c: p.proto(4) + p.frame(p.frame(system(c)) + p.STOP),
    "without-proto": lambda c: p.frame(system(c) + p.STOP),
    "in-protocol-2": lambda c: p.proto(2) + p.frame(system(c) + p.STOP),
}

#: P9: what unpicklers disagree about, or disassemblers refuse
DIFFERENT: dict[str, Callable[[str], bytes]] = {
    "stack-left-at-stop": lambda c: p.whole(p.NONE * 20 + system(c)),
    "mark-left-at-stop": lambda c: p.whole(p.MARK * 3 + system(c)),
    "put-into-taken-memo": lambda c: p.whole(p.NONE + p.binput(0) + p.POP + system(c) + p.binput(0)),
    "memoize-on-a-mark": lambda c: p.whole(p.NONE + p.MARK + p.POP + p.MEMOIZE + p.POP + system(c)),
    "get-never-put-after": lambda c: p.whole(system(c) + p.get(99)),
    "proto-in-the-middle": lambda c: p.whole(p.NONE + p.proto(1) + p.POP + system(c)),
    "binunicode-surrogates": lambda c: p.whole(p.binunicode("\ud800") + p.POP + system(c)),
    "surrogate-in-the-argument": lambda c: p.whole(p.call(p.global_("os", "system"), c + " # \udc80")),
    "surrogate-in-a-later-argument": lambda c: p.whole(
        system(c) + p.POP + p.call(p.global_("collections", "OrderedDict"), [("\ud800", "\udfff")])
    ),
    "binint-over-names": lambda c: p.whole(p.binint(-1) + p.POP + p.long1(-(2**60)) + p.POP + system(c)),
    "next-buffer": lambda c: p.whole(p.NEXT_BUFFER + p.READONLY_BUFFER + p.POP + system(c), 5),
    "tuple-of-a-mark": lambda c: p.whole(p.MARK + p.TUPLE + p.POP + system(c)),
    "dict-of-marks": lambda c: p.whole(p.MARK + p.DICT + p.POP + p.MARK + p.LIST + p.POP + system(c)),
    "call-of-a-call": lambda c: p.whole(
        p.call(p.call(p.global_("operator", "attrgetter"), "__call__"), p.global_("os", "system")) + p.push((c,)) + b"R"
    ),
}

#: P10 and P19: what follows the payload, and which exception it ends in
BROKEN: dict[str, bytes] = {
    "unknown-opcode": b"\xff" * 16,
    "text": b"this is no pickle\n",
    "missing-stop": b"",
    "half-an-opcode": b"X\xff",
    "eof-in-argument": p.binunicode("x", 1000),
    "eof-in-line": b"cos",
    "stack-underflow": p.POP + p.POP + p.POP + p.STOP,
    "key-error": p.get(404) + p.STOP,
    "value-error": p.int_("seven") + p.STOP,
    "unicode-error": p.binunicode(b"\xff\xfe") + p.STOP,
    "type-error": p.binint1(1) + p.EMPTY_TUPLE + p.REDUCE + p.STOP,
    "import-error": p.global_("modelairlock_no_such_module", "x") + p.STOP,
    "attribute-error": p.global_("collections", "no_such_name") + p.STOP,
    "float-error": p.float_("1e9x") + p.STOP,
    "memory-error": p.binbytes8(b"", 2**62) + p.STOP,
    "negative-length": p.binstring("x", -1) + p.STOP,
    "negative-long4": p.long4(b"", -1) + p.STOP,
    "bad-protocol": p.proto(255) + p.STOP,
    "bad-ext": p.ext4(-1) + p.STOP,
    "bad-put": p.put("x") + p.STOP,
    "bad-string": p.string("'unclosed") + p.STOP,
    "frame-past-end": p.frame(p.STOP, 2**40),
    "non-ascii-name": p.global_(b"\xff\xfe", b"\xff") + p.STOP,
    "stack-global-of-ints": p.binint1(1) + p.binint1(2) + p.STACK_GLOBAL + p.STOP,
    "stack-global-of-lost-memo": p.binget(77) + p.push("system") + p.STACK_GLOBAL + p.STOP,
    "newobj-of-no-class": p.binint1(1) + p.EMPTY_TUPLE + p.NEWOBJ + p.STOP,
    "build-of-nothing": p.BUILD + p.STOP,
}


def _recursive(c: str) -> bytes:
    cycle = p.EMPTY_LIST + p.binput(0) + p.binget(0) + p.APPEND + p.POP
    return p.whole(cycle + p.EMPTY_DICT + p.binput(1) + p.NONE + p.binget(1) + p.SETITEM + p.POP + system(c))


def _laughs(depth: int = 64, tail: bytes = b"") -> bytes:
    """A list of ten of a list of ten of …: few opcodes, ten to the `depth` items for who writes it out."""
    body = p.push(["lol"]) + p.MEMOIZE
    for level in range(depth):
        body += p.POP + p.EMPTY_LIST + p.MARK + p.binget(level) * 10 + p.APPENDS + p.MEMOIZE
    return p.whole(body + tail)


#: P17: costly to read; each still ends in the payload, which a reader that gives up will not have seen
COSTLY: dict[str, tuple[bool, Callable[[str], bytes]]] = {
    "billion-laughs": (True, lambda c: _laughs(tail=p.POP + system(c))),
    "deep-lists": (True, lambda c: p.whole(p.EMPTY_LIST * 50_000 + p.APPEND * 49_999 + p.POP + system(c))),
    "deep-tuples": (True, lambda c: p.whole(p.EMPTY_TUPLE + p.TUPLE1 * 2000 + p.POP + system(c))),
    "many-marks": (True, lambda c: p.whole(p.MARK * 500_000 + system(c))),
    "huge-long": (True, lambda c: p.whole(p.long4(b"\x7f" * 2_000_000) + p.POP + system(c))),
    "doubling-by-dup": (True, lambda c: p.whole(p.NONE + (p.DUP + p.TUPLE2) * 40 + p.POP + system(c))),
    "recursive": (True, _recursive),
    "long-string-line": (True, lambda c: p.whole(p.unicode("a" * 3_000_000) + p.POP + system(c))),
    # the C unpickler would allocate gigabytes for its memo
    "sparse-memo": (False, lambda c: p.whole(p.NONE + p.long_binput(0xFFFFFFFF) + p.POP + system(c))),
    "sparse-put": (False, lambda c: p.whole(p.NONE + p.put("9" * 18) + p.POP + system(c))),
    "long-digits": (False, lambda c: p.whole(p.long("9" * 3_000_000 + "L") + p.POP + system(c))),
    "deep-stack-global": (False, lambda c: p.whole(p.MARK * 2_000_000 + p.TUPLE * 2_000_000 + p.POP + system(c))),
}  # fmt: skip

#: P11: more than one pickle, or something else behind it
STACKED: dict[str, tuple[bool, Callable[[str], bytes]]] = {
    "second-of-two": (True, lambda c: harmless() + evil(c)),
    "tenth": (True, lambda c: harmless() * 9 + evil(c)),
    "hundredth": (True, lambda c: harmless(2) * 99 + evil(c, 2)),
    "second-in-protocol-0": (True, lambda c: harmless() + evil(c, None)),
    "first-then-harmless": (True, lambda c: evil(c) + harmless()),
    "after-zeros": (False, lambda c: harmless() + bytes(512) + evil(c)),
    "after-garbage": (False, lambda c: harmless() + b"\xff garbage \xfe" + evil(c)),
    "after-a-megabyte": (False, lambda c: harmless() + bytes(1 << 20) + evil(c)),
    "garbage-behind": (True, lambda c: evil(c) + b"\xff" * 100),
    "zip-behind": (True, lambda c: evil(c) + b"PK\x05\x06" + bytes(18)),
    "megabyte-behind": (True, lambda c: evil(c) + b"\xa5" * (1 << 20)),
}


def _defaulted(build: Callable[[str], bytes]) -> Callable[..., bytes]:
    return lambda c=CANARY: build(c)


def _straddle(build: Callable[..., bytes], size: int) -> Callable[..., bytes]:
    return lambda c=CANARY: build(c, size)


def _made(group: str, row: str, name: str, build: Callable[..., bytes], loader: str = "pickle.load") -> Sample:
    """A sample that runs in `loader`, or in none."""
    name = f"{group}-{name}"
    runs = bool(loader)
    return Sample(name, "damage", row, f"{name}.pkl", build, runs, loader, "flagged" if runs else "not-clear")


def _frame_samples() -> list[Sample]:
    made = []
    for build in STRADDLES:
        name = build.__name__.removeprefix("straddle_")
        for size, label, loader in ((128, "small", "pickle.load(BytesIO)"), (LARGE, "large", "pickle.load")):
            made.append(
                Sample(
                    f"frame-{name}-{label}", "damage", "P8", f"frame-{name}-{label}.pkl", _straddle(build, size), True,
                    loader, "flagged", "CPython gh-154848", fixed_in=(3, 13, 15),
                )
            )  # fmt: skip
    for opcode, width in ((b"T", 4), (b"U", 1), (b"\x8c", 1), (b"\x8d", 8), (b"\x8a", 1), (b"\x8b", 4)):
        name = f"frame-argument-{opcode.hex()}"
        made.append(
            Sample(
                name, "damage", "P8", f"{name}.pkl",
                lambda c=CANARY, opcode=opcode, width=width: straddle_argument(c, 128, opcode, width), True,
                "pickle.load(BytesIO)", "flagged", "CPython gh-154848", fixed_in=(3, 13, 15),
            )
        )  # fmt: skip
    made += [_made("frame", "P8", name, _defaulted(build)) for name, build in FRAMES.items()]
    past = p.proto(4) + p.frame(system() + p.STOP, 2**63)
    return [*made, _made("frame", "P8", "longer-than-the-file", lambda c=CANARY: past, "")]


def _samples() -> list[Sample]:
    made = _frame_samples()
    for name, build in DIFFERENT.items():
        loader = {"next-buffer": "pickle.load(buffers)"}.get(name, "pickle.load")
        made.append(_made("different", "P9", name, _defaulted(build), loader))
    # only the Python unpickler takes these for numbers
    floats = p.float_(" 1_0.5 ") + p.POP
    made.append(_made("different", "P9", "float", lambda c=CANARY: p.whole(floats + system(c)), "pickle._load"))
    for name, tail in BROKEN.items():
        row = "P19" if name.endswith("-error") else "P10"
        build = _defaulted(lambda c, tail=tail: p.proto(4) + system(c) + p.POP + tail)
        made.append(_made("broken", row, name, build))
    for name in ("unknown-opcode", "key-error", "stack-global-of-ints", "stack-global-of-lost-memo", "bad-string"):
        before = p.proto(4) + BROKEN[name].removesuffix(p.STOP) + p.POP + system() + p.STOP
        made.append(_made("broken-before", "P10", name, lambda c=CANARY, before=before: before, ""))
    for name, (runs, build) in COSTLY.items():
        made.append(_made("costly", "P17", name, _defaulted(build), "pickle.load" if runs else ""))
    for name, (runs, build) in STACKED.items():
        made.append(_made("stacked", "P11", name, _defaulted(build), "pickle.load(again)" if runs else ""))
    return made


SAMPLES = tuple(_samples())
