"""Other ways to read the same opcodes, tried out: a copy of the machine runs on bytes that one loader takes for data.

What a newcomer would get wrong: a trial that was given up says nothing, so it is a gap; and one that stops at what no
unpickler accepts has said all there is.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from modelairlock.encodings.pickle_machine import Ended, State, run
from modelairlock.encodings.pickle_machine.rare import ARRAY_WRAPPERS
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Cursor, OverLimit, ReadProblem, Unsupported
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Call, Import, UnresolvedImport, Value
from modelairlock.records.regex import regex
from modelairlock.records.uses import MAKERS

#: a trial runs this long at most
TRIAL_SECONDS = 5.0
TRIAL_FACTS = 1000
MODULE = regex(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
SMALL = Limits(seconds=TRIAL_SECONDS, facts=TRIAL_FACTS, stack_cells=1_000_000, memo_cells=1_000_000)


def trial_budget(cursor: Cursor, limits: Limits = SMALL) -> Budget:
    budget = Budget(limits)
    budget.deadline = min(budget.deadline, cursor.budget.deadline)
    return budget


def untried(at: int, detail: str) -> Gap:
    return Gap(start=at, end=at, because=Because.OVER_LIMIT, detail=detail)


class Tried(NamedTuple):
    """What a trial would import (names that could be modules), whether it calls anything, and why it was given up."""

    names: tuple[str, ...]
    calls: bool
    unfinished: str


class Ending(NamedTuple):
    """Whether a trial came to its STOP, and why it was given up, if it was."""

    stopped: bool
    unfinished: str = ""


def finish(trial: State, follow: Callable[[State], Ended] = run) -> Ending:
    """Run `trial` to its STOP or its first problem."""
    try:
        return Ending(follow(trial) is Ended.STOP)
    except (OverLimit, Unsupported) as stopped:
        return Ending(False, stopped.detail)
    except ReadProblem:
        return Ending(False)  # every unpickler stops there as well
    except MemoryError:
        trial.release()
        return Ending(False, "not enough memory")


def effects(trial: State) -> Tried:
    """What `trial` does to its STOP or its first problem."""
    unfinished = finish(trial).unfinished
    names: dict[str, None] = {}
    calls = False
    for fact in trial.ledger.stated():
        if isinstance(fact, Import) and MODULE.match(fact.module):
            names[f"{fact.module}.{fact.qualname}"[:200]] = None
        elif isinstance(fact, UnresolvedImport) and may_be_name(fact) != "no":
            names["a computed name"] = None
        calls = calls or isinstance(fact, Call)
    return Tried(tuple(names)[:16], calls, unfinished)


# -- whether a value can be the text that STACK_GLOBAL demands: of type `str`, and of no subclass ------------------

Perhaps = Literal["no", "perhaps", "yes"]

CONTAINERS = frozenset(("tuple", "list", "dict", "set", "frozenset", "bytearray"))
CONSTANTS = frozenset(("none", "bool", "int", "float", "bytes", "buffer"))
#: functions whose result is text if an argument is
_TEXT_MAKERS = frozenset(
    {
        *((module, name) for module in ("builtins", "__builtin__") for name in ("str", "unicode")),
        *(("numpy", name) for name in ("object_", "object0")),
        *(("torch.jit._pickle", f"build_{kind}list") for kind in ("int", "double", "bool", "tensor")),
        ("torch.jit._pickle", "restore_type_tag"),
    }
)
#: functions whose result never is
_NO_TEXT_MAKERS = ARRAY_WRAPPERS | frozenset(
    {
        ("numpy", "dtype"),
        *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
        *((module, name) for module in ("builtins", "__builtin__") for name in ("slice", "set", "dict", "list")),
    }
)
_SCALARS = frozenset((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core"))
#: kinds of numpy's numbers, dates and times
_NUMBERS = "biufcmM"


def may_be_name(fact: UnresolvedImport) -> Perhaps:
    """Whether both operands of a STACK_GLOBAL can be text; if not, every unpickler stops there."""
    either = {_may_be_text(value) for value in (fact.module, fact.qualname)}
    return "no" if "no" in either else "perhaps" if "perhaps" in either else "yes"


def _may_be_text(value: Value) -> Perhaps:
    if value.kind in CONTAINERS or value.kind in CONSTANTS or value.kind == "global":
        return "no"
    if value.kind != "call" or not value.parts or value.parts[0].kind != "global":
        return "yes"
    function, *arguments = value.parts
    name = (function.module, function.text)
    if name in _TEXT_MAKERS:
        return "yes"
    if name in _NO_TEXT_MAKERS or not (arguments or value.cut):
        return "no"  # without an argument, nothing that the file chose
    if name in MAKERS and is_global(arguments[1:2], ("builtins", "object"), ("__builtin__", "object")):
        return "no"
    return "no" if name in _SCALARS and _is_type_of_numbers(arguments[0]) else "perhaps"


def is_global(values: list[Value], *names: tuple[str, str]) -> bool:
    """Whether the first of `values` is one of these names."""
    return bool(values) and values[0].kind == "global" and (values[0].module, values[0].text) in names


def _is_type_of_numbers(value: Value) -> bool:
    """Whether `value` is ``numpy.dtype("f8", …)`` or the like."""
    made = value.kind == "call" and is_global(list(value.parts[:1]), ("numpy", "dtype")) and len(value.parts) > 1
    return made and value.parts[1].kind == "str" and value.parts[1].text[:1] in _NUMBERS and bool(value.parts[1].text)
