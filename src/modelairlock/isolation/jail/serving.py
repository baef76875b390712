"""Serves one loaded model in the jail, as text after `loaders.py`: the standard library only at the top.

Arrays come as places in memory that was passed in, and go back the same way. Small ones are copied; large ones are
mapped privately, so that the model may write into them without anybody else seeing it. If the model still holds on to
them when it has answered, it says so, and the caller leaves that memory alone from then on.
"""

import _socket
import json
import math
import mmap
import os
import re
import struct
import sys
from typing import Any

#: the phases of `loaders.py`
LOADING: "dict[str, Any]" = globals().get("PHASES", {})
METHODS = (
    "predict", "predict_proba", "transform", "decision_function", "__call__", "run", "generate", "tokenizer", "decode",
)  # fmt: skip
_CONTROL = 3
_MESSAGE = 96 * 1024
_SMALL = 64 * 1024
#: Python 3.8 has no name for it
_POPULATE = 0x8000
_ALIGN = 64
_MOST_ARRAYS, _MOST_VALUES, _MOST_DEPTH, _MOST_KEY = 256, 4096, 8, 128
_SENDABLE = re.compile(r"\|b1|\|[iu]1|[<>][iu][248]|[<>]f[248]|[<>]c(8|16)|\|S[1-9][0-9]{0,6}|[<>]U[1-9][0-9]{0,6}")


class NotSent(Exception):
    """A result that cannot be sent, and why."""


def _ready(state: "dict[str, Any]", inputs: "list[int]", argument: str) -> None:
    import numpy

    # large enough for BLAS to lay out its buffers
    (numpy.ones((128, 128)) @ numpy.ones((128, 128))).sum()
    state["numpy"] = numpy
    # Made here, because it asks for its own name, which is refused later.
    state["control"] = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, _CONTROL)
    state["serving"] = True
    LOADING["import"](state, inputs, argument)
    counting = sys.modules.get("threadpoolctl")
    if counting is not None:
        # It lists libraries out of a file that is closed here; there is another way, which it takes without /proc.
        counting._HAS_PROCFS = False  # type: ignore[attr-defined]  # where it has no such name, nothing reads it
    torch = sys.modules.get("torch")
    if torch is not None:
        # What is started by the first operation is started here, before the walls are up.
        torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())(torch.from_numpy(numpy.ones((2, 4), "float32")))


def _open(state: "dict[str, Any]", inputs: "list[int]", argument: str) -> None:
    if argument.split()[0] == "torch.load" and _is_script(inputs[0]):
        state["model"] = _script(inputs[0])
    else:
        LOADING["load"](state, inputs, argument)
        [state["model"]] = state["model"]
        asked = globals().get("ASKED", {}).get(argument.split()[0])
        if asked is not None:
            state["model"] = asked(state["model"])


def _is_script(fd: int) -> bool:
    """Whether it is TorchScript: a zip with constants beside the code."""
    import zipfile

    try:
        with open(fd, "rb", closefd=False) as file, zipfile.ZipFile(file) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _script(fd: int) -> Any:
    import torch

    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, "rb", closefd=False) as file:
        return torch.jit.load(file, map_location="cpu")


def _serve(state: "dict[str, Any]", inputs: "list[int]", _argument: str) -> None:
    # What Python says of itself is told while a model is loaded; here it would cost each call.
    getattr(sys.modules["__main__"], "watching", []).clear()
    for fd in inputs:
        os.close(fd)
    served = Served(state)
    while True:
        served.one()


class Served:
    """Answers calls, one at a time."""

    def __init__(self, state: "dict[str, Any]") -> None:
        self.numpy = state["numpy"]
        self.model = state["model"]
        self.torch: Any = sys.modules.get("torch")
        self.control = state["control"]
        self.given = -1
        self.given_size = 0
        self.results: Any = None
        self.number = 0
        self._space = _socket.CMSG_SPACE(8)
        self._rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS)

    def told(self) -> Any:
        """The next message, with the memory that comes along taken up."""
        data, ancillary, _, _ = self.control.recvmsg(_MESSAGE, self._space)
        if not data:
            os._exit(0)
        message = json.loads(data)
        fds: Any = []
        for level, kind, payload in ancillary:
            if (level, kind) == self._rights:
                fds += struct.unpack(f"{len(payload) // 4}i", payload[: len(payload) // 4 * 4])
        for name, fd in zip(message["memory"], fds):  # noqa: B905 - Python 3.8 has no strict
            size = os.fstat(fd).st_size
            if name == "given":
                if self.given >= 0:
                    os.close(self.given)
                self.given, self.given_size = fd, size
            else:
                self.results = mmap.mmap(fd, size, mmap.MAP_SHARED | _POPULATE)
                os.close(fd)
        return message

    def tell(self, **fields: Any) -> None:
        data = json.dumps(fields).encode()
        if len(data) > _MESSAGE:
            raise NotSent("the result holds too much text and too many single values; return arrays")
        os.write(_CONTROL, data)

    def one(self) -> None:
        """One call. Whoever has nobody to answer any more ends in `told`."""
        message = self.told()
        self.number = message["call"]
        taking = Taken(self, message["copy"])
        error = ""
        answer: Any = None
        try:
            answer = self.answered(message, taking)
        except NotSent as problem:
            error = whole(str(problem))
        except BaseException as problem:
            error = told_error(problem)
        kept = taking.kept()
        try:
            if error:
                self.tell(kind="raised", call=self.number, error=error[:1000], kept=kept)
            else:
                self.tell(kind="answer", call=self.number, value=answer, kept=kept)
        except NotSent as problem:
            self.tell(kind="raised", call=self.number, error=str(problem), kept=kept)

    def answered(self, message: Any, taking: "Taken") -> Any:
        """The description of the result, which is in memory then."""
        arguments = [taking.value(one) for one in message["arguments"]]
        options = {name: taking.value(one) for name, one in message["options"].items()}
        name = message["method"]
        method = getattr(self.model, name, None) if name in METHODS else None
        if method is None or not callable(method):
            found = type(self.model)
            raise NotSent(f"the file holds a {found.__module__}.{found.__qualname__}, which has no {name}")
        if self.torch is not None and isinstance(self.model, self.torch.nn.Module):
            arguments = [self._tensor(one) for one in arguments]
            options = {key: self._tensor(one) for key, one in options.items()}
            with self.torch.no_grad():
                result = method(*arguments, **options)
        else:
            result = method(*arguments, **options)
        return self.put(result)

    def _tensor(self, value: Any) -> Any:
        if type(value) is self.numpy.ndarray and value.dtype.kind in "biufc":
            value = value if value.dtype.isnative else value.astype(value.dtype.newbyteorder("="))
            return self.torch.from_numpy(value)
        if type(value) in {list, tuple}:
            return type(value)(self._tensor(one) for one in value)
        if type(value) is dict:
            return {key: self._tensor(one) for key, one in value.items()}
        return value

    def put(self, result: Any) -> Any:
        """Write the result's arrays where the caller reads them; their description."""
        giving = Giving(self.numpy, self.torch)
        described = giving.value(result, 0)
        if giving.size and (self.results is None or giving.size > len(self.results)):
            self.tell(kind="more", call=self.number, bytes=giving.size)
            if not self.told()["memory"]:
                raise NotSent(f"the result takes {giving.size} bytes, more than is allowed")
        for array, at, order in giving.placed:
            self.numpy.ndarray(array.shape, array.dtype, self.results, at, None, order)[...] = array
        return described


def whole(text: str) -> str:
    """`text` with everything escaped that UTF-8 has no bytes for."""
    return text.encode("utf-8", "backslashreplace").decode()


def told_error(problem: BaseException) -> str:
    try:
        return whole(f"{type(problem).__name__}: {str(problem)[:800]}")
    except BaseException:
        return "an error that cannot be told"


class Taken:
    """The arguments of one call, out of memory."""

    def __init__(self, served: Served, copy: bool) -> None:
        self.served = served
        self.copy = copy
        self.mapped: Any = None

    def value(self, given: Any) -> Any:
        if type(given) is not dict:
            return given
        kind = given["is"]
        if kind == "array":
            return self.array(given)
        if kind == "float":
            return struct.unpack(">d", bytes.fromhex(given["bits"]))[0]
        items = [self.value(one) for one in given["items"]]
        if kind == "dict":
            return dict(zip(given["keys"], items))  # noqa: B905 - Python 3.8 has no strict
        return items if kind == "list" else tuple(items)

    def array(self, given: Any) -> Any:
        numpy = self.served.numpy
        dtype = numpy.dtype(given["dtype"])
        count = math.prod(given["shape"])
        size = count * dtype.itemsize
        if size <= _SMALL or self.copy:
            flat = numpy.empty(count, dtype)
            self.read(memoryview(flat.view("u1")), given["at"])
        else:
            if self.mapped is None:
                write = mmap.PROT_READ | mmap.PROT_WRITE
                self.mapped = mmap.mmap(self.served.given, self.served.given_size, mmap.MAP_PRIVATE, write)
            flat = numpy.frombuffer(self.mapped, dtype, count, given["at"])
        array = flat.reshape(given["shape"], order=given["order"])
        return array[()] if given["scalar"] else array

    def read(self, into: Any, at: int) -> None:
        while into.nbytes:
            got = os.preadv(self.served.given, [into], at)
            into, at = into[got:], at + got

    def kept(self) -> bool:
        """Whether somebody still looks into the memory of the arguments."""
        try:
            if self.mapped is not None:
                self.mapped.close()
        except BufferError:
            return True
        return False


class Giving:
    """Describes a result; `placed` are the arrays and where they go."""

    def __init__(self, numpy: Any, torch: Any) -> None:
        self.numpy = numpy
        self.torch = torch
        self.placed: Any = []
        self.size = 0
        self.values = 0

    def value(self, value: Any, depth: int) -> Any:
        self.values += 1
        if self.values > _MOST_VALUES or depth > _MOST_DEPTH:
            raise NotSent("the result holds too many single values, or is nested too deep; return arrays")
        if value is None or type(value) is bool:
            return value
        if type(value) is str:
            if whole(value) != value:
                raise NotSent("the result holds text with half a character (a lone surrogate), which cannot be sent")
            return value
        if type(value) is int and -(2**63) <= value < 2**63:
            return value
        if type(value) is float:
            return {"is": "float", "bits": struct.pack(">d", value).hex()}
        if isinstance(value, dict):
            return self.dictionary(value, depth)
        if isinstance(value, (list, tuple)):
            kind = "list" if isinstance(value, list) else "tuple"
            return {"is": kind, "items": [self.value(one, depth + 1) for one in value]}
        return self.array(value)

    def dictionary(self, value: Any, depth: int) -> Any:
        keys = list(value)
        for key in keys:
            if type(key) is not str or len(key) > _MOST_KEY or not key.isprintable():
                raise NotSent(f"the result is a dict with keys that are not printable text of {_MOST_KEY} characters")
        return {"is": "dict", "keys": keys, "items": [self.value(value[key], depth + 1) for key in keys]}

    def array(self, value: Any) -> Any:
        if self.torch is not None and isinstance(value, self.torch.Tensor):
            value = self.of_tensor(value)
        scalar = isinstance(value, self.numpy.generic)
        named = f"{type(value).__module__}.{type(value).__qualname__}"
        if not scalar and not isinstance(value, self.numpy.ndarray):
            raise NotSent(f"the result is, or holds, a {named}, which cannot be sent: only arrays and plain values can")
        if isinstance(value, self.numpy.ma.MaskedArray):
            raise NotSent("the result is a masked array, whose mask cannot be sent")
        array = self.numpy.asarray(value)
        if not _SENDABLE.fullmatch(array.dtype.str):
            raise NotSent(f"the result is, or holds, an array of dtype {array.dtype}, which cannot be sent")
        if len(self.placed) >= _MOST_ARRAYS or array.ndim > 32:
            raise NotSent("the result holds too many arrays, or dimensions")
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        at = self.size
        self.placed.append((array, at, order))
        self.size = -(-(at + array.nbytes) // _ALIGN) * _ALIGN
        described = {"is": "array", "dtype": array.dtype.str, "shape": list(array.shape), "at": at}
        described.update(order=order, scalar=scalar)
        return described

    def of_tensor(self, value: Any) -> Any:
        try:
            return value.detach().cpu().resolve_conj().resolve_neg().numpy()
        except (TypeError, RuntimeError) as problem:
            raise NotSent(f"the result holds a tensor of {value.dtype} that numpy has no array for") from problem


PHASES = {"import": _ready, "load": _open, "serve": _serve}
