"""How torch's tensors stand in pickles: storages by a persistent id, and functions that lay a tensor over one.

See torch/_utils.py and torch/_tensor.py. What a tensor is apart from its numbers (whether it wants gradients, its
hooks, the device it was on) is no part of a safetensors file.
"""

from collections.abc import Callable

from modelairlock.disarm.numbers import TORCH_DTYPES, TORCH_STORAGES, WIDEST, count_of, shape_of
from modelairlock.disarm.values import Box, Lost, Named, Storage, View, states_of

Call = Callable[[object, object, int], object]
_TENSOR_CLASSES = frozenset(
    (module, name)
    for module, name in (("torch", "Tensor"), ("torch._tensor", "Tensor"), ("torch.nn.parameter", "Parameter"),
                         ("torch.nn.parameter", "Buffer"))
)  # fmt: skip
#: negative or huge numbers, too many dimensions, something that is no storage
_ODD = Lost("a tensor", "it is not described as torch does")
#: attributes of a tensor that are its numbers (`names` is not one: it changes what axes are called)
_NUMBERS = frozenset(("data", "real", "imag"))
_MODULES = ("torch", "torch.cuda", "torch.storage")


def storage(known: dict[str, Storage], pid: object) -> Storage | None:
    """The storage of a persistent id ``('storage', class, key, location, elements, …)``."""
    parts = pid.items if isinstance(pid, Box) and pid.kind == "tuple" else []
    if len(parts) not in (5, 6) or parts[0] != "storage" or not isinstance(parts[1], Named):
        return None
    key, elements, kind = parts[2], parts[4], parts[1]
    if not isinstance(key, str) or type(elements) is not int or elements < 0 or kind.module not in _MODULES:
        return None
    if kind.name not in TORCH_STORAGES:
        return None
    dtype, item_bytes = TORCH_STORAGES[kind.name]
    made = known.setdefault(key, Storage(key, dtype, item_bytes, elements))
    if (made.dtype, made.item_bytes, made.elements) != (dtype, item_bytes, elements):
        made.why = "the pickle describes its storage in two ways"
    if len(parts) == 6 and parts[5] is not None:
        made.why = "its storage is a view of another one, as torch before 0.4 wrote them"
    return made


def tensor(_: Call, arguments: list[object]) -> object:
    """``_rebuild_tensor[_v2](storage, offset, size, stride, …)``."""
    if len(arguments) < 4 or not isinstance(arguments[0], Storage):
        return _ODD
    kept = arguments[0]
    view = _view(kept, kept.dtype, kept.item_bytes, arguments)
    if isinstance(view, View) and len(arguments) > 6 and isinstance(arguments[6], Box) and arguments[6].items:
        view.why = "it is conjugated or negated only when it is read"
    return view


def typed_tensor(_: Call, arguments: list[object]) -> object:
    """``_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata)``."""
    if len(arguments) < 7 or not isinstance(arguments[0], Storage) or not isinstance(arguments[6], Named):
        return _ODD
    kind = arguments[6]
    if kind.module != "torch" or kind.name not in TORCH_DTYPES:
        return Lost("a tensor", f"its type {kind.path[:60]} is not known")
    view = _view(arguments[0], *TORCH_DTYPES[kind.name], arguments)
    if isinstance(view, View) and len(arguments) > 7 and isinstance(arguments[7], Box) and arguments[7].items:
        view.why = "it is conjugated or negated only when it is read"
    return view


def _view(kept: Storage, dtype: str, item_bytes: int, arguments: list[object]) -> View | Lost:
    offset, shape, strides = arguments[1], shape_of(arguments[2]), shape_of(arguments[3])
    if type(offset) is not int or shape is None or strides is None or len(shape) != len(strides):
        return _ODD
    view = View(kept, dtype, item_bytes, shape, strides, offset)
    if not dtype:
        view.why = "its type has no place in safetensors"
    elif offset < 0 or not within(shape, strides, offset, kept.elements * kept.item_bytes // item_bytes):
        view.why = "it reaches beyond its storage (CVE-2026-24747)"
    elif count_of(shape) * item_bytes > WIDEST:
        view.why = "it would have more than 2**62 bytes"
    return view


def within(shape: tuple[int, ...], strides: tuple[int, ...], offset: int, elements: int) -> bool:
    """Whether a view stays within so many elements."""
    if 0 in shape:
        return True
    last = offset + sum((length - 1) * step for length, step in zip(shape, strides, strict=True))
    return last < elements


def parameter(_: Call, arguments: list[object]) -> object:
    """``_rebuild_parameter(tensor, requires_grad, hooks[, state])``: the tensor."""
    data = arguments[0] if len(arguments) in (3, 4) else None
    return _having(data, *arguments[3:]) if isinstance(data, View | Lost) else _ODD


def with_type(call: Call, arguments: list[object]) -> object:
    """``_rebuild_from_type_v2(function, class, arguments, state)``: a tensor with attributes of its own."""
    if len(arguments) != 4 or not isinstance(arguments[0], Named) or arguments[0] not in _TENSOR_MAKERS:
        return None
    made = call(arguments[0], arguments[2], 0)
    if arguments[1] not in _TENSOR_CLASSES:
        return Lost("a tensor of a class of its own", "what the class makes of the numbers is not known")
    return _having(made, arguments[3]) if isinstance(made, View | Lost) else None


def _having(made: View | Lost, state: object = None) -> View | Lost:
    """With attributes of its own. torch sets each by its name, and under some names that sets the numbers."""
    if isinstance(made, View) and state is not None and not (isinstance(state, Box) and not state.items):
        made.attributes.append(state)
        if not all(map(_harmless, states_of(state))):
            made.why = "an attribute that it is given would take the place of its numbers"
    return made


def _harmless(state: object) -> bool:
    if not isinstance(state, Box) or state.kind != "dict":
        return False
    return not any(key in _NUMBERS for key in state.items[::2] if isinstance(key, str))


def device(_: Call, arguments: list[object]) -> object:
    """``torch.device("cuda", 0)``: its name."""
    plain = len(arguments) in (1, 2) and isinstance(arguments[0], str) and len(arguments[0]) < 40
    return ":".join(str(part) for part in arguments if isinstance(part, str | int)) if plain else None


def untagged(_: Call, arguments: list[object]) -> object:
    """What TorchScript tells the type of: ``build_intlist([…])``, ``restore_type_tag([…], "List[str]")``."""
    given = arguments[0] if len(arguments) in (1, 2) else None
    return given if isinstance(given, Box) and given.kind in ("list", "dict") else None


def _lost(what: str) -> Callable[[Call, list[object]], object]:
    return lambda _call, _arguments: Lost(f"a {what} tensor", f"{what} tensors have no place in safetensors")


CALLS: dict[tuple[str, str], Callable[[Call, list[object]], object]] = {
    ("torch._utils", "_rebuild_tensor"): tensor,
    ("torch._utils", "_rebuild_tensor_v2"): tensor,
    ("torch._utils", "_rebuild_tensor_v3"): typed_tensor,
    ("torch._utils", "_rebuild_parameter"): parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): parameter,
    ("torch._tensor", "_rebuild_from_type_v2"): with_type,
    ("torch", "device"): device,
    ("torch.jit._pickle", "build_intlist"): untagged,
    ("torch.jit._pickle", "build_doublelist"): untagged,
    ("torch.jit._pickle", "build_boollist"): untagged,
    ("torch.jit._pickle", "build_tensorlist"): untagged,
    ("torch.jit._pickle", "restore_type_tag"): untagged,
    ("torch._utils", "_rebuild_qtensor"): _lost("quantised"),
    ("torch._utils", "_rebuild_sparse_tensor"): _lost("sparse"),
    ("torch._utils", "_rebuild_sparse_csr_tensor"): _lost("sparse"),
    ("torch._utils", "_rebuild_nested_tensor"): _lost("nested"),
    ("torch._utils", "_rebuild_wrapper_subclass"): _lost("wrapper"),
    ("torch._utils", "_rebuild_meta_tensor_no_storage"): _lost("meta"),
}
_TENSOR_MAKERS = frozenset(name for name in CALLS if name[0] == "torch._utils")
