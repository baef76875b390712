"""Gives the tensors of a loaded model to whoever converts it, in the jail, as text after `loaders.py`.

The standard library only at the top. All tensors are described first, and then their bytes go piece by piece through a
window of shared memory, as they are asked for. What is plain data goes along as JSON, in the notation that
``docs/guide/convert.md`` describes. Nothing of this is believed by who reads it: it is the model's word.
"""

import _socket
import base64
import ctypes
import json
import mmap
import os
import struct
import sys
from typing import Any

#: the phases of `loaders.py`
LOADING: "dict[str, Any]" = globals().get("PHASES", {})
_CONTROL = 3
_MESSAGE = 96 * 1024
_DEPTH, _VALUES, _TENSORS, _NOTES = 64, 1_000_000, 100_000, 1000
_TEXTS = 16 * 1024 * 1024
_SAFE = 1 << 53
_TORCH = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
    "complex64": "C64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0",
}  # fmt: skip
_NUMPY = {
    "b1": "BOOL", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16", "f2": "F16", "i4": "I32", "u4": "U32", "f4": "F32",
    "i8": "I64", "u8": "U64", "f8": "F64", "c8": "C64",
}  # fmt: skip
_NAMED = {"bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2"}
_NOTHING = object()


def _ready(state: "dict[str, Any]", inputs: "list[int]", argument: str) -> None:
    # Made here, because it asks for its own name, which is refused later.
    state["control"] = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, _CONTROL)
    LOADING["import"](state, inputs, argument)
    try:
        import numpy
    except ImportError:
        return
    numpy.ascontiguousarray(numpy.ones((2, 2)).T)


def _give(state: "dict[str, Any]", inputs: "list[int]", _argument: str) -> None:
    # What Python says of itself is told while a model is loaded; here it would be in the way.
    getattr(sys.modules["__main__"], "watching", []).clear()
    for fd in inputs:
        os.close(fd)
    Giver(state["control"], state["model"][0]).serve()


class Giver:
    """Answers who converts; one question at a time."""

    def __init__(self, control: Any, model: Any) -> None:
        self.control = control
        self.walk = Walk()
        self.text = b""
        try:
            plain = self.walk.root(model)
            self.text = json.dumps(self.walk.described(plain), allow_nan=False).encode("ascii")
            self.failed = ""
        except BaseException as problem:
            self.failed = told_error(problem)
        self.window: Any = None
        self.held = -1
        self.bytes: Any = None

    def serve(self) -> None:
        while True:
            data, ancillary, _, _ = self.control.recvmsg(_MESSAGE, _socket.CMSG_SPACE(4))
            if not data:
                os._exit(0)
            for _, _, payload in ancillary:
                [fd] = struct.unpack("i", payload[:4])
                self.window = mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED)
                os.close(fd)
            asked = json.loads(data)
            try:
                self.tell(self.answered(**asked))
            except BaseException as problem:
                self.tell({"kind": "failed", "error": told_error(problem)})

    def tell(self, message: Any) -> None:
        os.write(_CONTROL, json.dumps(message).encode())

    def answered(self, want: str, tensor: int, at: int, count: int) -> Any:
        if self.failed:
            return {"kind": "failed", "error": self.failed}
        if want == "size":
            return {"kind": "size", "bytes": len(self.text)}
        if want == "text":
            self.window[:count] = self.text[at : at + count]
        else:
            self.piece(tensor, at, count)
        return {"kind": "ready"}

    def piece(self, tensor: int, at: int, count: int) -> None:
        """Bytes of one tensor; it is made contiguous when the first of them are asked for."""
        if self.held != tensor:
            self.held, self.bytes = tensor, None
            self.bytes = contiguous(self.walk.values[tensor])
        if type(self.bytes) is memoryview:
            self.window[:count] = self.bytes[at : at + count]
            return
        where = ctypes.addressof(ctypes.c_char.from_buffer(self.window))
        ctypes.memmove(where, self.bytes.data_ptr() + at, count)


def contiguous(value: Any) -> Any:
    """A tensor of torch in one piece, or the bytes of an array in the order of this machine."""
    if hasattr(value, "data_ptr"):
        return value.contiguous()
    import numpy

    array: Any = numpy.ascontiguousarray(value)
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return memoryview(array.reshape(-1).view("u1")).cast("B")


def told_error(problem: BaseException) -> str:
    try:
        return f"{type(problem).__name__}: {str(problem)[:400]}".encode("ascii", "backslashreplace").decode()
    except BaseException:
        return "an error that cannot be told"


def whole(text: str) -> str:
    """`text` with everything escaped that UTF-8 has no bytes for."""
    return text.encode("utf-8", "backslashreplace").decode()


class Walk:
    """Looks through what was loaded: tensors by their way, plain data, and what is neither."""

    def __init__(self) -> None:
        self.torch: Any = sys.modules.get("torch")
        self.numpy: Any = sys.modules.get("numpy")
        self.values: Any = []
        self.tensors: Any = []
        self.keys: Any = set()
        self.dropped: Any = []
        self.lost: Any = []
        self.more = {"dropped": 0, "lost": 0}
        self.left = _VALUES
        self.text_left = _TEXTS
        self.above: Any = set()

    def described(self, plain: Any) -> Any:
        text = "" if plain is _NOTHING else json.dumps(plain, allow_nan=False)
        return {
            "tensors": self.tensors, "plain": text, "dropped": self.dropped, "lost": self.lost,
            "more_dropped": self.more["dropped"], "more_lost": self.more["lost"],
        }  # fmt: skip

    def root(self, model: Any) -> Any:
        plain = self.walk(model, "", 0)
        if self.text_left < 0:
            self.note("lost", "", "what is no tensor", f"its texts are more than {_TEXTS} bytes")
            return _NOTHING
        return plain

    def note(self, kind: str, where: str, what: str, why: str) -> None:
        notes = getattr(self, kind)
        if len(notes) < _NOTES:
            notes.append([whole(one)[:280] for one in (where, what, why)])
        else:
            self.more[kind] += 1

    def walk(self, value: Any, path: str, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"it holds more than {_VALUES} values")
        if value is None or type(value) in (bool, int, float, str, bytes, bytearray):
            return self.scalar(value)
        if self.torch is not None and isinstance(value, self.torch.Tensor):
            return self.of_torch(value, path)
        if self.numpy is not None and isinstance(value, self.numpy.generic):
            # a long double's item is itself
            plain = value.dtype.kind in "SU" or (value.dtype.kind in "biuf" and value.dtype.itemsize <= 8)
            return self.walk(value.item(), path, depth) if plain else self.odd(value, path)
        if self.numpy is not None and isinstance(value, self.numpy.ndarray):
            return self.of_numpy(value, path, depth)
        if id(value) in self.above:
            self.note("dropped", path, "a reference", "it is inside itself")
            return _NOTHING
        if depth >= _DEPTH:
            self.note("lost", path, "everything below", f"it is nested more than {_DEPTH} deep")
            return _NOTHING
        self.above.add(id(value))
        try:
            return self.inside(value, path, depth)
        finally:
            self.above.discard(id(value))

    def scalar(self, value: Any) -> Any:
        if isinstance(value, (str, bytes, bytearray)):
            self.text_left -= len(value)
            if self.text_left < 0:
                return _NOTHING
        if isinstance(value, str):
            return whole(value)
        if isinstance(value, (bytes, bytearray)):
            return {"$bytes": base64.b64encode(value).decode()}
        if isinstance(value, float) and value - value != 0:
            return {"$float": str(value)}
        if type(value) is int and abs(value) > _SAFE:
            return {"$integer": str(value) if abs(value) < 1 << 4096 else hex(value)}
        return value

    def inside(self, value: Any, path: str, depth: int) -> Any:
        # Before torch's: with that backend a model of Keras is one of torch's modules as well.
        if any(one.__module__.partition(".")[0] in ("keras", "tf_keras") for one in type(value).__mro__):
            weights = getattr(value, "weights", None)
            if isinstance(weights, list):
                return self.of_keras(value, weights, path)
        if self.torch is not None and isinstance(value, self.torch.nn.Module):
            return self.items(dict(value.state_dict()), path, depth)
        if isinstance(value, dict):
            return self.items(value, path, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            parts = [self.walk(one, joined(path, str(at)), depth + 1) for at, one in enumerate(value)]
            if parts and all(one is _NOTHING for one in parts):
                return _NOTHING
            return [None if one is _NOTHING else one for one in parts]
        return self.of_object(value, path, depth)

    def items(self, value: Any, path: str, depth: int) -> Any:
        made = {}
        seen = set()
        for key, one in value.items():
            if type(key) not in (str, int, bool, float):
                self.note("lost", path, "an item", "its key is neither text nor a number")
                continue
            name = whole(str(key))
            if name in seen:
                self.note("lost", joined(path, name), "an item", "another key of another type is written the same way")
                continue
            seen.add(name)
            part = self.walk(one, joined(path, name), depth + 1)
            if part is not _NOTHING:
                made["$" + name if name.startswith("$") else name] = part
        return _NOTHING if value and not made else made

    def of_object(self, value: Any, path: str, depth: int) -> Any:
        """An object of a class: what its state holds."""
        kind = type(value)
        what = f"{kind.__module__}.{kind.__qualname__}"
        if isinstance(value, type) or (callable(value) and not hasattr(value, "__dict__")):
            self.note("dropped", path, what, "a class or function")
            return _NOTHING
        self.note("dropped", path, what, "neither a tensor nor plain data")
        state = state_of(value)
        made = self.items(state, path, depth) if isinstance(state, dict) else self.walk(state, path, depth + 1)
        if isinstance(state, dict) and made is not _NOTHING and made:
            return {"$object": whole(what)[:280], **made}
        return (
            _NOTHING
            if made is _NOTHING or made is None or made == {}
            else {"$object": whole(what)[:280], "$state": made}
        )

    def of_keras(self, value: Any, weights: Any, path: str) -> Any:
        """A model or layer of Keras: its weights, by the paths that it has for them."""
        what = f"{type(value).__module__}.{type(value).__qualname__}"
        self.note("dropped", path, what, "neither a tensor nor plain data")
        for one in weights:
            self.weight(one, path)
        return {"$object": whole(what)[:280]}

    def weight(self, weight: Any, path: str) -> None:
        name = str(getattr(weight, "path", "") or getattr(weight, "name", "")).replace("/", ".")
        value = getattr(weight, "value", weight)
        if self.torch is not None and isinstance(value, self.torch.Tensor):
            self.of_torch(value, joined(path, name))
        else:
            import numpy

            self.of_numpy(numpy.asarray(value), joined(path, name), 0)

    def of_torch(self, value: Any, path: str) -> Any:
        dtype = _TORCH.get(str(value.dtype).rpartition(".")[2])
        if dtype is None or value.layout is not self.torch.strided or value.is_quantized or value.is_nested:
            return self.odd(value, path)
        value = value.detach().to("cpu").resolve_conj().resolve_neg()
        if type(value) is not self.torch.Tensor:
            value = value.as_subclass(self.torch.Tensor)
        self.give(path, dtype, value, value.shape, value.untyped_storage().data_ptr() if value.numel() else 0)
        return _NOTHING

    def of_numpy(self, value: Any, path: str, depth: int) -> Any:
        kind = value.dtype
        dtype = _NUMPY.get(kind.str[1:]) or _NAMED.get(kind.name)
        if isinstance(value, self.numpy.ma.MaskedArray):
            dtype = None
        elif dtype is None and value.ndim == 1 and kind.kind in "OSU":
            return self.walk(value.tolist(), path, depth + 1)
        if dtype is None:
            return self.odd(value, path)
        self.give(path, dtype, self.numpy.asarray(value), value.shape, 0)
        return _NOTHING

    def odd(self, value: Any, path: str) -> Any:
        # numpy spells a structured type out over several lines
        kind = "a structured type" if getattr(value.dtype, "names", None) else value.dtype
        self.note("lost", path, f"{type(value).__name__} of {kind}", "it has no place in safetensors")
        return _NOTHING

    def give(self, path: str, dtype: str, value: Any, shape: Any, storage: int) -> None:
        key = path or "tensor"
        if len(self.tensors) >= _TENSORS:
            raise ValueError(f"it holds more than {_TENSORS} tensors")
        if key in self.keys:
            self.note("lost", key, "a tensor", "another one has this name")
            return
        self.keys.add(key)
        self.values.append(value)
        self.tensors.append([whole(key), dtype, [int(one) for one in shape], storage])


def state_of(value: Any) -> Any:
    """What pickle would keep of an object, in one dict if it is one."""
    own = getattr(type(value), "__getstate__", None)
    state = own(value) if own is not None else None
    if state is None:
        state = getattr(value, "__dict__", None)
    if isinstance(state, tuple) and len(state) == 2 and all(one is None or isinstance(one, dict) for one in state):
        return {**(state[0] or {}), **(state[1] or {})}
    return state


def joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


PHASES = {"import": _ready, "load": LOADING.get("load"), "give": _give}
