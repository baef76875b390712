"""What known names do when an unpickler imports or calls them: an allow-list to vouch by, a deny-list to explain by.

One TOML file per import name (``numpy.toml``; ``python.toml`` for the standard library) and ``harmful.toml``. A file is
parsed only when a name of its library is asked for. What a newcomer would get wrong: a vouch is for one exact name and
one *use* of it, never for a module; the deny-list never decides that a name is fine; and both see a Python 2 name as
what the unpickler turns it into (``__builtin__:eval`` is ``builtins:eval``).
"""

import _compat_pickle
import hashlib
import sys
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from modelairlock.profiles.arguments import CONSTRAINTS, arguments_fit
from modelairlock.profiles.plain import Question, Stained, all_plain, plain, stains
from modelairlock.records.facts import LOOKED_UP, Build, Call, Fact, Value
from modelairlock.records.profile import STATE_CONSTRAINTS, Harm, HarmCategory, Trait, Use, Vouch
from modelairlock.records.typed import from_plain
from modelairlock.records.uses import MAKERS, NameUse

__all__ = ["CONSTRAINTS", "Library", "Profiles", "arguments_fit", "canonical"]

#: Longest dotted name that is taken apart; an honest one has two parts, and a hostile one must not cost time.
_MAX_PARTS = 12
#: answers that are remembered; a hostile file may ask about any number of long names
_REMEMBERED = 1024
_HARMFUL = "harmful"
_PYTHON = "python"


class Library(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose code a profile speaks of, and which versions of it were looked at."""

    name: str
    distribution: str
    versions: str
    #: python.toml only: modules of some Python that `sys.stdlib_module_names` of this one lacks
    also_modules: tuple[str, ...] = ()


class _VouchedGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    why: str
    uses: tuple[Use, ...]
    names: tuple[str, ...]
    arguments: str = ""
    old: bool = False


class _TraitGroup(Trait, frozen=True, forbid_unknown_fields=True):
    why: str
    names: tuple[str, ...]


class _Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    library: Library
    vouched: tuple[_VouchedGroup, ...] = ()
    trait: tuple[_TraitGroup, ...] = ()


class _HarmGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    effect: str
    category: HarmCategory
    severity: Literal["critical", "high", "medium"]
    names: tuple[str, ...]
    cwe: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()


class _Harmful(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    harmful: tuple[_HarmGroup, ...]


def canonical(module: str, qualname: str, protocol: int) -> tuple[str, str]:
    """The name that an unpickler with ``fix_imports`` (its default) looks up for `module` and `qualname`.

    Below protocol 3 the tables of ``_compat_pickle`` map Python 2 names, a name of its own before its whole module
    (CPython, ``Modules/_pickle.c``, ``_pickle_Unpickler_find_class_impl``). From protocol 3 on nothing is mapped.
    """
    if protocol >= 3:
        return module, qualname
    renamed = _compat_pickle.NAME_MAPPING.get((module, qualname))
    if renamed is not None:
        return renamed
    head, dot, rest = qualname.partition(".")
    if dot and (owner := _compat_pickle.NAME_MAPPING.get((module, head))):
        # A method that `getattr` looks up in a class, written as one name (`records.uses.method_of_class`).
        return owner[0], f"{owner[1]}.{rest}"
    return _compat_pickle.IMPORT_MAPPING.get(module, module), qualname


class Profiles:
    """Look-ups in a folder of profiles. Cheap to make; reads a file when one of its names is first asked for.

    Raises ``msgspec.ValidationError`` or ``tomllib.TOMLDecodeError`` on data that does not fit the schema: the data
    ships with the code, so that is a bug and not an event.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {path.stem: path for path in sorted(folder.glob("*.toml"))}
        self._libraries: dict[str, Library] = {}
        self._vouched: dict[str, dict[tuple[str, str, str], Vouch]] = {}
        self._harms: dict[str, Harm] | None = None
        self._loading = threading.Lock()
        # Models name the same few hundred things, over and over.
        self._remembered_vouch = lru_cache(_REMEMBERED)(self._vouch_of)
        self._remembered_harm = lru_cache(_REMEMBERED)(self._harm_by_either_name)
        self._digest = ""

    @classmethod
    def bundled(cls) -> "Profiles":
        """The profiles that ship with modelairlock; one instance for the whole process."""
        global _bundled
        if _bundled is None:
            _bundled = cls(Path(__file__).parent)
        return _bundled

    def vouches(self, module: str, qualname: str, use: str) -> Vouch | None:
        """The allow-list entry for this exact name and use, if there is one."""
        return self._remembered_vouch(module, qualname, use)

    def harm(self, module: str, qualname: str) -> Harm | None:
        """What is known to be bad about this name; the most specific pattern wins.

        A dotted `qualname` is an attribute path, so it is also looked up as what it may reach: ``pathlib:os.system``
        is ``os:system``, and ``subprocess:Popen.wait`` is a part of ``subprocess:Popen``.
        """
        return self._remembered_harm(module, qualname)

    def fits(self, vouch: Vouch, use: NameUse, stained: Stained = frozenset) -> bool:
        """Whether what a call is handed, or a state, is what its vouch is for. `stained` as in `plain.Question`."""
        if not isinstance(use.fact, (Call, Build)):
            return True
        trait = vouch.trait
        question = Question(self.vouches, trait.takes, frozenset if trait.any_items else stained)
        if isinstance(use.fact, Build):
            return self._state_fits(vouch, use.fact, question)
        named = not vouch.arguments or arguments_fit(vouch.arguments, use.arguments, self.vouches)
        # Of the class that pickle's own helpers make an instance of, the constraint has seen that it is vouched for.
        arguments = use.arguments[1:] if (use.module, use.qualname) in MAKERS else use.arguments
        kept = trait.keeps and not any(value.kind == "global" and not plain(value, question) for value in arguments)
        return named and (kept or all_plain(arguments, question)) and not _keywords(use.fact)

    def _state_fits(self, vouch: Vouch, build: Build, question: Question) -> bool:
        trait, kind = vouch.trait, build.state.kind
        if build.odd or kind not in ("dict", "tuple") or trait.state not in (kind, "both"):
            return False
        if not all(_answers_plainly(name, value) for name, value in build.asked):
            return False
        if vouch.arguments in STATE_CONSTRAINTS:
            return arguments_fit(vouch.arguments, (build.target, build.state), self.vouches)
        return not trait.plain_state or plain(build.state, question)

    def stained(self, facts: Iterable[Fact]) -> frozenset[str]:
        """The makers to whose results `facts` give states that are not plain."""
        return frozenset().union(*(stains(fact, self.vouches) for fact in facts if isinstance(fact, Build)))

    def is_solid(self, value: Value) -> bool:
        """Whether only code in C hashes and compares `value`: a constant, or what is solid."""
        return plain(value, Question(self.vouches))

    def knows_library(self, module: str) -> bool:
        """Whether there is a profile for the library that `module` belongs to."""
        return self._profile_name(canonical(module, "", 0)[0]) is not None

    def is_standard_library(self, module: str) -> bool:
        """Whether `module` belongs to Python itself: this one, an earlier or later one, or Python 2."""
        top = canonical(module, "", 0)[0].partition(".")[0]
        return top in sys.stdlib_module_names or top in self.library(_PYTHON).also_modules

    def libraries(self) -> tuple[str, ...]:
        """The names of all profiles, sorted."""
        return tuple(name for name in self._files if name != _HARMFUL)

    def library(self, name: str) -> Library:
        """Whose code the profile `name` speaks of. Raises KeyError when there is no such profile."""
        self._table(name)
        return self._libraries[name]

    def entries(self, name: str) -> dict[tuple[str, str, str], Vouch]:
        """Every vouch of the profile `name`, by module, qualified name and use."""
        return dict(self._table(name))

    def harms(self) -> dict[str, Harm]:
        """Every harmful pattern, by its text."""
        return dict(self._harm_table())

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over all data files in name order: two scans with one digest judged by the same data."""
        if not self._digest:
            hasher = hashlib.sha256()
            for name, path in self._files.items():
                content = path.read_bytes()
                hasher.update(f"{name}\0{len(content)}\0".encode())
                hasher.update(content)
            self._digest = hasher.hexdigest()
        return self._digest

    def _profile_name(self, module: str) -> str | None:
        top = module.partition(".")[0]
        if top in self._files and top not in (_HARMFUL, _PYTHON):
            return top
        return _PYTHON if self.is_standard_library(module) else None

    def _table(self, name: str) -> dict[tuple[str, str, str], Vouch]:
        table = self._vouched.get(name)
        return self._load_table(name) if table is None else table

    def _load_table(self, name: str) -> dict[tuple[str, str, str], Vouch]:
        with self._loading:  # a second thread waits, because doing the same beside the first would slow both down
            if name not in self._vouched:
                profile = _load(self._files[name], _Profile)
                self._libraries[name] = profile.library
                self._vouched[name] = _by_name_and_use(profile)
            return self._vouched[name]

    def _harm_table(self) -> dict[str, Harm]:
        if self._harms is not None:
            return self._harms
        with self._loading:
            if self._harms is None:
                groups = _load(self._files[_HARMFUL], _Harmful).harmful
                self._harms = {name: _harm(group, name) for group in groups for name in group.names}
            return self._harms

    def _vouch_of(self, module: str, qualname: str, use: str) -> Vouch | None:
        module, qualname = canonical(module, qualname, 0)
        name = self._profile_name(module)
        return self._table(name).get((module, qualname, use)) if name else None

    def _harm_by_either_name(self, module: str, qualname: str) -> Harm | None:
        return self._harm_of(module, qualname) or self._harm_of(*canonical(module, qualname, 0))

    def _harm_of(self, module: str, qualname: str) -> Harm | None:
        table = self._harm_table()
        readings = _readings(module, qualname)
        for found in readings:
            if (harm := table.get(":".join(found))) is not None:
                return harm
        for owner, _ in readings:
            if (harm := table.get(f"{owner}:*")) is not None:
                return harm
            for package in _packages(owner):
                if (harm := table.get(f"{package}.*:*")) is not None:
                    return harm
        return None


_ORDERED_DICT = Value("global", "OrderedDict", module="collections")
_T = TypeVar("_T")
_bundled: Profiles | None = None


def _load(path: Path, kind: type[_T]) -> _T:
    import tomllib  # the first file of profiles comes long after the first import of this

    return from_plain(tomllib.loads(path.read_text(encoding="utf-8")), kind)


def _by_name_and_use(profile: _Profile) -> dict[tuple[str, str, str], Vouch]:
    table: dict[tuple[str, str, str], Vouch] = {}
    traits = _traits(profile)
    for group in profile.vouched:
        vouch = Vouch(
            why=group.why, uses=group.uses, library=profile.library.name, arguments=group.arguments, old=group.old
        )
        for name in group.names:
            module, _, qualname = name.partition(":")
            known = replace(vouch, trait=traits[name]) if name in traits else vouch
            for use in group.uses:
                table[module, qualname, use] = known
    return table


def _traits(profile: _Profile) -> dict[str, Trait]:
    traits: dict[str, Trait] = {}
    for group in profile.trait:
        told = {field: getattr(group, field) for field in Trait.__struct_fields__}
        for name in group.names:
            before = traits.get(name, Trait())
            traits[name] = Trait(
                **{field: value or getattr(before, field) for field, value in told.items() if field != "state"},
                state=group.state if group.state != "dict" else before.state,
            )
    return traits


def _answers_plainly(name: str, value: Value) -> bool:
    """Whether code in C answers what a class asks of its attribute `name`, which is no constant and no plain dict."""
    ordered = value.kind == "call" and value.parts[:1] == (_ORDERED_DICT,)
    return ordered and name in LOOKED_UP


def _keywords(call: Call) -> bool:
    """Whether a call is made with keyword arguments, which reach what positional ones do not."""
    if call.how == "newobj_ex":
        keywords = call.arguments[-1:]
    elif call.callable.text == "__newobj_ex__":
        keywords = call.arguments[2:3]
    else:
        return False
    return not keywords or keywords[0] != Value(kind="dict", holds=())


def _harm(group: _HarmGroup, name: str) -> Harm:
    fields = {key: getattr(group, key) for key in ("effect", "category", "severity", "cwe", "atlas")}
    return from_plain({**fields, "name": name}, Harm)


def _readings(module: str, qualname: str) -> list[tuple[str, str]]:
    """The (module, qualname) pairs that a dotted name may amount to, the literal one first."""
    parts = qualname.split(".", _MAX_PARTS)
    found = [(module, ".".join(parts[:end])) for end in range(len(parts), 0, -1)]
    for middle in range(1, len(parts)):
        rest = parts[middle:]
        owners = [".".join((module, *parts[:middle]))]
        owners += [".".join(parts[start:middle]) for start in range(middle)]
        found += [(owner, ".".join(rest[:end])) for owner in owners for end in range(len(rest), 0, -1)]
    return found


def _packages(module: str) -> list[str]:
    """`module` and the packages around it, the innermost first."""
    parts = module.split(".", _MAX_PARTS)
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
