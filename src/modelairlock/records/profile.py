"""What a profile says of one importable name: that it is vouched for, or what harm it does.

A vouch holds for a name *and a use* of it: a class that is harmless to import may not be harmless to call. The absence
of both a vouch and a harm means that nobody has looked, which is a gap and not a finding.
"""

from typing import Literal

import msgspec

Use = Literal["import", "call", "new", "build", "items", "append"]
"""How an unpickler uses a name.

``import``: looks it up and no more. ``call``: REDUCE, INST, OBJ. ``new``: NEWOBJ, NEWOBJ_EX, or by way of
``copyreg._reconstructor`` and ``copyreg.__newobj__``. ``build``: BUILD on what calling (or newing) it gave.
``items``: SETITEM(S) on what it gave, which the class itself answers.
``append``: APPEND(S) or ADDITEMS on what it gave, for which an unpickler asks the *instance* for ``extend``, ``append``
or ``add``, so that attributes which the file has set can answer. Never on the class itself.
"""

#: constraints that look at (target, state) of a BUILD; all others look at the arguments of a call
STATE_CONSTRAINTS = frozenset({"dtype-state", "partial-state"})

HarmCategory = Literal[
    "command", "code", "reflection", "load", "file", "network", "native", "process", "deactivate", "denial"
]


class Trait(msgspec.Struct, frozen=True, kw_only=True):
    """What else there is to know about a name that is vouched for. The defaults are the strictest.

    `solid`: what it gives has no attribute that a file could set, and is hashed and compared by code in C.
    `only_called`: it is no value; to keep it, or to hand it to another function, is not vouched for.
    `takes`: makers (``module:qualname``) whose results it may be handed, or find in a state, besides solid ones.
    `any_items`: it looks at no item of the arrays it is handed.
    `keeps`: it keeps what it is handed and asks nothing of it, so that may be anything.
    `state`: what BUILD may be given: a dict of attributes, or the tuple that the class's own ``__setstate__`` wants.
    `plain_state`: its ``__setstate__`` asks for attributes of what the state holds, so all of that must be plain.
    """

    solid: bool = False
    only_called: bool = False
    takes: tuple[str, ...] = ()
    any_items: bool = False
    keeps: bool = False
    state: Literal["dict", "tuple", "both"] = "dict"
    plain_state: bool = False


STRICT = Trait()


class Vouch(msgspec.Struct, frozen=True, kw_only=True):
    """Someone read the source of a name and found these uses inert.

    Every argument must be plain (``modelairlock.profiles.plain``). `arguments` names a further constraint that a call's
    arguments must meet (``modelairlock.profiles.arguments``), or is empty where no plain argument does harm.
    `library` is the profile's name; `old` marks names
    of versions that came before the ones now installed.
    """

    why: str
    uses: tuple[Use, ...]
    library: str
    arguments: str = ""
    old: bool = False
    trait: Trait = STRICT


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """A name is known to do harm. `effect` completes the sentence "loading this file …".

    `name` is the pattern that matched, as the data states it: ``os:system``, ``subprocess:*`` or ``idlelib.*:*``.
    `severity` is a value of ``records.finding.Severity``; `cwe` and `atlas` hold ids such as ``CWE-78``.
    """

    effect: str
    category: HarmCategory
    severity: Literal["critical", "high", "medium"]
    name: str
    cwe: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
