"""The tree of a skops file: hit, miss, damaged, and what each node's fact tells."""

import json

from modelairlock.formats.skops_schema import FORMAT
from modelairlock.records.facts import Configured, Irregularity
from tests.build import skops_builder as s
from tests.reading_help import change_everywhere, cut_everywhere, probe, read

SMALL = s.schema(s.object_("sklearn.svm._classes", "SVC", C=s.constant(1.0)))


def example() -> bytes:
    return SMALL


def nodes(data: bytes) -> list[Configured]:
    result = read(FORMAT, data, "schema.json")
    assert not result.gaps
    return [fact for fact in result.facts if isinstance(fact, Configured)]


def test_hit() -> None:
    assert FORMAT.claims(probe(SMALL, "schema.json"))
    assert [(one.kind, one.qualname) for one in nodes(SMALL)] == [
        ("JsonNode", "str"), ("TypeNode", "str"), ("ListNode", "list"), ("DictNode", "dict"), ("ObjectNode", "SVC"),
    ]  # fmt: skip
    assert nodes(SMALL)[0].where == "content.content.C"


def test_miss() -> None:
    for other in (b'{"a": 1}', b'{"__class__": 1}', b"not json", b""):
        assert not FORMAT.claims(probe(other, "schema.json"))


def test_damaged() -> None:
    cut_everywhere(SMALL, FORMAT, name="schema.json")


def test_changed() -> None:
    change_everywhere(SMALL, FORMAT, name="schema.json")


def test_a_method_tells_what_it_looks_up_and_on_what() -> None:
    owner = s.object_("sklearn.svm._classes", "SVC")
    [method] = [
        one for one in nodes(s.schema(s.method(owner, "fit", shows=("builtins", "int")))) if one.kind == "MethodNode"
    ]
    held, func = method.arguments
    assert (held.text, held.parts[0].module, held.parts[0].text) == ("ObjectNode", "sklearn.svm._classes", "SVC")
    assert (func.kind, func.text) == ("str", "fit")
    assert (method.module, method.qualname) == ("builtins", "int")


def test_all_key_types_are_told_however_many_keys() -> None:
    types = [s.type_("builtins", "str")] * 500 + [s.type_("os", "system")] + [s.type_("builtins", "int")] * 500
    root = s.dict_(types, **{f"k{n}": s.constant(n) for n in range(len(types))})
    [told] = [one for one in nodes(s.schema(root)) if one.kind == "DictNode"]
    assert [part.parts[0].text for part in told.arguments[0].parts[1:]] == ["str", "system", "int"]
    assert not told.arguments[0].cut
    odd = s.dict_([s.type_("m", f"t{n}") for n in range(200)], **{f"k{n}": s.constant(n) for n in range(200)})
    [told] = [one for one in nodes(s.schema(odd)) if one.kind == "DictNode"]
    assert told.arguments[0].cut


def test_a_key_that_stands_twice_is_told() -> None:
    data = SMALL.replace(b'"__class__": "SVC"', b'"__class__": "SVC", "__class__": "SVR"')
    assert any(isinstance(fact, Irregularity) for fact in read(FORMAT, data, "schema.json").facts)


def test_order_and_layout_do_not_matter() -> None:
    for root in (s.honest(), s.method(s.honest(), "fit")):
        one_line = json.dumps(dict(reversed(root.items()))).encode()
        assert {(n.kind, n.qualname) for n in nodes(one_line)} == {(n.kind, n.qualname) for n in nodes(s.schema(root))}
