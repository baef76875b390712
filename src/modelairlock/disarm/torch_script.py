"""TorchScript as torch.jit.save writes it: the attributes of its modules, and the constants of its code.

What a newcomer would get wrong: the classes that the pickles name are those of the program in the archive, so an object
is no more than its attributes, and the way to a tensor is what ``state_dict()`` calls it. Tensors that are attributes
and neither parameters nor buffers are in the file as well; only the code knows which is which, so they come along.
"""

from modelairlock.disarm.archive import members_of
from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.torch_zip import refuse_big, root_of, walked
from modelairlock.reading import Budget, Source
from modelairlock.records.disarm import Plan
from modelairlock.records.facts import Member

#: the classes of the program
_OWN = "__torch__."
#: what the code calls CONSTANTS.c0 is CONSTANTS.0 here, and so on
_CONSTANTS = "CONSTANTS"
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
    plain = walked(source, members, f"{root}/data", harvest, budget, own=_OWN)
    if f"{root}/constants.pkl" in members:
        _constants(source, members, root, harvest, budget)
    code = [name for name in members if name.startswith(f"{root}/code/")]
    harvest.drop("code", f"a program in {len(code)} members", "the tensors come without what computes with them")
    for name, what in _LEFT.items():
        if f"{root}/{name}" in members:
            harvest.drop(name, what, "it holds no weights")
    for name in members:
        if name.startswith(f"{root}/extra/"):
            harvest.drop(name.removeprefix(f"{root}/"), "a file that was put into the archive", "it holds no weights")
    return harvest.plan("torchscript", plain)


def _constants(source: Source, members: dict[str, Member], root: str, harvest: Harvest, budget: Budget) -> None:
    """A tuple of tensors, and rarely of objects, whose plain part is no constant of anything any more."""
    walked(source, members, f"{root}/constants", harvest, budget, path=_CONSTANTS, own=_OWN)
