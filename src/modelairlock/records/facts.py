"""Facts: what is there, and where. A fact never says that something is bad.

Facts cross the wall from the worker, so every kind is a closed, typed record that the parent decodes strictly.
A kind earns its place when a rule needs it, and is named by meaning, not by format.
"""

import re
from typing import Literal

import msgspec

from modelairlock.records.span import Span

ValueKind = Literal[
    "none", "bool", "int", "float", "str", "bytes", "tuple", "list", "dict", "set", "frozenset", "bytearray",
    "global", "call", "persistent", "buffer", "extension", "unresolved", "unknown",
]  # fmt: skip

#: what a holder says of a member: ``raw`` numbers, ``dormant`` bytes that nothing loads, the ``argument`` of a loader,
#: a configuration of Keras, the text of a template, a graph of TensorFlow, a
#: record that torch.jit.load takes for part of a TorchScript program, a graph of torch.export
Role = Literal["", "raw", "dormant", "argument", "keras-config", "template", "graph", "torchscript", "torch-export"]

CallHow = Literal["reduce", "obj", "inst", "newobj", "newobj_ex"]


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """A symbolic value of the pickle machine: what is known of an object without building it.

    `text` is decoded, cut to a limit, and *not* escaped: a string's characters, a number, or a qualified name's
    second half when `kind` is ``global`` (then `module` holds the first). `parts` are a tuple's items, or for a
    ``call`` the callable followed by its arguments, or the first items of a list, set or dict (keys and values in
    turn); all are cut to a limit, and `cut` says so. `holds` is for lists, sets and dicts: each distinct item that is
    no constant, however many items there are, with tuples taken apart; None when that is not known.
    """

    kind: ValueKind
    text: str = ""
    module: str = ""
    parts: tuple["Value", ...] = ()
    cut: bool = False
    holds: tuple["Value", ...] | None = None


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact", tag=_tag, omit_defaults=True):
    """Where the fact was seen: bytes of the artifact it belongs to."""

    span: Span


class Import(_Fact, frozen=True):
    """An unpickler would import `module` and look up `qualname` in it. `count` times in all; `span` is the first.

    `kept` says that the pickle puts what it found somewhere as a value (an item, a state, a part of a tuple that is no
    call's arguments), where other code may call it later.
    """

    module: str
    qualname: str
    opcode: str
    count: int = 1
    kept: bool = False


class UnresolvedImport(_Fact, frozen=True):
    """An import whose names are not provably constant strings (STACK_GLOBAL on computed operands)."""

    module: Value
    qualname: Value
    opcode: str
    count: int = 1


class ExtensionImport(_Fact, frozen=True):
    """EXT1, EXT2 or EXT4: the name comes from the loading process's ``copyreg`` registry, not from the file."""

    code: int
    count: int = 1


class Call(_Fact, frozen=True):
    """An unpickler would call `callable` with `arguments`. `count` counts calls of this same shape."""

    callable: Value
    how: CallHow
    arguments: tuple[Value, ...] = ()
    count: int = 1


class Build(_Fact, frozen=True):
    """BUILD: `target.__setstate__(state)`, or attributes of `target` set from `state`.

    `odd` are the keys of the state that are no ordinary names of attributes: special ones (``__class__``), and ``?``
    what is computed, no string, or not known. `asked` are attributes of `ASKED` whose values are no constants, and
    no plain dicts where names are looked up.
    """

    target: Value
    state: Value
    count: int = 1
    odd: tuple[str, ...] = ()
    asked: tuple[tuple[str, Value], ...] = ()


#: of torch's layers three dicts, in which `Module.__setattr__` looks names up while a layer takes its state
LOOKED_UP = frozenset(("_parameters", "_buffers", "_modules"))
#: attributes that `__setstate__`, or a `__setattr__` that it calls, asks for something: those, and of scikit-learn's
#: estimators a version, which is compared and shown in a warning
ASKED = LOOKED_UP | {"_sklearn_version"}


class SetItem(_Fact, frozen=True):
    """Items put into something that is not a plain dict, list or set made by the pickle itself."""

    target: Value
    opcode: str
    count: int = 1


class Key(_Fact, frozen=True):
    """An object that is not a constant becomes a dict's key or a set's item: it is hashed, and compared."""

    value: Value
    count: int = 1


class PersistentId(_Fact, frozen=True):
    """PERSID or BINPERSID: an object that the loader looks up outside the pickle."""

    value: Value
    count: int = 1


class Buffer(_Fact, frozen=True):
    """NEXT_BUFFER: an object whose bytes the loader passes in from outside the pickle."""

    count: int = 1


class PickleStream(_Fact, frozen=True):
    """One pickle from its first opcode to its STOP, with its protocol (as PROTO states it, else 0)."""

    protocol: int


class FrameTrick(_Fact, frozen=True):
    """A frame (PEP 3154) that not all unpicklers read alike: see CPython gh-154848."""

    kind: Literal["opcode-crosses-frame", "nested-frame", "frame-beyond-stop"]
    detail: str


class HiddenCode(_Fact, frozen=True):
    """Bytes that one loader takes for data, or reads otherwise, and another for instructions.

    `names` are what those would import, or what else they would do that the ordinary reading does not; `garbled` are
    names that the ordinary reading looks up in other modules, at the same place.
    """

    kind: Literal["frame", "raw-array", "object-array", "array-tail"]
    names: tuple[str, ...]
    calls: bool
    garbled: tuple[str, ...] = ()


class TensorBeyondStorage(_Fact, frozen=True):
    """A tensor whose offset, shape and strides reach past the end of its storage. Counts are elements."""

    key: str
    reaches: int
    has: int
    count: int = 1


class Irregularity(_Fact, frozen=True):
    """The structure of a file disagrees with itself or breaks its specification; readable all the same.

    `kind` is a short name such as ``zip-names-differ``; rules know what each means.
    """

    kind: str
    detail: str


class Member(_Fact, frozen=True):
    """An artifact inside this one. `span` is where its encoded bytes lie; `method` says how to get at them.

    `role` is ``""`` for a member to identify and read, ``raw`` for bytes that the loader takes as numbers and that
    are passed over unless they claim to be something, ``dormant`` for bytes that no call in the file reaches. Further
    roles say what the loader takes the bytes for, where nothing in them would: see `Role`.
    """

    name: str
    method: str = "stored"
    size_bytes: int | None = None
    role: Role = ""


class Link(_Fact, frozen=True):
    """A member of an archive that is no regular file: a symbolic or hard link, a device, a pipe."""

    name: str
    target: str
    kind: Literal["symlink", "hardlink", "device", "fifo", "other"]


class Operator(_Fact, frozen=True):
    """A program or graph in the file names an operator of its framework: ``ops.aten.save``, ``ReadFile``.

    `dialect` says whose operators they are, `domain` which set of them where a framework has several, and `where` in
    which function, subgraph or node it was first seen. `strings` are constants that feed it, as far as that is known:
    decoded, cut to a limit, not escaped. `given` says, for what reaches beyond the process, where the name of what it
    reaches comes from: a constant of the file, whoever calls the graph (constants may be joined to it), or a
    computation that was not followed.
    """

    name: str
    dialect: Literal["torch", "tensorflow", "tflite", "onnx", "openvino"] = "torch"
    domain: str = ""
    where: str = ""
    strings: tuple[str, ...] = ()
    given: Literal["", "constant", "caller", "computed"] = ""
    count: int = 1


class Configured(_Fact, frozen=True):
    """A configuration names something that its loader looks up by that name, and makes, calls or imports.

    `scheme` is whose configuration it is, `kind` what kind of node that scheme takes it for (``class``, ``function``,
    ``MethodNode`` …), `where` the path to it (``config.layers[3].config.function``). `module` and `qualname` are what
    the loader *really* looks up, which is not always what it shows. `arguments` are constants that the node is given.
    """

    scheme: Literal["keras", "skops", "transformers", "diffusers", "sentence-transformers", "peft", "torch-export"]
    kind: str
    module: str
    qualname: str
    where: str = ""
    arguments: tuple[Value, ...] = ()
    count: int = 1


class Setting(_Fact, frozen=True):
    """A key of a configuration that changes what its loader does. `value` is JSON, cut to a limit."""

    scheme: str
    key: str
    value: str
    where: str = ""


class Reference(_Fact, frozen=True):
    """The loader would open another file or address that this one names, or hand it to somebody who does.

    `kind` says what for (``external-data``, ``vocabulary``, ``shard``, ``external-link`` …), `target` is the path or
    address as it stands there, `start` and `length` the part of it in bytes where that is given.
    """

    kind: str
    target: str
    where: str = ""
    start: int | None = None
    length: int | None = None
    count: int = 1


class Bytecode(_Fact, frozen=True):
    """A marshalled Python code object, taken apart without `marshal`: what it and the code inside it name.

    `names` are globals and attributes in the order in which they were met, `imports` the modules among them, `strings`
    its constants, all cut to a limit. `python` is what the layout fits.
    """

    where: str
    names: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    python: str = ""


class SourceUse(_Fact, frozen=True):
    """Python source imports or calls something; `at_import` says that importing the file is enough for it to happen."""

    kind: Literal["import", "call"]
    name: str
    at_import: bool
    arguments: tuple[Value, ...] = ()
    count: int = 1


class TemplateUse(_Fact, frozen=True):
    """What a template does beyond printing text and the variables that it is given.

    `kind` is the kind of expression, `name` what it names: an attribute, a filter, a test, a global, a template to
    include; for ``loop`` what is iterated over, for ``call`` what is called.
    """

    engine: Literal["jinja", "go"]
    kind: Literal["attribute", "filter", "test", "global", "call", "loop", "include", "assignment", "text"]
    name: str
    where: str = ""
    count: int = 1


class Polyglot(_Fact, frozen=True):
    """Several formats claim the same bytes."""

    formats: tuple[str, ...]


class NameMismatch(_Fact, frozen=True):
    """The file's name promises one format and its content is another."""

    extension: str
    formats: tuple[str, ...]


class Attempt(_Fact, frozen=True):
    """A system call that a load made in the jail, which was not allowed for the asking (`records.jail.Event`).

    `certainty` says whether it had no effect for certain (``denied``) or went on (``observed``). It is of the whole
    artifact, so its span is.
    """

    syscall: str
    arguments: tuple[str, ...]
    action: str
    certainty: Literal["denied", "observed"]
    phase: str = ""
    count: int = 1


Fact = (
    Import | UnresolvedImport | ExtensionImport | Call | Build | SetItem | Key | PersistentId | Buffer | PickleStream
    | FrameTrick | HiddenCode | TensorBeyondStorage | Irregularity | Member | Link | Operator | Configured | Setting
    | Reference | Bytecode | SourceUse | TemplateUse | Polyglot | NameMismatch
    | Attempt
)  # fmt: skip
