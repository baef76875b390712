"""What once got through: files that name nothing but vouched code, or show loaders other opcodes than they show us.

Found by an attacker who read the profiles and the machine (rows P4, P5, P9, P13, C12, P2). Each is kept as it was, less
the payload. `duck` is the workshop of the second half: attributes that a file plants answer where library code asks an
object for a method by name.
"""

from typing import Any

from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.build.sample import CANARY, Sample, evil, python

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_BYTE = p.call(p.global_("numpy", "dtype"), "u1", False, True)


def _state(count: int, **more: Any) -> dict[str, Any]:
    return {"subclass": j.NDARRAY, "shape": (count,), "order": "C", "dtype": _BYTE, "allow_mmap": True, **more}


def _covered(data: bytes) -> bytes:
    """`data` as the argument of one opcode."""
    return b"B" + len(data).to_bytes(4, "little") + data


def _new(module: str, name: str) -> p.Code:
    return p.call_newobj(p.global_(module, name))


# --- other opcodes for pickle.load than for joblib.load -----------------------------------------------------------


def raw_after_mark(command: str = CANARY) -> bytes:
    payload = p.POP_MARK + evil(command, None)
    return p.proto(2) + p.NONE + p.MARK + p.build(_new(*_WRAPPER), _state(len(payload))) + payload + p.POP_MARK + p.STOP


def raw_with_memo(command: str = CANARY) -> bytes:
    payload = p.get(100000) + p.POP + evil(command, None)
    before = p.NONE + p.put(100000)
    return p.proto(2) + before + p.build(_new(*_WRAPPER), _state(len(payload))) + payload + p.STOP


def raw_under_deep_stack(command: str = CANARY) -> bytes:
    payload = p.POP * 68 + evil(command, None)
    return p.proto(2) + p.NONE * 70 + p.build(_new(*_WRAPPER), _state(len(payload))) + payload + p.STOP


def objects_with_memo(command: str = CANARY) -> bytes:
    text, memo = p.short_binunicode, p.MEMOIZE
    outer = text("os") + memo + p.POP + text("system") + memo + p.POP
    inner = text("collections") + memo + p.POP + text("UserList") + memo + p.POP
    inner += p.binget(0) + p.binget(1) + p.STACK_GLOBAL + p.push(command) + p.TUPLE1 + p.REDUCE + p.STOP
    return p.proto(4) + outer + j.wrapper(shape=(1,), of=j.OBJECTS) + inner + p.STOP


# --- other opcodes for joblib.load than for us --------------------------------------------------------------------


def type_without_size(command: str = CANARY, letter: str = "f") -> bytes:
    body = evil(command, None)
    made = j.wrapper(shape=(64,), of=p.call(p.global_("numpy", "dtype"), letter), alignment=None)
    cover = b"B" + (64 * 3 - 5 + len(body)).to_bytes(4, "little") + bytes(64 * 3 - 5)
    return p.proto(4) + made + bytes(64) + cover + body + p.STOP


def wrapper_by_obj(command: str = CANARY) -> bytes:
    made = p.call_obj(
        p.global_("copyreg", "_reconstructor"), p.global_(*_WRAPPER), p.global_("builtins", "object"), None
    )
    return p.proto(4) + p.build(made, _state(6)) + _covered(b"\xff" + evil(command, None)) + p.STOP


def wrapper_by_inst(command: str = CANARY) -> bytes:
    body = _covered(b"\xff" + evil(command, None))
    return p.proto(4) + p.build(p.call_inst(*_WRAPPER), _state(6)) + body + p.STOP


def wrapper_with_method(command: str = CANARY, method: str = "read") -> bytes:
    body = evil(command, None)
    made = p.build(_new(*_WRAPPER), _state(len(body) + 1, **{method: p.global_("builtins", "slice")}))
    return p.proto(4) + p.MARK + made + p.POP_MARK + body + p.STOP


def wrapper_by_class(command: str = CANARY) -> bytes:
    made = p.call(p.global_("optparse", "Values"), {"__class__": p.global_(*_WRAPPER)})
    return p.proto(4) + p.build(made, _state(6)) + _covered(b"\xff" + evil(command, None)) + p.STOP


def mapped_objects(command: str = CANARY) -> bytes:
    made = j.wrapper(shape=(1,), of=j.OBJECTS, alignment=16, allow_mmap=True)
    return p.proto(4) + made + _covered(b"\xff" * 70 + evil(command, None)) + p.STOP


# --- attributes that answer for methods ---------------------------------------------------------------------------

_IMPORT = p.global_("numpy.core", "_ufunc_reconstruct")
_HOOKS = (
    "_parameters", "_buffers", "_modules", "_backward_hooks", "_backward_pre_hooks", "_forward_hooks",
    "_forward_pre_hooks", "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called",
)  # fmt: skip


def bag(**attributes: Any) -> p.Code:
    """An object with these attributes and no behaviour."""
    return p.build(_new("argparse", "Namespace"), attributes)


def _layer(module: str, name: str, **attributes: Any) -> p.Code:
    state: dict[str, Any] = {hook: {} for hook in _HOOKS}
    return p.build(_new(module, name), {**state, "training": True, **attributes})


def _unflatten(first: Any, second: Any) -> p.Code:
    """Called with x, it calls ``x.unflatten(first, second)``."""
    return _layer("torch.nn.modules.flatten", "Unflatten", dim=first, unflattened_size=second)


def _chain(command: str) -> p.Code:
    """Called with an object whose `unflatten` is `_IMPORT`, it runs Python code."""
    scorer = p.build(
        _new("sklearn.metrics._scorer", "_MultimetricScorer"),
        {
            "_scorers": {"unflatten": _unflatten("builtins", "exec")},
            "_raise_exc": True,
            "_use_cache": p.global_("builtins", "bool"),
        },
    )
    parts = {"0": scorer, "1": p.global_("optparse", "Values"), "2": _unflatten(python(command), {"x": 1})}
    return _layer("torch.nn.modules.container", "Sequential", _modules=parts)


def computed_setstate(command: str = CANARY) -> bytes:
    word = p.call(p.global_("builtins", "str"), p.call(p.global_("builtins", "bytes"), list(b"__setstate__")), "ascii")
    planted = p.Code(p.EMPTY_DICT + word + _chain(command) + p.SETITEM)
    first = p.build(_new("argparse", "Namespace"), planted)
    return p.whole(p.build(first, bag(unflatten=_IMPORT)))


def text_of_polynomial(command: str = CANARY) -> bytes:
    made = p.build(
        _new("numpy.polynomial.polynomial", "Polynomial"),
        {"_use_unicode": True, "_generate_string": _chain(command), "_str_term_unicode": bag(unflatten=_IMPORT)},
    )
    return p.whole(p.call(p.global_("builtins", "str"), made))


def _importer() -> p.Code:
    """Callable with any arguments; imports the module `outside`."""
    norm = _unflatten("outside", "value")
    layer = _layer("torch.nn.modules.transformer", "TransformerDecoderLayer", norm_first=True, norm1=norm)
    return _layer("torch.nn.modules.linear", "Identity", unflatten=_IMPORT, _forward_pre_hooks={0: layer})


def duck(module: str, name: str, attribute: str) -> bytes:
    """A call that asks its argument for `attribute`, and calls it."""
    return p.whole(p.call(p.global_(module, name), bag(**{attribute: _importer()})))


def _class(new_class: p.Code, **attributes: Any) -> bytes:
    """An object of one class that becomes one of another."""
    return p.whole(p.build(_new("argparse", "Namespace"), (None, {**attributes, "__class__": new_class})))


def _aimed() -> bytes:
    """An array over memory of the file's choice, that is then written to."""
    memory = {"data": (0x10000000, False), "shape": (1,), "typestr": "<u8", "version": 3}
    target = p.call(p.global_("numpy", "uint64"), bag(__array_interface__=memory))
    holder = p.build(_new("collections", "UserDict"), {"data": target})
    return p.whole(holder + p.push(0) + p.push(0x4141) + p.SETITEM)


BOOSTER = p.global_("xgboost.core", "Booster")
ZONE = "dateutil//etc/passwd"

_LOADED = {
    "raw-mark": (raw_after_mark, "pickle.load", "P9"),
    "raw-memo": (raw_with_memo, "pickle.load", "P9"),
    "raw-stack": (raw_under_deep_stack, "pickle.load", "P9"),
    "objects-memo": (objects_with_memo, "pickle.load", "P9"),
    "joblib-type": (type_without_size, "joblib.load", "C12"),
    "joblib-obj": (wrapper_by_obj, "joblib.load", "C12"),
    "joblib-inst": (wrapper_by_inst, "joblib.load", "C12"),
    "joblib-read": (wrapper_with_method, "joblib.load", "C12"),
    "joblib-class": (wrapper_by_class, "joblib.load", "C12"),
    "computed-setstate": (computed_setstate, "pickle.load", "P13"),
    "polynomial": (text_of_polynomial, "pickle.load", "P13"),
}
_HELD = {
    "joblib-mapped": mapped_objects,  # joblib.load(path, mmap_mode="r") runs it
    "joblib-read-array": lambda: wrapper_with_method(method="read_array"),
    "duck-dict": lambda: duck("builtins", "dict", "keys"),
    "duck-float": lambda: duck("numpy", "float64", "__array__"),
    "duck-parameter": lambda: t.checkpoint(
        p.whole(p.call(p.global_("torch._utils", "_rebuild_parameter"), bag(detach=_importer()), True, None), 2), {}
    ),
    "duck-setstate": lambda: p.whole(p.build(_new("sklearn.svm._classes", "SVC"), bag(pop=_importer()))),
    "duck-key": lambda: p.whole(
        p.EMPTY_DICT + p.build(_new("pandas", "Int64Dtype"), {"numpy_dtype": bag(__eq__=_importer())})
        + p.push(1) + p.SETITEM
    ),
    "duck-extend": lambda: p.whole(bag(extend=_importer()) + p.MARK + p.APPENDS),
    "class-booster": lambda: _class(BOOSTER, handle=0x41414141),
    "values-booster": lambda: p.whole(p.call(p.global_("optparse", "Values"), {"handle": 1, "__class__": BOOSTER})),
    "tensor-cdata": lambda: p.whole(p.call_newobj_ex(p.global_("torch", "Tensor"), cdata=0x414141414141)),
    "tensor-keywords": lambda: p.whole(
        p.call(p.global_("copyreg", "__newobj_ex__"), p.global_("torch", "Tensor"), (), {"cdata": 0x414141414141})
    ),
    "aimed-array": _aimed,
    "zone-file": lambda: p.whole(
        p.call(
            p.global_("pandas.core.indexes.datetimes", "_new_DatetimeIndex"), p.global_("pandas", "DatetimeIndex"),
            {"data": ["2020"], "tz": ZONE, "freq": None},
        )
    ),
    "old-module": lambda: p.whole(p.call(p.global_("UserDict", "UserDict"))),
    "codec-17": lambda: p.whole(
        b"".join(p.call(p.global_("builtins", "bytearray"), f"a{number}", "utf-8") + p.POP for number in range(16))
        + p.call(p.global_("builtins", "bytearray"), "x", "undefined")
    ),
    "dtype-17": lambda: p.whole(
        b"".join(p.call(p.global_("numpy", "dtype"), "f8", 0, 1) + p.POP for _ in range(16))
        + p.build(p.call(p.global_("numpy", "dtype"), "f8", 0, 0), (3, "<", None, None, None, -1, -1, 0))
    ),
}  # fmt: skip

SAMPLES = (
    *(
        Sample(
            f"bypass-{name}", "bypasses", technique, "model.joblib" if loader.startswith("joblib") else "model.pkl",
            build, executes=True, loader=loader, expects="flagged", needs=needs,
        )
        for name, (build, loader, technique) in _LOADED.items()
        for needs in ["torch" if name in ("computed-setstate", "polynomial") else "joblib"]
    ),
    *(
        Sample(f"bypass-{name}", "bypasses", "P13", "model.pt" if "parameter" in name else "model.pkl", build)
        for name, build in _HELD.items()
    ),
)  # fmt: skip
