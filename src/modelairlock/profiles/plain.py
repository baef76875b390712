"""Whether a symbolic value is *plain*: nothing in it has code that a file could have put there.

Many functions ask their arguments for something by name: ``dict(x)`` for ``x.keys``, ``numpy.float64(x)`` for
``x.__array__``. Python looks at the instance first, and BUILD gives an instance whatever attributes the file says. So a
vouched function may be handed constants, containers of constants, and results that no file can put attributes on
(*solid* ones), and nothing else, unless its profile names what else it takes. The same goes for the states of classes
whose ``__setstate__`` asks what it is given for something, and for whatever becomes a key.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from modelairlock.records.facts import Build, Value
from modelairlock.records.profile import Vouch
from modelairlock.records.uses import makers, method_called

Vouches = Callable[[str, str, str], Vouch | None]
Stained = Callable[[], frozenset[str]]

_CONSTANTS = frozenset(("none", "bool", "int", "float", "str", "bytes", "bytearray"))
_GIVEN = frozenset(("persistent", "buffer"))
_CONTAINERS = frozenset(("list", "dict", "set", "frozenset"))


class Question(NamedTuple):
    """Whom to ask, which makers' results the asking function takes besides solid ones, and whose results are stained.

    `stained` gives the makers (``module:qualname``) to whose results this very file gives a state that is not plain.
    """

    vouches: Vouches
    takes: tuple[str, ...] = ()
    stained: Stained = frozenset


def constant(value: Value) -> bool:
    """Whether a value is a constant, or a container that holds constants only."""
    if value.kind in _CONTAINERS or value.kind == "tuple":
        inside = _inside(value)
        return inside is not None and all(map(constant, inside))
    return value.kind in _CONSTANTS


def _inside(value: Value) -> tuple[Value, ...] | None:
    """What a tuple or container holds, less constants perhaps; None if that is not known."""
    return value.holds if value.holds is not None or value.cut else value.parts


def plain(value: Value, question: Question) -> bool:
    """Whether a value is plain; what is cut, computed or unknown is not."""
    if value.kind in _CONSTANTS or value.kind in _GIVEN:
        return True
    if value.kind == "global":
        return not value.cut and _plain_name(value, question)
    if value.kind in _CONTAINERS or value.kind == "tuple":
        inside = _inside(value)
        return inside is not None and all_plain(inside, question)
    method = method_called(value)
    if method is not None:  # `getattr(Class, "method")`: what a class has of its library is as plain as the class
        return _plain_name(method, question)
    return value.kind == "call" and _solid(value, question)


def all_plain(values: Iterable[Value], question: Question) -> bool:
    """Whether all of `values` are plain."""
    return all(plain(value, question) for value in values)


def _plain_name(value: Value, question: Question) -> bool:
    """A name is plain if it is vouched for as a value: its attributes are its library's own."""
    if name_of(value) in question.takes:
        return True
    vouch = question.vouches(value.module, value.text, "import")
    return vouch is not None and not vouch.trait.only_called


def _solid(value: Value, question: Question) -> bool:
    made_by = list(makers(value))
    if not made_by or question.stained().intersection(map(name_of, made_by)):
        return False
    if name_of(made_by[0]) in _HOLDERS:
        # What it holds is looked at here once more; a list in it could still change.
        return len(value.parts) > 1 and not value.cut and all(map(_HOLDERS[name_of(made_by[0])], value.parts[1:]))
    # Of a function that is taken, its own vouch says which classes it may make.
    return name_of(made_by[0]) in question.takes or all(_solid_maker(maker, question) for maker in made_by)


def _solid_maker(maker: Value, question: Question) -> bool:
    if name_of(maker) in question.takes:
        return True
    vouch = next(
        filter(None, (question.vouches(maker.module, maker.text, use) for use in ("call", "new", "import"))), None
    )
    return vouch is not None and vouch.trait.solid


def _simple(value: Value) -> bool:
    return value.kind in _CONSTANTS


#: solid things that hold what they are made of, and of what they may be made
_HOLDERS: dict[str, Callable[[Value], bool]] = {
    f"{module}:{name}": held
    for module in ("builtins", "__builtin__")
    for name, held in (("slice", _simple), ("tuple", constant), ("frozenset", constant))
}


def name_of(value: Value) -> str:
    """``module:qualname`` of a name."""
    return f"{value.module}:{value.text}"


def stains(build: Build, vouches: Vouches) -> set[str]:
    """The makers whose results `build` gives a state that is not plain."""
    names = {name_of(maker) for maker in makers(build.target)}
    if names & _ORDERED and not _only_metadata(build.state):
        return names
    takes: list[str] = []
    for maker in makers(build.target):
        vouch = vouches(maker.module, maker.text, "build")
        takes.extend(vouch.trait.takes if vouch else ())
    if plain(build.state, Question(vouches, tuple(takes))):
        return set()
    # joblib puts an array of objects, which it reads by `_reconstruct`, where the pickle has a wrapper.
    return names | _WRAPPERS if any(name.endswith(":_reconstruct") for name in names) else names


#: torch's state dicts have one attribute; any other could answer for a method
_ORDERED = frozenset(("collections:OrderedDict",))


def _only_metadata(state: Value) -> bool:
    return state.kind == "dict" and not state.cut and all(key.text == "_metadata" for key in state.parts[::2])


_WRAPPERS = frozenset(
    f"{module}:NumpyArrayWrapper" for module in ("joblib.numpy_pickle", "sklearn.externals.joblib.numpy_pickle")
)
