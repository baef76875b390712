"""Skops files by hand: nodes as plain dicts, so that they can say what skops would never write."""

import json
from typing import Any

from tests.build import npy_builder, zip_builder
from tests.build.zip_builder import Entry

Node = dict[str, Any]


def node(loader: str, module: str, name: str, **parts: Any) -> Node:
    return {"__class__": name, "__module__": module, "__loader__": loader, **parts}


def constant(value: object) -> Node:
    return node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


def type_(module: str, name: str) -> Node:
    return node("TypeNode", module, name)


def list_(*items: Node) -> Node:
    return node("ListNode", "builtins", "list", content=list(items))


def dict_(types: list[Node] | None = None, **items: Node) -> Node:
    types = [type_("builtins", "str") for _ in items] if types is None else types
    return node("DictNode", "builtins", "dict", content=items, key_types=list_(*types))


def object_(module: str, name: str, **attributes: Node) -> Node:
    return node("ObjectNode", module, name, content=dict_(**attributes))


def method(owner: Node, func: str, *, shows: tuple[str, str] | None = None) -> Node:
    module, name = shows or (owner["__module__"], owner["__class__"])
    return node("MethodNode", module, name, content={"func": func, "obj": owner})


def honest() -> Node:
    array = node("NdArrayNode", "numpy", "ndarray", type="numpy", file="1.npy")
    return object_("sklearn.svm._classes", "SVC", C=constant(1.0), kernel=constant("rbf"), support_=array)


def schema(root: Node) -> bytes:
    return json.dumps({**root, "protocol": 2, "_skops_version": "0.14.0"}, indent=2).encode()


def skops(root: Node, *members: tuple[str, bytes]) -> bytes:
    entries = [Entry("schema.json", schema(root)), Entry("1.npy", npy_builder.npy())]
    return zip_builder.zip_file(*entries, *(Entry(name, data) for name, data in members))
