"""Graphs of TensorFlow that reach out where nobody looks (3.3): functions, strings, savers, contents of tensors."""

import json
from collections.abc import Callable

from tests.build import keras_builder as k
from tests.build import tensorflow_builder as t
from tests.build.sample import CANARY, Sample

Build = Callable[[str], bytes]


def _write(c: str, output: str = "") -> tuple[bytes, ...]:
    """Nodes that write `c` to a file; in functions inputs are named with their outputs."""
    write = t.node("w", "WriteFile", f"p{output}", f"c{output}")
    return t.const("p", "/dev/null"), t.const("c", c), write


def _inner(c: str) -> bytes:
    return t.graph(t.placeholder("x"), functions=[t.function("g", [], *_write(c, ":output:0"))])


def _packed(c: str) -> bytes:
    graph = _inner(c)
    value = t.tensor(t.STRING, t.field(4, t.varint(len(graph)) + graph))
    return t.node("g", "Const", dtype=t.type_(t.STRING), value=t.field(8, value))


def _initializer(c: str) -> bytes:
    run = t.function("__inference__initializer_1", [], *_write(c, ":output:0"))
    return t.plain(t.call("init", "__inference__initializer_1"), functions=[run])


def _saver(c: str) -> bytes:
    return t.plain(t.const("p", f"/dev/null{c}"), t.call("c", "__inference__traced_save_1", "p"), functions=[t.saver()])


def _handed(objects: bytes, c: str) -> bytes:
    """A saver that no node calls; the objects hand it the name of the file."""
    return t.plain(t.const("where", f"/dev/null{c}"), functions=[t.saver()], more=objects)


_SAVER = "__inference__traced_save_1"
_RESOURCE = t.saved_object(t.RESOURCE_OBJECT, children={"_create_resource": 1, "_initialize": 1})
_BOUND = t.object_graph(
    _RESOURCE, t.function_object(_SAVER), t.saved_object(t.CONSTANT, t.field(1, "where")), bound={_SAVER: (2,)}
)  # fmt: skip
_FED = t.saved_object(
    t.RESOURCE_OBJECT, b"", t.field(11, t.field(1, "t") + t.field(2, t.number(2, 1) + t.number(3, 1)))
)
_RUN = t.collection("saved_model_main_op", "main")
_DATASET = t.node("d", "DatasetFromGraph", "g")


def _filled_in(c: str) -> bytes:
    """The function leaves the file open; who calls it says which."""
    prints = t.node("w", "PrintV2", "c:output:0", output_stream=t.filled_in("s"))
    inside = t.function("g", [], t.const("c", c), prints, attributes=t.attribute("s"))
    return t.plain(t.node("main", "g", s=t.text("file:///dev/null")), functions=[inside], more=_RUN)


def _save(file_name: str, output: str, c: str) -> tuple[bytes, ...]:
    save = t.node("w", "SaveV2", file_name, f"n{output}", f"s{output}", f"c{output}")
    return t.const("n", "x"), t.const("s", ""), t.const("c", c), save


def _called_by_name(c: str) -> bytes:
    """The node calls the saver; an attribute that nobody looks at names a harmless function."""
    functions = [t.function("g", ["p"], *_save("p", ":output:0", c)), t.function("h", [])]
    main = t.node("main", "g", "k", _x=t.function_named("h"))
    return t.plain(t.const("k", "/dev/null"), main, functions=functions, more=_RUN)


def _gradient(c: str) -> bytes:
    functions = [t.function("g", ["p", "d"], *_save("p", ":output:0", c)), t.function("h", ["p"])]
    main = t.node("main", "SymbolicGradient", "k", "k", f=t.function_named("h"))
    return t.saved_model(
        t.meta_graph(
            t.graph(t.const("k", "/dev/null"), main, functions=functions, gradients=[t.gradient("g", "h")]), more=_RUN
        )
    )


def _stand_in(c: str) -> bytes:
    """TensorFlow's optimizer puts one of them in the place of the other (seen with 2.21)."""
    saves = t.function("g", ["p"], *_save("p", ":output:0", c)) + t.implements("same")
    harmless = t.function("h", ["p"]) + t.implements("same")
    return t.plain(t.const("k", "/dev/null"), t.call("main", "h", "k"), functions=[saves, harmless], more=_RUN)


_DEBUG = t.node("d", "DebugIdentity", "x", debug_urls=t.texts("grpc://x"))
_PRINT = t.node("w", "PrintV2", "c", output_stream=t.text("file:///dev/null"))
#: file name, build, what has to be said
_MODELS: dict[str, tuple[str, Build, str]] = {
    "graph": ("saved_model.pb", lambda c: t.plain(*_write(c)), "flagged"),
    "initializer": ("saved_model.pb", _initializer, "flagged"),
    "renamed": ("notes.txt", _initializer, "flagged"),
    "frozen": ("frozen.pb", lambda c: t.graph(*_write(c)), "flagged"),
    "meta": ("model.meta", lambda c: t.meta_graph(t.graph(*_write(c))), "flagged"),
    "string": ("saved_model.pb", lambda c: t.plain(t.const("g", _inner(c)), _DATASET), "flagged"),
    "content": ("saved_model.pb", lambda c: t.plain(_packed(c), _DATASET), "flagged"),
    "strings": ("saved_model.pb", lambda c: t.plain(t.const("g", t.graph(t.const("h", _inner(c))))), "flagged"),
    "joined": (
        "saved_model.pb",
        lambda c: t.plain(
            t.const("a", _inner(c)[:9]), t.const("b", _inner(c)[9:]), t.node("g", "StringJoin", "a", "b"),
            t.node("d", "DatasetFromGraph", "g"),
        ),
        "not-clear",
    ),
    "saver": ("saved_model.pb", _saver, "flagged"),
    "bound": ("saved_model.pb", lambda c: _handed(_BOUND, c), "flagged"),
    "default": (
        "saved_model.pb",
        lambda c: _handed(
            t.object_graph(_RESOURCE, t.function_object(_SAVER, t.field(13, f"/dev/null{c}")), bound={_SAVER: ()}), c
        ),
        "flagged",
    ),
    "restored": (
        "saved_model.pb",
        lambda c: _handed(t.object_graph(_FED, t.function_object(_SAVER), bound={_SAVER: ()}), c),
        "not-clear",
    ),
    "print": ("saved_model.pb", lambda c: t.plain(t.const("c", c), _PRINT), "flagged"),
    "filled-in": ("saved_model.pb", _filled_in, "not-clear"),
    "called-by-name": ("saved_model.pb", _called_by_name, "flagged"),
    "gradient": ("saved_model.pb", _gradient, "not-clear"),
    "stand-in": ("saved_model.pb", _stand_in, "flagged"),
    "restores-by-saving": (
        "saved_model.pb",
        lambda c: t.plain(
            t.placeholder("filename"), *_save("filename", "", c), t.node("r", "NoOp", "^w"), more=t.saver_def("r")
        ),
        "flagged",
    ),
    "saves-at-load": (
        "saved_model.pb",
        lambda c: t.plain(t.const("f", "model"), *_save("f", "", c), t.node("main", "NoOp", "^w"), more=_RUN),
        "flagged",
    ),
    "python": ("saved_model.pb", lambda c: t.plain(t.node("p", "PyFunc", token=t.text(c))), "flagged"),
    "debug": ("saved_model.pb", lambda _: t.plain(_DEBUG), "flagged"),
    "custom": ("saved_model.pb", lambda _: t.plain(t.node("d", "LoadsALibrary", "x")), "not-clear"),
    "asset": ("saved_model.pb", lambda _: t.plain(t.placeholder("a"), assets=[("a:0", "../../x")]), "flagged"),
    "unknown-field": ("saved_model.pb", lambda c: t.honest() + t.field(99, _inner(c)), "not-clear"),
    "stranger-first": ("saved_model.pb", lambda c: t.field(999, c) + _initializer(c), "not-clear"),
    "lambda": (
        "keras_metadata.pb",
        lambda _: t.keras_metadata(json.dumps(k.layer("Lambda", k.old_lambda("lambda x: x"), None))),
        "flagged",
    ),
}  # fmt: skip


def _sample(name: str) -> Sample:
    file_name, build, expects = _MODELS[name]
    return Sample(
        name=f"tensorflow-{name}", family="tensorflow", technique="3.3", file_name=file_name, expects=expects,
        build=lambda command=CANARY: build(command),
    )  # fmt: skip


SAMPLES = tuple(_sample(name) for name in _MODELS)
