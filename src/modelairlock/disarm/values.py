"""What a pickle's values become here: plain Python scalars, and a few inert records for all the rest."""

from typing import NamedTuple

#: how far the arguments of a call are looked through
_LOOK_DEPTH, _LOOK_ITEMS = 6, 1000


class Named(NamedTuple):
    """A global: a name, and nothing behind it."""

    module: str
    name: str

    @property
    def path(self) -> str:
        """As people write it."""
        return f"{self.module}.{self.name}"


class Blob(NamedTuple):
    """A long string that stays where it is: ``start..end`` of the file, bytes once decoded by `method`."""

    start: int
    end: int
    #: "stored" for bytes; for text, how its bytes come out when each character stands for one
    method: str = "stored"
    text: bool = False


class Part(NamedTuple):
    """Bytes ``start..end`` of what a blob holds once it is decoded."""

    blob: Blob
    start: int
    end: int


class Box:
    """A container: list, tuple, set, or dict (then `items` are keys and values in turn). `kind` says which."""

    __slots__ = ("attributes", "items", "kind")

    def __init__(self, kind: str, items: list[object]) -> None:
        self.kind = kind
        self.items = items
        #: what BUILD put beside the items, as torch does with a state dict's ``_metadata``
        self.attributes: list[object] = []


class Opaque:
    """Whatever a call of an unknown name would give. Kept for what is inside it, never for itself."""

    __slots__ = ("arguments", "called", "items", "states", "what")

    def __init__(self, what: str, arguments: object = None, *, called: bool = False) -> None:
        self.what = what
        #: whether it is what a function gave, of which nothing is known; an object of a class is known by its state
        self.called = called
        self.arguments = arguments
        #: what BUILD was given
        self.states: list[object] = []
        #: what was appended or set, as in a dict
        self.items: list[object] = []


class Storage:
    """A torch storage, as its persistent id describes it. `dtype` is that of safetensors, "" for bytes."""

    __slots__ = ("data", "dtype", "elements", "item_bytes", "key", "why")

    def __init__(self, key: str, dtype: str, item_bytes: int, elements: int) -> None:
        self.key, self.dtype, self.item_bytes, self.elements = key, dtype, item_bytes, elements
        #: why tensors on it cannot be carried over
        self.why = ""
        #: where its numbers are, if it stands in the pickle itself
        self.data: Blob | Part | bytes | None = None


class View:
    """A torch tensor: a view of a storage, in elements of `item_bytes`."""

    __slots__ = ("attributes", "dtype", "item_bytes", "offset", "shape", "storage", "strides", "why")

    def __init__(
        self,
        storage: Storage,
        dtype: str,
        item_bytes: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        offset: int,
    ) -> None:
        self.storage, self.dtype, self.item_bytes = storage, dtype, item_bytes
        self.shape, self.strides, self.offset = shape, strides, offset
        self.why = ""
        #: what torch puts on the tensor after it is made
        self.attributes: list[object] = []


class Dtype:
    """A numpy dtype, such as ``f4``; `order` is ``<``, ``>`` or ``|``."""

    __slots__ = ("built", "code", "objects", "order", "own", "size", "why")

    def __init__(self, code: str, *, own: bool = True) -> None:
        self.code = code
        #: whether it is a copy, which may be changed
        self.own = own
        self.order = "|"
        self.built = False
        self.why = ""
        #: bytes of an element, where BUILD says them, and whether elements are Python objects
        self.size = 0
        self.objects = code.startswith("O")


class Array:
    """A numpy array. `data` is where its bytes are: a blob, short bytes, or nothing yet; or it has `objects`."""

    __slots__ = ("data", "dtype", "fortran", "objects", "shape", "why")

    def __init__(self) -> None:
        self.dtype: Dtype | None = None
        self.shape: tuple[int, ...] = ()
        self.fortran = False
        self.data: Blob | bytes | None = None
        self.objects: Box | None = None
        self.why = ""


class Scalar(NamedTuple):
    """One number of numpy: its type and its bytes."""

    dtype: Dtype
    data: bytes


class Lost(NamedTuple):
    """A tensor or plain value that cannot be carried over, and why."""

    what: str
    why: str


def states_of(state: object) -> list[object]:
    """A state, or the two parts that ``__slots__`` split one into; a pair of anything else is the class's own."""
    if not isinstance(state, Box) or state.kind != "tuple" or len(state.items) != 2:
        return [state]
    parts = [one for one in state.items if one is not None]
    return parts if all(isinstance(one, Box) and one.kind == "dict" for one in parts) else [state]


def tensors_in(arguments: object) -> list[View | Array]:
    """The tensors that a call was given, as far as a look of some depth tells."""
    found: list[View | Array] = []
    level = [arguments]
    for _ in range(_LOOK_DEPTH):
        inside: list[object] = []
        for one in level:
            if isinstance(one, View | Array):
                found.append(one)
            more = one.items if isinstance(one, Box) else [one.arguments] if isinstance(one, Opaque) else []
            inside += more[: _LOOK_ITEMS - len(inside)]
        level = inside
    return found
