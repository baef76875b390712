"""The file uses code that nobody vouches for

## Why it matters

A pickle names classes and functions, and loading it runs them. For every name on the allow-list somebody has looked at
what that use of it can do. For this one nobody has. Most such names are honest parts of a library; some are not, and a
list of bad names will never be complete. So the file is held, not condemned.

A function of Python's own library is another matter: the few that models need are on the list, so one that is not on
it and is *called* has no business in a model, and that is a finding.

## What to do

Have somebody review what the named class or function does when it is unpickled, and extend the profile, or keep the
decision with the file's digest, which the report states. Or ask for the model as safetensors, which names no code at
all.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import cache

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Build, Irregularity, Key, Value
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.text import shown
from modelairlock.records.torch_operators import CLASSES
from modelairlock.records.uses import USED, NameUse, is_method_reference, makers, method_of_class, uses
from modelairlock.records.wording import value_in_words

#: where TorchScript keeps the classes that an archive's own program defines
_SCRIPT = "__torch__"
#: where it looks for classes written in C++
_NATIVE = "__torch__.torch.classes."
#: what the reader of a TorchScript archive says of its records
_ROLE = "torchscript"
#: functions that only give back what they are handed
_LISTS = frozenset(("build_boollist", "build_doublelist", "build_intlist", "build_tensorlist", "restore_type_tag"))
_DOES = {
    "import": "imported",
    "call": "called",
    "new": "instantiated",
    "build": "given a state",
    "items": "given items",
    "append": "appended to",
}
#: what to add when the use is known and this one does not fit what was vouched for
_UNFIT = {
    "call": "with arguments that nobody vouches for",
    "new": "with arguments that nobody vouches for",
    "build": "that nobody vouches for",
}
_HANDED = "handed to "
#: values among the arguments of one call that are searched for who is to blame
_LOOKED_AT = 500


#: a use that nobody vouches for, and how to say what was done
_Held = tuple[NameUse, str]


def _check(reading: Reading, context: Context) -> Iterator[Judgement]:
    yield from _planted(reading)
    yield from _unmapped(reading)
    yield from _keys(reading, context)
    stained = cache(lambda: context.profiles.stained(reading.facts))
    unvouched: dict[tuple[str, str], list[_Held]] = {}
    of_script: list[NameUse] = []
    for use in uses(reading.facts):
        if reading.role == _ROLE and _of_program(use):
            continue
        if use.module.partition(".")[0] == _SCRIPT:
            of_script.append(use)
        elif not _vouched(use, context, stained):
            for held, way in _held(use, context):
                unvouched.setdefault((held.module, held.qualname), []).append((held, way))
    if of_script:
        count = len({use.name for use in of_script})
        first = of_script[0].fact.span
        what = "of the TorchScript program that the file belongs to"
        if reading.role == _ROLE:
            what = shown(f"written in C++, such as {of_script[0].module}.{of_script[0].qualname}", 200)
        detail = f"{_SCRIPT} ({count} classes {what})"
        yield Gap(start=first.start, end=first.end, because=Because.UNVOUCHED, detail=detail)
    for (module, qualname), used in unvouched.items():
        yield from _about(module, qualname, used, reading, context)


def _about(module: str, qualname: str, used: list[_Held], reading: Reading, context: Context) -> Iterator[Judgement]:
    """What to say of one name and all that was done with it."""
    if context.profiles.harm(module, qualname) is not None:
        yield from (_gap([(use, way)]) for use, way in used if is_method_reference(use))
        return  # another rule says so, and says more
    acts = [use for use, _ in used if use.use in ("call", "new") and not _known(use, context)]
    if not (acts and context.profiles.is_standard_library(module)):
        yield _gap(used)
        return
    yield RULE.finding(
        reading,
        f"loading it would call {acts[0].name}, a part of Python that no honest model is known to need",
        acts[0].fact,
        confidence=Confidence.MEDIUM,
    )
    handed = [(use, way) for use, way in used if way.startswith(_HANDED)]
    if handed:
        yield _gap(handed)


def _of_program(use: NameUse) -> bool:
    """Whether torch's own unpickler in C++, which opens this pickle, takes the name out of the archive or for a list.

    The archive's classes are made of its own source, which another reader accounts for; one that is not there is
    refused. Classes in C++ are another matter.
    """
    name = f"{use.module}.{use.qualname}"
    if use.module == "torch.jit._pickle":
        return use.qualname in _LISTS and use.use in ("import", "call")
    return use.module.partition(".")[0] == _SCRIPT and (not name.startswith(_NATIVE) or name in CLASSES)


def _planted(reading: Reading) -> Iterator[Gap]:
    """An object that is given an attribute ``__setstate__`` is asked for it by its next BUILD, and calls it."""
    named = [fact for fact in reading.facts if isinstance(fact, Irregularity) and fact.kind == "pickle-names-setstate"]
    if named and any(isinstance(fact, Build) for fact in reading.facts):
        span = named[0].span
        detail = "__setstate__ (named in the pickle's own strings: an object could be given one, and call it)"
        yield Gap(start=span.start, end=span.end, because=Because.UNVOUCHED, detail=detail)


def _known(use: NameUse, context: Context) -> bool:
    """Whether honest models use the name like this, though perhaps not with these arguments."""
    return context.profiles.vouches(use.module, use.qualname, use.use) is not None


def _held(use: NameUse, context: Context) -> Iterator[_Held]:
    """Who is to blame for a use that is not vouched for, and how to put it.

    A name that is vouched for under a condition (`collections.defaultdict`) is not what a reviewer has to look at when
    an unknown name is what it is handed; and when none is, its arguments are.
    """
    way = _DOES[use.use]
    if is_method_reference(use) or not _known(use, context):
        yield use, way
        return
    strangers = dict.fromkeys(_strangers(use.arguments, context))
    for module, qualname in strangers:
        yield NameUse(module, qualname, "import", use.fact), f"{_HANDED}{use.name}"
    if not strangers:
        yield use, f"{way} {_UNFIT[use.use]}" if use.use in _UNFIT else way


def _strangers(values: tuple[Value, ...], context: Context) -> Iterator[tuple[str, str]]:
    """Names in `values` of which no profile says anything, neither good nor bad; not those of an archive's program."""
    left = deque(values)
    for _ in range(_LOOKED_AT):
        if not left:
            return
        value = left.popleft()
        left.extend((*value.parts, *(value.holds or ())))
        if value.kind == "global" and not value.cut and value.module.partition(".")[0] != _SCRIPT:
            known = any(context.profiles.vouches(value.module, value.text, use) for use in _DOES)
            if not known and context.profiles.harm(value.module, value.text) is None:
                yield value.module, value.text


def _vouched(use: NameUse, context: Context, stained: Callable[[], frozenset[str]]) -> bool:
    if is_method_reference(use):
        method = method_of_class(*use.arguments)
        return method is not None and context.profiles.vouches(method.module, method.text, "import") is not None
    vouch = context.profiles.vouches(use.module, use.qualname, use.use)
    return vouch is not None and context.profiles.fits(vouch, use, stained)


def _unmapped(reading: Reading) -> Iterator[Gap]:
    """Profiles speak of Python 2 names as what they are mapped to, which from protocol 3 on nobody does."""
    for fact in reading.facts:
        if isinstance(fact, Irregularity) and fact.kind == "pickle-name-unmapped":
            detail = shown(
                f"{fact.detail} (a module's name in Python 2, which is not mapped there: a foreign module)", 300
            )
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


def _keys(reading: Reading, context: Context) -> Iterator[Gap]:
    """To become a key, an object is hashed and compared, by its own code if its class has any."""
    told: set[str] = set()
    for fact in reading.facts:
        if not isinstance(fact, Key) or context.profiles.is_solid(fact.value):
            continue
        made_by = next(makers(fact.value), None)
        name = value_in_words(made_by) if made_by else f"a value of kind {fact.value.kind}"
        if name not in told:
            told.add(name)
            detail = f"{name} (what it gives is used as a key, so that its own code is called)"
            yield Gap(start=fact.span.start, end=fact.span.end, because=Because.UNVOUCHED, detail=detail)


def _gap(used: list[_Held]) -> Gap:
    ways = dict.fromkeys(way for _, way in used)
    first, _ = used[0]
    detail = shown(f"{first.name} ({', '.join(ways)})", 300)
    return Gap(start=first.fact.span.start, end=first.fact.span.end, because=Because.UNVOUCHED, detail=detail)


RULE = Rule(
    name="unvouched-code",
    summary="Loading the file runs a part of Python's own library that no profile vouches for.",
    check=_check,
    looks_at=(*USED, Irregularity, Key),
    severity=Severity.MEDIUM,
    help="Find out why a model would need this function before you load the file.",
    cwe=("CWE-502",),
    atlas=("AML.T0011.000",),
)
