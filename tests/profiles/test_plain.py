"""What is plain, what is solid, and what a file's own states stain."""

import pytest

from modelairlock.profiles import Profiles
from modelairlock.profiles.plain import Question, constant, plain, stains
from modelairlock.records.facts import Build, Value
from modelairlock.records.scan import Verdict
from modelairlock.records.span import Span
from tests.build import pickle_builder as p
from tests.rules.judging import judged, made, named, text

VOUCHES = Profiles.bundled().vouches
ASKED = Question(VOUCHES)
NUMBER = Value(kind="int", text="1")
DTYPE = made(named("numpy", "dtype"), text("f8"))
ARRAY = made(named("numpy._core.multiarray", "_reconstruct"), named("numpy", "ndarray"))
BAG = made(named("argparse", "Namespace"))


def box(*holds: Value, kind: str = "list", known: bool = True) -> Value:
    return Value(kind=kind, holds=holds if known else None, cut=not known)  # type: ignore[arg-type]


def items(*parts: Value, **fields: object) -> Value:
    return Value(kind="tuple", parts=parts, **fields)  # type: ignore[arg-type]


PLAIN = [
    NUMBER, text("x"), text("x" * 500), DTYPE, ARRAY, box(), box(DTYPE, kind="dict"), items(), items(NUMBER, DTYPE),
    items(NUMBER, cut=True, holds=(DTYPE,)), Value(kind="persistent"), Value(kind="buffer"), named("numpy", "float64"),
    made(named("datetime", "datetime"), text("x")), box(box(), items(box())),
    made(made(named("builtins", "getattr"), named("zoneinfo", "ZoneInfo"), text("_unpickle")), text("UTC"), NUMBER),
]  # fmt: skip
NOT_PLAIN = [
    BAG, box(BAG), box(known=False), items(BAG), items(NUMBER, cut=True), items(NUMBER, cut=True, holds=(BAG,)),
    named("os", "system"), named("copyreg", "_reconstructor"), Value(kind="unknown"), Value(kind="extension"),
    made(named("collections", "OrderedDict")), made(named("nobody", "knows")), made(BAG),
    made(named("numpy._core.multiarray", "_reconstruct"), named("numpy", "matrix")),
    made(named("sklearn.svm._classes", "SVC")), made(named("omegaconf.listconfig", "ListConfig")),
    made(made(named("builtins", "getattr"), named("zoneinfo", "ZoneInfo"), text("from_file")), text("UTC")),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain(value: Value) -> None:
    assert plain(value, ASKED)


@pytest.mark.parametrize("value", NOT_PLAIN, ids=repr)
def test_not_plain(value: Value) -> None:
    assert not plain(value, ASKED)


def test_constants() -> None:
    assert constant(items(NUMBER, text("x"), items()))
    assert constant(box(kind="set"))
    assert not any(map(constant, (DTYPE, named("numpy", "float64"), box(DTYPE), box(known=False), items(DTYPE))))


def test_what_a_function_takes_besides() -> None:
    hooks = made(named("collections", "OrderedDict"))
    assert plain(hooks, Question(VOUCHES, takes=("collections:OrderedDict",)))
    assert not plain(BAG, Question(VOUCHES, takes=("collections:OrderedDict",)))


def build(target: Value, state: Value) -> Build:
    return Build(span=Span(0, 1), target=target, state=state)


def test_a_state_stains_what_it_is_given_to() -> None:
    assert stains(build(BAG, box(kind="dict")), VOUCHES) == set()
    assert stains(build(BAG, box(BAG, kind="dict")), VOUCHES) == {"argparse:Namespace"}
    objects = stains(build(ARRAY, items(NUMBER, box(BAG))), VOUCHES)
    assert {"numpy._core.multiarray:_reconstruct", "joblib.numpy_pickle:NumpyArrayWrapper"} <= objects
    assert not plain(ARRAY, Question(VOUCHES, stained=lambda: frozenset(objects)))
    assert plain(DTYPE, Question(VOUCHES, stained=lambda: frozenset(objects)))


def test_iterating_settings_would_resolve_them() -> None:
    """``list(ListConfig)`` calls what the loading program registered as resolvers of ``${...}``."""
    settings = p.build(p.call_newobj(p.global_("omegaconf.listconfig", "ListConfig")), {"_content": ["${oc.env:HOME}"]})
    assert judged(p.whole(settings)).verdict is Verdict.CLEAR
    assert judged(p.whole(p.call(p.global_("builtins", "list"), settings))).verdict is not Verdict.CLEAR
