"""A checkpoint as torch.save writes it since 1.6: a zip with ``data.pkl`` and one record for each storage."""

from modelairlock.disarm.archive import members_of
from modelairlock.disarm.calls import Meaning
from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.objects import Objects
from modelairlock.disarm.tape import Tape
from modelairlock.disarm.tree import Walk, tell_calls
from modelairlock.disarm.values import Storage
from modelairlock.encodings.compression import METHODS, inflate
from modelairlock.reading import Budget, Source, SubSource, Unsupported
from modelairlock.records.disarm import Plan, Store, Stream
from modelairlock.records.facts import Member

_ORDERS = {b"little": False, b"big": True}


def plan_torch_zip(source: Source, budget: Budget) -> Plan:
    """The plan for the archive in `source`. Raises `ReadProblem` for one that is not converted."""
    members = members_of(source, budget)
    root = root_of(members)
    if f"{root}/constants.pkl" in members:
        raise Unsupported(0, "it has constants.pkl, as TorchScript has, and no code: torch takes it for either")
    harvest = Harvest("pt", swap=is_big(source, members.get(f"{root}/byteorder"), budget))
    return harvest.plan("torch", walked(source, members, f"{root}/data", harvest, budget))


def walked(
    source: Source, members: dict[str, Member], name: str, harvest: Harvest, budget: Budget, *, path: str = "",
    own: str = "", made: frozenset[str] = frozenset(),
) -> object:  # fmt: skip
    """The plain part of the pickle ``name.pkl``, whose storages are the members of the folder `name`.

    What it holds gets names that begin with `path`; objects of classes that begin with `own` belong to the archive's
    program, and are not told one by one. Classes that are `made` have their own way to make their attributes.
    """
    pickle = content_of(source, members[f"{name}.pkl"], budget)
    meaning = Meaning()
    value = Objects(Tape(pickle, 0, budget), meaning).read()

    def locate(storage: Storage) -> Store | str:
        member = members.get(f"{name}/{storage.key}")
        return _record(harvest, member) if member else f"the archive has no storage {storage.key:.40}"

    harvest.look_in(locate)
    walk = Walk(harvest, pickle, budget, own=own, made=made)
    plain = walk.root(value, path)
    tell_calls(walk, meaning)
    return plain


def root_of(members: dict[str, Member]) -> str:
    """The archive's one folder, with a pickle in it. Raises `Unsupported`."""
    root = root_of_any(members)
    if f"{root}/data.pkl" not in members:
        raise Unsupported(0, "the archive has no data.pkl where torch looks for it")
    return root


def root_of_any(members: dict[str, Member]) -> str:
    """The archive's one folder. torch goes by the first member's; with several it is not sure which one it takes."""
    roots = {name.partition("/")[0] for name in members}
    if len(roots) != 1:
        raise Unsupported(0, f"expected one folder in the archive, got {len(roots)}")
    [root] = roots
    return root


def content_of(source: Source, member: Member, budget: Budget) -> Source:
    """What a member holds. Raises `Unsupported`."""
    if member.method == "stored":
        return SubSource(source, *member.span)
    if member.method not in METHODS:
        raise Unsupported(member.span.start, f"{member.name:.80} is packed by {member.method:.40}")
    inflated = inflate(source, member.span, member.method, budget, member.size_bytes)
    if inflated.damage:
        raise Unsupported(member.span.start, f"{member.name:.80} is damaged: {inflated.damage}")
    return inflated


def is_big(source: Source, member: Member | None, budget: Budget) -> bool:
    """Whether the storages are big-endian; torch before 2.1 did not say, and today's takes those for little-endian."""
    if member is None:
        return False
    order = _ORDERS.get(content_of(source, member, budget).read(0, 16))
    if order is None:
        raise Unsupported(member.span.start, "the byte order of the storages is neither little nor big")
    return order


def refuse_big(source: Source, member: Member | None, budget: Budget) -> None:
    """Raise `Unsupported` for big-endian numbers: ``torch.jit.load`` and ``torch.export.load`` do not turn them."""
    if is_big(source, member, budget):
        raise Unsupported(
            member.span.start if member else 0,
            "it says that its numbers are big-endian, and torch reads them as little-endian all the same",
        )


def _record(harvest: Harvest, member: Member) -> Store | str:
    if member.method == "stored":
        return Store(*member.span)
    if member.method not in METHODS or member.size_bytes is None:
        return f"its storage is packed by {member.method:.40}"
    harvest.streams.append(Stream(*member.span, member.method, member.size_bytes))
    return Store(0, member.size_bytes, len(harvest.streams) - 1)
