"""Ways to hide a call from who reads a pickle: opcodes, names, memo, encodings, nesting (rows P4-P7, P12, P14, P15).

The payload is always the plain ``os.system``; what differs is how it is reached.
"""

import base64
import zlib
from collections.abc import Callable

from tests.build import pickle_builder as p
from tests.build.sample import CANARY, Sample, evil, marshalled, python, system

#: ``os.system`` once the two names are on the stack, called with the command that follows
Body = Callable[[str], bytes]


def _run(names: bytes, c: str) -> bytes:
    return names + p.STACK_GLOBAL + p.push((c,)) + p.REDUCE


def _namespace() -> p.Code:
    return p.call_newobj(p.global_("argparse", "Namespace"))


def _mapped(c: str) -> p.Code:
    """``map(os.system, [c])`` without REDUCE; it runs once something iterates over it."""
    return p.call_newobj(p.global_("builtins", "map"), p.global_("os", "system"), [c])


OS, SYSTEM = p.short_binunicode("os"), p.short_binunicode("system")
EXEC = p.global_("builtins", "exec")

#: P4: what the two operands of STACK_GLOBAL really are
MEMO: dict[str, Body] = {
    "names-by-memoize": lambda c: _run(
        OS + p.MEMOIZE + SYSTEM + p.MEMOIZE + p.POP + p.POP + p.binget(0) + p.binget(1), c
    ),
    "names-by-put-text": lambda c: _run(OS + p.put(7) + p.POP + SYSTEM + p.put(8) + p.POP + p.get(7) + p.get(8), c),
    "put-arbitrary-index": lambda c: _run(OS + p.long_binput(70_000) + p.POP + p.long_binget(70_000) + SYSTEM, c),
    "put-overwrites": lambda c: _run(
        p.short_binunicode("collections") + p.binput(0) + p.POP + OS + p.binput(0) + p.POP + p.binget(0) + SYSTEM, c
    ),
    # MEMOIZE stores at the number of entries, not after the highest index
    "memoize-after-put": lambda c: _run(
        p.short_binunicode("collections") + p.binput(1) + p.POP + OS + p.MEMOIZE + p.POP + p.binget(1) + SYSTEM, c
    ),
    "memoize-count-drift": lambda c: _run(
        p.binint1(1) + p.binput(200) + p.MEMOIZE + p.POP + OS + p.MEMOIZE + p.POP + p.binget(2) + SYSTEM, c
    ),
    "get-with-leading-zeros": lambda c: _run(OS + p.put("5") + p.POP + p.get("0005") + SYSTEM, c),
    "get-with-underscore": lambda c: _run(OS + p.put(10) + p.POP + p.get("1_0") + SYSTEM, c),
    "get-with-spaces": lambda c: _run(OS + p.put(" 5 ") + p.POP + p.get("+5") + SYSTEM, c),
    "dup-and-pop": lambda c: _run(OS + p.DUP + p.POP + SYSTEM + p.DUP + p.POP, c),
    "junk-popped-between": lambda c: _run(OS + p.binint1(1) + p.POP + SYSTEM + p.EMPTY_LIST + p.POP, c),
    "pop-takes-the-mark": lambda c: _run(OS + p.MARK + p.POP + SYSTEM, c),
    "pop-mark-between": lambda c: _run(OS + p.MARK + p.push("collections") + p.push("x") + p.POP_MARK + SYSTEM, c),
    "names-as-binstring": lambda c: _run(p.short_binstring("os") + p.binstring("system"), c),
    "names-as-quoted-string": lambda c: _run(p.string("'os'") + p.string('"system"'), c),
    "names-as-escaped-string": lambda c: _run(p.string(r"'\x6f\163'") + p.string(r"'\x73ystem'"), c),
    "names-as-escaped-unicode": lambda c: _run(p.unicode(r"\u006f\u0073") + p.unicode(r"\u0073ystem"), c),
    "names-as-binunicode8": lambda c: _run(p.binunicode8("os") + p.binunicode8("system"), c),
    "function-by-memo": lambda c: p.global_("os", "system") + p.put(3) + p.POP + p.get(3) + p.push((c,)) + p.REDUCE,
    "arguments-by-memo": lambda c: p.push((c,)) + p.put(3) + p.POP + p.global_("os", "system") + p.get(3) + p.REDUCE,
    "function-by-dup": lambda c: p.global_("os", "system") + p.DUP + p.push((c,)) + p.REDUCE,
}

#: P5: every opcode that can run something, its result dropped or used
HIDDEN: dict[str, Body] = {
    "reduce-popped": lambda c: system(c) + p.POP + p.push({"w": 1}),
    "reduce-pop-marked": lambda c: p.MARK + system(c) + p.binint1(1) + p.POP_MARK + p.push({"w": 1}),
    "reduce-below-the-result": lambda c: system(c) + p.push({"w": 1}),
    "obj": lambda c: p.call_obj(p.global_("os", "system"), c),
    "obj-popped": lambda c: p.call_obj(p.global_("os", "system"), c) + p.POP + p.push([]),
    "inst": lambda c: p.call_inst("os", "system", c),
    "inst-popped": lambda c: p.call_inst("os", "system", c) + p.POP + p.push([]),
    "newobj": lambda c: p.call_newobj(p.global_("builtins", "bytes"), _mapped(c)),
    "newobj-popped": lambda c: p.call_newobj(p.global_("builtins", "tuple"), _mapped(c)) + p.POP + p.push([]),
    "newobj-ex": lambda c: p.call_newobj_ex(
        p.global_("builtins", "bytes"),
        p.call_newobj_ex(p.global_("builtins", "map"), p.global_("os", "system"), [c]),
    ),
    "newobj-frozenset": lambda c: p.call_newobj(p.global_("builtins", "frozenset"), _mapped(c)) + p.POP + p.NONE,
    "build-setstate": lambda c: p.build(p.build(_namespace(), {"__setstate__": p.global_("os", "system")}), c),
    "build-setstate-popped": lambda c: p.build(p.build(_namespace(), {"__setstate__": p.global_("os", "system")}), c)
    + p.POP
    + p.push([]),
    "append-is-a-call": lambda c: p.build(_namespace(), {"append": p.global_("os", "system")}) + p.push(c) + p.APPEND,
    "appends-is-a-call": lambda c: p.build(_namespace(), {"append": p.global_("os", "system")})
    + p.MARK + p.push(c) + p.APPENDS,
    "extend-is-a-call": lambda c: p.build(_namespace(), {"extend": p.global_("subprocess", "call")})
    + p.MARK + p.push("/bin/sh") + p.push("-c") + p.push(c) + p.APPENDS,
    "additems-is-a-call": lambda c: p.build(_namespace(), {"add": p.global_("os", "system")})
    + p.MARK + p.push(c) + p.ADDITEMS,
    # a slot state sets attributes of a class; SETITEM then finds its method there
    "setitem-is-a-call": lambda c: p.build(p.global_("argparse", "Namespace"), (None, {"__setitem__": EXEC})) + p.POP
    + _namespace() + p.push(python(c)) + p.push({}) + p.SETITEM,
    "setitems-is-a-call": lambda c: p.build(p.global_("argparse", "Namespace"), (None, {"__setitem__": EXEC})) + p.POP
    + _namespace() + p.MARK + p.push(python(c)) + p.push({}) + p.SETITEMS,
    "hash-is-a-call": lambda c: p.build(
        p.global_("argparse", "Namespace"),
        (None, {"__hash__": p.call(p.global_("functools", "partial"), p.global_("os", "system"), c)}),
    ) + p.POP + p.EMPTY_DICT + _namespace() + p.NONE + p.SETITEM,
    "in-a-dict-key": lambda c: p.EMPTY_DICT + system(c) + p.NONE + p.SETITEM,
    "in-a-long-list": lambda c: p.EMPTY_LIST + p.MARK + p.NONE * 5000 + system(c) + p.NONE * 5000 + p.APPENDS,
    "in-a-set": lambda c: p.EMPTY_SET + p.MARK + system(c) + p.ADDITEMS,
    "in-a-frozenset": lambda c: p.MARK + system(c) + p.FROZENSET,
    "as-build-state": lambda c: p.build(_namespace(), {"x": system(c)}),
    "as-an-argument": lambda c: p.call(p.global_("collections", "OrderedDict"), [("a", system(c))]),
    "deep-in-tuples": lambda c: p.MARK * 200 + system(c) + p.TUPLE * 200,
    "after-many-opcodes": lambda c: (p.NONE + p.POP) * 200_000 + system(c),
}  # fmt: skip

#: P6 and P7
OUTSIDE: dict[str, tuple[str, Body]] = {
    "register-then-ext1": ("P6", lambda c: p.call(p.global_("copyreg", "add_extension"), "os", "system", 240) + p.POP
        + p.call(p.Code(p.ext1(240)), c)),
    "register-then-ext2": ("P6", lambda c: p.call(p.global_("copyreg", "add_extension"), "os", "system", 0x1234) + p.POP
        + p.call(p.Code(p.ext2(0x1234)), c)),
    "register-then-ext4": ("P6", lambda c: p.call(p.global_("copyreg", "add_extension"), "os", "system", 0x123456)
        + p.POP + p.call(p.Code(p.ext4(0x123456)), c)),
    "persid-with-payload": ("P7", lambda c: p.persid("weights") + p.POP + system(c)),
    "binpersid-of-payload": ("P7", lambda c: system(c) + p.BINPERSID),
    "binpersid-tuple-of-payload": ("P7", lambda c: p.push(("storage", system(c), "0", "cpu", 1)) + p.BINPERSID),
}  # fmt: skip


def _bytes_io(data: bytes) -> p.Code:
    return p.call(p.global_("io", "BytesIO"), data)


def _loads(*data: object) -> p.Code:
    return p.call(p.global_("pickle", "loads"), *data)


#: P12: a pickle inside a pickle
NESTED: dict[str, Body] = {
    "pickle.loads": lambda c: _loads(evil(c)),
    "_pickle.loads": lambda c: p.call(p.global_("_pickle", "loads"), evil(c)),
    "pickle._loads": lambda c: p.call(p.global_("pickle", "_loads"), evil(c)),
    "pickle.load-bytesio": lambda c: p.call(p.global_("pickle", "load"), _bytes_io(evil(c))),
    "unpickler.load": lambda c: p.call(
        p.stack_global("pickle", "Unpickler.load"), p.call(p.global_("pickle", "Unpickler"), _bytes_io(evil(c)))
    ),
    "bytearray": lambda c: _loads(bytearray(evil(c))),
    "three-deep": lambda c: _loads(p.whole(_loads(p.whole(_loads(evil(c)))))),
    "base64": lambda c: _loads(p.call(p.global_("base64", "b64decode"), base64.b64encode(evil(c)).decode())),
    "codecs-base64": lambda c: _loads(
        p.call(p.global_("codecs", "decode"), base64.b64encode(evil(c)), "base64")
    ),
    "zlib": lambda c: _loads(p.call(p.global_("zlib", "decompress"), zlib.compress(evil(c)))),
    # how protocols 0 to 2 spell bytes
    "latin-1-text": lambda c: _loads(p.call(p.global_("_codecs", "encode"), evil(c, 2).decode("latin-1"), "latin1")),
    "marshal": lambda c: p.call(p.global_("builtins", "eval"), p.call(p.global_("marshal", "loads"), marshalled(c))),
    "grammar.loads": lambda c: p.call(p.stack_global("lib2to3.pgen2.grammar", "Grammar.loads"), _namespace(), evil(c)),
    "shelve": lambda c: p.call(
        p.global_("operator", "getitem"),
        p.call(p.global_("shelve", "Shelf"), {b"k": evil(c)}), "k",
    ),
}  # fmt: skip

NESTED_LIBRARIES: dict[str, tuple[str, Body]] = {
    "torch._load_from_bytes": (
        "torch", lambda c: p.call(p.global_("torch.storage", "_load_from_bytes"), evil(c))),
    "torch.basichandlers": ("torch", lambda c: p.call(
        p.global_("torch.utils.data.datapipes.utils.decoder", "basichandlers"), "pickle", evil(c))),
    "torch.load_config": ("torch", lambda c: p.call(
        p.stack_global("torch.utils._config_module", "ConfigModule.load_config"), _namespace(), evil(c))),
    "numpy.load": ("numpy", lambda c: p.call(p.global_("numpy", "load"), _bytes_io(evil(c)), None, True)),
    "joblib.load": ("joblib", lambda c: p.call(p.global_("joblib", "load"), _bytes_io(evil(c)))),
    "pandas.read_pickle": ("pandas", lambda c: p.call(p.global_("pandas", "read_pickle"), _bytes_io(evil(c)), None)),
}  # fmt: skip

#: P12 without anybody who calls: bytes that only wait
DORMANT: dict[str, bytes] = {
    "bytes-constant": p.whole(p.push({"w": evil()})),
    "bytes-constant-text-pickle": p.whole(p.push({"w": b"cos\nsystem\n(S'true # modelairlock canary'\ntR."})),
    "bytearray-constant": p.whole(p.push([bytearray(evil())])),
}


def _text(command: str, end: str = "\n", quote: str = "'") -> bytes:
    return f"cos{end}system{end}(S{quote}{command}{quote}{end}tR.".encode()


#: P14 and P15: no magic, and arguments spelled oddly. A whole file each.
SPELLED: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "protocol-0": ("P14", lambda c: _text(c)),
    "protocol-0-posix": ("P14", lambda c: _text(c).replace(b"cos", b"cposix")),
    "protocol-0-inst": ("P14", lambda c: f"(S'{c}'\nios\nsystem\n.".encode()),
    "protocol-0-obj": ("P14", lambda c: f"(cos\nsystem\nS'{c}'\no.".encode()),
    "protocol-1-no-magic": ("P14", lambda c: p.global_("os", "system") + p.MARK + p.binunicode(c) + b"tR."),
    "protocol-2": ("P14", lambda c: evil(c, 2)),
    "protocol-3": ("P14", lambda c: evil(c, 3)),
    "protocol-5": ("P14", lambda c: evil(c, 5)),
    "protocol-0-stated": ("P14", lambda c: evil(c, 0)),
    "protocol-4-opcodes-no-proto": ("P14", lambda c: _run(OS + SYSTEM, c) + p.STOP),
    "proto-after-the-payload": ("P14", lambda c: system(c) + p.POP + p.proto(4) + p.NONE + p.STOP),
    "many-protos": ("P14", lambda c: p.proto(4) + p.proto(0) + p.proto(5) + p.proto(2) + system(c) + p.STOP),
    "python-2-builtin": ("P14", lambda c: p.whole(p.call(p.global_("__builtin__", "eval"), python(c)), 2)),
    "python-2-commands": ("P14", lambda c: p.whole(p.call(p.global_("commands", "getoutput"), c), 2)),
    "python-2-imap": ("P14", lambda c: p.whole(p.call(
        p.global_("__builtin__", "list"), p.call(p.global_("itertools", "imap"), p.global_("os", "system"), [c])), 2)),
    "starts-like-text": ("P14", lambda c: b"I1\n0I2\n0" + _text(c)),
    "starts-like-json": ("P14", lambda c: b"}0]0" + _text(c)),
    "starts-with-quotes": ("P14", lambda c: b"S'{\"format\": 1}'\n0" + _text(c)),
    "string-double-quotes": ("P15", lambda c: _text(c, quote='"')),
    "string-escaped": ("P15", lambda c: _text("".join(f"\\x{ord(x):02x}" for x in c))),
    "unicode-escaped": (
        "P15", lambda c: b"cos\nsystem\n(V" + "".join(f"\\u{ord(x):04x}" for x in c).encode() + b"\ntR."),
    "int-hexadecimal": ("P15", lambda c: p.int_("0x10") + p.POP + system(c) + p.STOP),
    "int-octal-and-binary": ("P15", lambda c: p.int_("0o17") + p.POP + p.int_("0b1") + p.POP + system(c) + p.STOP),
    "int-underscores": ("P15", lambda c: p.int_(" 1_000 ") + p.POP + system(c) + p.STOP),
    "int-crlf": ("P15", lambda c: p.int_("7", b"\r\n") + p.POP + system(c) + p.STOP),
    "int-huge": ("P15", lambda c: p.int_("9" * 4000) + p.POP + system(c) + p.STOP),
    "long-without-l": ("P15", lambda c: p.long("12") + p.POP + system(c) + p.STOP),
    "long-crlf": ("P15", lambda c: p.long("12", b"\r\n") + p.POP + system(c) + p.STOP),
    "long-empty": ("P15", lambda c: p.long1(b"") + p.POP + p.long4(b"") + p.POP + system(c) + p.STOP),
    "float-infinity": ("P15", lambda c: p.float_("-InFinity") + p.POP + system(c) + p.STOP),
    "boolean-00-01": ("P15", lambda c: p.TRUE + p.POP + p.FALSE + p.POP + system(c) + p.STOP),
    "boolean-two-digits": ("P15", lambda c: p.int_("02") + p.POP + system(c) + p.STOP),
}  # fmt: skip


def _whole(body: Body, protocol: int = 4) -> Callable[..., bytes]:
    return lambda c=CANARY: p.whole(body(c), protocol)


def _defaulted(build: Callable[[str], bytes]) -> Callable[..., bytes]:
    return lambda c=CANARY: build(c)


def _runs(name: str, row: str, build: Callable[..., bytes], loader: str = "pickle.load", needs: str = "") -> Sample:
    return Sample(name, "pickle", row, f"{name}.pkl", build, True, loader, "flagged", needs=needs)


def _samples() -> list[Sample]:
    made = [_runs(f"memo-{name}", "P4", _whole(body)) for name, body in MEMO.items()]
    made += [_runs(f"hidden-{name}", "P5", _whole(body)) for name, body in HIDDEN.items()]
    for name, (row, body) in OUTSIDE.items():
        made.append(_runs(name, row, _whole(body), "pickle.load(persistent)" if row == "P7" else "pickle.load"))
    for code, opcode in (("ext1", p.ext1(240)), ("ext2", p.ext2(999)), ("ext4", p.ext4(70_000)), ("ext0", p.ext1(0))):
        file = p.whole(p.call(p.Code(opcode), CANARY))
        made.append(Sample(f"bare-{code}", "pickle", "P6", f"{code}.pkl", lambda c=CANARY, file=file: file))
    for name, body in (("persid", p.persid("../../x")), ("binpersid", p.push(("module", 1, "f", "s")) + p.BINPERSID)):
        made.append(Sample(f"bare-{name}", "pickle", "P7", f"{name}.pkl", lambda c=CANARY, body=body: p.whole(body)))
    made += [_runs(f"nested-{name}", "P12", _whole(body)) for name, body in NESTED.items()]
    made += [
        _runs(f"nested-{name}", "P12", _whole(body), needs=needs) for name, (needs, body) in NESTED_LIBRARIES.items()
    ]
    made += [
        Sample(f"dormant-{name}", "pickle", "P12", f"{name}.pkl", lambda c=CANARY, file=file: file)
        for name, file in DORMANT.items()
    ]
    made += [_runs(f"spelled-{name}", row, _defaulted(build)) for name, (row, build) in SPELLED.items()]
    return made


SAMPLES = tuple(_samples())
