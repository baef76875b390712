"""Builds graphs of TensorFlow, checkpoints and what is around them, byte by byte, without TensorFlow."""

from collections.abc import Iterable

from modelairlock.encodings.crc32c import crc32c, masked

FLOAT, STRING, RESOURCE, VARIANT = 1, 7, 20, 21
MAGIC = bytes.fromhex("57fb808b247547db")


def varint(value: int) -> bytes:
    """A number as protobuf and LevelDB write it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    """A field that is a number."""
    return varint(field << 3) + varint(value)


def field(number_: int, value: bytes | str) -> bytes:
    """A field with a length: a string or a message."""
    data = value.encode() if isinstance(value, str) else value
    return varint(number_ << 3 | 2) + varint(len(data)) + data


# --- graphs ----------------------------------------------------------------------------------------------------------


def type_(kind: int) -> bytes:
    """The value of an attribute: a type."""
    return number(6, kind)


def text(value: bytes | str) -> bytes:
    """The value of an attribute: a string."""
    return field(2, value)


def texts(*values: bytes | str) -> bytes:
    """The value of an attribute: a list of strings."""
    return field(1, b"".join(field(2, value) for value in values))


def function_named(name: str) -> bytes:
    """The value of an attribute: a function."""
    return field(10, field(1, name))


def tensor(kind: int, *fields: bytes, shape: tuple[int, ...] = ()) -> bytes:
    """A TensorProto."""
    dims = b"".join(field(2, number(1, size)) for size in shape)
    return number(1, kind) + field(2, dims) + b"".join(fields)


def node(name: str, operator: str, *inputs: str, **attributes: bytes) -> bytes:
    """A NodeDef; attributes by name, a trailing underscore dropped."""
    said = [field(5, field(1, key.removesuffix("_")) + field(2, value)) for key, value in attributes.items()]
    return field(1, name) + field(2, operator) + b"".join(field(3, one) for one in inputs) + b"".join(said)


def const(name: str, *strings: bytes | str) -> bytes:
    """A constant of strings."""
    held = tensor(STRING, *(field(8, one) for one in strings), shape=() if len(strings) == 1 else (len(strings),))
    return node(name, "Const", dtype=type_(STRING), value=field(8, held))


def placeholder(name: str, kind: int = STRING) -> bytes:
    """An input of the graph."""
    return node(name, "Placeholder", dtype=type_(kind))


def call(name: str, function: str, *inputs: str) -> bytes:
    """A node that calls a function."""
    return node(name, "StatefulPartitionedCall", *inputs, f=function_named(function))


def function(name: str, arguments: Iterable[str], *nodes: bytes, attributes: bytes = b"") -> bytes:
    """A FunctionDef whose arguments are strings; `attributes` are what its signature has of them."""
    signature = field(1, name) + b"".join(field(2, field(1, one) + number(3, STRING)) for one in arguments)
    return field(1, signature + attributes) + b"".join(field(3, one) for one in nodes)


def attribute(name: str, kind: str = "string", default: bytes = b"") -> bytes:
    """What the signature of a function says of an attribute that its caller fills in."""
    return field(4, field(1, name) + field(2, kind) + (field(3, default) if default else b""))


def filled_in(name: str) -> bytes:
    """The value of an attribute: whatever that attribute of the function around it is."""
    return field(9, name)


def implements(interface: str) -> bytes:
    """What a FunctionDef has behind it that may stand in for others."""
    return field(5, field(1, "api_implements") + field(2, text(interface)))


def gradient(function_: str, of: str) -> bytes:
    """What a library of functions has behind it: which one computes the gradient of another."""
    return field(2, field(1, of) + field(2, function_))


def collection(key: str, *nodes: str) -> bytes:
    """What a MetaGraphDef has behind it: a list of nodes."""
    return field(4, field(1, key) + field(2, field(1, b"".join(field(1, one) for one in nodes))))


def saver_def(restores: str, filename: str = "filename:0", saves: str = "save:0") -> bytes:
    """What a MetaGraphDef has behind it: its SaverDef."""
    return field(3, field(1, filename) + field(2, saves) + field(3, restores) + number(7, 2))


def graph(*nodes: bytes, functions: Iterable[bytes] = (), more: bytes = b"", gradients: Iterable[bytes] = ()) -> bytes:
    """A GraphDef."""
    library = b"".join(field(1, one) for one in functions) + b"".join(gradients)
    inside = b"".join(field(1, one) for one in nodes) + (field(2, library) if library else b"")
    return inside + field(4, number(1, 2000)) + more


def meta_graph(graph_: bytes, *, assets: Iterable[tuple[str, str]] = (), more: bytes = b"") -> bytes:
    """A MetaGraphDef; assets are tensors and file names."""
    info = field(4, "serve") + field(5, "2.21.0")
    listed = b"".join(field(6, field(1, field(1, tensor_)) + field(2, name)) for tensor_, name in assets)
    return field(1, info) + field(2, graph_) + listed + more


def saved_model(*meta_graphs: bytes) -> bytes:
    """A SavedModel."""
    return number(1, 1) + b"".join(field(2, one) for one in meta_graphs)


def plain(*nodes: bytes, functions: Iterable[bytes] = (), **options: object) -> bytes:
    """A SavedModel of one graph."""
    return saved_model(meta_graph(graph(*nodes, functions=functions), **options))


def saver() -> bytes:
    """The function that TensorFlow 2 puts into every model to save it."""
    return function(
        "__inference__traced_save_1", ("file_prefix",),
        node("match", "StaticRegexFullMatch", "file_prefix", pattern=text("^s3://.*")),
        const("part", ".part"), const("temp", "_temp/part"),
        node("Select", "Select", "match:output:0", "part:output:0", "temp:output:0", T=type_(STRING)),
        node("join", "StringJoin", "file_prefix", "Select:output:0", N=number(3, 2)),
        node("sharded", "ShardedFilename", "join:output:0", "shard:output:0", "shards:output:0"),
        const("names", "w/.ATTRIBUTES/VARIABLE_VALUE"), const("slices", ""),
        node("SaveV2", "SaveV2", "sharded:filename:0", "names:output:0", "slices:output:0"),
        node("prefixes", "Pack", "sharded:filename:0", "^SaveV2", T=type_(STRING), N=number(3, 1)),
        node("merge", "MergeV2Checkpoints", "prefixes:output:0", "file_prefix"),
    )  # fmt: skip


def honest() -> bytes:
    """A small model as TensorFlow 2 writes it: a graph, a signature, a saver, an asset."""
    serve = function(
        "__inference_serve_1", ("words",),
        node("table", "HashTableV2", shared_name=text("t")),
        node("lookup", "LookupTableFindV2", "table:table_handle:0", "words", "default"),
    )  # fmt: skip
    fill = function(
        "__inference__initializer_1", ("path",), node("init", "InitializeTableFromTextFileV2", "table", "path")
    )
    signature = field(1, "serving_default") + field(2, field(1, field(1, "words") + field(2, field(1, "words:0"))))
    objects = field(1, field(1, number(1, 1) + field(2, "w"))) + field(1, field(7, number(1, FLOAT)))
    return plain(
        placeholder("words"), placeholder("saver_filename"), placeholder("asset"),
        node("w", "Const", dtype=type_(FLOAT), value=field(8, tensor(FLOAT, field(4, bytes(400)), shape=(100,)))),
        call("serve", "__inference_serve_1", "words"),
        call("save", "__inference__traced_save_1", "saver_filename"),
        call("fill", "__inference__initializer_1", "asset"),
        functions=(serve, fill, saver()),
        assets=(("asset:0", "vocab.txt"),),
        more=field(5, signature) + field(7, objects),
    )  # fmt: skip


# --- objects ---------------------------------------------------------------------------------------------------------

#: what a SavedObject can be
ASSET, FUNCTION, VARIABLE, CONSTANT, RESOURCE_OBJECT = 5, 6, 7, 9, 10


def saved_object(kind: int, said: bytes = b"", *more: bytes, children: dict[str, int] | None = None) -> bytes:
    """A SavedObject and its children, by the names that it has for them."""
    named = [field(1, number(1, at) + field(2, name)) for name, at in (children or {}).items()]
    return b"".join((*named, field(kind, said), *more))


def function_object(name: str, defaults: bytes = b"", key: str = "defaults") -> bytes:
    """A SavedObject that is a function; `defaults` is the value of an entry of its FullArgSpec."""
    pairs = field(2, field(1, "args") + field(2, field(51, field(1, field(13, "path")))))
    pairs += field(2, field(1, key) + field(2, field(52, field(1, defaults)))) if defaults else b""
    spec = field(1, field(54, field(1, "FullArgSpec") + pairs))
    return saved_object(FUNCTION, field(1, name) + field(2, spec))


def object_graph(*objects: bytes, bound: dict[str, tuple[int, ...]] | None = None) -> bytes:
    """A MetaGraphDef's SavedObjectGraph, with the objects that are bound to functions."""
    entries = [
        field(2, field(1, name) + field(2, field(2, b"".join(map(varint, numbers)))))
        for name, numbers in (bound or {}).items()
    ]
    return field(7, b"".join(field(1, one) for one in objects) + b"".join(entries))


def keras_metadata(config: str = '{"name": "dense"}', path: str = "root") -> bytes:
    """A ``keras_metadata.pb`` of one layer."""
    said = field(3, path) + field(4, "_tf_keras_layer") + field(5, config) + field(6, number(1, 2))
    return field(1, said)


def fingerprint() -> bytes:
    """A ``fingerprint.pb``."""
    hashes = b"".join(number(one, 2**60 + one) for one in range(1, 6))
    return hashes + field(6, number(1, 1)) + field(7, "1234567890")


# --- tables ----------------------------------------------------------------------------------------------------------


def block(*entries: tuple[bytes, bytes], kind: int = 0) -> bytes:
    """A block of a table, with its trailer; keys share nothing."""
    inside = b"".join(varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in entries)
    whole = inside + bytes(4) + (1).to_bytes(4, "little") + bytes([kind])
    return whole + masked(crc32c(whole)).to_bytes(4, "little")


def handle(offset: int, size: int) -> bytes:
    """Where a block lies, without its trailer."""
    return varint(offset) + varint(size)


def table(data: bytes, *, size: int | None = None) -> bytes:
    """A table of one block of data."""
    meta = block()
    last = block((b"\xff", handle(0, len(data) - 5 if size is None else size)))
    at = len(data) + len(meta)
    footer = handle(len(data), len(meta) - 5) + handle(at, len(last) - 5)
    return data + meta + last + footer.ljust(40, b"\0") + MAGIC


def index(*tensors: tuple[str | bytes, bytes], shards: int = 1, big: bool = False, order: int = 0) -> bytes:
    """The index of a checkpoint."""
    header = number(1, shards) + (number(2, order or 1) if big or order else b"") + field(3, number(1, 1))
    named = ((name if isinstance(name, bytes) else name.encode(), entry) for name, entry in tensors)
    return table(block((b"", header), *named))


def entry(
    offset: int = 0, size: int = 4, shard: int = 0, *, kind: int = FLOAT, shape: tuple[int, ...] = (1,),
    data: bytes | None = None, slices: Iterable[tuple[tuple[int, int], ...]] = (),
) -> bytes:  # fmt: skip
    """What an index says of a tensor; with `data`, its checksum. A slice is where it begins and how far, -1 for all."""
    said = number(1, kind) + field(2, b"".join(field(2, number(1, length)) for length in shape))
    said += number(3, shard) if shard else b""
    said += number(4, offset) + number(5, size) + b"\x35"
    said += bytes(4) if data is None else masked(crc32c(data)).to_bytes(4, "little")
    for extents in slices:
        ends = (b"" if length < 0 else number(2, length) for _, length in extents)
        said += field(7, b"".join(field(1, number(1, one[0]) + end) for one, end in zip(extents, ends, strict=True)))
    return said
