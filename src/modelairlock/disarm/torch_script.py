"""TorchScript as torch.jit.save writes it: the attributes of its modules, and the constants of its code.

What a newcomer would get wrong: the classes that the pickles name are those of the program in the archive, so an object
is no more than its attributes, and the way to a tensor is what ``state_dict()`` calls it. Tensors that are attributes
and neither parameters nor buffers are in the file as well; only the code knows which is which, so they come along.
A class whose code has ``__setstate__`` makes its attributes of what is kept, so what is kept of it is not what it has.
"""

import re
from collections.abc import Iterator

from modelairlock.disarm.archive import members_of
from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.torch_zip import content_of, refuse_big, root_of, walked
from modelairlock.reading import Budget, OverLimit, Source, Unsupported
from modelairlock.records.disarm import Plan
from modelairlock.records.facts import Member

#: the classes of the program
_OWN = "__torch__."
#: what the code calls CONSTANTS.c0 is CONSTANTS.0 here, and so on
_CONSTANTS = "CONSTANTS"
_SETSTATE = b"__setstate__"
_CLASS = re.compile(rb"^class\b(?:[ \t]+(\w+))?", re.MULTILINE)
_CODE_BYTES = 64 * 1024 * 1024
_LEFT = {
    "bytecode.pkl": "a program for the mobile interpreter",
    "mobile_debug_handles.pkl": "positions in that program",
    "traced_inputs.pkl": "what the model was traced with",
}


def plan_torch_script(source: Source, budget: Budget) -> Plan:
    """The plan. Raises `ReadProblem`."""
    members = members_of(source, budget)
    root = root_of(members)
    refuse_big(source, members.get(f"{root}/byteorder"), budget)
    harvest = Harvest("pt")
    made = frozenset(_makers(source, members, f"{root}/code/", budget))
    plain = walked(source, members, f"{root}/data", harvest, budget, own=_OWN, made=made)
    if f"{root}/constants.pkl" in members:
        # A tuple of tensors, and rarely of objects, whose plain part is no constant of anything any more.
        walked(source, members, f"{root}/constants", harvest, budget, path=_CONSTANTS, own=_OWN, made=made)
    code = [name for name in members if name.startswith(f"{root}/code/")]
    harvest.drop("code", f"a program in {len(code)} members", "the tensors come without what computes with them")
    for name, what in _LEFT.items():
        if f"{root}/{name}" in members:
            harvest.drop(name, what, "it holds no weights")
    for name in members:
        if name.startswith(f"{root}/extra/"):
            harvest.drop(name.removeprefix(f"{root}/"), "a file that was put into the archive", "it holds no weights")
    return harvest.plan("torchscript", plain)


def _makers(source: Source, members: dict[str, Member], code: str, budget: Budget) -> Iterator[str]:
    """The classes of the program that make their attributes themselves. Raises `ReadProblem`."""
    for name, member in members.items():
        if not name.startswith(code) or not name.endswith(".py"):
            continue
        inner = content_of(source, member, budget)
        if inner.size > _CODE_BYTES:
            raise OverLimit(member.span.start, f"{name:.80} is more than {_CODE_BYTES} bytes")
        text = inner.read(0, inner.size)
        if _SETSTATE in text:
            module = name.removeprefix(code).removesuffix(".py").replace("/", ".")
            yield from (f"{module}.{one}" for one in _classes(text, member.span.start))


def _classes(text: bytes, at: int) -> Iterator[str]:
    """The classes in whose text the method is; a text that is not understood might have it anywhere."""
    found = [*_CLASS.finditer(text)]
    if not found or _SETSTATE in text[: found[0].start()] or any(one[1] is None for one in found):
        raise Unsupported(at, "it has code with __setstate__ that is not written as torch does")
    ends = [*(one.start() for one in found[1:]), len(text)]
    for one, end in zip(found, ends, strict=True):
        if _SETSTATE in text[one.start() : end]:
            yield one[1].decode("utf-8", "backslashreplace")
