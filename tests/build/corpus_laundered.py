"""What got through a second time: containers filled after they were judged, layouts that lie, bytes that wait.

Found by another attacker once `corpus_bypasses` was mended (rows P4, P9, P13, C12). Each is kept as it was, less the
payload.
"""

from typing import Any

from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.build.corpus_bypasses import ZONE, _importer, _layer, _new, _state
from tests.build.sample import CANARY, Sample, evil

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_UFUNC = p.global_("numpy.core", "_ufunc_reconstruct")
#: text that is ``__setstate__`` only when it is decoded
_HIDDEN = p.call(p.global_("numpy", "str_"), b"\\x5f\\x5fsetstate\\x5f\\x5f", "unicode_escape")


# --- other opcodes for one loader than for another ----------------------------------------------------------------


def raw_that_calls(command: str = CANARY) -> bytes:
    """The array's bytes import nothing: they call what was imported before it."""
    raw = p.POP + p.binget(0) + p.push(("os", "system")) + p.REDUCE + p.push((command,)) + p.REDUCE + p.STOP
    before = _UFUNC + p.binput(0) + p.push(("numpy", "exp")) + p.REDUCE + p.POP
    return p.proto(4) + before + p.build(_new(*_WRAPPER), _state(len(raw))) + raw + p.STOP


def raw_with_odd_module(command: str = CANARY) -> bytes:
    raw = p.POP + p.global_("out-side", "x") + p.STOP
    return p.proto(4) + p.build(_new(*_WRAPPER), _state(len(raw))) + raw + p.STOP


def built_twice(command: str = CANARY) -> bytes:
    """joblib remembers the alignment of the first state at the second, which leaves it away."""
    made = _new(*_WRAPPER) + p.binput(5)
    aligned = p.push(_state(1, numpy_array_alignment_bytes=16)) + p.BUILD + b"\0Z" + p.POP
    cover = p.binbytes(b"\xff" + evil(command, None))
    return p.proto(4) + made + aligned + p.binget(5) + p.push(_state(1)) + p.BUILD + b"\5" + cover + p.STOP


def tail_for_old_joblib(command: str = CANARY) -> bytes:
    body = evil(command, None)
    count = 1 + len(body)
    raw = bytes([len(body)]) + b"\xff" * len(body) + body + bytes(count - len(body))
    made = p.build(_new(*_WRAPPER), _state(count, numpy_array_alignment_bytes=16))
    return p.proto(4) + made + raw + p.STOP


def garbled_twice(command: str = CANARY) -> bytes:
    """Behind a name that is looked up in another module, another one."""
    text, memo = p.short_binunicode, p.MEMOIZE
    outer = b"".join(text(word) + memo + p.POP for word in ("sympy", "exp", "os", "system"))
    inner = b"".join(text(word) + memo + p.POP for word in ("numpy", "exp", "collections", "UserList"))
    inner += p.binget(0) + p.binget(1) + p.STACK_GLOBAL + p.POP
    inner += p.binget(2) + p.binget(3) + p.STACK_GLOBAL + p.push(command) + p.TUPLE1 + p.REDUCE + p.STOP
    return p.proto(4) + outer + j.wrapper(shape=(1,), of=j.OBJECTS) + inner + p.STOP


# --- filled after it was judged -----------------------------------------------------------------------------------


def dict_of_a_buffer(name: str, state: tuple[Any, ...]) -> bytes:
    """`io` objects take the dict in their state for their own; it is filled through the memo afterwards."""
    taken = p.EMPTY_DICT + p.binput(7)
    first = p.call(p.global_("_io", name)) + p.binput(8) + p.MARK + b"".join(map(p.push, state))
    fill = p.binget(7) + _HIDDEN + _layer("torch.nn.modules.linear", "Identity") + p.SETITEM + p.POP
    again = p.binget(8) + p.push((*state, None)) + p.BUILD
    return p.whole(first + taken + p.TUPLE + p.BUILD + p.POP + fill + again)


def laundered(*made: bytes) -> bytes:
    """A list goes into something that is taken for a constant, is filled, and is printed as ``numpy.dtype`` does."""
    printed = _layer("torch.nn.modules.linear", "Identity", extra_repr=_importer())
    fill = p.binget(1) + printed + p.APPEND + p.POP
    return p.whole(
        b"".join(made) + p.binput(2) + p.POP + fill + p.global_("numpy", "dtype") + p.binget(2) + p.TUPLE1 + p.REDUCE
    )


def folded_partial() -> bytes:
    """The second of two states of one shape is another, through the memo."""
    function = p.global_("builtins", "len")
    made = p.call(p.global_("functools", "partial"), function)
    first = p.build(made, (function, (), {}, None)) + p.POP
    own = p.EMPTY_DICT + p.binput(7)
    second = made + p.binput(8) + p.MARK + function + p.push(()) + p.push({}) + own + p.TUPLE + p.BUILD + p.POP
    fill = p.binget(7) + _HIDDEN + _importer() + p.SETITEM + p.POP
    return p.whole(first + second + fill + p.binget(8) + p.push((function, (), {}, None)) + p.BUILD)


def kept_helper(keeper: p.Code) -> bytes:
    return p.whole(_UFUNC + p.binput(0) + p.push(("numpy", "exp")) + p.REDUCE + p.POP + keeper)


# --- layouts that lie ---------------------------------------------------------------------------------------------


def _type(code: str) -> p.Code:
    return p.call(p.global_("numpy", "dtype"), code, False, True)


def _fields(names: tuple[str, ...], fields: dict[str, Any], size: int, flags: int) -> p.Code:
    return p.build(_type(f"V{size}"), (3, "|", None, names, fields, size, 1, flags))


def _array(of: p.Code, content: Any, count: int = 1) -> bytes:
    made = p.call(p.global_("numpy._core.multiarray", "_reconstruct"), j.NDARRAY, (0,), b"b")
    return p.whole(p.build(made, (1, (count,), of, False, content)))


_NUMBER = p.build(_type("i8"), (3, "<", None, None, None, -1, -1, 0))
_SMALL = p.build(_type("O4"), (3, "|", None, None, None, -1, -1, 63))
_LONG = p.build(_type("V0"), (3, "|", (_type("f"), (1000,)), None, None, 0, 1, 0))


# --- files that a name opens --------------------------------------------------------------------------------------


def _dates(zone: Any, number: int = 0) -> p.Code:
    kind = p.global_("pandas.core.indexes.datetimes", "DatetimeIndex")
    arguments = {"data": [f"2020{number}"], "tz": zone, "freq": None}
    return p.call(p.global_("pandas.core.indexes.datetimes", "_new_DatetimeIndex"), kind, arguments)


_TEXT = p.call(p.global_("numpy", "str_"), ZONE)
_STAMP = p.global_("pandas._libs.tslibs.timestamps", "_unpickle_timestamp")
_META = p.call(
    p.global_("torch._utils", "_rebuild_meta_tensor_no_storage"), p.global_("torch", "float32"), (1,), (1,), False
)


def parameter(function: p.Code) -> bytes:
    state = {"__class__": p.global_("torch.nn.parameter", "Buffer"), "__torch_function__": function}
    made = p.call(p.global_("torch._utils", "_rebuild_parameter_with_state"), _META, True, None, state)
    return t.checkpoint(p.whole(made, 2), {})


_LIST = p.EMPTY_LIST + p.binput(1)
_LOADED = {"raw-calls": (raw_that_calls, "pickle.load"), "built-twice": (built_twice, "joblib.load")}
_HELD = {
    "raw-odd-module": raw_with_odd_module,
    "old-joblib": tail_for_old_joblib,  # joblib 1.1 runs it
    "garbled-twice": garbled_twice,  # where sympy is installed
    "buffer-dict": lambda: dict_of_a_buffer("BytesIO", (b"", 0)),
    "text-dict": lambda: dict_of_a_buffer("StringIO", ("", "\n", 0)),
    "slice": lambda: laundered(p.global_("builtins", "slice"), _LIST, p.TUPLE1, p.REDUCE),
    "tuple": lambda: laundered(p.global_("builtins", "tuple"), p.MARK, p.MARK, _LIST, p.push(1), p.TUPLE * 2, p.REDUCE),
    "partial": folded_partial,
    "exception": lambda: kept_helper(p.call(p.global_("builtins", "ValueError"), _UFUNC)),
    "exception-by-obj": lambda: kept_helper(p.call_obj(p.global_("builtins", "ValueError"), _UFUNC)),
    "overlap": lambda: _array(_fields(("a", "b"), {"a": (j.OBJECTS, 0), "b": (_NUMBER, 0)}, 8, 27), [("x", 0x4141)]),
    "no-fields": lambda: _array(_fields(("z",), {"b": (_NUMBER, 0)}, 8, 0), bytes(8)),
    "fewer-names": lambda: _array(_fields((), {"b": (j.OBJECTS, 0)}, 8, 27), [()]),
    "no-size": lambda: _array(_fields(("a",), {"a": (_type("f"), 0)}, 1, 0), b"\0"),
    "small-object": lambda: _array(_fields(("a",), {"a": (_SMALL, 0)}, 4, 27), [("x",)] * 4, 4),
    "long-inside": lambda: _array(_LONG, b""),
    "zone-text": lambda: p.whole(_dates(_TEXT)),
    "zone-17": lambda: p.whole(b"".join(_dates(None, n) + p.POP for n in range(16)) + _dates(ZONE, 17)),
    "zone-stamp": lambda: p.whole(p.call(_STAMP, 1, None, _TEXT, 10)),
    "parameter-state": lambda: parameter(p.global_("optparse", "Values")),
}

SAMPLES = (
    *(
        Sample(
            f"laundered-{name}", "bypasses", "C12", "model.joblib" if loader.startswith("joblib") else "model.pkl",
            build, executes=True, loader=loader, expects="flagged", needs="joblib",
        )
        for name, (build, loader) in _LOADED.items()
    ),
    *(
        Sample(f"laundered-{name}", "bypasses", "P13", "model.pt" if "parameter" in name else "model.pkl", build)
        for name, build in _HELD.items()
    ),
)  # fmt: skip
