"""The constraints on arguments: each with what it lets through and what it must not."""

import pytest

from modelairlock.profiles import CONSTRAINTS, Profiles, arguments_fit
from modelairlock.profiles.arguments import _CHECKS
from modelairlock.records.facts import Value


def text(value: str, cut: bool = False) -> Value:
    return Value(kind="str", text=value, cut=cut)


def number(value: int) -> Value:
    return Value(kind="int", text=str(value))


def name(module: str, qualname: str) -> Value:
    return Value(kind="global", module=module, text=qualname)


def items(*parts: Value, cut: bool = False) -> Value:
    return Value(kind="tuple", parts=parts, cut=cut)


NOTHING = Value(kind="none")
CALL = Value(kind="call", parts=(name("builtins", "dict"),))
NO_ITEMS = Value(kind="dict", holds=())
UNKNOWN = Value(kind="unknown")
ARRAY = name("numpy", "ndarray")
OBJECT = name("builtins", "object")
ORDERED = name("collections", "OrderedDict")
ESTIMATOR = name("sklearn.svm._classes", "SVC")
SYSTEM = name("os", "system")
BYTE = text("b")
CTOR = name("numpy.random._pickle", "__bit_generator_ctor")
REBUILD = name("torch._utils", "_rebuild_tensor_v2")
TENSOR = name("torch", "Tensor")
SHAPE = items(number(0))


def dtype(letter: str, copied: bool = True) -> Value:
    flags = (Value(kind="bool", text="False"), Value(kind="bool", text=str(copied)))
    return Value(kind="call", parts=(name("numpy", "dtype"), text(letter), *flags))


def state(
    *,
    order: str = "<",
    inside: Value = NOTHING,
    fields: dict[str, Value] | None = None,
    size: int = -1,
    flags: int = 0,
    hidden: bool = False,
) -> Value:
    names, table = NOTHING, NOTHING
    if fields is not None:
        names = items(*map(text, fields))
        parts = () if hidden else tuple(part for key, value in fields.items() for part in (text(key), value))
        table = Value(kind="dict", parts=parts)
    return items(number(3), text(order), inside, names, table, number(size), number(-1), number(flags))


def field(letter: str, offset: int) -> Value:
    return items(dtype(letter), number(offset))


FITS = [
    ("plain-scalar", dtype("f8"), BYTE),
    ("plain-scalar", dtype("U5"), BYTE),
    ("dtype-state", dtype("f8"), state()),
    ("dtype-state", dtype("O8"), state(order="|", flags=63)),
    ("dtype-state", dtype("U5"), state(size=20, flags=8)),
    ("dtype-state", dtype("S8"), state(order="|", size=8)),
    ("dtype-state", dtype("V16"), state(fields={"a": field("i8", 0), "b": field("f8", 8)}, size=16, flags=16)),
    ("dtype-state", dtype("V16"), state(fields={"a": field("i8", 0), "b": field("O8", 8)}, size=16, flags=27)),
    ("dtype-state", dtype("V16"), state(inside=items(dtype("f8"), items(number(2))), size=16)),
    ("latin1", text("\xff"), text("latin1")),
    ("latin1", text(""), text("Latin-1")),
    ("class-first", ESTIMATOR),
    ("class-first", ESTIMATOR, items(), NOTHING),
    ("reconstructor", ESTIMATOR, OBJECT, NOTHING),
    ("reconstructor", ORDERED, name("__builtin__", "dict"), Value(kind="dict")),
    ("empty-array", ARRAY, SHAPE, BYTE),
    ("empty-array", name("numpy.ma.core", "MaskedArray"), ARRAY, SHAPE, BYTE),
    ("callable-first",),
    ("callable-first", NOTHING),
    ("callable-first", name("builtins", "list")),
    ("callable-first", name("builtins", "str")),
    ("rebuild-subclass", REBUILD, name("torch.nn.parameter", "Parameter"), items(), NO_ITEMS),
    ("rebuild-subclass", REBUILD, TENSOR, items(), NOTHING),
    ("vouched-names", text("numpy"), text("exp")),
    ("bit-generator", text("PCG64")),
    ("bit-generator", name("numpy.random._pcg64", "PCG64"), CTOR),
    ("bit-generator", CALL),
    ("no-size", text("x"), text("latin-1")),
    ("no-size", Value(kind="list", holds=())),
    ("no-size",),
    ("constants", number(1), text("x"), NOTHING, items(number(1), items()), Value(kind="list", holds=())),
    ("constants",),
    ("index", name("pandas", "Index"), Value(kind="dict", parts=(text("data"), CALL, text("name"), text("tz")))),
    ("index", name("pandas", "MultiIndex"), Value(kind="dict", cut=True)),
    ("no-text", number(1), NOTHING, NOTHING, number(10)),
    ("no-text", number(1), NOTHING, Value(kind="call", parts=(name("datetime", "timezone"),)), number(10)),
    ("one-constant",),
    ("one-constant", text("x")),
    ("one-constant", number(1)),
    ("one-plain", NOTHING),
    ("kept-callable", name("numpy", "log1p")),
    ("partial-state", CALL, items(name("numpy", "log1p"), items(number(1)), Value(kind="dict", holds=()), NOTHING)),
    ("zone-key", text("Europe/Paris"), number(1)),
    ("zone-key", text("Etc/GMT+3"), Value(kind="bool", text="True")),
    ("zone-key", text("America/Argentina/Buenos_Aires"), number(0)),
]

FITS_NOT = [
    ("plain-scalar",),
    ("plain-scalar", dtype("O8"), BYTE),
    ("plain-scalar", dtype("V16"), BYTE),
    ("plain-scalar", Value(kind="call", parts=(name("numpy", "dtype"), Value(kind="list"))), BYTE),
    ("plain-scalar", UNKNOWN, BYTE),
    ("dtype-state", dtype("f8"), state(flags=63)),
    ("dtype-state", dtype("f8", copied=False), state()),
    ("dtype-state", dtype("O8"), state(flags=0)),
    ("dtype-state", dtype("S8"), state(size=-1)),
    ("dtype-state", dtype("S8"), state(size=1 << 33)),
    ("dtype-state", dtype("f8"), state(inside=items(dtype("f8"), items(number(1000))))),
    ("dtype-state", dtype("V16"), state(inside=items(dtype("f8"), items(number(1000))), size=16)),
    ("dtype-state", dtype("V16"), state(inside=items(dtype("f8"), items(number(-2))), size=16)),
    ("dtype-state", dtype("V8"), state(inside=items(dtype("O8"), items(number(1))), size=8)),
    ("dtype-state", dtype("V8"), state(fields={"a": field("O8", 0)}, size=8, flags=0)),
    ("dtype-state", dtype("V8"), state(fields={"a": field("i8", 4096)}, size=8, flags=16)),
    ("dtype-state", dtype("V8"), state(fields={"a": field("i8", -8)}, size=8, flags=16)),
    ("dtype-state", dtype("V8"), state(fields={"a": field("V8", 0)}, size=8, flags=16)),
    ("dtype-state", dtype("V8"), state(fields={"a": field("i8", 0)}, size=8, flags=16, hidden=True)),
    ("dtype-state", dtype("V8"), state(fields={"a": UNKNOWN}, size=8, flags=16)),
    ("dtype-state", dtype("i1, O"), state()),
    ("dtype-state", CALL, state()),
    ("dtype-state", dtype("f8"), items(number(3))),
    ("dtype-state", dtype("f8"), UNKNOWN),
    ("dtype-state", dtype("f8")),
    ("latin1", text("x"), text("rot13")),
    ("latin1", text("x"), text("latin1", cut=True)),
    ("latin1", text("x"), UNKNOWN),
    ("latin1", CALL, text("latin1")),
    ("latin1", text("x")),
    ("latin1", text("x"), text("latin1"), text("ignore")),
    ("class-first",),
    ("class-first", SYSTEM),
    ("class-first", CALL),
    ("class-first", UNKNOWN),
    ("class-first", name("builtins", "bytes")),
    ("reconstructor", SYSTEM, OBJECT, NOTHING),
    ("reconstructor", ESTIMATOR, SYSTEM, NOTHING),
    ("reconstructor", ESTIMATOR, CALL, NOTHING),
    ("reconstructor", ESTIMATOR, OBJECT),
    ("empty-array", ARRAY, items(number(10**12)), BYTE),
    ("empty-array", ARRAY, items(number(0), number(1)), BYTE),
    ("empty-array", ARRAY, items(number(0), cut=True), BYTE),
    ("empty-array", name("numpy", "memmap"), SHAPE, BYTE),
    ("empty-array", ARRAY, SYSTEM, SHAPE, BYTE),
    ("empty-array", SHAPE, BYTE),
    ("callable-first", SYSTEM),
    ("callable-first", CALL),
    ("callable-first", UNKNOWN),
    ("callable-first", name("_codecs", "encode")),
    ("rebuild-subclass", SYSTEM, TENSOR, items(), NOTHING),
    ("rebuild-subclass", REBUILD, SYSTEM, items(), NOTHING),
    ("rebuild-subclass", REBUILD, TENSOR, items()),
    ("vouched-names", text("os"), text("system")),
    ("vouched-names", text("numpy"), text("load")),
    ("vouched-names", text("numpy"), text("exp", cut=True)),
    ("vouched-names", text("numpy"), UNKNOWN),
    ("bit-generator", SYSTEM),
    ("bit-generator", text("PCG64"), SYSTEM),
    ("bit-generator", text("PCG64"), CTOR, CTOR),
    ("bit-generator",),
    ("no-size", number(10**12)),
    ("no-size", UNKNOWN),
    ("no-size", CALL),
    ("no-size", Value(kind="list", cut=True)),
    ("constants", CALL),
    ("constants", ARRAY),
    ("constants", Value(kind="list", holds=(CALL,))),
    ("constants", Value(kind="list", cut=True)),
    ("constants", items(CALL)),
    ("constants", items(number(1), cut=True)),
    ("index", name("pandas", "Index"), Value(kind="dict", parts=(text("tz"), text("dateutil//etc/passwd")))),
    ("index", name("pandas", "Index"), Value(kind="dict", parts=(text("dtype"), text("datetime64[ns, x]")))),
    ("index", name("pandas", "Index"), Value(kind="dict", cut=True)),
    ("index", SYSTEM, Value(kind="dict")),
    ("index", name("pandas", "Index"), CALL),
    ("rebuild-subclass", REBUILD, ESTIMATOR, items(), NOTHING),
    ("rebuild-subclass", REBUILD, TENSOR, items(), Value(kind="dict")),
    ("rebuild-subclass", REBUILD, TENSOR, items(), Value(kind="dict", holds=(text("x"),))),
    ("no-text", number(1), NOTHING, text("dateutil//etc/passwd"), number(10)),
    ("no-text", UNKNOWN),
    ("no-text", number(1), NOTHING, CALL, number(10)),
    ("one-constant", text("x"), text("latin1")),
    ("one-constant", CALL),
    ("one-constant", UNKNOWN),
    ("one-plain", text("name"), items(), Value(kind="dict")),
    ("one-plain", CALL),
    ("kept-callable", SYSTEM),
    ("kept-callable", name("copyreg", "_reconstructor")),
    ("kept-callable", name("numpy", "log1p"), number(1)),
    ("kept-callable", CALL),
    ("kept-callable",),
    ("partial-state", CALL, items(SYSTEM, items(), Value(kind="dict", holds=()), NOTHING)),
    ("partial-state", CALL, items(name("numpy", "log1p"), items(CALL), Value(kind="dict", holds=()), NOTHING)),
    ("partial-state", CALL, items(name("numpy", "log1p"), items(), Value(kind="dict", holds=(CALL,)), NOTHING)),
    ("partial-state", CALL, items(name("numpy", "log1p"), items(), Value(kind="dict", cut=True), NOTHING)),
    ("partial-state", CALL, items(name("numpy", "log1p"), items(), Value(kind="dict"), Value(kind="dict"))),
    ("partial-state", CALL, items(name("numpy", "log1p"), cut=True)),
    ("partial-state", CALL, CALL),
    ("zone-key", text("../../etc/passwd"), number(1)),
    ("zone-key", text("/etc/passwd"), number(1)),
    ("zone-key", text("Europe/../../x"), number(1)),
    ("zone-key", text("Europe/Paris", cut=True), number(1)),
    ("zone-key", CALL, number(1)),
    ("zone-key", text("Europe/Paris")),
    ("no such constraint", NOTHING),
    ("", NOTHING),
]


@pytest.mark.parametrize("case", FITS, ids=repr)
def test_fits(case: tuple[str, ...]) -> None:
    constraint, *arguments = case
    assert arguments_fit(constraint, tuple(arguments), Profiles.bundled().vouches)


@pytest.mark.parametrize("case", FITS_NOT, ids=repr)
def test_does_not_fit(case: tuple[str, ...]) -> None:
    constraint, *arguments = case
    assert not arguments_fit(constraint, tuple(arguments), Profiles.bundled().vouches)


def test_without_profiles_whatever_needs_a_look_up_does_not_fit() -> None:
    assert not arguments_fit("class-first", (ESTIMATOR,))
    assert arguments_fit("latin1", (text("x"), text("latin1")))


def test_every_constraint_is_documented_and_tried_both_ways() -> None:
    assert set(CONSTRAINTS) == set(_CHECKS)
    assert {case[0] for case in FITS} == set(CONSTRAINTS)
    assert set(CONSTRAINTS) <= {case[0] for case in FITS_NOT}
